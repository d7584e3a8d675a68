"""Sync: it fills the mirror, first with everything there is, then with what changed; pages and accounts side by side.

A page is stored in one transaction with its events and with the checkpoint that it has been read. So a sync that is
killed goes on behind what was stored, reads at most the pages again that were on their way, and appends no event twice.
One process at a time syncs an account: it has the account's lease, and cannot write without it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from anyio import CapacityLimiter, Semaphore, create_task_group
from anyio.from_thread import start_blocking_portal

from returns_hub.reports import ReconcileReport, SyncProgress, SyncReport
from returns_hub.store import Store
from returns_hub.store.sync_log import SyncLog
from returns_hub.sync.engine import AccountRun
from returns_hub.sync.options import RunOptions, SyncJob
from returns_hub.sync.reader import Interrupted, first_failure
from returns_hub.sync.reconciliation import ReconcileRun
from returns_hub.sync.synchronization import SyncRun

__all__ = [
    "ReconcileReport",
    "RunOptions",
    "SyncJob",
    "SyncProgress",
    "SyncReport",
    "reconcile_accounts",
    "run_blocking",
    "sync_accounts",
]

T = TypeVar("T")
AnyRun = TypeVar("AnyRun", bound=AccountRun)

# Each has connections, and pages in memory; the others wait until one of these is done.
_MAX_CONCURRENT_ACCOUNTS: Final = 64


async def sync_accounts(jobs: Sequence[SyncJob], store: Store, options: RunOptions) -> tuple[SyncReport, ...]:
    """Bring the mirror up to date with the vendors of some accounts, side by side; a report for each, in their order.

    Whatever goes wrong with an account, its vendor or the store is its report's ``error``. One that another process
    is syncing is ``skipped``. ``progress`` is called on the event loop.
    """
    turn = CapacityLimiter(1)
    runs = [SyncRun(job=job, store=store, options=options, turn=turn) for job in jobs]
    await _side_by_side(runs, SyncLog(store.database))
    return tuple(run.report.report for run in runs)


async def reconcile_accounts(jobs: Sequence[SyncJob], store: Store, options: RunOptions) -> tuple[ReconcileReport, ...]:
    """Compare the mirror with the vendors of some accounts, and repair it; as :func:`sync_accounts`."""
    turn = CapacityLimiter(1)
    runs = [ReconcileRun(job=job, store=store, options=options, turn=turn) for job in jobs]
    await _side_by_side(runs, None)
    return tuple(run.comparison for run in runs)


def run_blocking(task: Callable[[], Awaitable[T]]) -> T:
    """What the task gives, run on an event loop in a thread of its own: the caller may have a loop running already.

    Ctrl-C stops it where nothing is lost: what was read is stored, leases are given back, and then it is raised.
    """
    with start_blocking_portal(name="returns-hub sync") as portal:
        outcome = portal.call(_outcome, task)
    if isinstance(outcome, _Raised):
        raise outcome.cause
    return outcome


class _Raised:
    """What the task raised that no event loop survives."""

    def __init__(self, cause: BaseException) -> None:
        self.cause = cause


async def _outcome(task: Callable[[], Awaitable[T]]) -> "T | _Raised":
    try:
        return await task()
    except (KeyboardInterrupt, SystemExit) as stop:
        return _Raised(stop)


async def _side_by_side(runs: Sequence[AnyRun], log: SyncLog | None) -> None:
    rooms = Semaphore(_MAX_CONCURRENT_ACCOUNTS)

    async def execute(run: AnyRun) -> None:
        async with rooms:
            await run.execute(log)

    try:
        with first_failure():
            async with create_task_group() as tasks:
                for run in runs:
                    tasks.start_soon(execute, run)
    except Interrupted as interruption:
        cause = interruption.cause
    else:
        return
    raise cause
