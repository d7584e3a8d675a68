"""One run over one account: its lease, its client, its way into the store, and the report of what it did."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final

from anyio import CancelScope, CapacityLimiter, create_task_group, sleep, to_thread
from attrs import define, field

from returns_hub.adapter import Adapter, Capability, Rate, Support
from returns_hub.errors import ConfigurationError, QuotaExhausted, ReturnsHubError, describe_error
from returns_hub.events import Origin
from returns_hub.merge import Observation
from returns_hub.reports import ReportBuilder
from returns_hub.scalars import format_time
from returns_hub.store import ApplyResult, Store, start_of
from returns_hub.store.ingestion import Pass
from returns_hub.store.leases import LEASE_SECONDS, Lease, LeaseLost, Leases, LeaseTaken
from returns_hub.store.sync_log import SyncLog
from returns_hub.sync.listings import Listing, read_slice
from returns_hub.sync.options import RunOptions, SyncJob
from returns_hub.sync.reader import Interrupted, Reader, first_failure, worker_count
from returns_hub.sync.writer import MirrorWriter

# What of a report is kept, for whoever looks at the account later.
_COUNTED: Final = ("requests", "read", "created", "changed", "unchanged", "events", "invalid_records")
_TICK: Final = timedelta(microseconds=1)


@define(kw_only=True, eq=False)
class AccountRun:
    """One run over one account. ``report`` is what it has done so far; ``turn`` is whose turn it is to write."""

    job: SyncJob
    store: Store
    options: RunOptions
    turn: CapacityLimiter
    report: ReportBuilder = field(init=False)
    started: datetime = field(init=False)
    _reader: Reader = field(init=False)
    _last_seen: datetime | None = field(init=False, default=None)
    _ahead: timedelta = field(init=False, default=timedelta(0))
    _failed: bool = field(init=False, default=False)

    overrules: ClassVar[bool] = False
    """Whether what the run observes is right, whatever vendor's times are stored."""
    phase: ClassVar[str]
    """What the progress calls this run, while it does not say otherwise."""

    def __attrs_post_init__(self) -> None:
        self.report = ReportBuilder(self.account)

    @property
    def account(self) -> str:
        """The name of the account."""
        return self.job.account

    @property
    def adapter(self) -> Adapter:
        """The account's adapter, while the run is under way."""
        return self._reader.client.adapter

    @property
    def vendor_time(self) -> datetime | None:
        """The time by the vendor's clock when the run began to ask; None where the vendor does not say."""
        return self._reader.vendor_time

    @property
    def writer(self) -> MirrorWriter:
        """The way into the mirror, while the run is under way."""
        return self._reader.writer

    async def execute(self, log: SyncLog | None = None) -> None:
        """Do the work under the account's lease; how it ended is in the report, and in the log."""
        begun = time.monotonic()
        leases = Leases(self.store.database)
        try:
            self._ahead = await to_thread.run_sync(self._compare_clocks)
            lease = await to_thread.run_sync(leases.take, f"sync {self.account}")
        except LeaseTaken as taken:
            self.report.set(skipped=str(taken))
            return
        except ReturnsHubError as problem:
            self.report.set(error=str(problem))
            return
        ended = False
        try:
            if log is not None:
                await to_thread.run_sync(log.started, self.account, self._now())
            async with self._opened(leases, lease):
                await self.work()
            ended = True
        except QuotaExhausted as problem:
            self._defer(problem)
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
            self.report.set(duration_s=time.monotonic() - begun)
            with CancelScope(shield=True):
                await self._finish(leases, lease, log, ended=ended)

    async def work(self) -> None:
        """What the run is there for."""
        raise NotImplementedError

    def handle_missing(self, return_id: str) -> None:
        """The vendor says that it has no such return."""
        raise NotImplementedError

    async def begin(self) -> datetime | None:
        """Set the run's clock; the moment since which something is wanted, if one was given.

        Raises:
            ConfigurationError: the moment is still to come.
        """
        since = self.options.since
        wanted = None if since is None else start_of(since)
        self._last_seen = await to_thread.run_sync(self.store.last_seen, self.account)
        self.started = self._now()
        if wanted is not None and wanted > self.started:
            raise ConfigurationError(f"cannot read from {format_time(wanted)} on: that is still to come")
        return wanted

    async def checkpoints(self) -> dict[str, Any]:
        """Every checkpoint of the account."""
        return await to_thread.run_sync(self.store.checkpoints, self.account)

    def can(self, capability: Capability) -> bool:
        """Whether the account's vendor and adapter have the call."""
        return self.adapter.support(capability) in (Support.YES, Support.PARTIAL)

    def slices(self, since: datetime) -> list[Listing]:
        """The listings that hold what was created from a moment up to the run's start."""
        since = self.within_reach(since, self.started)
        return [
            Listing(read_slice(since, self.started, part.key)) for part in self.adapter.backfill(since, self.started)
        ]

    def within_reach(self, since: datetime, until: datetime) -> datetime:
        """The moment itself, or where the vendor's listings begin that were asked for at ``until``."""
        reach = self.adapter.listing_reach
        return since if reach is None else max(since, until - reach)

    async def read(
        self,
        listings: Sequence[Listing] = (),
        *,
        ids: Iterable[str] = (),
        phase: str | None = None,
        origin: Origin = Origin.POLL,
    ) -> None:
        """Read listings, and returns by their ids, side by side; everything is in the mirror then."""
        await self._reader.read(listings, ids, phase or self.phase, origin)

    async def _finish(self, leases: Leases, lease: Lease, log: SyncLog | None, *, ended: bool) -> None:
        """Write down how the run ended, and release the lease. Where the store fails, that ends by itself."""
        error = self.report.error or (None if ended else "the sync was stopped")
        try:
            if log is not None:
                report = self.report.report
                counted = {name: getattr(report, name) for name in _COUNTED}
                ended_at, failed = self._now(), self._failed
                await to_thread.run_sync(
                    partial(log.finished, self.account, ended_at, error, failed=failed, counted=counted)
                )
            await to_thread.run_sync(leases.release, lease)
        except ReturnsHubError as problem:
            self.report.set(error=self.report.error or str(problem))

    @asynccontextmanager
    async def _opened(self, leases: Leases, lease: Lease) -> AsyncIterator[None]:
        """With a client, a way into the store, and a lease that is renewed."""
        client = self.job.open_client()
        own = self.job.rate_limit
        self._reader = Reader(
            account=self.account,
            client=client,
            store=self.store,
            options=self.options,
            report=self.report,
            workers=worker_count(client.adapter.limits.rate if own is None else Rate.parse(own)),
            now=self._now,
            on_missing=self.handle_missing,
        )
        apply = partial(self._apply, lease)
        self._reader.writer = MirrorWriter(apply, self.turn, self._reader.count_stored)
        words = Counter(client.unknown_words())
        try:
            with first_failure():
                async with create_task_group() as tasks:
                    tasks.start_soon(self.writer.run)
                    tasks.start_soon(_renew, leases, lease)
                    tasks.start_soon(self._reader.show_regularly)
                    try:
                        yield
                    finally:
                        with CancelScope(shield=True):
                            await self.writer.finish()
                        tasks.cancel_scope.cancel()
        finally:
            self.report.set(
                unknown_words=dict(Counter(client.unknown_words()) - words), unreadable=client.unreadable_fields
            )
            with CancelScope(shield=True):
                await client.aclose()

    def _apply(
        self, lease: Lease, observations: Sequence[Observation], *, checkpoints: Mapping[str, Any]
    ) -> ApplyResult:
        return self.store.apply(
            self.account,
            observations,
            checkpoints=checkpoints,
            derive=self.adapter.derive,
            lease=lease,
            of_pass=Pass(started=self.started, overrules=self.overrules),
        )

    def _fail(self, error: str) -> None:
        self._failed = True
        self.report.set(error=error)

    def _defer(self, problem: QuotaExhausted) -> None:
        """The account's allowance is used up: a sync goes on another time, and the connection is good."""
        wait = problem.retry_after
        self.report.set(
            error=f"{problem}; what was read is kept",
            retry_at=None if wait is None else self._now() + timedelta(seconds=wait),
        )

    def _compare_clocks(self) -> timedelta:
        """By how much this machine's clock is ahead of the one that all processes of the mirror share."""
        return timedelta(0) if self.options.now is not None else self.store.clock_ahead()

    def _now(self) -> datetime:
        """The present, and never before what was read last, also where the clock was set back."""
        present = datetime.now(UTC) - self._ahead if self.options.now is None else self.options.now()
        return present if self._last_seen is None else max(present, self._last_seen + _TICK)


async def _renew(leases: Leases, lease: Lease) -> None:
    """Renew the lease also while nothing is stored.

    Raises:
        LeaseLost: another process has it.
    """
    while True:
        await sleep(LEASE_SECONDS / 3)
        await to_thread.run_sync(leases.renew, lease)
