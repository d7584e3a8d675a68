"""Work that is claimed and then done in threads: deliveries, and the events of a consumer."""

import logging
import threading
from collections import Counter
from collections.abc import Collection
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from returns_hub.deliveries import Processor
from returns_hub.dispatcher import EventDispatcher
from returns_hub.errors import describe_error
from returns_hub.retry import LOOP_BACKOFF
from returns_hub.store.inbox import ClaimedDelivery
from returns_hub.store.queue import extending
from returns_hub.store.subscriptions import ClaimedEvent

_log = logging.getLogger("returns_hub")

# A wake-up may be lost with a connection.
_POLL_INTERVAL: Final = 5.0
# Over all accounts; each has a thread.
_MAX_DELIVERIES: Final = 32

Job = TypeVar("Job")


class JobSource(Protocol[Job]):
    """Where a loop gets its jobs, and what does them."""

    def claim(self, running: Collection[Job], /) -> Job | None:
        """The next job that may be done beside those that are running; None if there is none."""
        ...

    def run(self, job: Job, /) -> object:
        """Do it."""
        ...

    def extend(self, job: Job, /) -> None:
        """Keep the claim for another while."""
        ...

    def next_due(self) -> float | None:
        """Seconds until there may be a job that there is not now; None if nothing waits for its time."""
        ...


class DeliveryJobs:
    """The deliveries of a store: so many at once of each account, so that no account keeps another one waiting."""

    def __init__(self, processor: Processor, concurrency: int) -> None:
        self._processor = processor
        self._concurrency = concurrency
        self.run, self.extend, self.next_due = processor.run, processor.extend, processor.next_due

    def claim(self, running: Collection[ClaimedDelivery]) -> ClaimedDelivery | None:
        """The next delivery that is due, of an account that is not at its limit."""
        if len(running) >= _MAX_DELIVERIES:
            return None
        counts = Counter(job.delivery.account for job in running)
        return self._processor.claim([account for account, count in counts.items() if count >= self._concurrency])


class ConsumerJobs:
    """The events of a consumer, one at a time."""

    def __init__(self, dispatcher: EventDispatcher, consumer: str) -> None:
        self._dispatcher = dispatcher
        self._consumer = consumer
        self.run, self.extend = dispatcher.run, dispatcher.extend
        self.next_due = partial(dispatcher.next_due, consumer)

    def claim(self, running: Collection[ClaimedEvent]) -> ClaimedEvent | None:
        """The next event that is due."""
        return None if running else self._dispatcher.claim(self._consumer)


class WorkLoop(Generic[Job]):
    """Does the jobs of a source as they come, each in a thread of its own."""

    def __init__(self, name: str, source: JobSource[Job], stopping: threading.Event) -> None:
        self._name = name
        self._source = source
        self._stopping = stopping
        self._woken = threading.Event()
        self._running: dict[threading.Thread, Job] = {}

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
                    self._start_jobs()
                    due = self._source.next_due()
                except Exception as error:  # noqa: BLE001 - a database that is away comes back; nobody restarts this thread
                    failures += 1
                    pause = LOOP_BACKOFF.limit(failures)
                    _log.warning("%s: %s; again in %.0f s", self._name, describe_error(error), pause)
                    self._stopping.wait(pause)
                else:
                    failures = 0
                    self._woken.wait(_POLL_INTERVAL if due is None else min(due, _POLL_INTERVAL))
            for thread in list(self._running):
                thread.join()

    def _start_jobs(self) -> None:
        while not self._stopping.is_set():
            job = self._source.claim(list(self._running.values()))
            if job is None:
                return
            # A daemon: whoever forgets to stop can still end the process, and nothing is lost by that.
            thread = threading.Thread(target=self._run, args=(job,), name=f"returns-hub-{self._name}", daemon=True)
            self._running[thread] = job
            thread.start()

    def _run(self, job: Job) -> None:
        try:
            self._source.run(job)
        except Exception as error:  # noqa: BLE001 - its end could not be stored: the claim ends, and it is done again
            _log.warning("%s: %s", self._name, describe_error(error))
        finally:
            del self._running[threading.current_thread()]
            self._woken.set()

    def _extend(self) -> None:
        for job in list(self._running.values()):
            try:
                self._source.extend(job)
            except Exception as error:  # noqa: BLE001 - if the claim is lost for that, the end of the job finds out
                _log.warning("%s: a claim could not be extended: %s", self._name, describe_error(error))
