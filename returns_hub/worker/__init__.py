"""What works in the background: deliveries are processed, handlers are told, and what is due is done, until it is stopped.

On SQLite that is threads of this process. On PostgreSQL any number of processes share the work: deliveries are jobs of
Procrastinate, events are claimed by whoever tells them, and a sync has a lease. Nobody directs it: each takes what is
due, and what a killed process had begun is taken by another.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from returns_hub.deliveries import Processor
from returns_hub.dispatcher import EventDispatcher
from returns_hub.errors import describe_error
from returns_hub.worker.schedules import Schedule, purge_schedule, sync_schedule

if TYPE_CHECKING:
    from returns_hub.store import Store

__all__ = ["Schedule", "Worker", "purge_schedule", "sync_schedule"]

_log = logging.getLogger("returns_hub")

# How soon a wish to stop is heard by those who wait.
_SLICE_SECONDS: Final = 0.2
# What should wake somebody may be lost with a connection.
_POLL_INTERVAL: Final = 5.0
_SECONDS_BETWEEN_SCHEDULES: Final = 1.0
# Each commit wakes; many a second need not.
_BREATH_SECONDS: Final = 0.02
_MAX_PAUSE: Final = 30.0


class Worker:
    """Does the work of a store, in threads, from :meth:`start` until :meth:`stop`; or use it as a context manager.

    ``concurrency`` is how many deliveries, and how many schedules, are worked on at once. Each consumer is told one event
    at a time. A database that is away is waited for.
    """

    def __init__(
        self,
        store: "Store",
        *,
        processor: Processor,
        consumers: EventDispatcher,
        schedules: Sequence[Schedule] = (),
        concurrency: int = 4,
    ) -> None:
        self._store = store
        self._processor = processor
        self._consumers = consumers
        self._schedules = schedules
        self._concurrency = concurrency
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._tellers: dict[str, threading.Event] = {}

    def start(self) -> None:
        """Begin to work.

        Raises:
            StoreError: the store cannot be prepared for it. Nothing was begun.
        """
        self._consumers.begin()
        if self._store.database.dialect == "postgresql":
            from returns_hub.worker.jobs import JobRunner

            runner = JobRunner(self._store.database, self._processor, self._concurrency)
            runner.prepare()
            self._start("jobs", lambda: runner.run(self._stopping))
        else:
            for number in range(self._concurrency):
                self._start(f"deliveries-{number}", lambda: self._processor.run(self._stopping))
        self._start("watch", lambda: self._persist(self._watch))
        if self._schedules:
            self._start("schedules", lambda: self._persist(self._keep_schedules))

    def stop(self) -> None:
        """Finish what is in hand, hand back what was only claimed, and return when that is done."""
        self._stopping.set()
        self._wake()
        # The thread that watches may still start another one.
        while self._threads:
            self._threads.pop(0).join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, name: str, work: Callable[[], None]) -> None:
        # A daemon: whoever forgets to stop it can still end the process, and nothing is lost by that.
        thread = threading.Thread(target=work, name=f"returns-hub-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _wake(self) -> None:
        self._processor.wake()
        for woken in list(self._tellers.values()):
            woken.set()

    def _persist(self, work: Callable[[], None]) -> None:
        """Do the work until all is stopped, again and again if it fails."""
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                work()
            except Exception as error:  # noqa: BLE001 - a database that is away comes back, and nobody restarts this thread
                if time.monotonic() - began > _MAX_PAUSE:
                    failures = 0
                pause = min(2.0**failures, _MAX_PAUSE)
                failures += 1
                _log.warning("%s: %s; again in %.0f s", threading.current_thread().name, describe_error(error), pause)
                self._stopping.wait(pause)

    def _watch(self) -> None:
        """Wake the others when something has been committed, by whatever process."""
        from returns_hub.store.stream import CommitWatcher

        with closing(CommitWatcher(self._store.database)) as watch:
            self._wake()
            while not self._stopping.is_set():
                for name in set(self._consumers.names()) - self._tellers.keys():
                    self._start_telling(name)
                if watch.wait(_SLICE_SECONDS):
                    self._wake()
                    self._stopping.wait(_BREATH_SECONDS)

    def _start_telling(self, consumer: str) -> None:
        woken = self._tellers[consumer] = threading.Event()
        self._start(f"consumer-{consumer}", lambda: self._persist(lambda: self._tell(consumer, woken)))

    def _tell(self, consumer: str, woken: threading.Event) -> None:
        while True:
            woken.clear()
            if self._stopping.is_set():
                return
            self._consumers.dispatch_due(consumer=consumer, stop=self._stopping.is_set)
            due = self._consumers.next_due(consumer)
            woken.wait(_POLL_INTERVAL if due is None else min(due, _POLL_INTERVAL))

    def _keep_schedules(self) -> None:
        running: dict[str, Future[None]] = {}
        look_at = dict.fromkeys((schedule.name for schedule in self._schedules), 0.0)
        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="returns-hub-schedule") as pool:
            while not self._stopping.wait(_SECONDS_BETWEEN_SCHEDULES):
                for schedule in self._schedules:
                    ended = schedule.name not in running or running[schedule.name].done()
                    if not ended or time.monotonic() < look_at[schedule.name]:
                        continue
                    due_in = schedule.due_in()
                    if due_in <= 0:
                        running[schedule.name] = pool.submit(self._do, schedule)
                    look_at[schedule.name] = time.monotonic() + min(due_in, _MAX_PAUSE)

    def _do(self, schedule: Schedule) -> None:
        try:
            schedule.run(self._stopping.is_set)
        except Exception as error:  # noqa: BLE001 - it is due again some time, and the others go on
            _log.warning("%s: %s", schedule.name, describe_error(error))
