"""How Redo's list is walked: by a cursor in headers, once for each status word.

Source: OpenAPI schema of Redo's API v2.2, ``X-Page-Size``, ``X-Page-Continue``, ``X-Page-Next``. A page may hold fewer rows than were asked
for: only a reply without ``X-Page-Next`` is the last one.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from returns_hub import Request
from returns_hub.wire import foreign_cursor, get

MAX_PAGE_SIZE: Final = 500
OVERLAP: Final = timedelta(minutes=5)
"""How far before the moment that was asked for the changes are read: the vendor's clock is not ours."""

_SLICE: Final = timedelta(days=365)
_CURSOR: Final = re.compile(r"(\d{1,2}):([!-~]{0,2000})\Z")


@frozen(kw_only=True)
class Cursor:
    """Where a listing stands: the number of the status word, and the vendor's cursor in its list, ``""`` at its start."""

    word: int = 0
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
        return cls(word=int(match[1]), vendor=match[2])

    def __str__(self) -> str:
        return f"{self.word}:{self.vendor}"

    def next(self, vendor: str | None, *, words: int) -> "Cursor | None":
        """The cursor of the following page: the vendor's next one, else the start of the next word's list; None at the end."""
        if vendor:
            return Cursor(word=self.word, vendor=vendor)
        return Cursor(word=self.word + 1) if self.word + 1 < words else None


def list_request(path: str, parameters: Sequence[tuple[str, str]], cursor: Cursor, *, size: int) -> Request:
    """The request for a page. The filters must be the same for all pages of a walk."""
    headers = [("X-Page-Size", str(size))]
    if cursor.vendor:
        headers.append(("X-Page-Continue", cursor.vendor))
    return evolve(get(path, parameters), headers=headers)


def slices(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The times of change, a year at most each, in which every return is that was created in ``[since, until]`` and not touched later.

    One that was touched later is among the changes since ``until``.
    """
    # The vendor leaves out the moment of the maximum itself.
    last = until + timedelta(seconds=1)
    start = since
    while start < last:
        end = min(start + _SLICE, last)
        yield start, end
        start = end
