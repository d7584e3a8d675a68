"""Recurring work: the sync of an account, the purge of old deliveries."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from attrs import frozen

from returns_hub.store.inbox import Deliveries

if TYPE_CHECKING:
    from returns_hub.store import Store
    from returns_hub.sync import SyncProgress

_PURGE_INTERVAL: Final = 3600.0


@frozen(kw_only=True)
class Schedule:
    """Recurring work, run by one worker at a time.

    ``due_in`` gives the seconds until the next run, from the store, for all workers. ``run`` gets a function that says
    whether to stop, and makes sure that no other process does the same meanwhile.
    """

    name: str
    due_in: Callable[[], float]
    run: Callable[[Callable[[], bool]], None]


def sync_schedule(
    store: "Store", account: str, *, every: float, sync: "Callable[[Callable[[SyncProgress], None]], object]"
) -> Schedule:
    """The sync of an account, so many seconds after the last one began. ``sync`` is given what to call with its progress."""
    from returns_hub.store.sync_log import SyncLog

    log = SyncLog(store.database)

    def due_in() -> float:
        began = log.health(account).started_at
        return 0.0 if began is None else every - (store.now() - began).total_seconds()

    def run(stop: Callable[[], bool]) -> None:
        try:
            sync(partial(_stop_if_asked, stop))
        except _Stopped:
            # What was read is stored, and the next sync goes on there.
            return

    return Schedule(name=f"sync {account}", due_in=due_in, run=run)


def purge_schedule(store: "Store", keep: timedelta) -> Schedule:
    """The removal of processed deliveries that came so long ago, once an hour; workers may do it side by side."""
    deliveries = Deliveries(store.database)
    due_at = time.monotonic()

    def due_in() -> float:
        return due_at - time.monotonic()

    def run(stop: Callable[[], bool]) -> None:
        nonlocal due_at
        due_at = time.monotonic() + _PURGE_INTERVAL
        deliveries.purge(store.now() - keep, stop=stop)

    return Schedule(name="purge", due_in=due_in, run=run)


class _Stopped(SystemExit):
    """Raised by a progress callback to end a sync in good order; not an error."""


def _stop_if_asked(stop: Callable[[], bool], _: "SyncProgress") -> None:
    if stop():
        raise _Stopped
