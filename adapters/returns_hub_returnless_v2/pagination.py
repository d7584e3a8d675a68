"""How Returnless V2's lists are walked: by a cursor over one column, whose ties at the end of a page are read again.

Laravel's cursor asks for what lies behind the last row's stamp. Rows that share that stamp and did not fit on the page would be passed over,
every time, so they are asked for by the stamp itself, in another order.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

from attrs import evolve, frozen

from returns_hub import Operation, format_time
from returns_hub.wire import Record, foreign_cursor, parse_list

MAX_PAGE_SIZE: Final = 100
OVERLAP: Final = timedelta(minutes=5)
"""How far before the moment that was asked for the changes are read, for clocks and late commits."""

_CURSOR: Final = re.compile(r"(\d{1,3})(p?):([!-~]{0,2000})\Z")

Parameters: TypeAlias = Sequence[tuple[str, str]]


@frozen(kw_only=True)
class Cursor:
    """Where a listing stands: the number of the list, whether it is ``plain`` (without related data), and the vendor's cursor in it."""

    part: int = 0
    plain: bool = False
    vendor: str = ""

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """The cursor of a text; the start for None.

        Raises:
            ValueError: not a cursor of this adapter.
        """
        if text is None:
            return cls()
        match = _CURSOR.match(text)
        if match is None:
            raise foreign_cursor()
        return cls(part=int(match[1]), plain=bool(match[2]), vendor=match[3])

    def __str__(self) -> str:
        return f"{self.part}{'p' * self.plain}:{self.vendor}"

    def next(self, vendor: str | None, *, parts: int) -> "Cursor | None":
        """The cursor of the following page: in this list, else at the start of the next one; None at the end."""
        if vendor and vendor != self.vendor:
            return evolve(self, vendor=vendor)
        return evolve(self, part=self.part + 1, vendor="") if self.part + 1 < parts else None


@frozen(kw_only=True)
class Rows:
    """One reply of a list: its rows, and the cursor of the next page."""

    raw: Sequence[Any]
    next: str | None

    @classmethod
    def read(cls, payload: Any) -> "Rows":
        """The rows of a reply. The cursor is taken out of ``meta``, else out of the link, which is never followed.

        Raises:
            UnexpectedReply: no list.
        """
        body = payload if isinstance(payload, dict) else {}
        record = Record(body)
        link = urlsplit(_text_in(record, "links", "next") or "").query
        cursor = _text_in(record, "meta", "next_cursor") or next(iter(parse_qs(link).get("cursor", ())), None)
        return cls(raw=parse_list(body.get("data") if body else payload, where="data"), next=cursor)

    def last_stamp(self, column: str) -> str | None:
        """The stamp of the last row, as the vendor writes it."""
        last = self.raw[-1] if self.raw else None
        return Record(last).text(column) if isinstance(last, dict) else None


Fetch: TypeAlias = Callable[[Parameters], Operation[Rows]]


def read_ties(
    fetch: Fetch, filters: Parameters, rows: Rows, *, column: str, size: int
) -> Operation[tuple[list[Any], tuple[str, ...]]]:
    """The rows that share the last row's stamp and are not on the page; and a sentence where some may be missing.

    They are asked for in the order of another column, ``size`` at a time. More than a page of them is walked, and cannot be shown to be whole:
    ties in that other column may be passed over as well.
    """
    stamp = rows.last_stamp(column)
    if rows.next is None or stamp is None:
        return [], ()
    known = {_id_of(row) for row in rows.raw}
    other = "updated_at" if column == "created_at" else "created_at"
    asked = [*filters, (f"filter[{column}][eq]", stamp), ("sort", other), ("per_page", str(size))]
    found: dict[str | None, Any] = {}
    cursor, pages = "", 0
    while True:
        some = yield from fetch([*asked, *([("cursor", cursor)] if cursor else [])])
        pages += 1
        found.update((_id_of(row), row) for row in some.raw if _id_of(row) not in known)
        if not some.next or some.next == cursor:
            break
        cursor = some.next
    sentence = f"more than {size} records have one {column}, and the vendor cannot be made to show that these are all"
    return list(found.values()), (sentence,) if pages > 1 else ()


def time_filter(column: str, operator: str, moment: datetime | None) -> list[tuple[str, str]]:
    """A filter on a time; none without one."""
    return [] if moment is None else [(f"filter[{column}][{operator}]", format_time(moment))]


def months(since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """The calendar months, each from its beginning up to the next one's, that ``[since, until]`` lies in; cut to it."""
    found = []
    start = since
    while start <= until:
        following = (start.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(
            day=1
        )
        # The end of a window is not in it.
        found.append((start, min(following, until + timedelta(seconds=1))))
        start = following
    return found


def _id_of(row: Any) -> str | None:
    return Record(row).optional_id("id") if isinstance(row, dict) else None


def _text_in(record: Record, name: str, inner: str) -> str | None:
    held: Mapping[str, Any] | Any = record.raw.get(name)
    return Record(held).text(inner) if isinstance(held, dict) else None
