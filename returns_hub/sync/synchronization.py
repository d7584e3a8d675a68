"""The sync of one account: first everything there is, then whatever changed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final, Self

from anyio import to_thread
from attrs import define, frozen

from returns_hub.adapter import Adapter, Capability, Slice, Support
from returns_hub.client.listing import out_of_reach
from returns_hub.errors import UnsupportedOperation, ValidationFailed
from returns_hub.events import Origin
from returns_hub.logs import log_event
from returns_hub.model import Return, ReturnQuery
from returns_hub.operation import Operation, Page
from returns_hub.scalars import format_time, parse_time
from returns_hub.store import start_of
from returns_hub.store.checkpoints import COVERED
from returns_hub.store.database import CLOCK_MARGIN
from returns_hub.sync.engine import AccountRun
from returns_hub.sync.listings import Listing, read_slice

# Where a vendor has no feed of changes, returns created so shortly before the last sync are read again: it may have listed
# some of them late.
_TRAILING: Final = timedelta(days=1)
_MAX_STATUS_WORDS: Final = 50

# The names of an account's checkpoints. COVERED is a span: what was created since its start is known as it was at its end.
_PLAN: Final = "backfill"  # the part of the history that is being read
_SLICE: Final = "backfill/"  # and the key of a slice of it: how far that is read
_CHANGES: Final = "changes"  # how far the changes of a span are read


@frozen
class Span:
    """From one moment to another."""

    since: datetime
    until: datetime

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """The span of a checkpoint."""
        return cls(parse_time(saved["since"]), parse_time(saved["until"]))

    def to_json(self) -> dict[str, Any]:
        """The span as a checkpoint."""
        return {"since": format_time(self.since), "until": format_time(self.until)}


@define(kw_only=True, eq=False)
class SyncRun(AccountRun):
    """One sync of one account."""

    phase: ClassVar[str] = "changes"

    async def work(self) -> None:
        """Read the part of the history that is wanted and not there yet, then what changed."""
        since = await self.begin()
        covered = await self._catch_up(start_of(self.job.history_start), since)
        while covered.until < self.started:
            covered = await self._changes(covered)

    def handle_missing(self, return_id: str) -> None:
        """The vendor says that it has no such return: the mirror keeps it, and the report says so."""
        self.report.add_gap(f"{return_id} is not known to the vendor any more; the mirror keeps what was last observed")

    async def _catch_up(self, history_start: datetime, since: datetime | None) -> Span:
        """Read the part of the history that is wanted; the span that is covered then."""
        saved = await self.checkpoints()
        covered = Span.from_json(saved[COVERED]) if COVERED in saved else None
        begun = Span.from_json(saved[_PLAN]) if _PLAN in saved else None
        full = self.options.full
        if covered is not None and self._is_to_come(covered.until):
            # Nobody knows when the clock was ahead, nor what was not seen since then.
            message = "%s: synced up to a moment that is still to come: all is read again"
            log_event("sync.clock_was_ahead", message, self.account, account=self.account)
            covered, full = Span(covered.since, self.started), True
            history_start = covered.since
        if covered is None:
            wanted = Span(since or history_start, self.started)
        elif full:
            wanted = Span(min(since or history_start, covered.since), self.started)
        elif since is not None:
            # What was never read ends where the rest begins; what was read is read again up to now.
            wanted = Span(since, covered.since if since < covered.since else self.started)
        elif begun is not None:
            wanted = Span(begun.since, min(begun.until, self.started))
        else:
            return covered
        origin = _origin(wanted, covered)
        # One that was cut off goes on with its own end: with another one its pages would be other pages.
        can_go_on = begun is not None and not self._is_to_come(begun.until) and begun.since <= wanted.since
        if begun is not None and can_go_on and _origin(begun, covered) is origin:
            return await self._backfill(begun, covered, origin, saved)
        forgotten = dict.fromkeys(name for name in saved if name.startswith(_SLICE))
        await self.writer.save({**forgotten, _PLAN: wanted.to_json()})
        return await self._backfill(wanted, covered, origin, {})

    async def _backfill(self, plan: Span, covered: Span | None, origin: Origin, positions: Mapping[str, Any]) -> Span:
        """Read every slice of a part of the history from where it was left; the span that is covered then."""
        since = self.within_reach(plan.since, plan.until)
        if since > plan.since:
            self.report.add_gap(out_of_reach(self.adapter, since))
        listed = Span(since, plan.until)
        slices = self.adapter.backfill(since, plan.until)
        await self.read([_listing(listed, part, positions) for part in slices], phase="backfill", origin=origin)
        known = plan
        if covered is not None:
            whole = plan.since <= covered.since and plan.until >= covered.until
            known = Span(min(plan.since, covered.since), plan.until if whole else covered.until)
        done = dict.fromkeys([_PLAN, *(_SLICE + part.key for part in slices)])
        await self.writer.save({**done, COVERED: self._as_seen(known).to_json()})
        return known

    def _is_to_come(self, moment: datetime) -> bool:
        """True of a stored moment that no clock could have shown that was right."""
        return moment > self.started + CLOCK_MARGIN

    def _as_seen(self, span: Span) -> Span:
        """The span, and no more than the vendor's own clock has shown: ours may be ahead, and nothing was seen of later."""
        seen = self.vendor_time
        return span if seen is None or seen >= span.until else Span(span.since, max(seen, span.since))

    async def _changes(self, covered: Span) -> Span:
        """Read what changed since the end of a span; the span that is covered then."""
        until = self.started
        if self.can(Capability.CHANGES):
            until = await self._read_feed(covered)
            # A feed of some changes only need not show what is new.
            if self.adapter.support(Capability.CHANGES) is Support.PARTIAL:
                await self._read_trail(covered)
        else:
            await self._read_trail(covered)
            if self.adapter.polls_open_returns:
                await self._read_open()
                await self._read_unseen()
        known = Span(covered.since, until)
        await self.writer.save({_CHANGES: None, COVERED: self._as_seen(known).to_json()})
        return known

    async def _read_feed(self, covered: Span) -> datetime:
        """Read what the vendor says has changed; the moment up to which that is."""
        saved = (await self.checkpoints()).get(_CHANGES, {})
        if saved and self._is_to_come(Span.from_json(saved).until):
            saved = {}
        span = Span.from_json(saved) if saved else Span(covered.until, self.started)

        def read_page(adapter: Adapter, cursor: str | None) -> Operation[Page[Return]]:
            return adapter.changes(span.since - CLOCK_MARGIN, cursor)

        def save(position: Mapping[str, Any]) -> Mapping[str, Any]:
            return {_CHANGES: {**span.to_json(), **position}}

        await self.read([Listing.resume(read_page, save, saved)])
        return span.until

    async def _read_trail(self, covered: Span) -> None:
        """Read what was created since the last sync, and shortly before it."""
        since = max(covered.since, covered.until - _TRAILING)
        await self.read(self.slices(since))

    async def _read_open(self) -> None:
        """List what stands at the words of the open returns; where that cannot be asked, all since the oldest of them."""
        words = await to_thread.run_sync(self.store.open_status_words, self.account)
        if not words or not self.can(Capability.LIST_RETURNS):
            return
        try:
            if len(words) <= _MAX_STATUS_WORDS:
                await self.read([_query(ReturnQuery(raw_status=words))])
                return
        except (UnsupportedOperation, ValidationFailed):
            pass
        oldest = await to_thread.run_sync(self.store.oldest_open, self.account)
        await self.read([_query(ReturnQuery(created_after=oldest))])

    async def _read_unseen(self) -> None:
        """Read one by one the open returns that no listing of this run has shown: most have left those words."""
        after = ""
        while some := await to_thread.run_sync(
            partial(self.store.open_unseen, self.account, self.started, after=after)
        ):
            await self.read(ids=some)
            after = some[-1]


def _listing(plan: Span, part: Slice, positions: Mapping[str, Any]) -> Listing:
    name = _SLICE + part.key
    read_page = read_slice(plan.since, plan.until, part.key)
    return Listing.resume(read_page, lambda position: {name: position}, positions.get(name, {}))


def _query(query: ReturnQuery) -> Listing:
    return Listing(lambda adapter, cursor: adapter.list_returns(query, cursor))


def _origin(plan: Span, covered: Span | None) -> Origin:
    """The origin of what is read of a part of the history: what was never read is backfilled."""
    return Origin.BACKFILL if covered is None or plan.until <= covered.since else Origin.POLL
