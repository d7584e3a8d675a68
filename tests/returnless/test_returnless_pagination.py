"""The keyset walk: every record once, or it says what it cannot see; a vendor in memory answers it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from returns_hub import Page, Reply, Return, ReturnQuery, Secret, UnexpectedReply
from returns_hub_returnless import Returnless

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
# As the documentation lists them: one second can be asked for by each.
WORDS = (
    "processing", "received", "complete", "checked", "re-check", "completed", "declined", "delivered", "exception",
    "exchanged", "pending_payment", "closed",
)  # fmt: skip
SAME = "2024-05-01 10:00:00"


@pytest.fixture
def backfill(adapter: Returnless, pages: Any) -> Callable[[Any], list[Page[Return]]]:
    """The pages of the slice of returns."""
    returns, _ = adapter.backfill(SINCE, UNTIL)
    return lambda vendor: pages(returns.read, vendor)


def ids(found: list[Page[Return]]) -> list[str]:
    return [ret.id for page in found for ret in page.items]


def gaps(found: list[Page[Return]]) -> list[str]:
    return [gap for page in found for gap in page.gaps]


def numbers(count: int) -> list[str]:
    return [str(1000 + number) for number in range(count)]


def in_one_second(row: Any, count: int, *, words: tuple[str, ...] = WORDS, at: str = SAME) -> list[dict[str, Any]]:
    return [row(5000 + number, at, status=words[number % len(words)]) for number in range(count)]


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("count", [0, 1, 2, 199, 200, 201, 399, 400, 401, 1000])
def test_backfill_is_exact(vendor: Any, backfill: Any, count: int, inclusive: bool) -> None:
    found = backfill(vendor(count, inclusive=inclusive))
    assert (ids(found), gaps(found)) == (numbers(count), [])


@pytest.mark.parametrize("inclusive", [True, False])
def test_backfill_of_5000_needs_at_most_a_tenth_more_requests_than_it_must(
    vendor: Any, backfill: Any, inclusive: bool
) -> None:
    asked_of = vendor(5000, inclusive=inclusive)
    assert len(ids(backfill(asked_of))) == 5000
    assert len(asked_of.asked) <= 1.1 * (5000 / 200 + 1)


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("cap", [3, 7, 50, 100, 199])
def test_silent_cap_hides_nothing(vendor: Any, backfill: Any, cap: int, inclusive: bool) -> None:
    found = backfill(vendor(450, cap=cap, inclusive=inclusive))
    assert (ids(found), gaps(found)) == (numbers(450), [])


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("count", [199, 200, 201, 450, 1000])
def test_crowded_second_is_read_status_by_status(
    vendor: Any, backfill: Any, row: Any, count: int, inclusive: bool
) -> None:
    rows = [*(row(n) for n in range(300)), *in_one_second(row, count), *(row(n) for n in range(9000, 9300))]
    found = backfill(vendor(rows, inclusive=inclusive))
    assert (sorted(ids(found)), gaps(found)) == (sorted(one["return_id"] for one in rows), [])
    assert len(ids(found)) == len(rows)


@pytest.mark.parametrize("inclusive", [True, False])
def test_crowded_second_under_a_silent_cap(vendor: Any, backfill: Any, row: Any, inclusive: bool) -> None:
    rows = [*(row(n) for n in range(150)), *in_one_second(row, 300), *(row(n) for n in range(9000, 9050))]
    found = backfill(vendor(rows, cap=40, inclusive=inclusive))
    assert (sorted(ids(found)), gaps(found)) == (sorted(one["return_id"] for one in rows), [])


@pytest.mark.parametrize("inclusive", [True, False])
def test_crowded_first_second_under_a_silent_cap(vendor: Any, backfill: Any, row: Any, inclusive: bool) -> None:
    found = backfill(vendor(in_one_second(row, 90), cap=40, inclusive=inclusive))
    assert (len(ids(found)), gaps(found)) == (90, [])


@pytest.mark.parametrize("inclusive", [True, False])
def test_crowded_neighbouring_seconds(vendor: Any, backfill: Any, row: Any, inclusive: bool) -> None:
    rows = [row(5000 + n, f"2024-05-01 10:00:{n // 120:02}", status=WORDS[n % 12]) for n in range(1200)]
    found = backfill(vendor(rows, inclusive=inclusive))
    assert (ids(found), gaps(found)) == ([one["return_id"] for one in rows], [])


@pytest.mark.parametrize("inclusive", [True, False])
def test_second_that_status_cannot_split_is_a_gap(vendor: Any, backfill: Any, row: Any, inclusive: bool) -> None:
    rows = [row(1), *in_one_second(row, 450, words=("processing", "received")), row(9000)]
    found = backfill(vendor(rows, inclusive=inclusive))
    assert gaps(found) == [
        (
            "returns, return_date 2024-05-01 10:00:00: only 200 of those with status 'processing' are sent; "
            "others may be missing"
        ),
        (
            "returns, return_date 2024-05-01 10:00:00: only 200 of those with status 'received' are sent; "
            "others may be missing"
        ),
    ]
    assert (len(ids(found)), ids(found)[0], ids(found)[-1]) == (402, "1001", "10000")


@pytest.mark.parametrize("inclusive", [True, False])
def test_second_whose_status_filter_is_ignored_is_a_gap(vendor: Any, backfill: Any, row: Any, inclusive: bool) -> None:
    rows = [*in_one_second(row, 450), row(9000)]
    found = backfill(vendor(rows, inclusive=inclusive, ignored=frozenset({"status"})))
    assert gaps(found) == [
        (
            "returns, return_date 2024-05-01 10:00:00: only 200 are sent, and they cannot be requested by status; "
            "others may be missing"
        )
    ]
    assert (len(ids(found)), ids(found)[-1]) == (201, "10000")


def test_crowded_second_of_one_status_is_a_gap(adapter: Returnless, vendor: Any, pages: Any, row: Any) -> None:
    query = ReturnQuery(raw_status=("checked",))
    asked_of = vendor([*in_one_second(row, 450, words=("checked",)), row(9000, status="checked")])
    found = pages(lambda cursor: adapter.list_returns(query, cursor), asked_of)
    assert gaps(found) == [
        (
            "returns, return_date 2024-05-01 10:00:00: only 200 are sent, and they cannot be requested by status; "
            "others may be missing"
        )
    ]
    assert (len(ids(found)), ids(found)[-1]) == (201, "10000")


def test_status_that_the_filter_refuses_is_a_gap(vendor: Any, backfill: Any, row: Any) -> None:
    found = backfill(vendor(in_one_second(row, 450), refused=frozenset({"checked"})))
    assert gaps(found) == [
        (
            "returns, return_date 2024-05-01 10:00:00: those with status 'checked' cannot be requested; "
            "others may be missing"
        )
    ]


def test_status_of_no_vocabulary_makes_a_crowded_second_a_gap(vendor: Any, backfill: Any, row: Any) -> None:
    rows = [row(1, status="in_limbo"), *in_one_second(row, 450)]
    found = backfill(vendor(rows))
    assert gaps(found) == [
        (
            "returns, return_date 2024-05-01 10:00:00: those with a status outside the vocabulary cannot be requested; "
            "others may be missing"
        )
    ]
    assert len(ids(found)) == 451


def test_undocumented_status_in_a_crowded_second_is_requested(vendor: Any, backfill: Any, row: Any) -> None:
    asked_of = vendor(in_one_second(row, 450, words=(*WORDS, "in_limbo")))
    assert len(ids(backfill(asked_of))) == 450
    assert "in_limbo" in [query.get("status") for query in asked_of.asked]


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("size", [1, 2, 7, 200, 5000])
def test_page_size_changes_nothing_but_the_pages(
    adapter: Returnless, vendor: Any, pages: Any, row: Any, size: int, inclusive: bool
) -> None:
    rows = [*(row(n) for n in range(40)), *in_one_second(row, 30)]
    query = ReturnQuery(page_size=size)
    found = pages(lambda cursor: adapter.list_returns(query, cursor, only="returns"), vendor(rows, inclusive=inclusive))
    assert (sorted(ids(found)), gaps(found)) == (sorted(one["return_id"] for one in rows), [])
    assert len(ids(found)) == 70


def test_page_size_is_kept_to_what_the_vendor_takes(adapter: Returnless) -> None:
    sizes = [dict(next(adapter.list_returns(ReturnQuery(page_size=size))).query)["per_page"] for size in (1, 9, 999)]
    assert sizes == ["1", "9", "200"]


@pytest.mark.parametrize("count", [2, 150, 450])
def test_ignored_order_is_noticed(vendor: Any, backfill: Any, count: int) -> None:
    with pytest.raises(UnexpectedReply, match="not in the order that sort_order asks for") as caught:
        backfill(vendor(count, ignored=frozenset({"sort_order"})))
    assert caught.value.where == "returns"


def test_ignored_start_is_noticed(adapter: Returnless, vendor: Any, pages: Any) -> None:
    returns, _ = adapter.backfill(datetime(2024, 1, 2, tzinfo=UTC), UNTIL)
    with pytest.raises(UnexpectedReply, match="rows came from before created_after"):
        pages(returns.read, vendor(100, ignored=frozenset({"created_after"})))


def test_ignored_created_after_is_noticed_on_the_second_page(vendor: Any, backfill: Any) -> None:
    with pytest.raises(UnexpectedReply, match="rows came from before created_after"):
        backfill(vendor(450, ignored=frozenset({"created_after"})))


def test_filter_by_a_clock_that_is_behind_is_noticed(vendor: Any, backfill: Any) -> None:
    with pytest.raises(UnexpectedReply, match="the row that was read last did not come again"):
        backfill(vendor(450, filter_clock=timedelta(hours=-5)))


def test_filter_by_a_clock_that_is_ahead_is_noticed(vendor: Any, backfill: Any) -> None:
    with pytest.raises(UnexpectedReply, match="is read in another time zone than rows are printed in"):
        backfill(vendor(450, filter_clock=timedelta(hours=5)))


def test_end_of_a_list_seen_by_another_clock_is_noticed(vendor: Any, backfill: Any) -> None:
    # After the only page nothing comes, not even its last row.
    with pytest.raises(UnexpectedReply, match="the row that was read last did not come again"):
        backfill(vendor(10, filter_clock=timedelta(hours=-5)))


def test_full_page_without_a_time_cannot_be_read_in_order(vendor: Any, backfill: Any) -> None:
    rows = [{"return_id": str(number), "return_date": "soon"} for number in range(200)]
    with pytest.raises(UnexpectedReply, match="no row has an id and a time") as caught:
        backfill(vendor(rows, ignored=frozenset({"created_after"})))
    assert caught.value.where == "returns[0].return_date"


def test_rows_without_a_time_are_read_where_they_are_all(adapter: Returnless, answer: Any, finish: Any) -> None:
    returns, _ = adapter.backfill(SINCE, UNTIL)
    page = finish(returns.read(None), answer(200, [{"return_id": "1", "return_date": "soon"}]))
    assert ([ret.id for ret in page.items], [ret.unreadable for ret in page.items]) == (["1"], [("return_date",)])


@pytest.mark.parametrize(
    ("damaged", "ids_read", "invalid"),
    [
        (b'{"return_id": "1001", "return_date": "2024-01-01 01:00:00", "reference": NaN}', ["1000", "1001", "1002"], 0),
        (b'{"return_id": "1001", "return_date": "2024-01-01 01:00:00", "status": "a\tb"}', ["1000", "1001", "1002"], 0),
        (b'{"return_id": "1001", "return_date": "2024-01-01 01:00:\xff"}', ["1000", "1001", "1002"], 0),
        (b'{"return_id": "10\xff01", "return_date": "2024-01-01 01:00:00"}', ["1000", "1002"], 1),
        (b'{"return_id": "1001", "return_date": }', ["1000", "1002"], 1),
    ],
)
def test_one_damaged_row_does_not_cost_the_page(
    adapter: Returnless, finish: Any, damaged: bytes, ids_read: list[str], invalid: int
) -> None:
    rows = [
        b'{"return_id": "1000", "return_date": "2024-01-01 00:00:00"}',
        damaged,
        b'{"return_id": "1002", "return_date": "2024-01-01 02:00:00"}',
    ]
    returns, _ = adapter.backfill(SINCE, UNTIL)
    page = finish(returns.read(None), Reply(status=200, body=b"[" + b", ".join(rows) + b"]"))
    assert ([ret.id for ret in page.items], len(page.invalid_records)) == (ids_read, invalid)


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        ({"return_id": None}, "[1].return_id"),
        ({"return_id": {"a": 1}}, "[1].return_id"),
    ],
)
def test_row_without_an_id_is_one_invalid_record(
    vendor: Any, backfill: Any, row: Any, broken: dict[str, Any], where: str
) -> None:
    found = backfill(vendor([row(0), {**row(1), **broken}, row(2)]))
    assert ids(found) == ["1000", "1002"]
    assert [record.where for page in found for record in page.invalid_records] == [where]


def test_cursor_is_bounded_and_holds_the_last_second(vendor: Any, backfill: Any, row: Any) -> None:
    rows = [row(0), row(1), *in_one_second(row, 150)]
    assert backfill(vendor(rows))[0].next.startswith("0:2024-05-01 10:00:00;;152x1;")


def test_longest_cursor_of_a_crowded_second(vendor: Any, backfill: Any, row: Any) -> None:
    rows = [{**one, "return_id": f"{one['return_id']:>064}"} for one in in_one_second(row, 450)]
    assert max(len(page.next or "") for page in backfill(vendor(rows))) == 13_026


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "2",
        "older",
        "1:;;0x0;",
        "0:",
        "0:2024-05-01 10:00:00",
        "0:2024-99-01 10:00:00;;0x0;",
        "0:0001-01-01 00:00:00;;0x0;",
        "0:;;0x0;a b",
        "0:;;0x3;",
        "0:;z;0x0;",
        "-1:;;0x0;",
        "0:;;0x0;" + ",".join(["1"] * 201),
        "0:;;0x0;" + "1" * 65,
        "²:;;0x0;",
    ],
)
def test_foreign_cursor_is_refused(adapter: Returnless, cursor: str) -> None:
    returns, _ = adapter.backfill(SINCE, UNTIL)
    with pytest.raises(ValueError, match="the cursor is not one that this listing gave"):
        next(returns.read(cursor))


def test_first_page_begins_a_second_early(adapter: Returnless) -> None:
    returns, requests = adapter.backfill(datetime(2024, 1, 2, 3, 4, 5, 600, tzinfo=UTC), UNTIL)
    expected = (("per_page", "200"), ("sort_order", "asc"), ("created_after", "2024-01-02 03:04:04"))
    assert [(next(part.read(None)).path, next(part.read(None)).query) for part in (returns, requests)] == [
        ("/returns", expected),
        ("/requests", expected),
    ]


def test_slices_are_named_by_list_and_start(adapter: Returnless) -> None:
    assert [part.key for part in adapter.backfill(SINCE, UNTIL)] == [
        "returns created after 2020-01-01T00:00:00Z",
        "requests created after 2020-01-01T00:00:00Z",
    ]


def test_backfill_ends_soon_after_its_end(adapter: Returnless, vendor: Any, pages: Any) -> None:
    # Every return is an hour after the one before it; two hours are read beyond the end, for a clock may be guessed wrong.
    returns, _ = adapter.backfill(SINCE, datetime(2024, 1, 1, 10, 0, 0, tzinfo=UTC))
    asked_of = vendor(1000)
    assert ids(pages(returns.read, asked_of)) == numbers(13)
    assert len(asked_of.asked) == 1


def test_bounds_are_printed_by_the_clock_of_the_account(make: Any) -> None:
    returns, _ = make(timezone="Europe/Amsterdam").backfill(datetime(2024, 7, 1, tzinfo=UTC), UNTIL)
    assert dict(next(returns.read(None)).query)["created_after"] == "2024-07-01 01:59:59"


def test_start_in_the_hour_that_a_clock_repeats_is_before_both(make: Any) -> None:
    returns, _ = make(timezone="Europe/Amsterdam").backfill(datetime(2021, 10, 31, 1, 30, tzinfo=UTC), UNTIL)
    assert dict(next(returns.read(None)).query)["created_after"] == "2021-10-31 01:29:59"


def test_end_in_the_hour_that_a_clock_repeats_is_after_both(make: Any, vendor: Any, pages: Any, row: Any) -> None:
    adapter = make(timezone="Europe/Amsterdam")
    query = ReturnQuery(created_before=datetime(2021, 10, 31, 0, 30, tzinfo=UTC))
    # By the clock it is half past two, for the first time: an hour more is let through.
    rows = [row(0, "2021-10-31 02:50:00"), row(1, "2021-10-31 03:20:00"), row(2, "2021-10-31 03:31:00")]
    found = pages(lambda cursor: adapter.list_returns(query, cursor, only="returns"), vendor(rows))
    assert ids(found) == ["1000", "1001"]


def test_changes_hold_the_moment_fixed_and_walk_inside(adapter: Returnless, vendor: Any, pages: Any) -> None:
    asked_of = vendor(450)
    found = pages(lambda cursor: adapter.changes(datetime(2024, 1, 1, 12, tzinfo=UTC), cursor), asked_of)
    # Two hours of overlap: those from 10 o'clock on.
    assert (ids(found)[:2], len(ids(found)), gaps(found)) == (["1010", "1011"], 440, [])
    assert {query["updated_after"] for query in asked_of.asked} == {"2024-01-01 10:00:00"}
    assert [query.get("created_after") for query in asked_of.asked][:2] == [None, "2024-01-09 16:59:59"]


def test_overlap_of_changes_is_an_option(make: Any) -> None:
    request = next(make(poll_overlap=60).changes(datetime(2024, 1, 1, 12, tzinfo=UTC)))
    assert dict(request.query)["updated_after"] == "2024-01-01 11:59:00"


def test_changes_are_of_returns_and_then_of_requests(adapter: Returnless, answer: Any, finish: Any) -> None:
    page = finish(adapter.changes(SINCE), answer(200, []))
    assert next(adapter.changes(SINCE, page.next)).path == "/requests"


def test_changes_end_after_the_requests(adapter: Returnless, answer: Any, finish: Any) -> None:
    second = finish(adapter.changes(SINCE), answer(200, [])).next
    assert finish(adapter.changes(SINCE, second), answer(200, [])).next is None


def test_ignored_updated_after_is_noticed(adapter: Returnless, vendor: Any, pages: Any) -> None:
    with pytest.raises(UnexpectedReply, match="the filter updated_after excludes"):
        pages(
            lambda cursor: adapter.changes(datetime(2024, 1, 5, tzinfo=UTC), cursor),
            vendor(200, ignored=frozenset({"updated_after"})),
        )


def by_update(row: Any, count: int) -> list[dict[str, Any]]:
    """Returns whose last updates come in the opposite order of their creation."""
    start = datetime(2024, 6, 1, tzinfo=UTC)
    return [row(n, updated_at=f"{start - timedelta(minutes=n):%Y-%m-%d %H:%M:%S}") for n in range(count)]


@pytest.mark.parametrize("inclusive", [True, False])
def test_changes_in_order_of_update_that_fit_on_a_page_are_whole(
    adapter: Returnless, vendor: Any, pages: Any, row: Any, inclusive: bool
) -> None:
    asked_of = vendor(by_update(row, 150), sorted_by="updated", inclusive=inclusive)
    found = pages(lambda cursor: adapter.changes(datetime(2024, 5, 1, tzinfo=UTC), cursor), asked_of)
    assert (sorted(ids(found)), gaps(found)) == (numbers(150), [])


@pytest.mark.parametrize("inclusive", [True, False])
def test_changes_in_order_of_update_are_walked_along_it_with_a_gap(
    adapter: Returnless, vendor: Any, pages: Any, row: Any, inclusive: bool
) -> None:
    asked_of = vendor(by_update(row, 450), sorted_by="updated", inclusive=inclusive)
    found = pages(lambda cursor: adapter.changes(datetime(2024, 5, 1, tzinfo=UTC), cursor), asked_of)
    assert sorted(ids(found)) == numbers(450)
    assert gaps(found) == [
        (
            "returns, changed since 2024-04-30 22:00:00: they come in the order of their last update; "
            "those that were updated after their status changed may be missing"
        )
    ]


SECONDS = st.lists(st.integers(min_value=0, max_value=40), max_size=60)


@settings(deadline=None)
@given(
    seconds=SECONDS,
    inclusive=st.booleans(),
    cap=st.integers(min_value=1, max_value=12),
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=12),
)
def test_walk_is_exact_or_says_that_it_is_not(
    vendor: Any, pages: Any, seconds: list[int], inclusive: bool, cap: int, words: list[str]
) -> None:
    adapter = Returnless(user="u", password=Secret("p"))
    rows = [
        {"return_id": str(n), "return_date": f"2024-05-01 10:00:{second:02}", "status": words[n % len(words)]}
        for n, second in enumerate(seconds)
    ]
    returns, _ = adapter.backfill(SINCE, UNTIL)
    found = pages(returns.read, vendor(rows, inclusive=inclusive, cap=cap))
    assert len(ids(found)) == len(set(ids(found)))
    assert gaps(found) or sorted(ids(found)) == sorted(row["return_id"] for row in rows)
