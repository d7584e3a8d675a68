"""How AfterShip's list is walked: pages of windows of creation times, each of at most 10,000 rows.

Source: OpenAPI of the Returns API 2026-07, ``GET /returns``: 50 rows a page, 200 pages; no order is documented. New rows move the others to
later pages, so the end of a window is fixed at the start of its walk, by the vendor's own clock.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from math import ceil
from typing import Any, Final, TypeAlias

from attrs import evolve, frozen

from returns_hub import Operation, Reply, format_time, parse_time
from returns_hub.wire import Record, foreign_cursor, parse_list

MAX_PAGE_SIZE: Final = 50
SMALL_PAGE_SIZE: Final = 20
"""What the schema of the parameter says in another place: asked for where the vendor refuses more."""
MAX_PAGES: Final = 200
REACH: Final = timedelta(days=365)

_SECOND: Final = timedelta(seconds=1)
_SLICE: Final = timedelta(days=61)
_CURSOR: Final = re.compile(r"(\d{1,3}):(\d{1,3})x(\d{1,2}):([\d.:,;TZ-]{1,4000})\Z")


@frozen
class Window:
    """Creation times, both ends included; None leaves the end to the vendor: a year ago, and now."""

    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> "Window":
        """The window of a text."""
        start, _, end = text.partition(",")
        return cls(parse_time(start) if start else None, parse_time(end) if end else None)

    def __str__(self) -> str:
        return ",".join("" if each is None else format_time(each) for each in (self.start, self.end))

    def halves(self) -> "tuple[Window, Window] | None":
        """The two halves, which overlap by a second; None where there is no middle."""
        if self.start is None or self.end is None or self.end - self.start <= 2 * _SECOND:
            return None
        middle = self.start + (self.end - self.start) / 2
        return Window(self.start, middle + _SECOND), Window(middle, self.end)


@frozen(kw_only=True)
class Cursor:
    """Where a listing stands: the number of the status word, the page of the first window, and the windows that are left.

    As text ``word:page x size:start,end;start,end``. Page 0 is a window that was not begun.
    """

    word: int = 0
    page: int = 0
    size: int
    windows: tuple[Window, ...]

    @classmethod
    def parse(cls, text: str | None, *, size: int, window: Window) -> "Cursor":
        """The cursor of a text; the start of this window for None.

        Raises:
            ValueError: not a cursor of this adapter.
        """
        if text is None:
            return cls(size=size, windows=(window,))
        match = _CURSOR.match(text)
        if match is None:
            raise foreign_cursor()
        word, page, counted, windows = match.groups()
        try:
            return cls(
                word=int(word),
                page=int(page),
                size=int(counted),
                windows=tuple([Window.parse(each) for each in windows.split(";")]),
            )
        except ValueError:
            raise foreign_cursor() from None

    def __str__(self) -> str:
        return f"{self.word}:{self.page}x{self.size}:{';'.join(map(str, self.windows))}"

    def after(self, page: int | None, *, words: int, start: Window) -> "Cursor | None":
        """The cursor of the next step: a page of this window, else the next window, else the next word from the start."""
        if page is not None:
            return evolve(self, page=page)
        if self.windows[1:]:
            return evolve(self, page=0, windows=self.windows[1:])
        return evolve(self, page=0, word=self.word + 1, windows=(start,)) if self.word + 1 < words else None


@frozen(kw_only=True)
class Rows:
    """One reply of the listing. ``total`` and ``has_more`` are None where the vendor does not say."""

    raw: Sequence[Any]
    total: int | None = None
    has_more: bool | None = None

    @classmethod
    def read(cls, payload: Any, body: Any) -> "Rows":
        """The rows of a reply: ``data`` is an object with ``returns``, or, at older versions, the list itself.

        Raises:
            UnexpectedReply: neither.
        """
        held = payload if isinstance(payload, dict) else {}
        raw = parse_list(held.get("returns") if held else payload, where="data.returns" if held else "data")
        beside = body if isinstance(body, dict) else {}
        pagination = Record(held).record("pagination") if "pagination" in held else Record(beside).record("pagination")
        return cls(raw=raw, total=pagination.whole("total"), has_more=pagination.flag("has_next_page"))

    def is_followed(self, page: int, size: int) -> bool:
        """Whether another page comes: by what the vendor says, else by its total, else while a page is full."""
        if self.has_more is not None:
            return self.has_more
        if self.total is not None:
            return page * size < self.total
        return len(self.raw) >= size


@frozen(kw_only=True)
class Step:
    """One step of a walk: its rows, the word that they were asked by, and where the walk goes on."""

    rows: Rows
    word: int
    next: Cursor | None
    gaps: tuple[str, ...] = ()


Fetch: TypeAlias = Callable[[Cursor], Operation[tuple[Rows, Cursor, Reply]]]
"""Reads the page of a cursor; gives its rows, and the cursor with the size that the vendor took."""


def step(fetch: Fetch, cursor: Cursor, *, words: int, start: Window, oldest_first: bool) -> Operation[Step]:
    """The step at a cursor.

    The vendor's order is the newest first. Oldest first, the pages are read from the last to the first: rows that leave a
    listing by status while its returns are worked on then move none that are still to come.
    """
    following: int | None
    if cursor.page:
        rows, cursor, _ = yield from fetch(cursor)
        if oldest_first and rows.total is not None:
            following = cursor.page - 1 or None
        else:
            following = cursor.page + 1 if rows.is_followed(cursor.page, cursor.size) else None
        return Step(rows=rows, word=cursor.word, next=cursor.after(following, words=words, start=start))
    while True:
        rows, cursor, reply = yield from fetch(evolve(cursor, page=1))
        window = _fixed(cursor.windows[0], reply)
        cursor = evolve(cursor, windows=(window, *cursor.windows[1:]))
        halves = window.halves() if (rows.total or 0) > MAX_PAGES * cursor.size else None
        if halves is None:
            break
        cursor = evolve(cursor, windows=(*(halves if oldest_first else halves[::-1]), *cursor.windows[1:]))
    gaps = _gaps(rows, cursor)
    pages = min(MAX_PAGES, ceil((rows.total or 0) / cursor.size))
    if oldest_first and pages > 1:
        rows, cursor, _ = yield from fetch(evolve(cursor, page=pages))
        following = pages - 1
    else:
        following = 2 if not (oldest_first and pages) and rows.is_followed(1, cursor.size) else None
    return Step(rows=rows, word=cursor.word, next=cursor.after(following, words=words, start=start), gaps=gaps)


def _fixed(window: Window, reply: Reply) -> Window:
    """The window with ends that do not move: now, by the vendor's clock, and as far back as its listing reaches."""
    try:
        now = parsedate_to_datetime(reply.header("date") or "")
    except ValueError:
        return window
    # What is created in this second may come twice, and pushes nothing out of sight.
    end = window.end or now + _SECOND
    return Window(window.start or now - REACH, end)


def _gaps(rows: Rows, cursor: Cursor) -> tuple[str, ...]:
    hidden = (rows.total or 0) - MAX_PAGES * cursor.size
    if hidden <= 0:
        return ()
    return (f"{hidden} returns of one window cannot be listed: it cannot be made smaller",)


def slices(since: datetime, until: datetime) -> Iterable[Window]:
    """The windows of two months that together hold what was created in ``[since, until]``; they overlap by a second."""
    start = since
    while start <= until:
        end = min(start + _SLICE, until)
        yield Window(start, end)
        start = end - _SECOND if end < until else until + _SECOND
