"""Listings that show less than everything: feeds that only name a return, test records, and a history that ends."""

from datetime import date
from typing import Any

from returns_hub import Status, TransportFailed
from returns_hub.store import Store


def status(store: Store) -> Status:
    stored = store.get_return("acme", "a")
    assert stored is not None
    return stored.ret.status


def test_a_return_that_a_feed_only_names_is_read_by_its_id_once(vendor: Any, sync: Any, sqlite_store: Store) -> None:
    vendor.lacks = set()
    vendor.add("a", "b", status=Status.APPROVED, status_raw="ok")
    sync()
    vendor.move("a", Status.IN_TRANSIT, "moving")
    vendor.named, vendor.asked = ("a", "a", "gone"), []
    report = sync()
    assert status(sqlite_store) is Status.IN_TRANSIT
    assert [path for path in vendor.asked if path.startswith("/return/")] == ["/return/a", "/return/gone"]
    assert report.gaps == ("gone is not known to the vendor any more; the mirror keeps what was last observed",)


def test_what_a_feed_only_names_is_in_the_mirror_before_its_checkpoint(
    vendor: Any, sync: Any, sqlite_store: Store
) -> None:
    vendor.lacks = set()
    vendor.add("a", status=Status.APPROVED, status_raw="ok")
    sync()
    vendor.move("a", Status.IN_TRANSIT, "moving")
    vendor.named, vendor.fails = ("a",), {"/return/a": TransportFailed("no route")}
    assert sync().error is not None
    vendor.fails = {}
    assert sync().error is None
    assert status(sqlite_store) is Status.IN_TRANSIT


def test_a_test_record_is_not_mirrored_whoever_reports_it(vendor: Any, sync: Any, sqlite_store: Store) -> None:
    vendor.lacks = set()
    vendor.add("a", "t")
    vendor.tests = frozenset({"t"})
    sync()
    vendor.named = ("t",)
    report = sync()
    assert ({stored.ret.id for stored in sqlite_store.returns()}, report.gaps, report.error) == ({"a"}, (), None)


def test_what_is_older_than_the_vendor_lists_is_a_gap_and_reported_once(
    vendor: Any, sync: Any, sqlite_store: Store
) -> None:
    vendor.forgets = True
    vendor.add("a")
    report = sync(history_start=date(2025, 1, 1))
    gap = "Memory lists nothing that was created before 2026-01-30; what is older can be read by its id only"
    assert (report.gaps, {stored.ret.id for stored in sqlite_store.returns()}) == ((gap,), {"a"})
    assert [path for path in vendor.asked if "after-2026-01-30 12:00" in path]
    assert sync().gaps == ()


def test_a_history_that_the_vendor_lists_whole_has_no_gap(vendor: Any, sync: Any) -> None:
    vendor.forgets = True
    vendor.add("a")
    assert sync(history_start=date(2026, 2, 1)).gaps == ()
