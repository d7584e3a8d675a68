"""Where the reading of listings stands: which page may be asked for now, and what is left where a reading is cut off.

A listing whose vendor gives cursors beforehand is read in segments side by side. Each segment goes on from page to page
until it meets the rows that the next one began with, or the cursor of it. So a listing along creation times is read
whole, whatever is inserted, deleted or moved meanwhile. One that can only be counted off, by page numbers or offsets, shows
by its total that its rows have moved: it is read once more, unless it was read from page to page and only grew, for that
shows rows twice and hides none.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, Self, TypeAlias

from attrs import define, field

from returns_hub.adapter import Adapter
from returns_hub.errors import UnexpectedReply
from returns_hub.model import Return
from returns_hub.operation import Operation, Page

ReadPage: TypeAlias = Callable[[Adapter, str | None], Operation[Page[Return]]]
"""The page at a cursor, None for the first, as an adapter reads it: it says how many rows to ask for."""

# How often a listing is read whose rows move while that is done.
_MAX_PASSES: Final = 3
# So many ids say where a segment began, in a checkpoint: some of them may be deleted before the one before gets there.
_MARKS_KEPT: Final = 3


@define(eq=False)
class Segment:
    """Pages that follow one another, from a cursor to where the next segment begins. One page at a time is read.

    ``marks`` are the ids on the first page, ``first`` its rows and ``last`` those of the page read last.
    """

    start: str | None
    cursor: str | None
    begun: bool = False
    done: bool = False
    busy: bool = False
    marks: frozenset[str] = frozenset()
    first: tuple[Return, ...] = ()
    last: tuple[Return, ...] = ()

    @classmethod
    def at(cls, start: str | None) -> Self:
        """A segment of which nothing is read yet."""
        return cls(start=start, cursor=start)

    @classmethod
    def from_json(cls, saved: Any) -> Self:
        """The segment of a checkpoint."""
        if not isinstance(saved, dict):
            return cls.at(saved)
        return cls(
            start=saved["start"],
            cursor=saved["cursor"],
            begun=True,
            done=saved["done"],
            marks=frozenset(saved["marks"]),
        )

    def advance(self, page: Page[Return], later: "Sequence[Segment]") -> None:
        """Go on behind the page; the segment is done where it meets the next one of those that come later."""
        ids = frozenset(ret.id for ret in page.items)
        if not self.begun:
            self.begun, self.marks, self.first = True, ids, page.items
        self.cursor, self.last = page.next, page.items
        met = bool(later) and (page.next == later[0].start or any(ids & each.marks for each in later))
        self.done = page.next is None or met

    def to_json(self) -> Any:
        """The segment as a part of a checkpoint: where it begins, if nothing of it is read."""
        if not self.begun:
            return self.start
        marks = [ret.id for ret in self.first[:_MARKS_KEPT]] or sorted(self.marks)[:_MARKS_KEPT]
        return {"start": self.start, "cursor": self.cursor, "done": self.done, "marks": marks}


@define(eq=False)
class Listing:
    """A listing that is being read.

    ``save`` makes checkpoints of where it stands; without one it is read from the beginning the next time. ``read``
    counts the rows that came, ``total`` is what the vendor counts. ``resumed``: nothing was read yet since it was taken up
    again, so a cursor may be of another time.
    """

    read_page: ReadPage
    save: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    read: int = 0
    total: int | None = None
    resumed: bool = False
    gap: str | None = None
    _segments: list[Segment] = field(factory=lambda: [Segment.at(None)])
    _passes: int = 1
    _split: bool = False
    _moved: bool = False

    @classmethod
    def resume(
        cls, read_page: ReadPage, save: Callable[[Mapping[str, Any]], Mapping[str, Any]], saved: Mapping[str, Any]
    ) -> Self:
        """The listing where it was left, by what its checkpoint holds; from its beginning if that is nothing."""
        listing = cls(read_page, save)
        if not saved:
            return listing
        listing.resumed = True
        listing.read, listing.total = saved.get("read", 0), saved.get("total")
        listing._passes, listing._moved = saved.get("passes", 1), saved.get("moved", False)
        listing._split = saved.get("split", False)
        if saved.get("done"):
            listing._segments = []
        elif "segments" in saved:
            listing._segments = [Segment.from_json(each) for each in saved["segments"]]
        else:  # as it was kept when pages were read one after the other
            listing._segments = [Segment(saved["cursor"], saved["cursor"], begun=True)]
        return listing

    def to_json(self) -> dict[str, Any]:
        """What :meth:`resume` needs."""
        if self.done:
            return {"done": True, "read": self.read, "total": self.total}
        return {
            "read": self.read,
            "total": self.total,
            "passes": self._passes,
            "moved": self._moved,
            "split": self._split,
            "segments": [segment.to_json() for segment in self._segments],
        }

    @property
    def done(self) -> bool:
        """True when every page has been read."""
        return not self._segments

    def ready(self) -> Segment | None:
        """The first segment whose next page may be asked for now."""
        for segment, later in pairwise([*self._segments, None]):
            # Where the next segment begins must be known before this one can meet it.
            may_go_on = segment is not None and (not segment.begun or later is None or later.begun)
            if segment is not None and may_go_on and not segment.done and not segment.busy:
                return segment
        return None

    def new_rows(self, segment: Segment, page: Page[Return]) -> tuple[Return, ...]:
        """The rows of a page of the segment that its neighbours did not show: pages overlap so that none is missed."""
        following = self._behind(segment)[:1]
        shown = {ret.id: ret for ret in (*segment.last, *(ret for each in following for ret in each.first))}
        return tuple(ret for ret in page.items if shown.get(ret.id) != ret)

    def take(self, segment: Segment, page: Page[Return], *, count: int) -> Mapping[str, Any]:
        """Note that the segment's next page, with so many new rows, has been read; the checkpoints that say so.

        Raises:
            UnexpectedReply: the vendor repeats itself.
        """
        if segment not in self._segments:  # the listing was started anew meanwhile
            return {}
        if (page.items and page.items == segment.last) or (page.next is not None and page.next == segment.cursor):
            raise UnexpectedReply("the vendor repeats a page of its listing: what comes behind it cannot be seen")
        self.read += count
        self.resumed = False
        self._compare_total(page.total)
        segment.advance(page, self._open_later(segment, page))
        self._prune()
        if self.done and self._moved:
            self._read_again()
        return self.save(self.to_json()) if self.save else {}

    def restart(self) -> None:
        """Read the listing from its beginning: what was known of where it stands is worth nothing."""
        self._segments = [Segment.at(None)]
        self.read, self.total, self.resumed, self._moved, self._split = 0, None, False, False, False

    def _compare_total(self, total: int | None) -> None:
        """Note by the vendor's total whether rows have moved from page to page."""
        if total is None:
            return
        before = total if self.total is None else self.total
        self._moved = self._moved or total < before or (self._split and total > before)
        self.total = total

    def _open_later(self, segment: Segment, page: Page[Return]) -> Sequence[Segment]:
        """The segments behind this one: of the last one, those that its page has cursors of."""
        later = self._behind(segment)
        if not later and page.prefetch:
            later = [Segment.at(cursor) for cursor in page.prefetch[1:]]
            self._segments += later
            self._split = self._split or bool(later)
        return later

    def _behind(self, segment: Segment) -> list[Segment]:
        if segment not in self._segments:
            return []
        return self._segments[self._segments.index(segment) + 1 :]

    def _prune(self) -> None:
        """Remove the segments that are done and that no other has to meet any more."""
        kept: list[Segment] = []
        before: Segment | None = None
        for segment in self._segments:
            to_be_met = before is not None and not before.done
            if not to_be_met:
                segment.first = ()
            if to_be_met or not segment.done:
                kept.append(segment)
            before = segment
        self._segments = kept

    def _read_again(self) -> None:
        if self._passes < _MAX_PASSES:
            self.restart()
            self._passes += 1
        else:
            self.gap = "a listing changed whenever it was read: rows that moved from page to page may be missing"


def read_slice(since: datetime, until: datetime, key: str) -> ReadPage:
    """What reads a page of a slice of the history between two moments."""

    def read_page(adapter: Adapter, cursor: str | None) -> Operation[Page[Return]]:
        (part,) = [part for part in adapter.backfill(since, until) if part.key == key]
        return part.read(cursor)

    return read_page
