"""Where the reading of listings stands: which page may be asked for now, and what is left where a reading is cut off.

A listing whose vendor tells what lies ahead is read in segments side by side. Each segment goes on from page to page
until it meets the rows that the next one began with, or the cursor of it. So a listing along creation times is read
whole, whatever is inserted, deleted or moved meanwhile. One that can only be counted off, by page numbers or offsets, tells
by its total that its rows have moved: it is read once more, unless it was read from page to page and only grew, for that
shows rows twice and hides none.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, Self, TypeAlias

from anyio import Condition
from attrs import define, field, frozen

from returns_hub.errors import UnexpectedReply
from returns_hub.model import Return
from returns_hub.operation import Operation, Page

ReadPage: TypeAlias = Callable[[str | None], Operation[Page[Return]]]

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
    _stretches: list[Segment] = field(factory=lambda: [Segment.at(None)])
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
            listing._stretches = []
        elif "segments" in saved:
            listing._stretches = [Segment.from_json(each) for each in saved["segments"]]
        else:  # as it was kept when pages were read one after the other
            listing._stretches = [Segment(saved["cursor"], saved["cursor"], begun=True)]
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
            "segments": [segment.to_json() for segment in self._stretches],
        }

    @property
    def done(self) -> bool:
        """True when every page has been read."""
        return not self._stretches

    def ready(self) -> Segment | None:
        """The first segment whose next page may be asked for now."""
        for segment, later in pairwise([*self._stretches, None]):
            # Where the next segment begins must be known before this one can meet it.
            may_go_on = segment is not None and (not segment.begun or later is None or later.begun)
            if segment is not None and may_go_on and not segment.done and not segment.busy:
                return segment
        return None

    def fresh(self, segment: Segment, page: Page[Return]) -> tuple[Return, ...]:
        """The rows of a page of the segment that its neighbours did not show: pages overlap so that none is missed."""
        following = self._behind(segment)[:1]
        shown = {ret.id: ret for ret in (*segment.last, *(ret for each in following for ret in each.first))}
        return tuple(ret for ret in page.items if shown.get(ret.id) != ret)

    def take(self, segment: Segment, page: Page[Return], *, count: int) -> Mapping[str, Any]:
        """Note that the segment's next page, with so many fresh rows, has been read; the checkpoints that say so.

        Raises:
            UnexpectedReply: the vendor repeats itself.
        """
        if segment not in self._stretches:  # the listing was started anew meanwhile
            return {}
        if (page.items and page.items == segment.last) or (page.next is not None and page.next == segment.cursor):
            raise UnexpectedReply("the vendor repeats a page of its listing: what comes behind it cannot be seen")
        self.read += count
        self.resumed = False
        if page.total is not None:
            before = page.total if self.total is None else self.total
            self._moved = self._moved or page.total < before or (self._split and page.total > before)
            self.total = page.total
        ids = frozenset(ret.id for ret in page.items)
        later = self._behind(segment)
        if not later and page.ahead:
            later = [Segment.at(cursor) for cursor in page.ahead[1:]]
            self._stretches += later
            self._split = self._split or bool(later)
        if not segment.begun:
            segment.begun, segment.marks, segment.first = True, ids, page.items
        segment.cursor, segment.last = page.next, page.items
        met = bool(later) and (page.next == later[0].start or any(ids & each.marks for each in later))
        segment.done = page.next is None or met
        self._prune()
        if self.done and self._moved:
            self._read_again()
        return self.save(self.to_json()) if self.save else {}

    def restart(self) -> None:
        """Read the listing from its beginning: what was known of where it stands is worth nothing."""
        self._stretches = [Segment.at(None)]
        self.read, self.total, self.resumed, self._moved, self._split = 0, None, False, False, False

    def _behind(self, segment: Segment) -> list[Segment]:
        if segment not in self._stretches:
            return []
        return self._stretches[self._stretches.index(segment) + 1 :]

    def _prune(self) -> None:
        """Forget the segments that are done and that nobody has to meet any more."""
        kept: list[Segment] = []
        before: Segment | None = None
        for segment in self._stretches:
            to_be_met = before is not None and not before.done
            if not to_be_met:
                segment.first = ()
            if to_be_met or not segment.done:
                kept.append(segment)
            before = segment
        self._stretches = kept

    def _read_again(self) -> None:
        if self._passes < _MAX_PASSES:
            self.restart()
            self._passes += 1
        else:
            self.gap = "a listing changed whenever it was read: rows that moved from page to page may be missing"


@frozen
class PageJob:
    """The next page of a segment is to be read."""

    listing: Listing
    segment: Segment


@frozen
class ReturnJob:
    """A return is to be read by its id."""

    return_id: str


class ReadQueue:
    """What is to be asked of a vendor, handed out to the workers of an account; listings that come first go first."""

    def __init__(self, listings: Sequence[Listing] = (), ids: Iterable[str] = ()) -> None:
        self._listings = listings
        self._ids = deque(ids)
        self._working = 0
        self._changed = Condition()

    @property
    def read(self) -> int:
        """How many rows of the listings have been read."""
        return sum(listing.read for listing in self._listings)

    @property
    def total(self) -> int | None:
        """How many rows the listings hold; None unless the vendor has told it of all of them."""
        totals = [listing.total for listing in self._listings]
        return None if None in totals else sum(total for total in totals if total is not None)

    @property
    def is_empty(self) -> bool:
        """True if nothing is left to be handed out."""
        return not self._ids and all(listing.done for listing in self._listings)

    def add(self, ids: Iterable[str]) -> None:
        """These returns are to be read by their ids, too."""
        self._ids.extend(ids)

    async def take(self) -> PageJob | ReturnJob | None:
        """What to ask for next, once there is something; None when all is done."""
        async with self._changed:
            while True:
                job = self._next()
                if job is not None:
                    self._working += 1
                    return job
                if not self._working:
                    self._changed.notify_all()
                    return None
                await self._changed.wait()

    async def give_back(self, job: PageJob | ReturnJob) -> None:
        """A job is done."""
        async with self._changed:
            if isinstance(job, PageJob):
                job.segment.busy = False
            self._working -= 1
            self._changed.notify_all()

    def _next(self) -> PageJob | ReturnJob | None:
        if self._ids:
            return ReturnJob(self._ids.popleft())
        for listing in self._listings:
            segment = listing.ready()
            if segment is not None:
                segment.busy = True
                return PageJob(listing, segment)
        return None
