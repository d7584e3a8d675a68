"""What fills the mirror: first everything there is, then whatever changed, page by page.

Each page is stored in one transaction with its events and with the checkpoint that it has been read. So a sync that
is killed goes on behind the last page that was stored, and tells no event twice.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from traceback import extract_tb
from types import MappingProxyType
from typing import Any, Final, Self, TypeAlias, TypeVar

from attrs import define, evolve, field, frozen

from returns_hub.adapter import Capability, Slice, Support
from returns_hub.client import Client
from returns_hub.convert import format_time, parse_time
from returns_hub.errors import (
    ConfigurationError,
    NotFound,
    PluginError,
    ReturnsHubError,
    UnexpectedReply,
    UnsupportedOperation,
    ValidationFailed,
)
from returns_hub.events import Origin
from returns_hub.merge import Observation, narrowed, observed
from returns_hub.model import Return, ReturnQuery
from returns_hub.operation import Operation, Page
from returns_hub.store import Store, start_of

T = TypeVar("T")

ReadPage: TypeAlias = Callable[[str | None], Operation[Page[Return]]]

# Where a vendor tells no changes, returns created so shortly before the last sync are read again: it may have listed
# some of them late.
_TRAILING: Final = timedelta(days=1)
# The vendor's clock and ours differ: changes are asked for from a little before the moment up to which they are known.
_CLOCK_DIFFERENCE: Final = timedelta(minutes=5)
_TICK: Final = timedelta(microseconds=1)
_MOST_WORDS: Final = 50
_MOST_GAPS: Final = 100
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})

# The names of an account's checkpoints.
_COVERED: Final = "covered"  # a span: what was created since its start is known as it was at its end
_PLAN: Final = "backfill"  # the part of the history that is being read
_SLICE: Final = "backfill/"  # and the key of a slice of it: how far that is read
_CHANGES: Final = "changes"  # how far the changes of a span are read


@frozen(kw_only=True)
class SyncProgress:
    """How far the sync of an account is. ``phase`` is ``backfill`` or ``changes``.

    ``total`` is None where the vendor does not tell it.
    """

    account: str
    phase: str
    read: int
    total: int | None = None


@frozen(kw_only=True)
class SyncReport:
    """What one sync of one account did.

    ``requests`` counts what was asked of the vendor, repetitions after a failure not included, ``pages`` the
    listings among it. ``read`` rows came in; of their returns ``created`` were new to the mirror, ``changed`` told at
    least one event, ``unchanged`` none. ``set_aside`` records could not be read. ``unknown_words`` are status words
    without a meaning here, and how often they came. ``gaps`` are sentences about what could not be seen. ``error`` is
    why the sync ended early, None if it did not.
    """

    account: str
    requests: int = 0
    pages: int = 0
    read: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    events: int = 0
    set_aside: int = 0
    unknown_words: Mapping[str, int] = field(factory=dict, hash=False)
    gaps: tuple[str, ...] = ()
    duration_s: float = 0.0
    error: str | None = None


def sync_account(
    account: str,
    open_client: Callable[[], Client],
    store: Store,
    *,
    history_start: date,
    since: date | datetime | None = None,
    full: bool = False,
    details: bool = False,
    progress: Callable[[SyncProgress], None] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> SyncReport:
    """Bring the mirror of one account in step with its vendor; :meth:`returns_hub.Hub.sync` says what the options do.

    Whatever goes wrong with the account, its vendor or the store is the report's ``error``.
    """
    begun = time.monotonic()
    run = _Run(
        account=account,
        open_client=open_client,
        store=store,
        details=details,
        show=progress or (lambda _: None),
        now=now,
        report=SyncReport(account=account),
    )
    error: str | None = None
    try:
        run.sync(start_of(history_start), None if since is None else start_of(since), full=full)
    except ReturnsHubError as problem:
        error = str(problem)
    except Exception as problem:  # noqa: BLE001 - an adapter may fail in any way, the other accounts are to be synced
        error = _unforeseen(problem)
    return evolve(run.report, duration_s=time.monotonic() - begun, error=error)


@frozen
class _Span:
    """From one moment to another."""

    since: datetime
    until: datetime

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        return cls(parse_time(saved["since"]), parse_time(saved["until"]))

    def to_json(self) -> dict[str, Any]:
        return {"since": format_time(self.since), "until": format_time(self.until)}


@define(kw_only=True)
class _Run:
    """One sync of one account. ``report`` is what it has done so far."""

    account: str
    open_client: Callable[[], Client]
    store: Store
    details: bool
    show: Callable[[SyncProgress], None]
    now: Callable[[], datetime]
    report: SyncReport
    client: Client = field(init=False)
    started: datetime = field(init=False)
    last_seen: datetime | None = field(init=False)

    def sync(self, history_start: datetime, since: datetime | None, *, full: bool) -> None:
        """Read the part of the history that is wanted and not there yet, then what changed."""
        self.client = self.open_client()
        self.last_seen = self.store.last_seen(self.account)
        self.started = self._clock()
        if since is not None and since > self.started:
            raise ConfigurationError(f"cannot read from {format_time(since)} on: that is still to come")
        words = Counter(self.client.unknown_words())
        try:
            covered = self._catch_up(history_start, since, full=full)
            while covered.until < self.started:
                covered = self._changes(covered)
        finally:
            self.report = evolve(self.report, unknown_words=dict(Counter(self.client.unknown_words()) - words))

    def _catch_up(self, history_start: datetime, since: datetime | None, *, full: bool) -> _Span:
        """Read the part of the history that is wanted; the span that is covered then."""
        saved = self.store.checkpoints(self.account)
        covered = _Span.from_json(saved[_COVERED]) if _COVERED in saved else None
        begun = _Span.from_json(saved[_PLAN]) if _PLAN in saved else None
        if covered is None:
            wanted = _Span(since or history_start, self.started)
        elif full:
            wanted = _Span(min(since or history_start, covered.since), self.started)
        elif since is not None:
            # What was never read ends where the rest begins; what was read is read again up to now.
            wanted = _Span(since, covered.since if since < covered.since else self.started)
        elif begun is not None:
            wanted = begun
        else:
            return covered
        origin = _origin(wanted, covered)
        # One that was cut off goes on with its own end: with another one its pages would be other pages.
        if begun is not None and begun.since <= wanted.since and _origin(begun, covered) is origin:
            return self._backfill(begun, covered, origin, saved)
        forgotten = dict.fromkeys(name for name in saved if name.startswith(_SLICE))
        self.store.apply(self.account, checkpoints={**forgotten, _PLAN: wanted.to_json()})
        return self._backfill(wanted, covered, origin, {})

    def _backfill(self, plan: _Span, covered: _Span | None, origin: Origin, spots: Mapping[str, Any]) -> _Span:
        """Read every slice of a part of the history from where it was left; the span that is covered then."""
        slices = self.client.adapter.backfill(plan.since, plan.until)
        for part in slices:
            self._read_slice(part, spots.get(_SLICE + part.key, {}), origin, alone=len(slices) == 1)
        known = plan
        if covered is not None:
            whole = plan.since <= covered.since and plan.until >= covered.until
            known = _Span(min(plan.since, covered.since), plan.until if whole else covered.until)
        done = dict.fromkeys([_PLAN, *(_SLICE + part.key for part in slices)])
        self.store.apply(self.account, checkpoints={**done, _COVERED: known.to_json()})
        return known

    def _read_slice(self, part: Slice, spot: Mapping[str, Any], origin: Origin, *, alone: bool) -> None:
        if spot.get("done"):
            return
        read = spot.get("read", 0)
        for seen_at, page in self._pages(part.read, spot.get("cursor")):
            read += len(page.items) + len(page.set_aside)
            reached = {"done": True} if page.next is None else {"read": read, "cursor": page.next}
            self._store_page(page, seen_at, origin, {_SLICE + part.key: reached})
            total = page.total if alone else None
            self.show(SyncProgress(account=self.account, phase="backfill", read=read, total=total))

    def _changes(self, covered: _Span) -> _Span:
        """Read what changed since the end of a span; the span that is covered then."""
        if self._can(Capability.CHANGES):
            until = self._read_feed(covered)
            # A feed that tells some changes only need not tell of what is new.
            if self.client.adapter.support(Capability.CHANGES) is Support.PARTIAL:
                self._read_trail(covered)
        else:
            until = self.started
            self._read_trail(covered)
            self._read_open()
            self._read_unseen()
        known = _Span(covered.since, until)
        self.store.apply(self.account, checkpoints={_CHANGES: None, _COVERED: known.to_json()})
        return known

    def _read_feed(self, covered: _Span) -> datetime:
        """Read what the vendor says has changed; the moment up to which that is."""
        saved = self.store.checkpoints(self.account).get(_CHANGES)
        span = _Span.from_json(saved) if saved else _Span(covered.until, self.started)
        since = span.since - _CLOCK_DIFFERENCE
        adapter = self.client.adapter
        for seen_at, page in self._pages(lambda cursor: adapter.changes(since, cursor), saved and saved["cursor"]):
            reached = None if page.next is None else {**span.to_json(), "cursor": page.next}
            self._store_page(page, seen_at, Origin.POLL, {_CHANGES: reached})
            self._show_changes()
        return span.until

    def _read_trail(self, covered: _Span) -> None:
        """Read what was created since the last sync, and shortly before it."""
        for part in self.client.adapter.backfill(max(covered.since, covered.until - _TRAILING), self.started):
            self._read_again(part.read)

    def _read_open(self) -> None:
        """List what stands at the words of the open returns; where that cannot be asked, all since the oldest of them."""
        words = self.store.open_words(self.account)
        if not words or not self._can(Capability.LIST_RETURNS):
            return
        adapter = self.client.adapter
        by_word = ReturnQuery(raw_status=words)
        since_oldest = ReturnQuery(created_after=self.store.oldest_open(self.account))
        try:
            if len(words) <= _MOST_WORDS:
                self._read_again(lambda cursor: adapter.list_returns(by_word, cursor))
                return
        except (UnsupportedOperation, ValidationFailed):
            pass
        self._read_again(lambda cursor: adapter.list_returns(since_oldest, cursor))

    def _read_unseen(self) -> None:
        """Read one by one the open returns that no listing of this run has shown: most have left those words."""
        after = ""
        while some := self.store.open_unseen(self.account, self.started, after=after):
            for return_id in some:
                self._read_one(return_id)
                self._show_changes()
            after = some[-1]

    def _read_again(self, read: ReadPage) -> None:
        for seen_at, page in self._pages(read):
            self._store_page(page, seen_at, Origin.POLL)
            self._show_changes()

    def _read_one(self, return_id: str) -> None:
        seen_at = self._clock()
        ret = self._detail(return_id)
        if ret is None:
            return
        known = None if self.details else self.store.get_return(self.account, return_id)
        # Asked for no details, it tells none: they would look like changes, though nothing but our knowledge changed.
        self._store([observed(narrowed(ret, known.ret) if known else ret, seen_at=seen_at)])

    def _pages(self, read: ReadPage, cursor: str | None = None) -> Iterator[tuple[datetime, Page[Return]]]:
        """Every page from the cursor on, and when it was asked for."""
        resumed = cursor is not None
        last: tuple[str, ...] = ()
        while True:
            seen_at = self._clock()
            try:
                page = self._ask(read(cursor))
            except (NotFound, PluginError, UnexpectedReply, ValidationFailed, ValueError):
                if not resumed:
                    raise
                # The vendor, or a newer adapter, no longer takes the cursor of the run that was cut off, or what it was
                # made from is gone. Where the vendor answers nonsense to everything, the next try says so.
                cursor, resumed = None, False
                continue
            ids = tuple(ret.id for ret in page.items)
            if (ids and ids == last) or (page.next is not None and page.next == cursor):
                raise UnexpectedReply("the vendor repeats a page of its listing: what comes behind it cannot be seen")
            yield seen_at, page
            if page.next is None:
                return
            cursor, last, resumed = page.next, ids, False

    def _store_page(
        self, page: Page[Return], seen_at: datetime, origin: Origin, checkpoints: Mapping[str, Any] = _NONE
    ) -> None:
        self._count(pages=1, set_aside=len(page.set_aside))
        for sentence in page.gaps:
            self._gap(sentence)
        observations = [observed(ret, seen_at=seen_at, origin=origin) for ret in page.items]
        if self.details:
            observations = [self._in_detail(observation) for observation in observations]
        for return_id in self._store(observations, checkpoints):
            self._read_one(return_id)

    def _in_detail(self, row: Observation) -> Observation:
        seen_at = self._clock()
        ret = self._detail(row.ret.id)
        return row if ret is None else observed(ret, seen_at=seen_at, origin=row.origin)

    def _detail(self, return_id: str) -> Return | None:
        """A return as the vendor has it; None, and the report says so, if it cannot be read."""
        ret: Return | None = None
        try:
            ret = self._ask(self.client.adapter.get_return(return_id))
        except NotFound:
            self._gap(f"{return_id} is not known to the vendor any more; the mirror keeps what it was last told")
            return None
        except UnexpectedReply as problem:
            # With a place, this record is odd; without one, the vendor is.
            if not problem.where:
                raise
        if ret is None or ret.id != return_id:
            self._count(set_aside=1)
            return None
        return ret

    def _store(self, observations: Sequence[Observation], checkpoints: Mapping[str, Any] = _NONE) -> tuple[str, ...]:
        """Merge what was read; the returns that have to be read again."""
        applied = self.store.apply(self.account, observations, checkpoints=checkpoints)
        self._count(
            read=len(observations),
            created=applied.created,
            changed=applied.changed,
            unchanged=applied.unchanged,
            events=applied.events,
            set_aside=applied.refused,
        )
        return applied.reread

    def _ask(self, operation: Operation[T]) -> T:
        counted: Any = self._counted(operation)
        # Errors and logs call an operation by its name.
        counted.__name__ = getattr(operation, "__name__", "")
        result: T = self.client.run(counted)
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

    def _gap(self, sentence: str) -> None:
        gaps = self.report.gaps
        if len(gaps) < _MOST_GAPS and sentence not in gaps:
            self.report = evolve(self.report, gaps=(*gaps, sentence))

    def _show_changes(self) -> None:
        self.show(SyncProgress(account=self.account, phase="changes", read=self.report.read))

    def _can(self, capability: Capability) -> bool:
        return self.client.adapter.support(capability) in (Support.YES, Support.PARTIAL)

    def _clock(self) -> datetime:
        """The present, and never before what was read last: not even if somebody set the clock back."""
        present = self.now()
        return present if self.last_seen is None else max(present, self.last_seen + _TICK)


def _origin(plan: _Span, covered: _Span | None) -> Origin:
    """As what a part of the history is told: what was never read is backfilled."""
    return Origin.BACKFILL if covered is None or plan.until <= covered.since else Origin.POLL


def _unforeseen(error: Exception) -> str:
    """Where something broke. What the error itself says may hold anything, and is not repeated."""
    place = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
