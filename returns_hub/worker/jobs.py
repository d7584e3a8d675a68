"""Deliveries as jobs of Procrastinate, which share themselves out between all workers of a PostgreSQL.

A job says which delivery is to be processed and nothing else: the delivery's own row says whether it still is, and who
is at it. So a job may come twice, or late, or be lost, and the delivery is processed once all the same.
"""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

from returns_hub.deliveries import Processor
from returns_hub.errors import StoreError, describe_error
from returns_hub.store.database import Database
from returns_hub.store.jobs import QUEUE, SCHEMA, TASK, Jobs

_log = logging.getLogger("returns_hub")

# A worker tells so often that it lives, and is taken for dead after so long.
_HEARTBEAT_SECONDS: Final = 5.0
_DEAD_SECONDS: Final = 15.0
_SECONDS_BETWEEN_SWEEPS: Final = 5.0
# What is due by its time alone is not notified.
_POLL_INTERVAL: Final = 1.0
_SLICE_SECONDS: Final = 0.1
_PAUSE_AFTER_FAILURE: Final = 5.0
_CONNECT_SECONDS: Final = 10.0


class JobRunner:
    """Processes the deliveries of a PostgreSQL as their jobs come, ``concurrency`` at once."""

    def __init__(self, database: Database, processor: Processor, concurrency: int) -> None:
        self._database = database
        self._processor = processor
        self._concurrency = concurrency
        self._jobs = Jobs(database)

    def prepare(self) -> None:
        """Install or upgrade the queue.

        Raises:
            StoreError: that cannot be done.
        """
        self._jobs.install()

    def run(self, stop: threading.Event) -> None:
        """Process jobs until ``stop`` is set, whatever fails meanwhile; those in hand are finished."""
        while not stop.is_set():
            try:
                asyncio.run(self._work(stop))
            except Exception as error:  # noqa: BLE001 - a database that is away comes back, and nobody restarts this thread
                _log.warning("jobs: %s; again in %.0f s", describe_error(error), _PAUSE_AFTER_FAILURE)
                stop.wait(_PAUSE_AFTER_FAILURE)

    async def _work(self, stop: threading.Event) -> None:
        threads = ThreadPoolExecutor(self._concurrency + 2, thread_name_prefix="returns-hub-job")
        asyncio.get_running_loop().set_default_executor(threads)
        app = self._app(stop)
        async with app.open_async():
            working = asyncio.create_task(
                app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=self._concurrency,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=_POLL_INTERVAL,
                    update_heartbeat_interval=_HEARTBEAT_SECONDS,
                    stalled_worker_timeout=_DEAD_SECONDS,
                    delete_jobs="always",
                )
            )
            sweeping = asyncio.create_task(self._sweep(app))
            while not (stop.is_set() or working.done()):
                await asyncio.sleep(_SLICE_SECONDS)
            sweeping.cancel()
            # It takes that as the wish to finish what is in hand.
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
        if not stop.is_set():
            raise StoreError("the connection to the jobs is lost")

    def _app(self, stop: threading.Event) -> App:
        arguments = self._database.driver_arguments()
        arguments["options"] = f"{arguments.get('options', '')} -c search_path={SCHEMA}"
        # The application's own statements have connections of their own.
        connector = PsycopgConnector(kwargs=arguments, min_size=1, max_size=4, timeout=_CONNECT_SECONDS)
        app = App(connector=connector)

        @app.task(name=TASK, queue=QUEUE, retry=_WhenDue())
        def process_delivery(delivery: int) -> None:
            self._process(delivery, stop)

        return app

    def _process(self, delivery: int, stop: threading.Event) -> None:
        """Process a delivery, and then those that have waited for it: they need not wait for their own jobs as well.

        Raises:
            _Later: the job is to be done again.
        """
        following: int | None = delivery
        while following is not None:
            try:
                wait = self._processor.process_one(following)
                following, done = self._jobs.next_of_subject(following), following
            except Exception as error:  # noqa: BLE001 - Procrastinate would log it whole, and its text may hold anything
                _log.warning("delivery %d: %s; again in %.0f s", following, describe_error(error), _PAUSE_AFTER_FAILURE)
                raise _Later(_PAUSE_AFTER_FAILURE) from None
            if wait is not None and done == delivery:
                raise _Later(wait)
            if wait is not None or stop.is_set():
                # Those that are left have jobs of their own.
                return

    async def _sweep(self, app: App) -> None:
        """Take up what killed workers have left."""
        while True:
            try:
                for job in await app.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=_DEAD_SECONDS):
                    # Another worker may have been first.
                    with suppress(ConnectorException):
                        await app.job_manager.retry_job(job)
                await asyncio.to_thread(self._jobs.enqueue_forgotten)
            except Exception as error:  # noqa: BLE001 - a database that is away comes back, and nobody restarts this task
                _log.warning("jobs that were left could not be taken up: %s", describe_error(error))
            await asyncio.sleep(_SECONDS_BETWEEN_SWEEPS)


class _Later(Exception):
    """The job is to be done again in so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:.1f} s")
        self.seconds = seconds


class _WhenDue(BaseRetryStrategy):
    """A job ends only when nothing is left to do."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:  # noqa: ARG002 - the base's own
        """When the job is done again."""
        seconds = exception.seconds if isinstance(exception, _Later) else _PAUSE_AFTER_FAILURE
        return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=seconds))
