"""What is to be asked of a vendor for one account, handed out to its workers."""

from collections import deque
from collections.abc import Iterable, Sequence

from anyio import Condition
from attrs import frozen

from returns_hub.sync.listings import Listing, Segment


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
        """How many rows the listings hold; None unless the vendor has said it of all of them."""
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

    async def done(self, job: PageJob | ReturnJob) -> None:
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
