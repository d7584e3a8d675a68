"""What works in the background: deliveries are processed, handlers called, schedules kept, until it is stopped.

Any number of processes share the work of a PostgreSQL, and the threads of one that of a SQLite file. Nobody directs it:
each claims what is due, and what a killed process had claimed is claimed by another.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from types import TracebackType
from typing import Any, Final, Self

from returns_hub.deliveries import Processor
from returns_hub.dispatcher import EventDispatcher
from returns_hub.errors import describe_error
from returns_hub.fork import reset_after_fork
from returns_hub.logs import log_event
from returns_hub.retry import LOOP_BACKOFF
from returns_hub.store import Store
from returns_hub.store.stream import CommitWatcher
from returns_hub.worker.loop import ConsumerJobs, DeliveryJobs, WorkLoop
from returns_hub.worker.schedules import Schedule, purge_schedule, sync_schedule

__all__ = ["Schedule", "Worker", "purge_schedule", "sync_schedule"]

_STOP_CHECK_SECONDS: Final = 0.2
_SCHEDULE_INTERVAL: Final = 1.0
# How long a schedule that is due later is not asked again.
_MAX_SCHEDULE_WAIT: Final = 30.0
# Each commit wakes; many a second need not.
_WAKE_INTERVAL: Final = 0.02


class Worker:
    """Does the work of a store, in threads, from :meth:`start` until :meth:`stop`; or use it as a context manager.

    ``concurrency`` is how many deliveries of one account, and how many schedules, are worked on at once. Consumers
    say that of their own. A database that is away is waited for.
    """

    def __init__(
        self,
        store: Store,
        *,
        processor: Processor,
        dispatcher: EventDispatcher,
        schedules: Callable[[], Sequence[Schedule]] = tuple,
        concurrency: int = 4,
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._schedules = schedules
        self._concurrency = concurrency
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._loops: dict[str, WorkLoop[Any]] = {}
        self._deliveries = DeliveryJobs(processor, concurrency)
        reset_after_fork(self, Worker._reset)

    def _reset(self) -> None:
        """Forget the threads, and what they hold: in a forked process those are the parent's."""
        self._stopping = threading.Event()
        self._threads = []
        self._loops = {}

    def start(self) -> None:
        """Begin to work.

        Raises:
            StoreError: the store cannot be used. Nothing was begun.
        """
        self._dispatcher.subscribe()
        self._start_loop("deliveries", WorkLoop("deliveries", self._deliveries, self._stopping))
        self._start("watcher", lambda: self._run_until_stopped(self._watch))
        self._start("schedules", lambda: self._run_until_stopped(self._keep_schedules))

    def stop(self, grace: float | None = None) -> None:
        """Claim nothing more, finish what is in hand, and return when that is done, or after ``grace`` seconds.

        Then what is not finished is given back; its threads are left to themselves.
        """
        self._stopping.set()
        self._wake()
        ends = None if grace is None else time.monotonic() + grace
        # The watcher may still start another one.
        while self._threads:
            thread = self._threads.pop(0)
            thread.join(None if ends is None else max(ends - time.monotonic(), 0.0))
            if thread.is_alive():
                log_event("worker.unfinished", "%s: not finished after %.0f s", thread.name, grace)
        for loop in self._loops.values():
            loop.abandon()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, name: str, work: Callable[[], None]) -> None:
        # A daemon: a process that never calls stop() can still exit, and loses nothing.
        thread = threading.Thread(target=work, name=f"returns-hub-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _start_loop(self, name: str, loop: WorkLoop[Any]) -> None:
        self._loops[name] = loop
        self._start(name, loop.run)

    def _wake(self) -> None:
        for loop in list(self._loops.values()):
            loop.wake()

    def _run_until_stopped(self, work: Callable[[], None]) -> None:
        """Do the work until all is stopped, again and again if it fails."""
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                work()
            except Exception as error:  # noqa: BLE001 - a database that is away comes back, and nobody restarts this thread
                failures = 1 if time.monotonic() - began > LOOP_BACKOFF.maximum else failures + 1
                pause = LOOP_BACKOFF.limit(failures)
                name, problem = threading.current_thread().name, describe_error(error)
                log_event("worker.failing", "%s: %s; again in %.0f s", name, problem, pause, unforeseen=error)
                self._stopping.wait(pause)

    def _watch(self) -> None:
        """Wake the loops when something has been committed, by whatever process."""
        with closing(CommitWatcher(self._store.database)) as watcher:
            self._wake()
            while not self._stopping.is_set():
                for consumer in self._dispatcher.consumers():
                    name = f"consumer {consumer.name}"
                    if name not in self._loops:
                        jobs = ConsumerJobs(self._dispatcher, consumer)
                        self._start_loop(name, WorkLoop(name, jobs, self._stopping))
                if watcher.wait(_STOP_CHECK_SECONDS):
                    self._wake()
                    self._stopping.wait(_WAKE_INTERVAL)

    def _keep_schedules(self) -> None:
        running: dict[str, threading.Thread] = {}
        ask_at: dict[str, float] = {}
        known: Sequence[Schedule] = ()
        while not self._stopping.wait(_SCHEDULE_INTERVAL):
            running = {name: thread for name, thread in running.items() if thread.is_alive()}
            schedules = self._schedules()
            if schedules is not known:
                # What was asked before says nothing about another schedule of the same name.
                known, ask_at = schedules, {}
            # The account checked longest ago first, so that none waits for ever; and no more than can run.
            for schedule in sorted(schedules, key=lambda each: ask_at.get(each.name, 0.0)):
                if len(running) >= self._concurrency or time.monotonic() < ask_at.get(schedule.name, 0.0):
                    break
                if schedule.name in running:
                    continue
                due_in = schedule.due_in()
                if due_in <= 0:
                    thread = threading.Thread(
                        target=self._run_schedule, args=(schedule,), name="returns-hub-schedule", daemon=True
                    )
                    running[schedule.name] = thread
                    thread.start()
                ask_at[schedule.name] = time.monotonic() + min(max(due_in, 0.0), _MAX_SCHEDULE_WAIT)
        for thread in running.values():
            thread.join()

    def _run_schedule(self, schedule: Schedule) -> None:
        try:
            schedule.run(self._stopping.is_set)
        except Exception as error:  # noqa: BLE001 - it is due again some time, and the others go on
            log_event("worker.failing", "%s: %s", schedule.name, describe_error(error), unforeseen=error)
