"""The reading of an account: pages and single returns, asked for side by side, on their way into the mirror."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from anyio import Semaphore, create_task_group, sleep, to_thread
from attrs import define, evolve, field

from returns_hub.adapter import Rate
from returns_hub.client import AsyncClient
from returns_hub.errors import NotFound, PluginError, ReplyTooLarge, UnexpectedReply, ValidationFailed
from returns_hub.events import Origin
from returns_hub.logs import log_event
from returns_hub.merge import Observation, observed, restrict_fields
from returns_hub.model import Return
from returns_hub.operation import Operation, Page, Reply, Request, VendorClock, watch
from returns_hub.reports import ReportBuilder, SyncProgress
from returns_hub.store import ApplyResult, Store
from returns_hub.store.rows import fingerprint
from returns_hub.sync.listings import Listing
from returns_hub.sync.options import RunOptions
from returns_hub.sync.queue import PageJob, ReadQueue
from returns_hub.sync.writer import MirrorWriter

T = TypeVar("T")

# More rows than any vendor gives on a page: adapters lower it to their vendor's maximum.
_LARGE_PAGE: Final = 512
_SHOW_SECONDS: Final = 1.0
# So many invalid records are known again.
_MAX_INVALID: Final = 10_000
# How many calls of an account may be under way; its rate limit decides how many that really are.
_MAX_WORKERS: Final = 8
# A call waits for its turn at the rate limit, and has a deadline: no more of them than get their turn in this time.
_MAX_QUEUE_SECONDS: Final = 30.0


class Interrupted(Exception):
    """The caller's progress function raised what is no failure of the account, Ctrl-C for instance: all runs end."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__()
        self.cause = cause


@define(kw_only=True, eq=False)
class Reader:
    """Reads an account through one client. ``report`` counts what is read; ``on_missing`` gets ids that the vendor lacks.

    ``workers`` is how many calls may be under way at once; ``now`` is the run's clock.
    """

    account: str
    client: AsyncClient
    store: Store
    options: RunOptions
    report: ReportBuilder
    workers: int
    now: Callable[[], datetime]
    on_missing: Callable[[str], None]
    writer: MirrorWriter = field(init=False)
    vendor_time: datetime | None = field(init=False, default=None)
    """The time by the vendor's clock, as its first reply of this run showed it."""
    _queue: ReadQueue = field(init=False, factory=ReadQueue)
    _calls: Semaphore = field(init=False)
    _phase: str = field(init=False, default="")
    _rows: int = field(init=False, default=0)
    _stored: int = field(init=False, default=0)
    _page_size: int | None = field(init=False, default=None)
    _reread: set[str] = field(init=False, factory=set)
    _named: set[str] = field(init=False, factory=set)
    _invalid: set[str] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        self._calls = Semaphore(self.workers)

    async def read(self, listings: Sequence[Listing], ids: Iterable[str], phase: str, origin: Origin) -> None:
        """Read listings, and returns by their ids, side by side; everything is in the mirror then."""
        self._queue = ReadQueue(listings, ids)
        if phase != self._phase:
            self._phase, self._rows, self._stored = phase, 0, 0
        while not self._queue.is_empty:
            with first_failure():
                async with create_task_group() as tasks:
                    for _ in range(self.workers):
                        tasks.start_soon(self._work, self._queue, phase, origin)
            # Storing may find returns that have to be read again.
            await self.writer.flush(partial(self._show_progress, self._queue, phase))

    def count_stored(self, applied: ApplyResult, observations: int) -> None:
        """A transaction is committed: count it, and read again what it leaves open."""
        self._stored += observations
        self.report.count(
            read=observations,
            created=applied.created,
            changed=applied.changed,
            unchanged=applied.unchanged,
            events=applied.events,
            invalid_records=applied.refused,
        )
        # The answer is final, whatever it disagrees with.
        disputed = [return_id for return_id in applied.reread if return_id not in self._reread]
        self._reread.update(disputed)
        self._queue.add(disputed)

    async def _work(self, queue: ReadQueue, phase: str, origin: Origin) -> None:
        while (job := await queue.take()) is not None:
            if isinstance(job, PageJob):
                await self._read_page(job, origin)
            else:
                await self._read_return(job.return_id)
            self._show_progress(queue, phase)
            await queue.done(job)

    async def _read_page(self, job: PageJob, origin: Origin) -> None:
        listing, segment = job.listing, job.segment
        seen_at, clock = self.now(), VendorClock()
        try:
            page = await self._get_page(listing, segment.cursor, clock)
        except (NotFound, PluginError, UnexpectedReply, ValidationFailed, ValueError):
            if not listing.resumed:
                raise
            # The vendor, or a newer adapter, no longer takes the cursor of the run that was cut off, or what it was
            # made from is gone. Where the vendor answers nonsense to everything, the next try says so.
            listing.restart()
            return
        self.report.count(pages=1, invalid_records=self._new_invalid(page))
        for sentence in page.gaps:
            self.report.add_gap(sentence)
        observations = [
            observed(ret, seen_at=seen_at, origin=origin, vendor_time=clock.shown)
            for ret in listing.new_rows(segment, page)
            if not self.client.adapter.is_test_record(ret)
        ]
        if self.options.details:
            observations = await self._in_detail(observations)
        # Before the page's checkpoint: who only reads on from there would never hear of them.
        observations += await self._read_named(page.read_again)
        async with self.writer.room() as add:
            # Together: a checkpoint may say nothing of a page that is not on its way into the mirror before it.
            count = len(observations) + len(page.invalid_records)
            add(observations, listing.take(segment, page, count=count))
        self._rows += len(observations)
        if listing.gap is not None:
            self.report.add_gap(listing.gap)

    async def _get_page(self, listing: Listing, cursor: str | None, clock: VendorClock) -> Page[Return]:
        """A page of the listing; one that is larger than the client reads is asked for again, smaller.

        Raises:
            ReplyTooLarge: a page of one row is too large as well.
        """
        while True:
            size, adapter = self._page_size, self.client.adapter
            try:
                return await self._run(
                    listing.read_page(adapter if size is None else evolve(adapter, page_size=size), cursor), clock
                )
            except ReplyTooLarge as problem:
                if size == 1:
                    raise
                # Calls that were under way beside this one may have found it out already.
                if self._page_size == size:
                    self._page_size = max(1, (size or adapter.page_size or _LARGE_PAGE) // 2)
                    message, smaller = "%s: %s; asking for pages of %d", self._page_size
                    log_event("sync.smaller_pages", message, self.account, problem, smaller, account=self.account)

    def _new_invalid(self, page: Page[Return]) -> int:
        """How many records of the page could not be read and did not come before: pages overlap."""
        new = 0
        for record in page.invalid_records:
            digest = fingerprint(repr(record.raw))
            if digest not in self._invalid:
                new += 1
                message = "%s: a record could not be read and is left out, at %s"
                log_event("record.unreadable", message, self.account, record.where, account=self.account)
                if len(self._invalid) < _MAX_INVALID:
                    self._invalid.add(digest)
        return new

    async def _in_detail(self, rows: Sequence[Observation]) -> list[Observation]:
        """The rows of a page, each as the vendor shows it by its id."""
        detailed = list(rows)

        async def read(index: int, row: Observation) -> None:
            seen_at, clock = self.now(), VendorClock()
            ret = await self._get_return(row.ret.id, clock)
            if ret is not None:
                detailed[index] = observed(ret, seen_at=seen_at, origin=row.origin, vendor_time=clock.shown)

        with first_failure():
            async with create_task_group() as tasks:
                for index, row in enumerate(rows):
                    tasks.start_soon(read, index, row)
        return detailed

    async def _read_named(self, ids: Iterable[str]) -> list[Observation]:
        """The returns that a page only names, each read once in a run."""
        found: list[Observation] = []
        wanted = [return_id for return_id in dict.fromkeys(ids) if return_id not in self._named]
        self._named.update(wanted)

        async def read(return_id: str) -> None:
            found.extend(await self._observe_return(return_id))

        with first_failure():
            async with create_task_group() as tasks:
                for return_id in wanted:
                    tasks.start_soon(read, return_id)
        return found

    async def _read_return(self, return_id: str) -> None:
        observations = await self._observe_return(return_id)
        if observations:
            async with self.writer.room() as add:
                add(observations, {})
            self._rows += 1

    async def _observe_return(self, return_id: str) -> list[Observation]:
        """The observation of a return that is read by its id; none if it cannot be read."""
        seen_at, clock = self.now(), VendorClock()
        ret = await self._get_return(return_id, clock)
        if ret is None:
            return []
        known = None
        if not self.options.details:
            known = await to_thread.run_sync(self.store.get_return, self.account, return_id)
        # Asked for no details, it gives none: they would look like changes, though nothing but our knowledge changed.
        shown = restrict_fields(ret, known.ret) if known else ret
        return [observed(shown, seen_at=seen_at, vendor_time=clock.shown)]

    async def _get_return(self, return_id: str, clock: VendorClock) -> Return | None:
        """A return as the vendor has it; None, and the report says so, if it cannot be read."""
        ret: Return | None = None
        try:
            ret = await self._run(self.client.adapter.get_return(return_id), clock)
        except NotFound:
            self.on_missing(return_id)
            return None
        except UnexpectedReply as problem:
            # With a place, this record is invalid; without one, the vendor's answer is.
            if not problem.where:
                raise
        if ret is None or ret.id != return_id:
            self.report.count(invalid_records=1)
            return None
        return None if self.client.adapter.is_test_record(ret) else ret

    async def _run(self, operation: Operation[T], clock: VendorClock) -> T:
        def see(reply: Reply) -> None:
            clock.see(reply)
            self.vendor_time = self.vendor_time or clock.shown

        async with self._calls:
            return await self.client.run(watch(operation, on_request=self._count, on_reply=see))

    def _count(self, _: Request) -> None:
        self.report.count(requests=1)

    async def show_regularly(self) -> None:
        """Show the progress every second, also while the vendor is silent: the caller's function may end the run.

        Raises:
            Interrupted: it does.
        """
        while True:
            await sleep(_SHOW_SECONDS)
            if self._phase:
                self._show_progress(self._queue, self._phase)

    def _show_progress(self, queue: ReadQueue, phase: str) -> None:
        if self.options.progress is None:
            return
        is_whole = phase != "changes"
        read = queue.read if is_whole else self._rows
        step = SyncProgress(
            account=self.account,
            phase=phase,
            read=read,
            stored=read - (self._rows - self._stored),
            total=queue.total if is_whole else None,
        )
        try:
            self.options.progress(step)
        except (KeyboardInterrupt, SystemExit) as cause:
            # An event loop would not survive it; outside the loop it is raised as it is.
            raise Interrupted(cause) from None


def worker_count(rate: Rate | None) -> int:
    """How many calls of an account may be under way at a rate: its limiter lets them go one by one."""
    return _MAX_WORKERS if rate is None else max(1, min(_MAX_WORKERS, int(_MAX_QUEUE_SECONDS / rate.interval)))


@contextmanager
def first_failure() -> Iterator[None]:
    """What went wrong in a group of tasks, as it was raised in the first of them that failed."""
    cause: BaseException
    try:
        yield
    except BaseExceptionGroup as group:
        cause = group
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
    else:
        return
    raise cause
