"""How a list without pages is read whole.

Returnless V1 API has ``per_page``, ``sort_order`` and filters, and nothing that turns a page. There are three ways to read a list
all the same, and :func:`read_page` takes the one that applies:

- By creation, oldest first: each page asks for what was created after the last row, a second early, since the documentation
  does not say whether "after" includes the second itself, and several records can share one. Rows that were read before are
  known by their ids. The walk ends where a page brings nothing later, not where one is short: a server may send less than it
  was asked for.
- By update, where a list of changes turns out to be sorted that way.
- By status, in a second with more records than a page holds: it is requested once more for every status, and what may
  still be missing is said in ``gaps``.

Every page is checked: a server that ignores a filter or the order would otherwise pass wrong rows off as right ones. The hour
that a clock set back repeats is one long second here, since its times do not say which of the two hours they belong to.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise, takewhile
from typing import Any, Final, Literal, TypeAlias
from unicodedata import normalize

from attrs import evolve, field, frozen

from returns_hub import Operation, UnexpectedReply, ValidationFailed
from returns_hub.wire import foreign_cursor
from returns_hub_returnless.wire import (
    existing_time,
    format_local_time,
    parse_local_time,
    repeated_period,
)

MAX_PAGE_SIZE: Final = 200

_SECOND: Final = timedelta(seconds=1)
_HOUR: Final = timedelta(hours=1)
_MAX_SEEN_IDS: Final = MAX_PAGE_SIZE
_MAX_STATUS_LENGTH: Final = 64
_ID: Final = re.compile(r"[\w.:-]{1,64}\Z", re.ASCII)
_CURSOR: Final = re.compile(
    r"(?P<position>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)?;(?P<flags>i?p?s?u?m?h?);(?P<short>\d{1,9})x(?P<run>[0-2]);(?P<seen>.*)\Z",
    re.ASCII,
)

ResourceName: TypeAlias = Literal["returns", "requests"]


@frozen(kw_only=True)
class Fetched:
    """The rows of one reply, and the moment at which the vendor sent it, by the vendor's clock, if it says so."""

    rows: Sequence[Any] = field(repr=False)
    sent_at: datetime | None = None


Fetch: TypeAlias = Callable[[str, Sequence[tuple[str, str]]], Operation[Fetched]]
"""Sends a query to one of the vendor's lists."""


@frozen(kw_only=True)
class Resource:
    """One of the vendor's lists. ``statuses`` are those by which its records can be requested."""

    name: ResourceName
    id_key: str
    time_key: str
    statuses: tuple[str, ...]
    updated_key: str | None = None


@frozen(kw_only=True)
class Row:
    """A record with a place in the list. ``at`` is its time; in a repeated hour, the first second of that hour."""

    index: int
    id: str
    at: datetime
    updated_at: datetime | None
    status: str | None
    raw: Any = field(repr=False)


@frozen(kw_only=True)
class Listing:
    """What is to be read of a list. Every filter is sent with every page, and every row is checked for it.

    ``start``, ``end`` and ``updated_after`` are local times of the vendor's; ``end`` is no filter of the vendor's, but the walk ends
    there. ``by_update`` sorts by the time of the last update, from ``start``.
    """

    resource: Resource
    zone: tzinfo = UTC
    reference: str | None = None
    order_id: str | None = None
    email: str | None = field(default=None, repr=False)
    status: str | None = None
    updated_after: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None
    size: int = MAX_PAGE_SIZE
    by_update: bool = False

    @property
    def time_key(self) -> str:
        """The field whose times the cursor follows."""
        return (self.by_update and self.resource.updated_key) or self.resource.time_key

    @property
    def is_stable(self) -> bool:
        """True if a row that matches once goes on matching, and keeps its place."""
        return self.status is None and not self.by_update

    @property
    def text_filters(self) -> list[tuple[str, str, str]]:
        """The filters on texts: the parameter, the field of a row that it is about, the value."""
        values = (
            ("reference", "reference", self.reference),
            ("order_id", "order_id", self.order_id),
            ("emailaddress", "customer_email", self.email),
            ("status", "status", self.status),
        )
        return [(name, key, value) for name, key, value in values if value is not None]

    def build_query(self, bound: datetime | None, *, order: str) -> list[tuple[str, str]]:
        """The parameters of a request for the rows after ``bound``."""
        times = {"updated_after" if self.by_update else "created_after": bound}
        if self.updated_after is not None:
            times["updated_after"] = self.updated_after
        return [
            ("per_page", str(self.size)),
            ("sort_order", order),
            *((name, value) for name, _, value in self.text_filters),
            *((name, format_local_time(moment)) for name, moment in times.items() if moment is not None),
        ]

    def includes(self, row: Row) -> bool:
        """False if the row lies outside the bounds, or lacks a field that is filtered on."""
        return (
            (self.start is None or row.at >= repeated_period(self.start, self.zone)[0])
            and (self.end is None or row.at <= self.end)
            and all(_text(row.raw, key) is not None for _, key, _ in self.text_filters)
        )

    def ordered_by_update(self) -> "Listing":
        """The same rows, sorted by their last update."""
        if self.by_update:
            return self
        return evolve(self, by_update=True, start=self.updated_after, end=None, updated_after=None)

    def before(self, moment: datetime | None) -> datetime | None:
        """A second earlier; where a clock set forward skips that second, one before the gap."""
        return None if moment is None else existing_time(moment - _SECOND, self.zone)


@frozen(kw_only=True)
class Cursor:
    """Where a walk stands, and what it has learnt about the server.

    ``position`` is the time of the last row, and ``seen`` the ids of the rows read at that time. ``inclusive``: a time filter
    includes its own second. ``past``: of this second nothing more is requested. ``undocumented``: a status came that is not in the
    vocabulary. ``several``: a list of changes that is longer than a page. ``hidden``: rows are sorted and filtered by
    a time that some of them do not show. ``short``: the length of the pages that had less than was asked for, at least
    ``run`` of them in a row.
    """

    position: datetime | None = None
    seen: frozenset[str] = frozenset()
    inclusive: bool = False
    past: bool = False
    undocumented: bool = False
    by_update: bool = False
    several: bool = False
    hidden: bool = False
    short: int = 0
    run: int = 0

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """The inverse of ``str``.

        Raises:
            ValueError: not a cursor of a walk.
        """
        match = _CURSOR.match(text)
        ids = match["seen"].split(",") if match and match["seen"] else []
        position = parse_local_time(match["position"]) if match else None
        if (
            match is None
            or len(ids) > _MAX_SEEN_IDS
            or not all(map(_ID.match, ids))
            or (position is None) != (match["position"] is None)
        ):
            raise foreign_cursor()
        return cls(
            position=position,
            seen=frozenset(ids),
            short=int(match["short"]),
            run=int(match["run"]),
            **{name: letter in match["flags"] for letter, name in _FLAGS.items()},
        )

    def __str__(self) -> str:
        flags = "".join([letter for letter, name in _FLAGS.items() if getattr(self, name)])
        position = format_local_time(self.position) if self.position else ""
        return f"{position};{flags};{self.short}x{self.run};{','.join(sorted(self.seen))}"

    def bound(self, listing: Listing) -> datetime | None:
        """The time after which rows are requested next."""
        if self.position is None:
            return listing.before(listing.start)
        if self.past:
            last = repeated_period(self.position, listing.zone)[1]
            return last + _SECOND if self.inclusive else last
        return self.position if self.inclusive else listing.before(self.position)


_FLAGS: Final = {
    "i": "inclusive",
    "p": "past",
    "s": "undocumented",
    "u": "by_update",
    "m": "several",
    "h": "hidden",
}


@frozen(kw_only=True)
class ListPage:
    """One page of a walk: numbered rows, where it goes on (None: nowhere), and what cannot be read."""

    rows: list[tuple[int, Any]] = field(repr=False)
    next: Cursor | None = None
    gaps: tuple[str, ...] = ()
    sent_at: datetime | None = None


@frozen(kw_only=True)
class Rows:
    """One reply of the vendor's: the rows that have a place in the list, those of them in order of time, and the others.

    ``bound`` is the time after which they were requested; no row in order is before ``floor``.
    """

    bound: datetime | None
    floor: datetime | None
    placed: list[Row]
    others: list[tuple[int, Any]] = field(repr=False)
    sent_at: datetime | None = None
    in_order: list[Row] = field(init=False)

    def __attrs_post_init__(self) -> None:
        on_time = [row for row in self.placed if self.floor is None or row.at >= self.floor]
        object.__setattr__(self, "in_order", _longest_ascending(on_time))

    def __len__(self) -> int:
        return len(self.placed) + len(self.others)

    @property
    def newest(self) -> datetime | None:
        """The time of the last row in order of time."""
        return self.in_order[-1].at if self.in_order else None

    @property
    def reversed(self) -> "Rows":
        """The same rows from the last to the first."""
        return evolve(self, placed=self.placed[::-1])

    @property
    def is_ascending(self) -> bool:
        """True if no row is older than the one before it."""
        return len(self.in_order) == len(self.placed)

    @property
    def is_ascending_by_update(self) -> bool:
        """True if every row has a time of its last update, none before that of the row before it."""
        known = [row.updated_at for row in self.placed if row.updated_at is not None]
        return len(known) == len(self.placed) and known == sorted(known)

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the rows that have a place."""
        return frozenset([row.id for row in self.placed])


def _longest_ascending(rows: list[Row]) -> list[Row]:
    """The longest part of the rows in which none is older than the one before it; nearly always all of them."""
    if all(before.at <= after.at for before, after in pairwise(rows)):
        return rows
    ends: list[datetime] = []  # the earliest time at which a part of each length can end, and the row it ends with
    last: list[int] = []
    previous: list[int | None] = []
    for index, row in enumerate(rows):
        length = bisect_right(ends, row.at)
        ends[length:] = [row.at, *ends[length + 1 :]]
        last[length:] = [index, *last[length + 1 :]]
        previous.append(last[length - 1] if length else None)
    chain: list[Row] = []
    step: int | None = last[-1]
    while step is not None:
        chain.append(rows[step])
        step = previous[step]
    return chain[::-1]


def read_page(listing: Listing, cursor: Cursor, fetch: Fetch) -> Operation[ListPage]:
    """The rows behind ``cursor`` that no page before brought, in one request; a few where the server must be probed.

    Raises:
        UnexpectedReply: the server does not honour the order or a filter; going on would lose records.
    """
    walk = _walk_by_update if cursor.by_update else _walk_by_creation
    return (yield from walk(listing, cursor, fetch))


def read_newest(listing: Listing, fetch: Fetch) -> Operation[Rows]:
    """The newest rows, newest first: as many as a page holds, since no filter ends before a time.

    Raises:
        UnexpectedReply: as for :func:`read_page`.
    """
    page = yield from _fetch(listing, listing.before(listing.start), fetch, order="desc")
    _check_filters(listing, Cursor(), page.reversed)
    if not (yield from _is_in_order(listing, page.reversed, fetch)):
        raise _unordered(listing)
    return page


def read_oldest(listing: Listing, fetch: Fetch) -> Operation[Rows]:
    """The oldest row of all that match."""
    return (yield from _fetch(evolve(listing, size=1), listing.before(listing.start), fetch))


def _walk_by_creation(listing: Listing, cursor: Cursor, fetch: Fetch) -> Operation[ListPage]:
    page, cursor = yield from _fetch_behind(listing, cursor, fetch)
    if not cursor.hidden and not page.is_ascending:
        if not (yield from _is_in_order(listing, page, fetch)):
            return (yield from _read_unordered(listing, cursor, page, fetch))
        cursor = evolve(cursor, hidden=True)
    read = yield from _take(listing, cursor, page, fetch)
    if read.next is None and cursor.several:
        other = (yield from _fetch(listing, listing.before(listing.start), fetch, order="desc")).reversed
        if not (yield from _is_end(listing, cursor, other, fetch)):
            return (yield from _start_by_update(listing, other, fetch))
    return read


def _walk_by_update(listing: Listing, cursor: Cursor, fetch: Fetch) -> Operation[ListPage]:
    listing = listing.ordered_by_update()
    page, cursor = yield from _fetch_behind(listing, cursor, fetch)
    if not page.is_ascending:
        raise _unordered(listing)
    return (yield from _take(listing, cursor, page, fetch))


def _fetch_behind(listing: Listing, cursor: Cursor, fetch: Fetch) -> Operation[tuple[Rows, Cursor]]:
    """The page behind ``cursor``, checked against the filters, and the cursor with what the page teaches of the server."""
    page = yield from _fetch(listing, cursor.bound(listing), fetch)
    _check_filters(listing, cursor, page)
    learnt = not cursor.inclusive and any(row.at == page.bound for row in page.placed)
    undocumented = any(row.status not in listing.resource.statuses for row in page.placed)
    cursor = evolve(cursor, inclusive=cursor.inclusive or learnt, undocumented=cursor.undocumented or undocumented)
    if learnt and (cursor.past or (_is_stuck(cursor, page) and _may_be_cut_off(listing, cursor, page))):
        # Nothing but the second before stood in the way; "after" includes it, so it need not come again.
        return (yield from _fetch_behind(listing, cursor, fetch))
    return page, cursor


def _take(listing: Listing, cursor: Cursor, page: Rows, fetch: Fetch) -> Operation[ListPage]:
    """What a page brings, and where the walk goes on; where the page ends within a second, all of that second."""
    stuck = _is_stuck(cursor, page)
    beyond = (yield from _rows_beyond(listing, cursor, page, fetch)) if stuck else None
    if beyond is not None and len(_early(page)) > max(1, len(page) // 2):
        # The page before, once more.
        raise _ignored_bound(listing)
    if beyond is not None and listing.size < MAX_PAGE_SIZE:
        return (yield from read_page(evolve(listing, size=MAX_PAGE_SIZE), cursor, fetch))
    if beyond is not None and cursor.position is not None:
        _check_bound(listing, page, tolerance=timedelta())
        return (yield from _read_by_status(listing, cursor, page, fetch, position=cursor.position, beyond=beyond))
    _check_joined(listing, cursor, page)
    over = stuck or page.newest is None or (listing.end is not None and page.newest > listing.end)
    return ListPage(
        rows=_unread(listing, cursor, page),
        next=None if over else _move(listing, cursor, page),
        sent_at=page.sent_at,
    )


def _read_unordered(listing: Listing, cursor: Cursor, page: Rows, fetch: Fetch) -> Operation[ListPage]:
    """A page that is not in the order of creation: the documentation says "oldest items", and not oldest in what.

    If both ends of the list are the same rows, these are all of it. Longer lists of changes are read by update, if they come in that
    order.
    """
    other = yield from _fetch(listing, listing.before(listing.start), fetch, order="desc")
    is_whole = cursor.position is None and other.ids == page.ids
    if is_whole and other.placed[0].id != page.placed[0].id:
        return ListPage(rows=_unread(listing, cursor, page), sent_at=page.sent_at)
    return (yield from _start_by_update(listing, page, fetch))


def _start_by_update(listing: Listing, sample: Rows, fetch: Fetch) -> Operation[ListPage]:
    """The first page of a list of changes that comes in the order of updates, if ``sample`` shows that it does."""
    # The order of updates says nothing of what was created when.
    bounded = listing.start is not None or listing.end is not None
    if listing.updated_after is None or bounded or not sample.is_ascending_by_update:
        raise _unordered(listing)
    page = yield from _walk_by_update(listing, Cursor(by_update=True), fetch)
    gap = (
        f"{listing.resource.name}, changed since {format_local_time(listing.updated_after)}: they come in the order of "
        "their last update; those that were updated after their status changed may be missing"
    )
    return evolve(page, gaps=(gap, *page.gaps))


def _read_by_status(
    listing: Listing, cursor: Cursor, stuck: Rows, fetch: Fetch, *, position: datetime, beyond: list[Row]
) -> Operation[ListPage]:
    """A second with more records than a page holds: all that the server can be made to send of it, and on behind it.

    ``stuck`` is a page that ends in this second, at ``position``; ``beyond`` are further rows that came to light.
    """
    found, gaps = yield from _split_by_status(listing, cursor, stuck, beyond, fetch)
    first, last = repeated_period(position, listing.zone)
    # Asked for what came after a repeated hour, a server that takes its end for that of the first of the two sends the second: only
    # a later time leads on, and whether that is sent too is not documented.
    times = (position, last + _SECOND) if cursor.past else (position,)
    crowd = {
        row.id: row for row in found if row.id not in cursor.seen and (row.at in times or _shows_earlier(stuck, row))
    }
    place = " to ".join(dict.fromkeys(map(format_local_time, (first, last))))
    return ListPage(
        rows=[*((row.index, row.raw) for row in crowd.values() if listing.includes(row)), *stuck.others],
        next=evolve(cursor, position=times[-1], past=True, seen=frozenset()),
        gaps=tuple(
            [f"{listing.resource.name}, {listing.time_key} {place}: {gap}; others may be missing" for gap in gaps]
        ),
        sent_at=stuck.sent_at,
    )


def _split_by_status(
    listing: Listing, cursor: Cursor, stuck: Rows, beyond: list[Row], fetch: Fetch
) -> Operation[tuple[list[Row], list[str]]]:
    """The rows of a crowded second, requested status by status; and what of it remains unread."""
    found, gaps = [*stuck.placed, *beyond], list[str]()
    whole = f"only {len(stuck)} are sent, and they cannot be requested by status"
    if listing.status is not None:
        return found, [whole]
    seen = [row.status for row in found if row.status and len(row.status) <= _MAX_STATUS_LENGTH]
    for status in dict.fromkeys([*listing.resource.statuses, *seen]):
        try:
            page = yield from _fetch(evolve(listing, status=status), cursor.bound(listing), fetch)
        except ValidationFailed:
            gaps.append(f"those with status {status!r} cannot be requested")
            continue
        if any(row.status != status for row in page.placed):
            return found, [whole]
        found += page.placed
        if len(page) >= len(stuck) and page.newest == cursor.position:
            gaps.append(f"only {len(page)} of those with status {status!r} are sent")
    if cursor.undocumented or any(row.status not in listing.resource.statuses for row in found):
        gaps.append("those with a status outside the vocabulary cannot be requested")
    return found, gaps


def _rows_beyond(listing: Listing, cursor: Cursor, page: Rows, fetch: Fetch) -> Operation[list[Row] | None]:
    """None if a page that brings nothing later is whole; if it is cut off, the rows behind it that came to light."""
    if len(page) >= listing.size or (len(page) == cursor.short and cursor.run >= 2):
        # Full; or the third page of one length, and less than was asked for: that is all the server ever sends.
        return []
    if not _may_be_cut_off(listing, cursor, page):
        return None
    # The other end of the list shows whether this page was whole.
    other = yield from _fetch(listing, cursor.bound(listing), fetch, order="desc")
    return [row for row in other.placed if row.id not in page.ids] or None


def _may_be_cut_off(listing: Listing, cursor: Cursor, page: Rows) -> bool:
    """False if a page that brings nothing later is surely whole: shorter than any before, and nothing new in it."""
    new = [row for row in page.placed if row.id not in cursor.seen]
    brings_more = any(row.at == cursor.position or _shows_earlier(page, row) for row in new)
    return len(page) in (listing.size, cursor.short) or brings_more


def _is_in_order(listing: Listing, page: Rows, fetch: Fetch) -> Operation[bool]:
    """True if the rows are in order of time, or in that of a time that some of them do not show.

    Somebody may have given a record an earlier date, or a clock was set back. The list is then sorted and filtered by another time
    than a row shows: a request for what comes after the row before it brings it all the same. In a list that is
    sorted in another way, it does not.
    """
    if page.is_ascending or len(page.placed) < 2:
        return True
    before, after = max(pairwise(page.placed), key=lambda pair: pair[0].at - pair[1].at)
    if page.floor is not None and after.at < page.floor <= before.at:
        return True
    probe = yield from _fetch(listing, listing.before(before.at), fetch)
    return after.id in probe.ids or before.id not in probe.ids


def _is_end(listing: Listing, cursor: Cursor, other: Rows, fetch: Fetch) -> Operation[bool]:
    """True if the other end of the list, newest last, is where the walk ended.

    Changes that were made in the order of creation, by a nightly job for instance, come in that order by chance: then those behind
    the first page would be lost.
    """
    if other.newest is None or cursor.position is None:
        return True
    return other.newest >= cursor.position and (yield from _is_in_order(listing, other, fetch))


def _fetch(listing: Listing, bound: datetime | None, fetch: Fetch, *, order: str = "asc") -> Operation[Rows]:
    query = listing.build_query(bound, order=order)
    reply = yield from fetch(listing.resource.name, query)
    rows = [(index, raw, _place(listing, index, raw)) for index, raw in enumerate(reply.rows)]
    placed = [row for _, _, row in rows if row is not None]
    if len(rows) >= listing.size and not placed:
        raise UnexpectedReply(
            "no row has an id and a time: the list cannot be read in order",
            where=f"{listing.resource.name}[0].{listing.time_key}",
        )
    others = [(index, raw) for index, raw, row in rows if row is None]
    floor = bound and repeated_period(bound, listing.zone)[0]
    return Rows(bound=bound, floor=floor, placed=placed, others=others, sent_at=reply.sent_at)


def _place(listing: Listing, index: int, raw: Any) -> Row | None:
    """The row, if it has an id and a time; any other has no place in the list."""
    if not isinstance(raw, dict):
        return None
    record_id, at = _text(raw, listing.resource.id_key), parse_local_time(raw.get(listing.time_key))
    if at is None or record_id is None or not _ID.match(record_id):
        return None
    key = listing.resource.updated_key
    updated_at = parse_local_time(raw.get(key)) if key else None
    return Row(
        index=index,
        id=record_id,
        at=repeated_period(at, listing.zone)[0],
        updated_at=updated_at and repeated_period(updated_at, listing.zone)[0],
        status=_text(raw, "status"),
        raw=raw,
    )


def _text(raw: Mapping[str, Any], key: str) -> str | None:
    value = raw.get(key)
    if type(value) is int:
        return str(value)
    return value if type(value) is str and value else None


def _check_filters(listing: Listing, cursor: Cursor, page: Rows) -> None:
    """Raises if the server ignores a filter, and would send everybody's records: the documentation itself misspells one."""
    if _advances(cursor, page):
        # The clock of an unknown zone may have been set back.
        _check_bound(listing, page, tolerance=_HOUR)
    for row in page.placed:
        for name, key, wanted in listing.text_filters:
            value = _text(row.raw, key)
            if value is not None and _folded(value) != _folded(wanted):
                raise _ignored(listing, name)
    since = listing.updated_after and repeated_period(listing.updated_after, listing.zone)[0]
    if since is not None and any(row.updated_at is not None and row.updated_at < since for row in page.placed):
        raise _ignored(listing, "updated_after")


def _check_bound(listing: Listing, page: Rows, *, tolerance: timedelta) -> None:
    """Raises if rows before the requested time come first; one that shows an earlier time than it is sorted by may."""
    if len(_early(page, tolerance)) > 1:
        raise _ignored_bound(listing)


def _early(page: Rows, tolerance: timedelta = timedelta()) -> list[Row]:
    """The rows at the start of a page that are before the requested time."""
    floor = page.floor and page.floor - tolerance
    return list(takewhile(lambda row: floor is not None and row.at < floor, page.placed))


def _ignored_bound(listing: Listing) -> UnexpectedReply:
    name = "updated_after" if listing.by_update else "created_after"
    return UnexpectedReply(
        f"rows came from before {name}: the filter is not honoured, or is read in another time zone than rows are "
        "printed in",
        where=listing.resource.name,
    )


def _folded(text: str) -> str:
    """A text as loosely as any server may compare it: without regard to case, blanks, or how a character is composed."""
    return "".join(normalize("NFKC", text).casefold().split())


def _ignored(listing: Listing, name: str) -> UnexpectedReply:
    return UnexpectedReply(
        f"rows came that the filter {name} excludes: it is not honoured", where=listing.resource.name
    )


def _unordered(listing: Listing) -> UnexpectedReply:
    return UnexpectedReply("the rows are not in the order that sort_order asks for", where=listing.resource.name)


def _check_joined(listing: Listing, cursor: Cursor, page: Rows) -> None:
    """Raises unless the row read last came again, or may have moved: otherwise rows may lie between it and this page."""
    if cursor.position is not None and not cursor.past and listing.is_stable and not page.ids & cursor.seen:
        raise UnexpectedReply(
            "the row that was read last did not come again: created_after is read in another time zone than rows are "
            "printed in, or the row was deleted; read the list from its start",
            where=listing.resource.name,
        )


def _is_stuck(cursor: Cursor, page: Rows) -> bool:
    return bool(page.placed) and not _advances(cursor, page)


def _advances(cursor: Cursor, page: Rows) -> bool:
    return page.newest is not None and (cursor.position is None or page.newest > cursor.position)


def _unread(listing: Listing, cursor: Cursor, page: Rows) -> list[tuple[int, Any]]:
    """The rows of a page that were asked for, and that no page before it brought."""
    position = cursor.position
    rows = [
        (row.index, row.raw)
        for row in page.placed
        if listing.includes(row)
        and (
            position is None
            or row.at > position
            or (row.id not in cursor.seen and ((row.at == position and not cursor.past) or _shows_earlier(page, row)))
        )
    ]
    return sorted([*rows, *page.others], key=lambda row: row[0])


def _shows_earlier(page: Rows, row: Row) -> bool:
    """True of a row that shows an earlier time than what was asked for: the server sorts it by another."""
    return page.floor is not None and row.at < page.floor


def _move(listing: Listing, cursor: Cursor, page: Rows) -> Cursor:
    """The cursor behind a page that brought something later."""
    last = next(index for index, row in enumerate(page.placed) if row.at == page.newest)
    full = len(page) >= listing.size
    run = cursor.run + 1 if len(page) == cursor.short else 1
    return evolve(
        cursor,
        position=page.newest,
        # What is forgotten of a longer second is read twice at worst.
        seen=frozenset([row.id for row in page.placed[last:][-_MAX_SEEN_IDS:]]),
        past=False,
        several=listing.updated_after is not None and (full or cursor.position is not None),
        short=0 if full else len(page),
        run=0 if full else min(run, 2),
    )
