"""The comparison of an account's mirror with its vendor, which repairs what differs."""

from datetime import datetime
from functools import partial
from typing import ClassVar, Final

from anyio import CancelScope, to_thread
from attrs import define, field

from returns_hub.adapter import Capability
from returns_hub.reports import ReconcileReport
from returns_hub.store import start_of
from returns_hub.store.checkpoints import COVERED
from returns_hub.store.reconciliation import ReconcileQueries, Repairs
from returns_hub.sync.engine import AccountRun
from returns_hub.sync.synchronization import Span

_MAX_GONE_IDS: Final = 100


@define(kw_only=True, eq=False)
class ReconcileRun(AccountRun):
    """One comparison of one account."""

    _found: Repairs = field(init=False, factory=Repairs)
    _gone: int = field(init=False, default=0)
    _gone_ids: tuple[str, ...] = field(init=False, default=())

    overrules: ClassVar[bool] = True
    phase: ClassVar[str] = "reconcile"

    @property
    def comparison(self) -> ReconcileReport:
        """What was found, once the run is over."""
        read = self.report.report
        return ReconcileReport(
            account=self.account,
            requests=read.requests,
            pages=read.pages,
            checked=read.read,
            missing=self._found.missing,
            changed=self._found.changed,
            repaired=self._found.missing + self._found.changed,
            differences=self._found.differences,
            gone=self._gone,
            gone_ids=tuple(sorted(self._gone_ids)),
            invalid_records=read.invalid_records,
            unreadable=read.unreadable,
            unknown_words=read.unknown_words,
            gaps=read.gaps,
            duration_s=read.duration_s,
            error=read.error,
            retry_at=read.retry_at,
            skipped=read.skipped,
        )

    async def work(self) -> None:
        """Read all that the vendor lists, then ask for each return of the mirror that it did not show."""
        since = await self.begin()
        covered = (await self.checkpoints()).get(COVERED)
        since = since or (Span.from_json(covered).since if covered else start_of(self.job.history_start))
        checks = ReconcileQueries(self.store.database)
        before = await to_thread.run_sync(checks.last_sequence)
        try:
            await self.read(self.slices(since))
            await self._look_for_unlisted(checks, since)
        finally:
            # Also of a comparison that ends early, what it found was repaired.
            with CancelScope(shield=True):
                await self.writer.flush()
                self._found = await to_thread.run_sync(checks.repairs, self.account, before)

    def handle_missing(self, return_id: str) -> None:
        """The vendor says that it has no such return."""
        self._gone += 1
        if len(self._gone_ids) < _MAX_GONE_IDS:
            self._gone_ids = (*self._gone_ids, return_id)

    async def _look_for_unlisted(self, checks: ReconcileQueries, since: datetime) -> None:
        after = ""
        while some := await to_thread.run_sync(partial(checks.unseen, self.account, self.started, since, after=after)):
            if not self.can(Capability.GET_RETURN):
                self.report.add_gap(
                    "the vendor did not list all of the mirror, and has no call to ask for a return by its id"
                )
                return
            await self.read(ids=some)
            after = some[-1]
