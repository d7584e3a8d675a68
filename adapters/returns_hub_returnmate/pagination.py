"""How ReturnMate's listings are walked: by page number, or along creation times.

The reference pages by number (section "Pagination"). A listing from which rows disappear while it is read, for instance one of pending RMAs
that somebody approves, moves all its later pages up, and the next number would begin behind rows that nobody has seen. Such a listing
goes on from the creation time of its last row instead.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final, Generic, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from returns_hub import InvalidRecord, NotFound, Operation, Reply, Return, UnexpectedReply, format_time, parse_time
from returns_hub.wire import foreign_cursor, parse_list, parse_rows

T = TypeVar("T")

MAX_PAGE_SIZE: Final = 100
_MAX_PREFETCH: Final = 8
_MIN_PAGES_PER_SEGMENT: Final = 8
_SECOND: Final = timedelta(seconds=1)
_CURSOR: Final = re.compile(r"([1-9]\d{0,8})(?:x([1-9]\d?))?(u?)(b?)(?:@([\d:.TZ-]{10,40})/([1-9]\d{0,8}))?\Z")


@frozen(kw_only=True)
class Cursor:
    """Where a listing stands: its page, and what the vendor did not take of the query on the first one.

    As text it is the page number, and after an ``x`` the ``size`` of the pages that it counts, where that is not the vendor's maximum; then
    ``u`` if the status filter is left out (``unfiltered``), ``b`` if the order number is sent without its ``#`` (``bare``). Along creation
    times, ``@edge/inner`` follows: the creation time of the last row, and the page counted from there.
    """

    page: int = 1
    size: int = MAX_PAGE_SIZE
    unfiltered: bool = False
    bare: bool = False
    edge: datetime | None = None
    inner: int = 1

    @classmethod
    def parse(cls, text: str | None, *, size: int) -> "Cursor":
        """The cursor of a text, for pages of this size; the first page for None.

        A cursor that was made with another size leads to the page in which its own begins.

        Raises:
            ValueError: not a cursor of a listing of this adapter.
        """
        if text is None:
            return cls(size=size)
        match = _CURSOR.match(text)
        if match is None:
            raise foreign_cursor()
        page, counted, unfiltered, bare, edge, inner = match.groups()
        made_with = int(counted or MAX_PAGE_SIZE)
        return cls(
            page=(int(page) - 1) * made_with // size + 1,
            size=size,
            unfiltered=bool(unfiltered),
            bare=bool(bare),
            edge=parse_time(edge) if edge else None,
            inner=(int(inner or 1) - 1) * made_with // size + 1,
        )

    def __str__(self) -> str:
        size = "" if self.size == MAX_PAGE_SIZE else f"x{self.size}"
        edge = "" if self.edge is None else f"@{format_time(self.edge)}/{self.inner}"
        return f"{self.page}{size}{'u' * self.unfiltered}{'b' * self.bare}{edge}"

    @property
    def number(self) -> int:
        """The page number to ask for."""
        return self.page if self.edge is None else self.inner

    def next_page(self) -> "Cursor":
        """The cursor of the page with the next number."""
        return evolve(self, page=self.page + 1, inner=self.inner + 1)

    def next_from(self, edge: datetime) -> "Cursor":
        """The cursor of the page that begins at a creation time."""
        return evolve(self, page=self.page + 1, edge=edge, inner=1)

    def window(
        self, after: datetime | None, before: datetime | None, *, newest_first: bool
    ) -> tuple[datetime | None, datetime | None]:
        """The creation times to ask for, given those of the query.

        Whether "after" and "before" take in the time itself is not documented: the last second is read again.
        """
        if self.edge is None:
            return after, before
        return (after, self.edge + _SECOND) if newest_first else (self.edge - _SECOND, before)


@frozen(kw_only=True)
class Rows(Generic[T]):
    """One reply of a listing: its records, the vendor's count of all, and whether a further page may hold more."""

    items: tuple[T, ...] = ()
    invalid_records: tuple[InvalidRecord, ...] = ()
    total: int | None = None
    has_more: bool = False

    def __len__(self) -> int:
        return len(self.items) + len(self.invalid_records)


def read_rows(
    reply: Reply, check: Callable[[Reply], Any], parse: Callable[[Mapping[str, Any]], T], cursor: Cursor
) -> Rows[T]:
    """The rows of a reply to the page at ``cursor``.

    Raises:
        ProviderError: what ``check`` raises; but a page behind the last one may as well be a 404 as an empty list.
        UnexpectedReply: no list.
    """
    try:
        data = check(reply)
    except NotFound:
        if cursor.page == 1:
            raise
        return Rows()
    if not reply.body.strip():
        # A list that is null is empty; a reply that is nothing is no list.
        raise UnexpectedReply("a list is expected", where="data")
    rows = parse_list(data, where="data")
    items, invalid_records = parse_rows(enumerate(rows), parse, where="data")
    meta = _Meta.of(reply.json())
    return Rows(
        items=items,
        invalid_records=invalid_records,
        total=meta.total,
        has_more=meta.has_more(page=cursor.number, asked=cursor.size, rows=len(rows)),
    )


@frozen(kw_only=True)
class _Meta:
    """The paging numbers of a reply; None where they are missing or no numbers. The reference shows ``total_pages`` once in three samples."""

    per_page: int | None = None
    total: int | None = None
    total_pages: int | None = None

    @classmethod
    def of(cls, body: Any) -> "_Meta":
        meta = body.get("meta") if isinstance(body, dict) else None
        if not isinstance(meta, dict):
            return cls()
        return cls(
            per_page=_count(meta.get("per_page")) or None,
            total=_count(meta.get("total")),
            total_pages=_count(meta.get("total_pages")),
        )

    def has_more(self, *, page: int, asked: int, rows: int) -> bool:
        if rows == 0:
            return False
        if self.total is not None:
            # Without the echo a page may have been clamped: then only its own length is certain.
            return page * (self.per_page or min(asked, rows)) < self.total
        if self.total_pages is not None:
            return page < self.total_pages
        # More rows than asked for: the vendor does not page this list.
        return rows == (self.per_page or asked)


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


Fetch: TypeAlias = Callable[[Cursor], Operation[tuple[Rows[Return], Cursor]]]
"""Reads the page at a cursor; gives its rows, and the cursor with what the vendor did not take of the query."""


@frozen(kw_only=True)
class Step:
    """One step of a listing: its records, the cursor of the next step (None at the end), and cursors of pages further on.

    ``total`` is None where the vendor's count is not of the whole listing.
    """

    items: tuple[Return, ...]
    invalid_records: tuple[InvalidRecord, ...] = ()
    next: Cursor | None = None
    prefetch: tuple[Cursor, ...] = ()
    total: int | None = None


def step_by_number(rows: Rows[Return], cursor: Cursor) -> Step:
    """The step that the page at ``cursor`` is, in a listing whose rows keep their places: the next one has the next number."""
    return Step(
        items=rows.items,
        invalid_records=rows.invalid_records,
        next=cursor.next_page() if rows.has_more else None,
        total=rows.total,
    )


@frozen
class KeysetPaginator:
    """Goes on from the creation time of the last row: rows that disappear meanwhile hide none.

    Where rows have no times, or stand in another order, or the vendor does not filter by them, it counts pages off.
    """

    # What it fetches for may hold a customer's e-mail.
    fetch: Fetch = field(repr=False)
    newest_first: bool

    def step(self, rows: Rows[Return], cursor: Cursor) -> Operation[Step]:
        """The step that begins with the page at ``cursor``: that page, and the pages behind it while they go no further in time."""
        if self._is_ignored(rows, cursor):
            rows, cursor = yield from self.fetch(evolve(cursor, edge=None))
        found = {ret.id: ret for ret in rows.items}
        invalid_records = rows.invalid_records
        while rows.has_more and cursor.edge is not None and self._last_time(rows, cursor) is None:
            rows, cursor = yield from self.fetch(cursor.next_page())
            invalid_records += rows.invalid_records
            if found.keys() >= {ret.id for ret in rows.items}:
                break
            found.update((ret.id, ret) for ret in rows.items)
        edge = self._last_time(rows, cursor)
        following = None
        if rows.has_more:
            following = cursor.next_page() if edge is None else cursor.next_from(edge)
        # Counted from a time, or from a page somewhere in the listing, the vendor's total says nothing of the pages before.
        is_whole = cursor.edge is None and (edge is None or cursor.page == 1)
        return Step(
            items=tuple(found.values()),
            invalid_records=invalid_records,
            next=following,
            prefetch=self._prefetch(following, rows, cursor),
            total=rows.total if is_whole else None,
        )

    def _last_time(self, rows: Rows[Return], cursor: Cursor) -> datetime | None:
        """When the last row was created, if that is further on; None where the rows do not say, or are unsorted."""
        times = [ret.created_at for ret in rows.items if ret.created_at is not None]
        if not times or len(times) < len(rows.items) or times != sorted(times, reverse=self.newest_first):
            return None
        last = times[-1]
        if cursor.edge is None:
            return last
        return last if (last < cursor.edge if self.newest_first else last > cursor.edge) else None

    def _is_ignored(self, rows: Rows[Return], cursor: Cursor) -> bool:
        """True if a row lies outside the times that were asked for: the vendor does not filter by them."""
        if cursor.edge is None:
            return False
        times = [ret.created_at for ret in rows.items if ret.created_at is not None]
        if self.newest_first:
            return any(time > cursor.edge + 2 * _SECOND for time in times)
        return any(time < cursor.edge - 2 * _SECOND for time in times)

    def _prefetch(self, following: Cursor | None, rows: Rows[Return], cursor: Cursor) -> tuple[Cursor, ...]:
        """Where the listing goes on, and the pages further on from which that can be done side by side."""
        if following is None or rows.total is None or cursor.edge is not None:
            return ()
        pages = ceil(rows.total / len(rows)) - cursor.page
        # Each of them but the first meets the one behind it in the middle of a page: a few are worth that, many are not.
        count = min(_MAX_PREFETCH, pages // _MIN_PAGES_PER_SEGMENT)
        starts = [cursor.page + 1 + pages * number // count for number in range(1, count)]
        return (following, *(evolve(cursor, page=page) for page in starts))


def build_time(moment: datetime, *, up: bool = False) -> str:
    """A filter's time in whole seconds, as in every sample of the reference; widened, down or ``up``, never narrowed."""
    whole = moment.replace(microsecond=0)
    return format_time(whole + _SECOND if up and whole != moment else whole)


def paging_parameters(cursor: Cursor) -> list[tuple[str, str]]:
    """The page and its size, as the vendor takes them."""
    return [("page", str(cursor.number)), ("per_page", str(cursor.size))]


def sorting_parameters(*, newest_first: bool = False) -> list[tuple[str, str]]:
    """The order of creation. Oldest first, rows that are added meanwhile move no page; the vendor's default is not documented."""
    return [("sort", "created_at"), ("order", "desc" if newest_first else "asc")]
