"""How the vendor's lists are walked: by windows of whole days, and by offsets within each.

Source: Return Helper API, List return inventories ("Window semantics"). Of the total the documents disagree for the shipment list: the newer
ones say that there is none, and that a short page is the last.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from attrs import evolve, frozen

from returns_hub.wire import parse_list

MAX_PAGE_SIZE: Final = 50
# createTo.Date - createFrom.Date <= 62. The data are of both days and of all between.
MAX_WINDOW: Final = timedelta(days=62)
_DAY: Final = timedelta(days=1)
# Pages that a total announces, and that are offered to be read side by side.
_MAX_PREFETCH: Final = 200
_CURSOR: Final = re.compile(r"(\d{4}-\d\d-\d\d):(\d{1,6}):(\d{1,9})\Z", re.ASCII)
_OFFSET: Final = re.compile(r"\d{1,9}\Z", re.ASCII)


@frozen
class Window:
    """The days of one listing, in UTC, both included."""

    first: date
    last: date

    def query(self, offset: int, size: int) -> tuple[tuple[str, str], ...]:
        """So many rows of the window from one on. The vendor strips the time of day; whole days are what it reads then."""
        return (
            ("pageSize", str(size)),
            ("offset", str(offset)),
            ("createFrom", f"{self.first}T00:00:00Z"),
            ("createTo", f"{self.last}T23:59:59Z"),
        )

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"


def build_windows(first: date, last: date, *, overlap: bool) -> tuple[Window, ...]:
    """The widest windows that the vendor takes and that together hold every day, the newest first; none if ``first`` is after ``last``.

    With ``overlap`` a window ends with the day that the newer one begins with, else with the day before.
    """
    found: list[Window] = []
    end = last
    while end >= first:
        # Not before the calendar begins, whatever was asked for.
        start = max(first, end - MAX_WINDOW) if end - date.min > MAX_WINDOW else first
        found.append(Window(start, end))
        if start == first:
            break
        end = start if overlap else start - _DAY
    return tuple(found)


def utc_day(moment: datetime) -> date:
    """The day in UTC, in which all of the vendor's times are."""
    return moment.astimezone(UTC).date()


@frozen(kw_only=True)
class Position:
    """Where a listing stands: its last day, which decides what its windows are, the number of a window among them, and the offset in it."""

    last: date
    window: int = 0
    offset: int = 0

    @classmethod
    def parse(cls, cursor: str) -> "Position":
        """The position that a cursor stands for.

        Raises:
            ValueError: the cursor is not one that a listing gave.
        """
        match = _CURSOR.match(cursor)
        if match is None:
            raise foreign_cursor()
        try:
            last = date.fromisoformat(match[1])
        except ValueError:
            raise foreign_cursor() from None
        return cls(last=last, window=int(match[2]), offset=int(match[3]))

    def after(self, page: "RowPage", *, windows: int) -> str | None:
        """The cursor of the page that follows: in this window, or at the start of the next; None behind the last of ``windows``."""
        if page.next is not None:
            return str(evolve(self, offset=page.next))
        following = evolve(self, window=self.window + 1, offset=0)
        return str(following) if following.window < windows else None

    def __str__(self) -> str:
        return f"{self.last}:{self.window}:{self.offset}"


def parse_offset(cursor: str | None) -> int:
    """The offset that the cursor of one window is.

    Raises:
        ValueError: the cursor is not one that a listing gave.
    """
    if cursor is None:
        return 0
    if not _OFFSET.match(cursor):
        raise foreign_cursor()
    return int(cursor)


def foreign_cursor() -> ValueError:
    """The error for a cursor that is none of ours."""
    return ValueError("the cursor is not one that this listing gave")


@frozen(kw_only=True)
class RowPage:
    """One page of a window: its rows, the offsets behind it, and the total where one was given.

    ``gaps`` says that rows are counted by the vendor and not shown.
    """

    rows: Sequence[Any]
    next: int | None = None
    prefetch: tuple[int, ...] = ()
    total: int | None = None
    gaps: tuple[str, ...] = ()


def read_page(envelope: Mapping[str, Any], *, offset: int, size: int, counts_rows: bool, place: str) -> RowPage:
    """The page that an envelope holds. ``counts_rows``: the total is the number of rows, and the list ends there.

    Raises:
        UnexpectedReply: there is no list of rows.
    """
    rows = parse_list(envelope.get("data", ""), where="data")
    total = read_total(envelope)
    end = offset + len(rows)
    is_behind = total is not None and end < total
    # A page that grows or shrinks while it is read: what was read is what counts, not what was asked for.
    more = bool(rows) and (is_behind or (len(rows) >= size and not (counts_rows and total is not None)))
    gap = f"{place}: the vendor counts {total}, and shows {offset}"
    return RowPage(
        rows=rows,
        next=end if more else None,
        prefetch=tuple(range(end, total, len(rows))[:_MAX_PREFETCH]) if more and total is not None else (),
        total=total if counts_rows else None,
        gaps=(gap,) if is_behind and counts_rows and not rows else (),
    )


def read_total(envelope: Mapping[str, Any]) -> int | None:
    """The number of records that the vendor counts; None where it has none."""
    value = envelope.get("totalNumberOfRecords")
    return value if type(value) is int and value >= 0 else None
