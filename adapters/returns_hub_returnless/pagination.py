"""How a list without pages is read whole: a keyset walk, oldest first, on the time of creation.

Returnless V1 API documents ``per_page``, ``sort_order``, filters, and nothing to turn a page with. So each page asks for what was
created after the last row, a second early: whether "after" takes the second itself in is not documented, and several
records can share one. What was read already is known by its id. A walk ends where a page brings nothing later, not where
one is short, for a vendor may serve less than it was asked for. Each page is checked: a vendor that passes over a filter
or the order would otherwise give the wrong rows for the right ones.

A second with more records than a page holds cannot be walked through. It is asked for once more status by status, and
what then may still be missing is said in ``gaps``.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Literal, TypeAlias

from attrs import evolve, frozen

from returns_hub import Operation, UnexpectedReply, ValidationFailed
from returns_hub_returnless.wire import Record, format_local_time, parse_local_time

MAX_PAGE_SIZE: Final = 200

_SECOND: Final = timedelta(seconds=1)
_MAX_SEEN_IDS: Final = MAX_PAGE_SIZE
_ID: Final = re.compile(r"[\w.:-]{1,64}\Z", re.ASCII)
_MAX_STATUS_LENGTH: Final = 64
_CURSOR: Final = re.compile(
    r"(?P<position>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)?;(?P<flags>i?p?s?u?m?);(?P<short>\d{1,9})x(?P<run>[0-2]);(?P<seen>.*)\Z",
    re.ASCII,
)

Name: TypeAlias = Literal["returns", "requests"]
Ask: TypeAlias = Callable[[str, Sequence[tuple[str, str]]], Operation[list[Any]]]
"""Sends the query to a list of the vendor's, and gives its rows."""


@frozen(kw_only=True)
class Kind:
    """One of the vendor's lists. ``words`` are the statuses that its records can be told apart by."""

    name: Name
    id_key: str
    time_key: str
    words: tuple[str, ...]
    updated_key: str | None = None


@frozen(kw_only=True)
class Row:
    """A record that can be placed in the walk, and its number on its page."""

    index: int
    id: str
    at: datetime
    updated: datetime | None
    word: str | None
    raw: Any


@frozen(kw_only=True)
class Listing:
    """What is to be read of a list. What is set goes on the wire with every page, and every row is checked for it.

    ``start``, ``end`` and ``updated_after`` are by the vendor's clock; ``end`` is no filter of the vendor's, but there the
    walk ends. ``by_update`` walks along the time of the last update, from ``start``.
    """

    kind: Kind
    reference: str | None = None
    order_id: str | None = None
    email: str | None = None
    status: str | None = None
    updated_after: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None
    size: int = MAX_PAGE_SIZE
    by_update: bool = False

    @property
    def time_key(self) -> str:
        """The field that the walk goes along."""
        return (self.by_update and self.kind.updated_key) or self.kind.time_key

    @property
    def is_stable(self) -> bool:
        """True if what matches once goes on matching, and keeps its place."""
        return self.status is None and not self.by_update

    @property
    def matching(self) -> list[tuple[str, str, str]]:
        """The filters on texts: the parameter, the field of a row that it is about, the value."""
        values = (
            ("reference", "reference", self.reference),
            ("order_id", "order_id", self.order_id),
            ("emailaddress", "customer_email", self.email),
            ("status", "status", self.status),
        )
        return [(name, key, value) for name, key, value in values if value is not None]

    def filters(self, bound: datetime | None) -> list[tuple[str, str]]:
        """The filters as they are sent, with ``bound`` as the time after which rows are wanted."""
        times = {"updated_after" if self.by_update else "created_after": bound}
        if self.updated_after is not None:
            times["updated_after"] = self.updated_after
        return [
            *((name, value) for name, _, value in self.matching),
            *((name, format_local_time(moment)) for name, moment in times.items() if moment is not None),
        ]

    def wants(self, row: Row) -> bool:
        """True unless the row lies outside the bounds, or does not tell what is asked for: then it is nobody's."""
        return (
            (self.start is None or row.at >= self.start)
            and (self.end is None or row.at <= self.end)
            and all(_text(row.raw, key) is not None for _, key, _ in self.matching)
        )

    def ordered_by_update(self) -> "Listing":
        """The same rows, walked through along the time of their last update."""
        return evolve(self, by_update=True, start=self.updated_after, end=None, updated_after=None)


@frozen(kw_only=True)
class Spot:
    """Where a walk stands, and what it has learnt of the vendor.

    ``position`` is the time of the last row, in the vendor's own digits, and ``seen`` the ids read of this second.
    ``inclusive``: a filter's second is itself taken in. ``past``: of this second nothing more is asked for. ``strange``: a
    status came that is not in the vocabulary. ``many``: there are more changes than one page is known to hold. ``short``:
    how long the pages were that had less than was asked for, at least ``run`` in a row.
    """

    position: datetime | None = None
    seen: frozenset[str] = frozenset()
    inclusive: bool = False
    past: bool = False
    strange: bool = False
    by_update: bool = False
    many: bool = False
    short: int = 0
    run: int = 0

    @classmethod
    def parse(cls, cursor: str) -> "Spot":
        """The inverse of ``str``.

        Raises:
            ValueError: not a cursor of a walk.
        """
        match = _CURSOR.match(cursor)
        ids = match["seen"].split(",") if match and match["seen"] else []
        position = parse_local_time(match["position"]) if match else None
        if (
            match is None
            or len(ids) > _MAX_SEEN_IDS
            or not all(map(_ID.match, ids))
            or (position is None) != (match["position"] is None)
        ):
            raise ValueError("the cursor is not one that this listing gave")
        return cls(
            position=position,
            seen=frozenset(ids),
            inclusive="i" in match["flags"],
            past="p" in match["flags"],
            strange="s" in match["flags"],
            by_update="u" in match["flags"],
            many="m" in match["flags"],
            short=int(match["short"]),
            run=int(match["run"]),
        )

    def __str__(self) -> str:
        flags = "i" * self.inclusive + "p" * self.past + "s" * self.strange
        flags += "u" * self.by_update + "m" * self.many
        position = format_local_time(self.position) if self.position else ""
        return f"{position};{flags};{self.short}x{self.run};{','.join(sorted(self.seen))}"

    def bound(self, listing: Listing) -> datetime | None:
        """After when rows are asked for next."""
        if self.position is None:
            return _before(listing.start)
        if self.past:
            return self.position + _SECOND if self.inclusive else self.position
        return self.position if self.inclusive else self.position - _SECOND


@frozen(kw_only=True)
class Step:
    """What one step of a walk brought: numbered rows, where it goes on (None: nowhere), and what stays unseen."""

    rows: list[tuple[int, Any]]
    next: Spot | None = None
    gaps: tuple[str, ...] = ()


@frozen(kw_only=True)
class Rows:
    """One answer of the vendor's: the rows that have a place in the walk, and the others."""

    placed: list[Row]
    others: list[tuple[int, Any]]

    def __len__(self) -> int:
        return len(self.placed) + len(self.others)

    @property
    def newest(self) -> datetime | None:
        """The time of the last row in order of time."""
        return self.placed[-1].at if self.placed else None

    @property
    def reversed(self) -> "Rows":
        """The same rows from the last to the first."""
        return evolve(self, placed=self.placed[::-1])

    @property
    def is_ascending(self) -> bool:
        """True if no row is older than the one before it."""
        return all(before.at <= after.at for before, after in pairwise(self.placed))

    @property
    def is_ascending_by_update(self) -> bool:
        """True if every row tells its last update, and none's is before that of the row before it."""
        told = [row.updated for row in self.placed if row.updated is not None]
        return len(told) == len(self.placed) and told == sorted(told)

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the rows that have one."""
        return frozenset([row.id for row in self.placed])


def walk(listing: Listing, spot: Spot, ask: Ask) -> Operation[Step]:
    """The rows after ``spot`` that none before it brought, in one request; a few where the vendor must be sounded.

    Raises:
        UnexpectedReply: the vendor does not honour the order or a filter; going on would lose records.
    """
    if spot.by_update:
        listing = listing.ordered_by_update()
    size = listing.size
    while True:
        bound = spot.bound(listing)
        page = yield from _ask(listing, bound, size, ask)
        if spot.position is None and not page.is_ascending:
            return (yield from _read_unordered(listing, page, ask))
        _check_order(listing, page, bound)
        _check_filters(listing, page)
        learnt = not spot.inclusive and any(row.at == bound for row in page.placed)
        spot = evolve(
            spot,
            inclusive=spot.inclusive or learnt,
            strange=spot.strange or any(row.word not in listing.kind.words for row in page.placed),
        )
        if spot.past and learnt:
            # The second that was to be passed came again: it is passed by asking after the next one.
            continue
        stuck = spot.position is not None and page.newest is not None and page.newest <= spot.position
        hidden = (yield from _hidden(listing, spot, page, size, ask)) if stuck else None
        if hidden is not None:
            if not learnt and size == MAX_PAGE_SIZE:
                return (yield from _pass(listing, spot, page, hidden, ask))
            # Nothing but the second before, or too small a page, stood in the way.
            size = MAX_PAGE_SIZE
            continue
        _check_joined(listing, spot, page)
        over = stuck or page.newest is None or (listing.end is not None and page.newest > listing.end)
        if over and spot.many:
            other = yield from _ask(listing, _before(listing.start), listing.size, ask, order="desc")
            if not _ends_the_walk(spot, other):
                return (yield from _walk_along_updates(listing, other.reversed, ask))
        return Step(rows=_unread(listing, spot, page), next=None if over else _moved(listing, spot, page, size))


def _read_unordered(listing: Listing, page: Rows, ask: Ask) -> Operation[Step]:
    """A first page that is not in the order of creation: Returnless V1 API says "oldest items", and not oldest in what.

    If both ends of the list are the same rows, these are all of it. Changes that are too many for that are walked through
    along the time of the update, where they come in that order.
    """
    other = yield from _ask(listing, _before(listing.start), listing.size, ask, order="desc")
    if other.placed and other.ids == page.ids and other.placed[0].id != page.placed[0].id:
        _check_filters(listing, page)
        return Step(rows=_unread(listing, Spot(), page))
    return (yield from _walk_along_updates(listing, page, ask))


def _ends_the_walk(spot: Spot, other: Rows) -> bool:
    """True if the other end of the list is where the walk ended: else it came in the order of creation by chance only.

    Changes do where they are made in that order, by a nightly job for instance; those behind the first page would be lost.
    """
    end = other.reversed.newest
    return end is None or spot.position is None or (other.reversed.is_ascending and end >= spot.position)


def _walk_along_updates(listing: Listing, page: Rows, ask: Ask) -> Operation[Step]:
    """The first rows of a list of changes that comes in the order of updates, as ``page`` tells if that is so."""
    # Along the time of the update there is no telling what was created when.
    bounded = listing.start is not None or listing.end is not None
    if listing.updated_after is None or bounded or not page.is_ascending_by_update:
        raise _unordered(listing)
    step = yield from walk(listing, Spot(by_update=True), ask)
    gap = (
        f"{listing.kind.name}, changed since {format_local_time(listing.updated_after)}: they come in the order of their last "
        "update; those that were updated after their status changed may be missing"
    )
    return evolve(step, gaps=(gap, *step.gaps))


def newest(listing: Listing, ask: Ask) -> Operation[Rows]:
    """The newest rows, newest first: as many as a page holds, for there is no filter that ends before a time."""
    page = yield from _ask(listing, _before(listing.start), listing.size, ask, order="desc")
    _check_order(listing, page.reversed, _before(listing.start))
    _check_filters(listing, page)
    return page


def oldest(listing: Listing, ask: Ask) -> Operation[Rows]:
    """The oldest row of all that match."""
    return (yield from _ask(listing, _before(listing.start), 1, ask))


def _before(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment - _SECOND


def _ask(listing: Listing, bound: datetime | None, size: int, ask: Ask, *, order: str = "asc") -> Operation[Rows]:
    query = [("per_page", str(size)), ("sort_order", order), *listing.filters(bound)]
    rows = yield from ask(listing.kind.name, query)
    placed, others = [], []
    for index, raw in enumerate(rows):
        row = _row(listing, index, raw)
        if row is None:
            others.append((index, raw))
        else:
            placed.append(row)
    if others and not placed:
        raise UnexpectedReply(
            "no row tells its id and its time: the list cannot be walked through",
            where=f"{listing.kind.name}[0].{listing.time_key}",
        )
    return Rows(placed=placed, others=others)


def _row(listing: Listing, index: int, raw: Any) -> Row | None:
    """The row, if it has an id and a time; any other stands nowhere in the order."""
    if not isinstance(raw, dict):
        return None
    record_id, at = _text(raw, listing.kind.id_key), parse_local_time(raw.get(listing.time_key))
    if at is None or record_id is None or not _ID.match(record_id):
        return None
    updated = parse_local_time(raw.get(listing.kind.updated_key)) if listing.kind.updated_key else None
    return Row(index=index, id=record_id, at=at, updated=updated, word=_text(raw, "status"), raw=raw)


def _text(raw: Any, name: str) -> str | None:
    try:
        return Record(raw=raw).text(name)
    except UnexpectedReply:
        return None


def _check_order(listing: Listing, page: Rows, bound: datetime | None) -> None:
    if not page.is_ascending:
        raise _unordered(listing)
    if bound is not None and page.placed and page.placed[0].at < bound:
        name = "updated_after" if listing.by_update else "created_after"
        raise UnexpectedReply(
            f"rows came from before {name}: the filter is not honoured, or is read in another time zone than rows are "
            "printed in",
            where=listing.kind.name,
        )


def _unordered(listing: Listing) -> UnexpectedReply:
    return UnexpectedReply("the rows are not in the order that sort_order asks for", where=listing.kind.name)


def _check_filters(listing: Listing, page: Rows) -> None:
    """A vendor that passes over a filter would give everybody's records: Returnless V1 API itself spells one of them wrong."""
    matching, since = listing.matching, listing.updated_after
    for row in page.placed:
        for name, key, wanted in matching:
            told = _text(row.raw, key)
            # The vendor may find a number or an address in another case; a status is a word of its own.
            if told is not None and told != wanted and (key == "status" or told.casefold() != wanted.casefold()):
                raise _ignored(listing, name)
        if since is not None and row.updated is not None and row.updated < since:
            raise _ignored(listing, "updated_after")


def _ignored(listing: Listing, name: str) -> UnexpectedReply:
    return UnexpectedReply(f"rows came that the filter {name} leaves out: it is not honoured", where=listing.kind.name)


def _check_joined(listing: Listing, spot: Spot, page: Rows) -> None:
    """The row read last must come again, unless it may have moved: otherwise rows may lie between it and this page."""
    if spot.position is not None and not spot.past and listing.is_stable and not page.ids & spot.seen:
        raise UnexpectedReply(
            "the row that was read last did not come again: created_after is read in another time zone than rows are "
            "printed in, or the row was deleted; read the list from its start",
            where=listing.kind.name,
        )


def _unread(listing: Listing, spot: Spot, page: Rows) -> list[tuple[int, Any]]:
    """The rows of a page that none before it brought, and that were asked for."""
    rows = [
        (row.index, row.raw)
        for row in page.placed
        if listing.wants(row)
        and (
            spot.position is None
            or row.at > spot.position
            or (row.at == spot.position and not spot.past and row.id not in spot.seen)
        )
    ]
    return sorted([*rows, *page.others], key=lambda row: row[0])


def _moved(listing: Listing, spot: Spot, page: Rows, size: int) -> Spot:
    """Behind a page that brought something later."""
    seen = [row.id for row in page.placed if row.at == page.newest]
    full = len(page) >= size
    run = spot.run + 1 if len(page) == spot.short else 1
    return evolve(
        spot,
        position=page.newest,
        # What is forgotten of a longer second is given out twice at worst.
        seen=frozenset(seen[-_MAX_SEEN_IDS:]),
        past=False,
        many=listing.updated_after is not None and (full or spot.position is not None),
        short=0 if full else len(page),
        run=0 if full else min(run, 2),
    )


def _hidden(listing: Listing, spot: Spot, page: Rows, size: int, ask: Ask) -> Operation[list[Row] | None]:
    """None if a page that brought nothing later is whole; if it is cut off, the rows behind it that came to light."""
    if len(page) >= size or (len(page) == spot.short and spot.run >= 2):
        # Full; or the third page of one length, and less than was asked for: that is all the vendor ever serves.
        return []
    if len(page) != spot.short and size == listing.size:
        return None
    # One page before was as short as this one: the other end tells whether both were whole.
    other = yield from _ask(listing, spot.bound(listing), size, ask, order="desc")
    return [row for row in other.placed if row.id not in page.ids] or None


def _pass(listing: Listing, spot: Spot, stuck: Rows, hidden: list[Row], ask: Ask) -> Operation[Step]:
    """All that the vendor can be made to tell of a second with more records than a page holds, and on behind it."""
    found, gaps = yield from _split(listing, spot, stuck, hidden, ask)
    crowd = {row.id: row for row in found if row.at == spot.position and row.id not in spot.seen}
    what = f"{listing.kind.name}, {listing.time_key} {spot.position}"
    return Step(
        rows=[*((row.index, row.raw) for row in crowd.values() if listing.wants(row)), *stuck.others],
        next=evolve(spot, past=True, seen=frozenset()),
        gaps=tuple([f"{what}: {gap}; others may be missing" for gap in gaps]),
    )


def _split(
    listing: Listing, spot: Spot, stuck: Rows, hidden: list[Row], ask: Ask
) -> Operation[tuple[list[Row], list[str]]]:
    """The rows of a crowded second, asked for status by status; and what of it remains unseen."""
    found, gaps = [*stuck.placed, *hidden], list[str]()
    whole = f"only {len(stuck)} are told, and they cannot be asked for by status"
    if listing.status is not None:
        return found, [whole]
    met = [row.word for row in found if row.word and len(row.word) <= _MAX_STATUS_LENGTH]
    for word in dict.fromkeys([*listing.kind.words, *met]):
        page = yield from _ask_for_status(listing, spot, word, ask)
        if page is None:
            gaps.append(f"those with status {word!r} cannot be asked for")
            continue
        if any(row.word != word for row in page.placed):
            return found, [whole]
        found += page.placed
        if len(page) >= len(stuck) and page.newest == spot.position:
            gaps.append(f"only {len(page)} of those with status {word!r} are told")
    if spot.strange or any(row.word not in listing.kind.words for row in found):
        gaps.append("those with a status outside the vocabulary cannot be asked for")
    return found, gaps


def _ask_for_status(listing: Listing, spot: Spot, word: str, ask: Ask) -> Operation[Rows | None]:
    """The rows at ``spot`` with one status; None where the vendor refuses the word."""
    slice_ = evolve(listing, status=word)
    bound = spot.bound(listing)
    try:
        page = yield from _ask(slice_, bound, MAX_PAGE_SIZE, ask)
    except ValidationFailed:
        return None
    _check_order(slice_, page, bound)
    return page
