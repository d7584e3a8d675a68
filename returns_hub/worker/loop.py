"""Work that is claimed and then done in threads: deliveries, and the events of a consumer."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from attrs import define

from returns_hub.deliveries import Processor
from returns_hub.dispatcher import EventDispatcher
from returns_hub.errors import describe_error
from returns_hub.handlers import Consumer
from returns_hub.logs import log_event
from returns_hub.retry import LOOP_BACKOFF
from returns_hub.store.inbox import ClaimedDelivery
from returns_hub.store.queue import extending
from returns_hub.store.subscriptions import ClaimedEvent

# A wake-up may be lost with a connection.
_POLL_INTERVAL: Final = 5.0
# Over all accounts; each has a thread.
_MAX_DELIVERIES: Final = 32
# Threads that have had their time and do not end. Others take their places, until there are so many.
_MAX_ABANDONED: Final = 32
_ABANDONED_LOG_INTERVAL: Final = 60.0

# A vendor that is read again within may take its own deadline; then the delivery is retried, and its thread ends by itself.
_PROCESSING_TIMEOUT: Final = 60.0

Job = TypeVar("Job")


class JobSource(Protocol[Job]):
    """Where a loop gets its jobs, and what does them."""

    @property
    def timeout(self) -> float:
        """Seconds that a job has."""
        ...

    def claim(self, running: Collection[Job], abandoned: Collection[Job], /) -> Job | None:
        """The next job that may be done beside those that are running, and those that had their time; None if there is none."""
        ...

    def run(self, job: Job, /) -> object:
        """Do it."""
        ...

    def extend(self, job: Job, /) -> None:
        """Keep the claim for another while."""
        ...

    def expire(self, job: Job, /) -> None:
        """Count it as failed, though it is still running."""
        ...

    def release(self, job: Job, /) -> None:
        """Give the claim back, though it is still running: the attempt does not count."""
        ...

    def next_due(self) -> float | None:
        """Seconds until there may be a job that there is not now; None if nothing waits for its time."""
        ...


class DeliveryJobs:
    """The deliveries of a store: so many at once of each account, so that no account keeps another one waiting."""

    def __init__(self, processor: Processor, concurrency: int) -> None:
        self._processor = processor
        self._concurrency = concurrency
        self.run, self.extend, self.release = processor.run, processor.extend, processor.release
        self.next_due = processor.next_due

    @property
    def timeout(self) -> float:
        """Seconds that a delivery has."""
        return _PROCESSING_TIMEOUT

    def claim(
        self, running: Collection[ClaimedDelivery], _: Collection[ClaimedDelivery] = ()
    ) -> ClaimedDelivery | None:
        """The next delivery that is due, of an account that is not at its limit."""
        if len(running) >= _MAX_DELIVERIES:
            return None
        counts = Counter(job.delivery.account for job in running)
        return self._processor.claim([account for account, count in counts.items() if count >= self._concurrency])

    def expire(self, job: ClaimedDelivery) -> None:
        """Count the attempt as failed."""
        self._processor.expire(job, _PROCESSING_TIMEOUT)


class ConsumerJobs:
    """The events of a consumer: of different returns so many at once as it takes."""

    def __init__(self, dispatcher: EventDispatcher, consumer: Consumer) -> None:
        self._dispatcher = dispatcher
        self._consumer = consumer
        self.timeout = consumer.timeout
        self.run, self.extend = dispatcher.run, dispatcher.extend
        self.expire, self.release = dispatcher.expire, dispatcher.release
        self.next_due = partial(dispatcher.next_due, consumer.name)

    def claim(self, running: Collection[ClaimedEvent], abandoned: Collection[ClaimedEvent] = ()) -> ClaimedEvent | None:
        """The next event that is due, while a handler is free."""
        # A handler that goes on with a connection of the store keeps that, too.
        lent = [job for job in abandoned if self._consumer.handlers[job.event.type].takes_connection]
        places = self._consumer.concurrency - len(lent)
        if len(running) >= places:
            return None
        # One account leaves a place to the others: its events may take any time.
        counts = Counter(job.event.account for job in running) if self._dispatcher.has_accounts and places > 1 else {}
        return self._dispatcher.claim(self._consumer.name, [name for name in counts if counts[name] + 1 >= places])


@define(eq=False)
class _Running(Generic[Job]):
    """A job that runs in a thread. ``held`` is False once the loop has settled its claim: expired or released."""

    job: Job
    started: float
    held: bool = True


class WorkLoop(Generic[Job]):
    """Does the jobs of a source as they come, each in a thread of its own.

    A job that takes longer than it may is counted as failed, and gives its place to the next one. Its thread cannot be ended.
    """

    def __init__(self, name: str, source: JobSource[Job], stopping: threading.Event) -> None:
        self._name = name
        self._source = source
        self._stopping = stopping
        self._woken = threading.Event()
        self._running: list[_Running[Job]] = []
        self._complained_at = -_ABANDONED_LOG_INTERVAL

    def wake(self) -> None:
        """Look for jobs now, or notice that it is to stop."""
        self._woken.set()

    def run(self) -> None:
        """Do jobs until it is to stop, whatever fails meanwhile; those in hand are finished."""
        failures = 0
        with extending(self._extend):
            while not self._stopping.is_set():
                self._woken.clear()
                try:
                    self._expire_jobs()
                    self._start_jobs()
                    # A task notifies the loop when it ends; with thousands pending, a query each time takes longer than the work.
                    is_woken = any(running.held for running in list(self._running))
                    due = None if is_woken else self._source.next_due()
                except Exception as error:  # noqa: BLE001 - a database that is away comes back; nobody restarts this thread
                    failures += 1
                    pause = LOOP_BACKOFF.limit(failures)
                    message, problem = "%s: %s; again in %.0f s", describe_error(error)
                    log_event("worker.failing", message, self._name, problem, pause, unforeseen=error)
                    self._stopping.wait(pause)
                else:
                    failures = 0
                    self._woken.wait(min(_POLL_INTERVAL, self._source.timeout, _POLL_INTERVAL if due is None else due))
            # Worker.stop() may give up waiting before these end.
            while self._running:
                self._woken.clear()
                self._expire_jobs()
                self._woken.wait(_POLL_INTERVAL)

    def abandon(self) -> None:
        """Give back the claims of the jobs that are still running: others may do them now."""
        for running in list(self._running):
            if running.held:
                running.held = False
                self._attempt(self._source.release, running.job, "could not be given back")

    def _start_jobs(self) -> None:
        while not self._stopping.is_set():
            running_now = list(self._running)
            abandoned = [running.job for running in running_now if not running.held]
            if len(abandoned) >= _MAX_ABANDONED:
                self._complain(len(abandoned))
                return
            job = self._source.claim([running.job for running in running_now if running.held], abandoned)
            if job is None:
                return
            running = _Running(job, time.monotonic())
            # A daemon: a process that never stops the loop can still exit, and loses nothing.
            thread = threading.Thread(target=self._run, args=(running,), name=f"returns-hub-{self._name}", daemon=True)
            self._running.append(running)
            thread.start()

    def _run(self, running: _Running[Job]) -> None:
        try:
            self._source.run(running.job)
        except Exception as error:  # noqa: BLE001 - its end could not be stored: the claim ends, and it is done again
            log_event("worker.failing", "%s: %s", self._name, describe_error(error), unforeseen=error)
        finally:
            self._running.remove(running)
            self._woken.set()

    def _complain(self, count: int) -> None:
        """Say that nothing is begun any more, and what helps: the threads of a process end with it."""
        if time.monotonic() - self._complained_at >= _ABANDONED_LOG_INTERVAL:
            self._complained_at = time.monotonic()
            log_event(
                "worker.blocked", "%s: %d jobs hang, and nothing is begun: restart this process", self._name, count
            )

    def _expire_jobs(self) -> None:
        for running in list(self._running):
            if running.held and time.monotonic() - running.started > self._source.timeout:
                running.held = False
                self._attempt(self._source.expire, running.job, "could not be counted as failed")

    def _extend(self) -> None:
        for running in list(self._running):
            if running.held:
                self._attempt(self._source.extend, running.job, "could not be extended")

    def _attempt(self, do: Callable[[Job], None], job: Job, problem: str) -> None:
        try:
            do(job)
        except Exception as error:  # noqa: BLE001 - then the claim ends by itself
            what = describe_error(error)
            log_event("worker.failing", "%s: a claim %s: %s", self._name, problem, what, unforeseen=error)
