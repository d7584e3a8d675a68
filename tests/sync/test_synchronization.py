"""Syncing an account: what is read, what that costs, what is emitted, and what becomes of errors."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Protocol, TypeAlias

import pytest

from returns_hub import (
    AuthenticationFailed,
    Capability,
    InvalidRecord,
    NotFound,
    Origin,
    ProviderError,
    ProviderUnavailable,
    Return,
    Shipment,
    Status,
    StoreError,
    TimelineEntry,
    UnexpectedReply,
    UnreadableField,
    UnsupportedOperation,
    ValidationFailed,
)
from returns_hub.store import Store
from returns_hub.sync import SyncProgress, SyncReport

Sync: TypeAlias = Callable[..., SyncReport]


class Vendor(Protocol):
    """What the tests use of the vendor in memory."""

    clock: datetime
    rows: dict[str, Return]
    more: dict[str, dict[str, Any]]
    lacks: set[Capability]
    fails: dict[str, Exception]
    asked: list[str]
    words: dict[str, int]
    page_size: int
    repeats_pages: bool
    spoilt: tuple[InvalidRecord, ...]
    largest_page: int | None
    tells_ahead: bool
    gaps: tuple[str, ...]

    def add(self, *ids: str, **told: Any) -> None: ...
    def move(self, return_id: str, status: Status, word: str) -> None: ...


SEVEN = ("a", "b", "c", "d", "e", "f", "g")
PENDING: dict[str, Any] = {"status": Status.REQUESTED, "status_raw": "pending"}


def told(store: Store, *, after: int = 0) -> list[str]:
    return [f"{event.return_id} {event.type}" for event in store.events(after=after)]


def ids(store: Store) -> set[str]:
    return {stored.ret.id for stored in store.returns()}


def test_the_first_sync_reads_everything_in_one_pass(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add(*SEVEN, **PENDING)
    report = sync()
    assert ids(sqlite_store) == set(SEVEN)
    assert (report.requests, report.pages, report.read, report.created, report.events) == (3, 3, 7, 7, 7)
    assert report.error is None


def test_the_first_sync_emits_each_return_once_as_backfilled(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add("a", "b", **PENDING)
    sync()
    assert [(e.return_id, e.type, e.origin) for e in sqlite_store.events()] == [
        ("a", "return.created", Origin.BACKFILL),
        ("b", "return.created", Origin.BACKFILL),
    ]


def test_the_first_sync_reads_back_to_the_start_of_the_history(vendor: Vendor, sync: Sync) -> None:
    sync(history_start=date(2025, 6, 1))
    assert vendor.asked == ["/returns/any/after-2025-06-01 00:00/None"]


def test_a_sync_that_finds_nothing_new_emits_nothing(vendor: Vendor, sync: Sync) -> None:
    vendor.add(*SEVEN, **PENDING)
    sync()
    report = sync()
    assert (report.created, report.changed, report.events, report.error) == (0, 0, 0, None)


def test_a_status_change_is_one_event_of_a_poll(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add("a", "b", **PENDING)
    sync()
    vendor.move("b", Status.APPROVED, "pending")
    report = sync()
    (event,) = sqlite_store.events(after=2)
    assert (report.changed, event.return_id, event.type, event.origin) == (
        1,
        "b",
        "return.status_changed",
        Origin.POLL,
    )


def test_open_returns_are_listed_by_the_words_stored_for_them(vendor: Vendor, sync: Sync) -> None:
    vendor.add("a", **PENDING)
    vendor.add("b", status=Status.UNKNOWN, status_raw="Quality Hold")
    vendor.add("c", status=Status.CLOSED, status_raw="completed")
    sync()
    vendor.clock += timedelta(days=30)
    vendor.asked.clear()
    sync()
    assert vendor.asked == [
        "/returns/any/after-2026-02-28 12:00/None",
        "/returns/Quality Hold,pending/after--/None",
    ]


def test_a_return_that_left_the_words_asked_for_is_read_by_its_id(
    vendor: Vendor, sync: Sync, sqlite_store: Store
) -> None:
    vendor.add("a", "b", **PENDING)
    sync()
    vendor.clock += timedelta(days=30)
    sync()
    vendor.move("b", Status.CLOSED, "completed")
    vendor.clock += timedelta(days=30)
    vendor.asked.clear()
    sync()
    assert vendor.asked[-1] == "/return/b"
    assert told(sqlite_store, after=2) == ["b return.status_changed"]


def test_reading_by_id_tells_no_details_that_nobody_asked_for(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add("a", **PENDING)
    vendor.more["a"] = {"timeline": (TimelineEntry(kind="status"),), "shipments": (Shipment(id="s1"),)}
    sync()
    vendor.move("a", Status.CLOSED, "completed")
    vendor.clock += timedelta(days=30)
    sync()
    sync()
    assert told(sqlite_store, after=1) == ["a return.status_changed"]


def test_a_new_return_is_found(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add("a", **PENDING)
    sync()
    vendor.add("b", **PENDING)
    sync()
    assert [(event.return_id, event.origin) for event in sqlite_store.events(after=1)] == [("b", Origin.POLL)]


def test_a_return_that_the_vendor_listed_late_is_found(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add("a", **PENDING)
    created_at = vendor.clock
    sync()
    vendor.clock += timedelta(hours=1)
    vendor.add("late", created_at=created_at, **PENDING)
    sync()
    assert ids(sqlite_store) == {"a", "late"}


def test_a_return_that_is_gone_stays_and_is_reported(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add("a", "b", **PENDING)
    sync()
    del vendor.rows["a"]
    report = sync()
    assert ids(sqlite_store) == {"a", "b"}
    assert report.gaps == ("a is not known to the vendor any more; the mirror keeps what was last observed",)
    assert report.error is None


@pytest.mark.parametrize("refusal", [ValidationFailed(http_status=400), UnsupportedOperation("no such filter")])
def test_where_words_cannot_be_asked_for_all_since_the_oldest_open_one_is_listed(
    vendor: Vendor, sync: Sync, refusal: Exception
) -> None:
    vendor.add("a", **PENDING)
    sync()
    vendor.clock += timedelta(days=30)
    vendor.fails["/returns/pending"] = refusal
    vendor.asked.clear()
    assert sync().error is None
    assert vendor.asked[1:] == ["/returns/pending/after--/None", "/returns/any/after-2026-03-01 12:00/None"]


def test_a_feed_of_changes_is_read_from_a_little_before_the_last_sync(vendor: Vendor, sync: Sync) -> None:
    vendor.lacks.clear()
    vendor.add("a", **PENDING)
    sync()
    vendor.clock += timedelta(hours=1)
    vendor.asked.clear()
    sync()
    assert vendor.asked == ["/changes/2026-03-01 11:55/None"]


def test_a_feed_that_was_cut_off_goes_on_at_its_cursor_and_then_up_to_now(
    vendor: Vendor, sync: Sync, sqlite_store: Store
) -> None:
    vendor.lacks.clear()
    sync()
    vendor.add(*SEVEN, **PENDING)
    vendor.fails["/changes/2026-03-01 11:55/6"] = ProviderUnavailable(http_status=503)
    assert sync().error is not None
    vendor.fails.clear()
    vendor.asked.clear()
    sync()
    assert vendor.asked[0] == "/changes/2026-03-01 11:55/6"
    assert ids(sqlite_store) == set(SEVEN)


def test_a_backfill_that_was_cut_off_goes_on_at_its_cursor(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add(*SEVEN, **PENDING)
    vendor.fails["/6"] = ProviderUnavailable(http_status=503)
    assert sync().created == 6
    vendor.fails.clear()
    vendor.asked.clear()
    sync()
    assert vendor.asked[0] == "/returns/any/after-2026-01-01 00:00/6"
    assert told(sqlite_store) == [f"{return_id} return.created" for return_id in SEVEN]


def test_a_resumed_backfill_also_finds_what_came_meanwhile(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add(*SEVEN, **PENDING)
    vendor.fails["/3"] = ProviderUnavailable(http_status=503)
    sync()
    vendor.fails.clear()
    vendor.clock += timedelta(days=2)
    vendor.add("new", **PENDING)
    sync()
    assert ids(sqlite_store) == {*SEVEN, "new"}


@pytest.mark.parametrize(
    "refusal", [ValidationFailed(http_status=400), UnexpectedReply("the row that was read last did not come again")]
)
def test_a_cursor_that_is_not_taken_any_more_starts_its_slice_anew(
    vendor: Vendor, sync: Sync, sqlite_store: Store, refusal: ProviderError
) -> None:
    vendor.add(*SEVEN, **PENDING)
    vendor.fails["/6"] = ProviderUnavailable(http_status=503)
    sync()
    vendor.fails["/6"] = refusal
    vendor.page_size = 10
    assert sync().error is None
    assert len(told(sqlite_store)) == 7


def test_since_on_the_first_sync_is_where_it_begins(vendor: Vendor, sync: Sync) -> None:
    sync(since=date(2026, 2, 1))
    assert vendor.asked == ["/returns/any/after-2026-02-01 00:00/None"]


def test_since_before_what_is_covered_reads_only_what_is_missing(
    vendor: Vendor, sync: Sync, sqlite_store: Store
) -> None:
    vendor.add("old", created_at=datetime.fromisoformat("2026-01-15T00:00:00Z"), status=Status.CLOSED)
    vendor.add("new", status=Status.CLOSED)
    sync(since=date(2026, 2, 1))
    report = sync(since=date(2026, 1, 1))
    assert (report.created, [event.origin for event in sqlite_store.events()]) == (1, [Origin.BACKFILL] * 2)


def test_since_within_what_is_covered_reads_it_again(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add("a", status=Status.CLOSED, status_raw="completed")
    sync()
    vendor.clock += timedelta(days=30)
    vendor.move("a", Status.REQUESTED, "pending")
    sync(since=date(2026, 3, 1))
    assert told(sqlite_store, after=1) == ["a return.status_changed"]


def test_without_since_a_closed_return_is_not_looked_at_again(vendor: Vendor, sync: Sync) -> None:
    vendor.add("a", status=Status.CLOSED, status_raw="completed")
    sync()
    vendor.clock += timedelta(days=30)
    sync()
    vendor.clock += timedelta(days=30)
    vendor.move("a", Status.REJECTED, "rejected")
    assert sync().read == 0


def test_full_reads_everything_again_in_one_pass(vendor: Vendor, sync: Sync) -> None:
    vendor.add(*SEVEN, **PENDING)
    sync()
    vendor.clock += timedelta(days=30)
    vendor.asked.clear()
    report = sync(full=True)
    assert (report.read, report.unchanged, len(vendor.asked)) == (7, 7, 3)


def test_a_since_that_is_still_to_come_is_refused(sync: Sync) -> None:
    expected = "cannot read from 2027-01-01T00:00:00Z on: that is still to come"
    assert sync(since=date(2027, 1, 1)).error == expected


def test_details_ask_for_each_return(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add("a", "b", **PENDING)
    vendor.more["a"] = {"timeline": (TimelineEntry(kind="status"),)}
    report = sync(details=True)
    stored = sqlite_store.get_return("acme", "a")
    assert stored is not None
    assert (report.requests, stored.ret.timeline) == (3, (TimelineEntry(kind="status"),))
    assert told(sqlite_store) == ["a return.created", "b return.created"]


def test_a_detail_that_is_not_there_leaves_the_row(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add("a", **PENDING)
    vendor.fails["/return/a"] = NotFound(http_status=404)
    report = sync(details=True)
    assert (ids(sqlite_store), len(report.gaps)) == ({"a"}, 1)


def test_details_survive_a_sync_without_them(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add("a", **PENDING)
    vendor.more["a"] = {"timeline": (TimelineEntry(kind="status"),)}
    sync(details=True)
    sync()
    stored = sqlite_store.get_return("acme", "a")
    assert stored is not None
    assert stored.ret.timeline == (TimelineEntry(kind="status"),)


def test_a_disagreement_about_one_vendor_moment_is_looked_into(vendor: Vendor, sync: Sync) -> None:
    vendor.add("a", updated_at=vendor.clock, **PENDING)
    sync()
    vendor.move("a", Status.APPROVED, "pending")
    vendor.asked.clear()
    sync()
    assert "/return/a" in vendor.asked


def test_the_clock_set_back_makes_nothing_older(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add("a", **PENDING)
    sync()
    vendor.clock -= timedelta(days=365)
    vendor.move("a", Status.APPROVED, "pending")
    sync()
    assert told(sqlite_store, after=1) == ["a return.status_changed"]


def test_records_that_could_not_be_read_are_counted(vendor: Vendor, sync: Sync) -> None:
    vendor.add("a", "", **PENDING)
    vendor.spoilt = (InvalidRecord(where="data[7]", raw={"id": 7}),)
    report = sync()
    assert (report.created, report.invalid_records, report.error) == (1, 2, None)


def test_a_record_that_comes_again_unreadable_is_counted_once(
    vendor: Vendor, sync: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.add("a", "", **PENDING)
    vendor.spoilt = tuple(InvalidRecord(where=f"data[{n}]", raw={"id": []}) for n in (7, 8))
    assert sync().invalid_records == 2
    assert "acme: a record could not be read and is left out, at data[7]" in caplog.text


def test_fields_that_could_not_be_read_are_named_and_cost_nothing_else(
    vendor: Vendor, sync: Sync, sqlite_store: Store
) -> None:
    vendor.add("a", "b", **PENDING)
    vendor.add("c", **PENDING, unreadable=("created_at", "items[0].quantity"))
    report = sync()
    named = (UnreadableField(id="c", field="created_at"), UnreadableField(id="c", field="items[0].quantity"))
    assert (report.created, report.invalid_records, report.error, report.unreadable) == (3, 0, None, named)
    assert sqlite_store.unreadable("acme") == named


@pytest.mark.parametrize("tells_ahead", [False, True])
def test_a_page_that_is_too_large_is_asked_for_again_smaller(
    vendor: Vendor, sync: Sync, sqlite_store: Store, tells_ahead: bool
) -> None:
    vendor.add(*SEVEN, **PENDING)
    vendor.largest_page, vendor.tells_ahead = 2, tells_ahead
    report = sync()
    assert (report.error, report.created) == (None, 7)
    assert ids(sqlite_store) == set(SEVEN)


def test_a_row_that_is_too_large_by_itself_is_the_error(vendor: Vendor, sync: Sync) -> None:
    vendor.add(*SEVEN, **PENDING)
    vendor.largest_page = 0
    assert "the reply is larger than 1000 bytes" in str(sync().error)


def test_one_odd_record_does_not_stop_the_others(vendor: Vendor, sync: Sync) -> None:
    vendor.add("a", "b", **PENDING)
    vendor.fails["/return/a"] = UnexpectedReply("a value is of the wrong type", where="data.status")
    report = sync(details=True)
    assert (report.created, report.invalid_records, report.error) == (2, 1, None)


def test_what_the_vendor_cannot_tell_is_passed_on(vendor: Vendor, sync: Sync) -> None:
    vendor.add("a", **PENDING)
    vendor.gaps = ("more than 200 returns in one second",)
    assert sync().gaps == ("more than 200 returns in one second",)


def test_unknown_words_of_this_run_are_reported(vendor: Vendor, sync: Sync) -> None:
    vendor.add("a", status=Status.UNKNOWN, status_raw="Quality Hold")
    vendor.words["Parked"] = 3

    def look_up(_: SyncProgress) -> None:
        vendor.words["Quality Hold"] = 1

    assert sync(progress=look_up).unknown_words == {"Quality Hold": 1}


def test_progress_is_reported_with_the_total(vendor: Vendor, sync: Sync) -> None:
    vendor.add(*SEVEN, **PENDING)
    seen: list[SyncProgress] = []
    sync(progress=seen.append)
    assert {(step.phase, step.total) for step in seen} == {("backfill", 7)}
    assert list(dict.fromkeys(step.read for step in seen)) == [3, 6, 7]


def test_progress_goes_on_while_rows_are_stored(vendor: Vendor, sync: Sync) -> None:
    vendor.add(*SEVEN, **PENDING)
    seen: list[SyncProgress] = []
    sync(progress=seen.append)
    stored = [step.stored for step in seen]
    assert stored == sorted(stored)
    assert stored[-1] == 7
    assert all(step.stored <= step.read for step in seen)


def test_progress_goes_on_where_it_stopped(vendor: Vendor, sync: Sync) -> None:
    vendor.add(*SEVEN, **PENDING)
    vendor.fails["/6"] = ProviderUnavailable(http_status=503)
    sync()
    vendor.fails.clear()
    seen: list[SyncProgress] = []
    sync(progress=seen.append)
    assert (seen[0].phase, seen[0].read, seen[0].total) == ("backfill", 7, 7)
    assert [step.stored for step in seen if step.phase == "backfill"][-1] == 7


def test_a_vendor_that_repeats_a_page_is_not_believed(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add(*SEVEN, **PENDING)
    vendor.repeats_pages = True
    report = sync()
    assert report.error == "the vendor repeats a page of its listing: what comes behind it cannot be seen"
    assert "covered" not in sqlite_store.checkpoints("acme")


def test_a_failure_of_the_vendor_is_the_report_s_error(vendor: Vendor, sync: Sync) -> None:
    vendor.add(*SEVEN, **PENDING)
    vendor.fails["/3"] = AuthenticationFailed(http_status=401)
    report = sync()
    assert report.error == "The vendor does not accept the credentials (HTTP 401)"
    assert (report.read, report.created) == (3, 3)


def test_a_failure_of_the_store_is_the_report_s_error(
    vendor: Vendor, sync: Sync, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(sqlite_store, "apply", fail)
    assert sync().error == "the disk is full"


def test_a_broken_adapter_is_named_by_place_and_not_by_what_it_says(vendor: Vendor, sync: Sync) -> None:
    vendor.fails["/returns"] = KeyError("canary-7f3a")
    error = sync().error
    assert error is not None
    assert error.startswith("KeyError at sync/conftest.py:")
    assert "canary" not in error


def test_an_interrupted_sync_raises_and_goes_on_later(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add(*SEVEN, **PENDING)
    with pytest.raises(KeyboardInterrupt):
        sync(progress=_interrupt)
    sync()
    assert told(sqlite_store) == [f"{return_id} return.created" for return_id in SEVEN]


def _interrupt(_: SyncProgress) -> None:
    raise KeyboardInterrupt
