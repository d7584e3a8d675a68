"""Listings that are read in segments side by side: in whatever order the pages come in, and whatever happens to the rows
between two of them, no row that was there all the time is passed over."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import Adapter, Operation, Page, Return, UnexpectedReply
from returns_hub.sync.listings import Listing, Segment
from returns_hub.sync.queue import PageJob, ReadQueue, ReturnJob

PAGE = 5


def never(adapter: Adapter, cursor: str | None) -> Operation[Page[Return]]:
    raise AssertionError("these listings are read by hand")


def save(position: Any) -> dict[str, Any]:
    return {"position": position}


def row(number: int) -> Return:
    return Return(provider="memory", id=f"r{number}", created_at=datetime.fromtimestamp(number, UTC))


@define
class Shelf:
    """Rows in the order of their numbers, on pages of five."""

    numbers: list[int]
    starts: int = 3
    tells_ahead: bool = True
    asked: list[str | None] = field(factory=list)

    def by_number(self, cursor: str | None) -> Page[Return]:
        """A page counted off by rows, which names all pages behind it."""
        self.asked.append(cursor)
        start = int(cursor or 0)
        behind = [str(position) for position in range(start + PAGE, len(self.numbers), PAGE)]
        return Page(
            items=map(row, self.numbers[start : start + PAGE]),
            next=behind[0] if behind else None,
            prefetch=tuple(behind) if self.tells_ahead else (),
            total=len(self.numbers),
        )

    def by_time(self, cursor: str | None) -> Page[Return]:
        """A page that goes on after the last row of the one before, and names a few others further on."""
        self.asked.append(cursor)
        position = cursor or "0"
        after = position.startswith("after ")
        # The last row comes again, as from a vendor whose filter is read a second early.
        rows = (
            [n for n in self.numbers if n >= int(position.removeprefix("after "))]
            if after
            else self.numbers[int(position) :]
        )
        shown = rows[:PAGE]
        following = f"after {shown[-1]}" if len(rows) > PAGE else None
        step = max(2 * PAGE, len(self.numbers) // self.starts)
        ahead = [str(start) for start in range(step, len(self.numbers), step) if start >= PAGE]
        return Page(
            items=map(row, shown), next=following, prefetch=(following, *ahead) if following and cursor is None else ()
        )


def read_all(shelf: Shelf, listing: Listing, *, by_time: bool, choose: random.Random, change: Any = None) -> set[str]:
    """Read the listing, in any order that is allowed; the ids that came."""
    read = shelf.by_time if by_time else shelf.by_number
    seen: set[str] = set()
    while not listing.done:
        ready: list[Segment] = []
        while (segment := listing.ready()) is not None:
            segment.busy = True
            ready.append(segment)
        for segment in ready:
            segment.busy = False
        segment = choose.choice(ready)
        page = read(segment.cursor)
        fresh = listing.new_rows(segment, page)
        listing.take(segment, page, count=len(fresh))
        seen.update(ret.id for ret in fresh)
        if change is not None:
            change()
    return seen


@given(count=st.integers(0, 120), starts=st.integers(1, 6), seed=st.integers(0, 9999))
def test_along_times_every_row_comes_once(count: int, starts: int, seed: int) -> None:
    shelf, listing = Shelf(list(range(count)), starts=starts), Listing(never)
    seen = read_all(shelf, listing, by_time=True, choose=random.Random(seed))
    assert seen == {f"r{number}" for number in range(count)}
    assert listing.read == count
    assert listing.gap is None


@given(count=st.integers(0, 120), seed=st.integers(0, 9999))
def test_by_number_every_page_is_asked_for_once(count: int, seed: int) -> None:
    shelf, listing = Shelf(list(range(count))), Listing(never)
    seen = read_all(shelf, listing, by_time=False, choose=random.Random(seed))
    assert seen == {f"r{number}" for number in range(count)}
    assert len(shelf.asked) == max(1, -(-count // PAGE))


@given(count=st.integers(30, 120), starts=st.integers(1, 6), seed=st.integers(0, 9999))
def test_along_times_no_row_is_passed_over_while_others_come_and_go(count: int, starts: int, seed: int) -> None:
    choose = random.Random(seed)
    # Every number has place for new ones beside it.
    shelf, listing = Shelf([number * 10 for number in range(count)], starts=starts), Listing(never)
    steady = set(shelf.numbers)
    came: set[int] = set()

    def change() -> None:
        for _ in range(choose.randrange(3)):
            gone = choose.choice(shelf.numbers)
            shelf.numbers.remove(gone)
            steady.discard(gone)
        while len(shelf.numbers) < count and choose.random() < 0.8:
            new = choose.randrange(count * 10)
            if new not in shelf.numbers and new not in steady and new not in came:
                came.add(new)
                shelf.numbers = sorted([*shelf.numbers, new])

    seen = read_all(shelf, listing, by_time=True, choose=choose, change=change)
    assert {f"r{number}" for number in steady} <= seen
    assert len(shelf.asked) <= 5 * count  # it ends


@given(
    count=st.integers(6, 80),
    seed=st.integers(0, 9999),
    moves=st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=6),
)
def test_by_number_what_moved_is_read_again_or_reported(count: int, seed: int, moves: list[tuple[int, bool]]) -> None:
    choose = random.Random(seed)
    shelf, listing = Shelf([number * 10 for number in range(count)]), Listing(never)
    steady = set(shelf.numbers)
    # Only in one direction: a vendor whose rows come and go in equal number shows nothing by its total.
    deletes = choose.random() < 0.5
    due = sorted(moment for moment, _ in moves)

    def change() -> None:
        while due and len(shelf.asked) >= due[0] and len(shelf.numbers) > 1:
            due.pop(0)
            if deletes:
                gone = choose.choice(shelf.numbers)
                shelf.numbers.remove(gone)
                steady.discard(gone)
            else:
                shelf.numbers = sorted([*shelf.numbers, choose.choice(shelf.numbers) + len(due) + 1])

    seen = read_all(shelf, listing, by_time=False, choose=choose, change=change)
    missed = {f"r{number}" for number in steady} - seen
    assert not missed or listing.gap is not None


@given(count=st.integers(0, 80), seed=st.integers(0, 9999), newest_first=st.booleans())
def test_from_page_to_page_a_listing_that_grows_is_read_once(count: int, seed: int, newest_first: bool) -> None:
    choose = random.Random(seed)
    shelf, listing = Shelf([number * 10 for number in range(count)], tells_ahead=False), Listing(never)
    steady, new = set(shelf.numbers), iter(range(-1, -99, -1) if newest_first else range(1001, 1099))

    def grow() -> None:
        if len(shelf.numbers) < count + 40 and choose.random() < 0.6:
            shelf.numbers = sorted(
                [*shelf.numbers, next(new) if choose.random() < 0.8 else choose.randrange(1000) * 10 + 1]
            )

    seen = read_all(shelf, listing, by_time=False, choose=choose, change=grow)
    assert {f"r{number}" for number in steady} <= seen
    assert (listing.gap, shelf.asked.count(None)) == (None, 1)


@given(count=st.integers(0, 120), by_time=st.booleans(), seed=st.integers(0, 9999), cut=st.integers(1, 20))
def test_a_reading_that_was_cut_off_reads_no_page_again(count: int, by_time: bool, seed: int, cut: int) -> None:
    choose = random.Random(seed)
    shelf, listing = Shelf(list(range(count))), Listing(never, save)
    read = shelf.by_time if by_time else shelf.by_number
    seen: set[str] = set()
    position: dict[str, Any] = {}
    for _ in range(cut):
        segment = listing.ready()
        if segment is None:
            break
        page = read(segment.cursor)
        seen.update(ret.id for ret in page.items)
        position = dict(listing.take(segment, page, count=len(page.items)))
    before = list(shelf.asked)
    resumed = Listing.resume(never, save, position.get("position", {}))
    seen |= read_all(shelf, resumed, by_time=by_time, choose=choose)
    assert seen == {f"r{number}" for number in range(count)}
    assert len(set(shelf.asked)) == len(shelf.asked), before


def test_the_position_of_an_older_version_is_taken_up() -> None:
    listing = Listing.resume(never, save, {"read": 10, "cursor": "10"})
    segment = listing.ready()
    assert segment is not None
    assert (segment.cursor, listing.read, listing.resumed) == ("10", 10, True)


def test_a_slice_that_an_older_version_finished_is_done() -> None:
    assert Listing.resume(never, save, {"done": True}).done


def test_a_page_that_comes_again_is_not_believed() -> None:
    listing = Listing(never)
    page = Page(items=[row(1)], next="1")
    segment = listing.ready()
    assert segment is not None
    listing.take(segment, page, count=1)
    with pytest.raises(UnexpectedReply, match="repeats a page"):
        listing.take(segment, Page(items=[row(1)], next="2"), count=1)


def test_a_cursor_that_leads_to_itself_is_not_believed() -> None:
    listing = Listing.resume(never, save, {"read": 0, "cursor": "7"})
    segment = listing.ready()
    assert segment is not None
    with pytest.raises(UnexpectedReply, match="repeats a page"):
        listing.take(segment, Page(items=[row(1)], next="7"), count=1)


def test_what_was_on_its_way_when_a_listing_was_started_anew_moves_nothing() -> None:
    listing = Listing.resume(never, save, {"read": 5, "cursor": "5"})
    segment = listing.ready()
    assert segment is not None
    listing.restart()
    assert listing.take(segment, Page(items=[row(1)], next="9"), count=1) == {}
    assert (listing.read, listing.done) == (0, False)


@pytest.mark.anyio
async def test_returns_come_before_pages_and_listings_in_their_order() -> None:
    first, second = Listing(never), Listing(never)
    board = ReadQueue([first, second], ["r1"])
    jobs = [await board.take() for _ in range(3)]
    assert jobs[0] == ReturnJob("r1")
    assert [job.listing for job in jobs[1:] if isinstance(job, PageJob)] == [first, second]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
