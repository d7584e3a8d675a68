"""What every run over an account is made of: its lease, its client, its workers, and the account of what it did."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final, TypeVar

from anyio import CancelScope, CapacityLimiter, Semaphore, create_task_group, sleep, to_thread
from attrs import define, evolve, field, frozen

from returns_hub.adapter import Capability, Rate, Support
from returns_hub.client import AsyncClient
from returns_hub.convert import format_time
from returns_hub.errors import (
    ConfigurationError,
    NotFound,
    PluginError,
    QuotaExhausted,
    ReturnsHubError,
    UnexpectedReply,
    ValidationFailed,
    describe_error,
)
from returns_hub.events import Origin
from returns_hub.merge import Observation, observed, restrict_fields
from returns_hub.model import Return
from returns_hub.operation import Operation
from returns_hub.store import ApplyResult, Store, start_of
from returns_hub.store.leases import LEASE_SECONDS, Lease, LeaseLost, Leases, LeaseTaken
from returns_hub.store.sync_log import SyncLog
from returns_hub.sync.listings import Listing, PageJob, ReadQueue
from returns_hub.sync.reports import SyncProgress, SyncReport
from returns_hub.sync.writer import MirrorWriter

T = TypeVar("T")

_TICK: Final = timedelta(microseconds=1)
_MAX_GAPS: Final = 100
# How many calls of an account may be under way; its rate limit decides how many that really are.
_MAX_WORKERS: Final = 8
# A call waits for its turn in the account's pace, and has a deadline: no more of them than get their turn in this time.
_MAX_QUEUE_SECONDS: Final = 30.0


@frozen(kw_only=True)
class SyncJob:
    """An account that is to be synced. ``open_client`` gives a client of its own, which is closed afterwards.

    ``rate_limit`` is the account's own, None where its adapter tells it.
    """

    account: str
    open_client: Callable[[], AsyncClient]
    history_start: date
    rate_limit: str | None = None


@frozen(kw_only=True)
class RunOptions:
    """What is wanted of a run, whatever the account; :meth:`returns_hub.Hub.sync` says what each means."""

    since: date | datetime | None = None
    full: bool = False
    details: bool = False
    progress: Callable[[SyncProgress], None] | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Interrupted(Exception):
    """Whoever watches the progress raised what is no failure of the account, Ctrl-C for instance: all runs end."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__()
        self.cause = cause


@define(kw_only=True, eq=False)
class Run:
    """One run over one account. ``report`` is what it has done so far; ``turn`` is whose turn it is to write."""

    job: SyncJob
    store: Store
    options: RunOptions
    turn: CapacityLimiter
    report: SyncReport = field(init=False)
    client: AsyncClient = field(init=False)
    writer: MirrorWriter = field(init=False)
    started: datetime = field(init=False)
    _board: ReadQueue = field(init=False, factory=ReadQueue)
    _workers: int = field(init=False, default=_MAX_WORKERS)
    _asking: Semaphore = field(init=False)
    _last_seen: datetime | None = field(init=False, default=None)
    _taken: int = field(init=False, default=0)
    _reread: set[str] = field(init=False, factory=set)
    _failed: bool = field(init=False, default=False)

    phase: ClassVar[str]
    """What the progress calls this run, while it does not say otherwise."""

    def __attrs_post_init__(self) -> None:
        self.report = SyncReport(account=self.account)

    @property
    def account(self) -> str:
        """The name of the account."""
        return self.job.account

    async def execute(self, log: SyncLog | None = None) -> None:
        """Do the work under the account's lease; what became of it is in the report, and in the log."""
        begun = time.monotonic()
        leases = Leases(self.store.database)
        try:
            lease = await to_thread.run_sync(leases.take, f"sync {self.account}")
        except LeaseTaken as taken:
            self.report = evolve(self.report, skipped=str(taken))
            return
        except ReturnsHubError as problem:
            self.report = evolve(self.report, error=str(problem))
            return
        ended = False
        try:
            if log is not None:
                await to_thread.run_sync(log.started, self.account, self.options.now())
            async with self._opened(leases, lease):
                await self.work()
            ended = True
        except QuotaExhausted as problem:
            self._put_off(problem)
        except LeaseLost as problem:
            self._fail(str(problem))
            log = None  # it is the other's to write
        except ReturnsHubError as problem:
            self._fail(str(problem))
        except Interrupted:
            raise
        except Exception as problem:  # noqa: BLE001 - an adapter may fail in any way, the other accounts are to be synced
            self._fail(describe_error(problem))
        finally:
            self.report = evolve(self.report, duration_s=time.monotonic() - begun)
            with CancelScope(shield=True):
                await self._sign_off(leases, lease, log, ended=ended)

    async def work(self) -> None:
        """What the run is there for."""
        raise NotImplementedError

    def handle_missing(self, return_id: str) -> None:
        """The vendor says that it has no such return."""
        raise NotImplementedError

    async def begin(self) -> datetime | None:
        """Set the run's clock; the moment since which something is wanted, if that was said.

        Raises:
            ConfigurationError: the moment is still to come.
        """
        since = self.options.since
        wanted = None if since is None else start_of(since)
        self._last_seen = await to_thread.run_sync(self.store.last_seen, self.account)
        self.started = self._clock()
        if wanted is not None and wanted > self.started:
            raise ConfigurationError(f"cannot read from {format_time(wanted)} on: that is still to come")
        return wanted

    async def checkpoints(self) -> dict[str, Any]:
        """Every checkpoint of the account."""
        return await to_thread.run_sync(self.store.checkpoints, self.account)

    def can(self, capability: Capability) -> bool:
        """Whether the account's vendor and adapter have the call."""
        return self.client.adapter.support(capability) in (Support.YES, Support.PARTIAL)

    async def read(
        self,
        listings: Sequence[Listing] = (),
        *,
        ids: Iterable[str] = (),
        phase: str | None = None,
        origin: Origin = Origin.POLL,
    ) -> None:
        """Read listings, and returns by their ids, side by side; everything is in the mirror then."""
        self._board = ReadQueue(listings, ids)
        while not self._board.is_empty:
            with first_failure():
                async with create_task_group() as tasks:
                    for _ in range(self._workers):
                        tasks.start_soon(self._do_jobs, self._board, phase or self.phase, origin)
            # Storing may find returns that have to be read again.
            await self.writer.flush()

    def add_gap(self, sentence: str) -> None:
        """Something could not be seen; the report says so once."""
        gaps = self.report.gaps
        if len(gaps) < _MAX_GAPS and sentence not in gaps:
            self.report = evolve(self.report, gaps=(*gaps, sentence))

    async def _sign_off(self, leases: Leases, lease: Lease, log: SyncLog | None, *, ended: bool) -> None:
        """Write down how the run ended, and give the lease back. Where the store fails, it ends by itself."""
        error = self.report.error or (None if ended else "the sync was stopped")
        try:
            if log is not None:
                await to_thread.run_sync(
                    partial(log.finished, self.account, self.options.now(), error, failed=self._failed)
                )
            await to_thread.run_sync(leases.release, lease)
        except ReturnsHubError as problem:
            self.report = evolve(self.report, error=self.report.error or str(problem))

    @asynccontextmanager
    async def _opened(self, leases: Leases, lease: Lease) -> AsyncIterator[None]:
        """With a client, a way into the store, and a lease that is kept."""
        self.client = self.job.open_client()
        own = self.job.rate_limit
        self._workers = worker_count(self.client.adapter.limits.rate if own is None else Rate.parse(own))
        self._asking = Semaphore(self._workers)
        apply = partial(self.store.apply, self.account, lease=lease, derive=self.client.adapter.derive)
        self.writer = MirrorWriter(apply, self.turn, self._count_stored)
        words = Counter(self.client.unknown_words())
        try:
            with first_failure():
                async with create_task_group() as tasks:
                    tasks.start_soon(self.writer.run)
                    tasks.start_soon(_keep, leases, lease)
                    try:
                        yield
                    finally:
                        with CancelScope(shield=True):
                            await self.writer.finish()
                        tasks.cancel_scope.cancel()
        finally:
            self.report = evolve(self.report, unknown_words=dict(Counter(self.client.unknown_words()) - words))
            with CancelScope(shield=True):
                await self.client.aclose()

    def _fail(self, error: str) -> None:
        self._failed = True
        self.report = evolve(self.report, error=error)

    def _put_off(self, problem: QuotaExhausted) -> None:
        """The account's allowance is used up: a sync goes on another time, and the connection is good."""
        wait = problem.retry_after
        self.report = evolve(
            self.report,
            error=f"{problem}; what was read is kept",
            retry_at=None if wait is None else self.options.now() + timedelta(seconds=wait),
        )

    async def _do_jobs(self, board: ReadQueue, phase: str, origin: Origin) -> None:
        """What one worker does."""
        while (job := await board.take()) is not None:
            if isinstance(job, PageJob):
                await self._read_page(job, origin)
            else:
                await self._read_one(job.return_id)
            self._show(board, phase)
            await board.give_back(job)

    async def _read_page(self, job: PageJob, origin: Origin) -> None:
        listing, segment = job.listing, job.segment
        seen_at = self._clock()
        try:
            page = await self._ask(listing.read_page(segment.cursor))
        except (NotFound, PluginError, UnexpectedReply, ValidationFailed, ValueError):
            if not listing.resumed:
                raise
            # The vendor, or a newer adapter, no longer takes the cursor of the run that was cut off, or what it was
            # made from is gone. Where the vendor answers nonsense to everything, the next try says so.
            listing.restart()
            return
        self._count(pages=1, invalid_records=len(page.invalid_records))
        for sentence in page.gaps:
            self.add_gap(sentence)
        observations = [observed(ret, seen_at=seen_at, origin=origin) for ret in listing.fresh(segment, page)]
        if self.options.details:
            observations = await self._in_detail(observations)
        async with self.writer.room() as add:
            # Together: a checkpoint may say nothing of a page that is not on its way into the mirror before it.
            add(observations, listing.take(segment, page, count=len(observations) + len(page.invalid_records)))
        self._taken += len(observations)
        if listing.gap is not None:
            self.add_gap(listing.gap)

    async def _in_detail(self, rows: Sequence[Observation]) -> list[Observation]:
        detailed = list(rows)

        async def read(index: int, row: Observation) -> None:
            seen_at = self._clock()
            ret = await self._detail(row.ret.id)
            if ret is not None:
                detailed[index] = observed(ret, seen_at=seen_at, origin=row.origin)

        with first_failure():
            async with create_task_group() as tasks:
                for index, row in enumerate(rows):
                    tasks.start_soon(read, index, row)
        return detailed

    async def _read_one(self, return_id: str) -> None:
        seen_at = self._clock()
        ret = await self._detail(return_id)
        if ret is None:
            return
        known = None
        if not self.options.details:
            known = await to_thread.run_sync(self.store.get_return, self.account, return_id)
        # Asked for no details, it tells none: they would look like changes, though nothing but our knowledge changed.
        observation = observed(restrict_fields(ret, known.ret) if known else ret, seen_at=seen_at)
        async with self.writer.room() as add:
            add([observation], {})
        self._taken += 1

    async def _detail(self, return_id: str) -> Return | None:
        """A return as the vendor has it; None, and the report says so, if it cannot be read."""
        ret: Return | None = None
        try:
            ret = await self._ask(self.client.adapter.get_return(return_id))
        except NotFound:
            self.handle_missing(return_id)
            return None
        except UnexpectedReply as problem:
            # With a place, this record is odd; without one, the vendor is.
            if not problem.where:
                raise
        if ret is None or ret.id != return_id:
            self._count(invalid_records=1)
            return None
        return ret

    def _count_stored(self, applied: ApplyResult, observations: int) -> None:
        """A transaction is committed."""
        self._count(
            read=observations,
            created=applied.created,
            changed=applied.changed,
            unchanged=applied.unchanged,
            events=applied.events,
            invalid_records=applied.refused,
        )
        # The answer is final, whatever it disagrees with.
        disputed = [return_id for return_id in applied.reread if return_id not in self._reread]
        self._reread.update(disputed)
        self._board.add(disputed)

    async def _ask(self, operation: Operation[T]) -> T:
        counted: Any = self._counted(operation)
        # Errors and logs call an operation by its name.
        counted.__name__ = getattr(operation, "__name__", "")
        async with self._asking:
            result: T = await self.client.run(counted)
        return result

    def _counted(self, operation: Operation[T]) -> Operation[T]:
        with closing(operation):
            try:
                request = next(operation)
                while True:
                    self._count(requests=1)
                    request = operation.send((yield request))
            except StopIteration as done:
                result: T = done.value
        return result

    def _count(self, **more: int) -> None:
        self.report = evolve(self.report, **{name: getattr(self.report, name) + n for name, n in more.items()})

    def _show(self, board: ReadQueue, phase: str) -> None:
        if self.options.progress is None:
            return
        whole = phase != "changes"
        step = SyncProgress(
            account=self.account,
            phase=phase,
            read=board.read if whole else self._taken,
            total=board.total if whole else None,
        )
        try:
            self.options.progress(step)
        except (KeyboardInterrupt, SystemExit) as cause:
            # An event loop would not survive it; outside the loop it is raised as it is.
            raise Interrupted(cause) from None

    def _clock(self) -> datetime:
        """The present, and never before what was read last: not even if somebody set the clock back."""
        present = self.options.now()
        return present if self._last_seen is None else max(present, self._last_seen + _TICK)


def worker_count(rate: Rate | None) -> int:
    """How many calls of an account may be under way at a rate: its limiter lets them go one by one."""
    return _MAX_WORKERS if rate is None else max(1, min(_MAX_WORKERS, int(_MAX_QUEUE_SECONDS / rate.interval)))


async def _keep(leases: Leases, lease: Lease) -> None:
    """Renew the lease also while nothing is stored.

    Raises:
        LeaseLost: somebody else has it.
    """
    while True:
        await sleep(LEASE_SECONDS / 3)
        await to_thread.run_sync(leases.renew, lease)


@contextmanager
def first_failure() -> Iterator[None]:
    """What went wrong in a group of tasks, as it was raised in the first of them that failed."""
    cause: BaseException
    try:
        yield
    except BaseExceptionGroup as group:
        cause = group
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
    else:
        return
    raise cause
