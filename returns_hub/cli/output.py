"""What people and programs read.

On a terminal: tables that fit it, colours unless ``NO_COLOR`` is set, and a pager for what is longer than the screen.
Elsewhere: plain lines, nothing cut, no escape sequences. Text that a vendor wrote is shown as text: its markup means nothing and its control characters are gone.
"""

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from itertools import chain
from typing import Any, Final, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from attrs import define, frozen
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

Cell: TypeAlias = str | Text | None
T = TypeVar("T")

TABLE_ROWS: Final = 50
"""How many rows a table for people has without ``--limit``."""

_ABSENT: Final = "-"
_GAP: Final = "  "
_PROSE: Final = 30


@frozen
class Column:
    """A column of a table.

    ``prose``: it is wrapped where the terminal is narrow; other columns keep what people copy in one piece.
    ``drop``: on a terminal that is too narrow the columns with the highest number are left out first, those with 0
    never. Of those with a number, one without any value is left out too. ``time``: the time zone stands beside the name.
    """

    name: str
    prose: bool = False
    drop: int = 0
    time: bool = False

    @property
    def heading(self) -> str:
        """What stands above the column."""
        return f"{self.name} ({zone_name()})" if self.time else self.name


@define
class Display:
    """How this run of the command shows things, as the options of every command say.

    ``zone``: of every time for people. ``quiet``: nothing but what was asked for, and what failed. ``pager``: what is
    longer than the screen goes through one.
    """

    zone: tzinfo = UTC
    quiet: bool = False
    pager: bool = True


@functools.cache
def display() -> Display:
    """The one :class:`Display` of this process."""
    return Display()


@functools.cache
def console() -> Console:
    """The terminal that results go to; ``is_terminal`` is False where they go to a pipe or a file."""
    return _console(stderr=False)


@functools.cache
def error_console() -> Console:
    """The terminal that progress goes to."""
    return _console(stderr=True)


def clean(text: str) -> str:
    """The text on one line: line breaks, control characters and direction overrides become spaces."""
    return "".join(character if character.isprintable() else " " for character in text).strip()


def styled(text: str, style: str) -> Text:
    """Vendor or other text in a colour."""
    return Text(clean(text), style=style)


def format_time(time: datetime | None) -> str | None:
    """A time for people, to the second, in the zone of ``--tz``; None stays None."""
    return None if time is None else time.astimezone(display().zone).strftime("%Y-%m-%d %H:%M:%S")


def format_date(time: datetime | None) -> str | None:
    """The date of a time, in the zone of ``--tz``; None stays None."""
    return None if time is None else time.astimezone(display().zone).strftime("%Y-%m-%d")


def zone_name() -> str:
    """What stands beside times for people: ``UTC``, ``Sydney``."""
    zone = display().zone
    name = zone.key if isinstance(zone, ZoneInfo) else zone.tzname(None)
    return (name or "local").rpartition("/")[2].replace("_", " ")


def plural(number: int, noun: str) -> str:
    """A number and what it counts: ``1 event``, ``2,000 events``."""
    if number != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun}"


def print_line(text: Cell = "") -> None:
    """One line for people; a terminal that is too narrow gets it in several."""
    line = _text(text) if text else Text()
    if console().is_terminal:
        console().print(line)
    else:
        _write(line.plain)


def print_remark(text: str) -> None:
    """One line for people about what was done or is shown; not with ``--quiet``."""
    if not display().quiet:
        print_line(text)


@contextmanager
def paged() -> Iterator[None]:
    """Inside, what is printed for people goes through a pager where it is longer than the screen."""
    if not console().is_terminal or not display().pager or not sys.stdin.isatty():
        yield
        return
    from rich.pager import Pager, SystemPager

    class LongOutputPager(Pager):
        def show(self, content: str) -> None:
            if content.count("\n") < console().height:
                sys.stdout.write(content)
            else:
                # Colours are kept, and what fits the screen by now ends the pager.
                os.environ.setdefault("LESS", "FRX")
                SystemPager().show(content)

    with console().pager(LongOutputPager(), styles=True):
        yield


def print_heading(text: str) -> None:
    """A blank line and a headline."""
    print_line()
    print_line(styled(text, "bold"))


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    """A table; a cell of None or ``""`` shows as ``-``."""
    cells = [[_text(cell) for cell in row] for row in rows]
    if console().is_terminal:
        _terminal_table(columns, cells)
    else:
        _plain_table([Text(column.heading.upper()) for column in columns], cells)


def print_pairs(pairs: Iterable[tuple[str, Cell]]) -> None:
    """Names and values, one pair a line; a value of None or ``""`` is left out."""
    known = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        print_hanging(Text(f"{_GAP}{name:<{width}}{_GAP}", "dim"), value)


def print_hanging(label: Text, text: Cell) -> None:
    """A label and a text on one line; where a terminal is too narrow, the text goes on below itself."""
    if console().is_terminal:
        from rich.table import Table

        line = Table.grid()
        line.add_column(no_wrap=True)
        line.add_row(label, _text(text))
        console().print(line)
    else:
        print_line(label + _text(text))


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on a line of its own, in ASCII: safe in every pipe and on every terminal; numbers are exact."""
    import simplejson

    _write(simplejson.dumps(value, use_decimal=True))


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
    """A header and rows of comma-separated values, none of them a formula to a spreadsheet."""
    from returns_hub.spreadsheet import csv_line

    for row in chain([columns], rows):
        _write(csv_line(row))


def print_list(
    read: Callable[[int | None], Iterable[T]],
    *,
    limit: int | None,
    json: bool,
    as_json: Callable[[T], Mapping[str, Any]],
    print_rows: Callable[[Sequence[T]], None],
    none: str,
    noun: str,
    total: Callable[[], str] | None = None,
    order: str = "newest",
) -> None:
    """What a listing command prints: every object as JSON, or the first 50 as a table with their total.

    ``read`` takes the greatest number of objects to read, None for all. ``limit`` is the command's ``--limit``;
    ``none`` is the line for an empty table, ``noun`` is what is listed, ``total`` says how many match in all, and ``order``
    says which objects come first.
    """
    if json:
        for each in read(limit):
            print_json(as_json(each))
        return
    rows = limit or TABLE_ROWS
    # One row more than is shown: are there more?
    found = list(read(rows + 1))
    if not found:
        print_remark(none)
        return
    with paged():
        print_rows(found[:rows])
        if len(found) > rows:
            which = f"{rows:,} of {total()}" if total else plural(rows, noun)
            print_remark(f"The {order} {which}; --limit N shows more, --json all.")
        else:
            print_remark(f"{plural(len(found), noun)}.")


def print_error(message: str) -> None:
    """One line on standard error, in the name of the command."""
    line = " ".join(clean(part) for part in message.split())
    sys.stderr.write(f"returns-hub: {line}\n")


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    # Whether a person looks on is asked of the stream alone: FORCE_COLOR in a CI job must not put escapes in a pipe.
    return Console(stderr=stderr, force_terminal=stream.isatty(), markup=False, emoji=False, highlight=False)


def _text(cell: Cell) -> Text:
    if isinstance(cell, Text):
        return cell
    return Text(clean(cell) if cell else _ABSENT)


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")


def _terminal_table(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> None:
    from rich.table import Table

    shown = _visible_columns(columns, rows)
    table = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style="bold")
    for place in shown:
        prose = columns[place].prose
        table.add_column(columns[place].heading, no_wrap=not prose, overflow="fold" if prose else "ellipsis")
    for row in rows:
        table.add_row(*(row[place] for place in shown))
    console().print(table)


def _visible_columns(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> list[int]:
    """The indexes of the columns that are shown: those that must be, and of the others what fits, the lowest ``drop`` first."""
    shown = [place for place, column in enumerate(columns) if not column.drop]
    widths = [_width(column, [row[place] for row in rows]) + len(_GAP) for place, column in enumerate(columns)]
    left = console().width + len(_GAP) - sum(widths[place] for place in shown)
    for place in sorted(range(len(columns)), key=lambda place: columns[place].drop):
        if columns[place].drop and any(row[place].plain != _ABSENT for row in rows):
            left -= widths[place]
            if left < 0:
                break
            shown.append(place)
    return sorted(shown)


def _width(column: Column, cells: Sequence[Text]) -> int:
    width = max(cell_len(column.heading), *(cell.cell_len for cell in cells), 0)
    return min(width, _PROSE) if column.prose else width


def _plain_table(header: Sequence[Text], rows: Sequence[Sequence[Text]]) -> None:
    lines = [header, *rows]
    widths = [max(cell_len(line[place].plain) for line in lines) for place in range(len(header))]
    for line in lines:
        padded = (cell.plain + " " * (width - cell_len(cell.plain)) for cell, width in zip(line, widths, strict=True))
        _write(_GAP.join(padded).rstrip())
