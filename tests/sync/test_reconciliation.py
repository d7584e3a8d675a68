"""Comparing the mirror with its vendor: it finds what nobody reported, repairs it, and finds nothing the second time."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import pytest
from attrs import evolve

from returns_hub import Account, AuthenticationFailed, Capability, Hub, Origin, Return, Shipment, Status
from returns_hub.reports import Difference
from returns_hub.store import Store
from returns_hub.store.leases import Leases
from returns_hub.sync import ReconcileReport, SyncProgress, SyncReport
from returns_hub.testing import serve
from returns_hub_returnmate.sandbox import ReturnMateSandbox

Sync = Callable[..., SyncReport]
Reconcile = Callable[..., ReconcileReport]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PENDING = {"status": Status.REQUESTED, "status_raw": "pending"}
SEVEN = ("a", "b", "c", "d", "e", "f", "g")


class Vendor(Protocol):
    clock: datetime
    rows: dict[str, Return]
    more: dict[str, dict[str, Any]]
    lacks: set[Capability]
    fails: dict[str, Exception]
    asked: list[str]
    polls_open_returns: bool

    def add(self, *ids: str, **told: Any) -> None: ...
    def move(self, return_id: str, status: Status, word: str) -> None: ...


def found(report: ReconcileReport) -> tuple[int, int, int, int]:
    return report.missing, report.changed, report.repaired, report.gone


def test_of_a_mirror_in_step_nothing_is_found(vendor: Vendor, sync: Sync, reconcile: Reconcile) -> None:
    vendor.add(*SEVEN, status=Status.CLOSED)
    sync()
    report = reconcile()
    assert (report.checked, found(report), report.requests, report.error) == (7, (0, 0, 0, 0), 3, None)


def test_a_change_that_nobody_reported_is_found_and_repaired(
    vendor: Vendor, sync: Sync, reconcile: Reconcile, sqlite_store: Store
) -> None:
    vendor.add(*SEVEN, status=Status.CLOSED, status_raw="completed")
    sync()
    for _ in range(2):
        vendor.clock += timedelta(days=30)
        sync()
    vendor.move("c", Status.RESOLVED, "refunded")
    assert sync().changed == 0
    assert found(reconcile()) == (0, 1, 1, 0)
    (event,) = sqlite_store.events(after=7)
    assert (event.return_id, event.type, event.origin) == ("c", "return.status_changed", Origin.POLL)


def test_a_return_that_nobody_reported_is_found_and_repaired(
    vendor: Vendor, sync: Sync, reconcile: Reconcile, sqlite_store: Store
) -> None:
    vendor.add("a", status=Status.CLOSED)
    created_at = vendor.clock
    sync()
    vendor.clock += timedelta(days=30)
    sync()
    vendor.add("late", created_at=created_at, status=Status.CLOSED)
    assert sync().created == 0
    assert found(reconcile()) == (1, 0, 1, 0)
    assert sqlite_store.get_return("acme", "late") is not None


def test_a_return_that_the_vendor_has_no_more_is_named_and_stays(
    vendor: Vendor, sync: Sync, reconcile: Reconcile, sqlite_store: Store
) -> None:
    vendor.add(*SEVEN, status=Status.CLOSED)
    sync()
    del vendor.rows["c"]
    report = reconcile()
    assert (found(report), report.gone_ids, report.error) == ((0, 0, 0, 1), ("c",), None)
    assert sqlite_store.get_return("acme", "c") is not None


def test_a_return_that_is_only_not_listed_is_not_gone(vendor: Vendor, sync: Sync, reconcile: Reconcile) -> None:
    vendor.add(*SEVEN, status=Status.CLOSED)
    sync()
    vendor.rows["c"] = Return(provider="memory", id="c", created_at=vendor.clock + timedelta(days=1))
    report = reconcile()
    assert (report.gone, vendor.asked[-1]) == (0, "/return/c")


def test_where_a_return_cannot_be_asked_for_it_is_a_gap(vendor: Vendor, sync: Sync, reconcile: Reconcile) -> None:
    vendor.lacks.add(Capability.GET_RETURN)
    vendor.add("a", "b", status=Status.CLOSED)
    sync()
    del vendor.rows["a"]
    report = reconcile()
    assert (report.gone, report.gaps) == (
        0,
        ("the vendor did not list all of the mirror, and has no call to ask for a return by its id",),
    )


def test_a_vendor_s_time_that_goes_back_is_found_and_repaired(
    vendor: Vendor, sync: Sync, reconcile: Reconcile, sqlite_store: Store
) -> None:
    vendor.add("a", "b", **PENDING)
    vendor.clock += timedelta(hours=1)
    before = evolve(vendor.rows["a"], updated_at=NOON + timedelta(minutes=10))
    vendor.rows["a"] = before
    sync()
    vendor.rows["a"] = evolve(before, status=Status.APPROVED, status_raw="ok", updated_at=NOON + timedelta(minutes=20))
    sync()
    vendor.rows["a"] = before  # a backup was restored
    sync()
    stored = sqlite_store.get_return("acme", "a")
    assert stored is not None
    assert stored.ret.status is Status.APPROVED

    report = reconcile()
    assert found(report) == (0, 1, 1, 0)
    assert report.differences == (Difference(id="a", fields=("status", "status_raw")),)
    stored = sqlite_store.get_return("acme", "a")
    assert stored is not None
    assert stored.ret.status is Status.REQUESTED
    assert found(reconcile()) == (0, 0, 0, 0)
    sync()
    assert stored == sqlite_store.get_return("acme", "a")


def test_the_second_time_it_finds_nothing(vendor: Vendor, sync: Sync, reconcile: Reconcile) -> None:
    vendor.add(*SEVEN, status=Status.CLOSED, status_raw="completed")
    sync()
    vendor.move("a", Status.RESOLVED, "refunded")
    del vendor.rows["b"]
    assert found(reconcile()) == (0, 1, 1, 1)
    assert found(reconcile()) == (0, 0, 0, 1)


def test_since_leaves_out_what_was_created_before(vendor: Vendor, sync: Sync, reconcile: Reconcile) -> None:
    vendor.add("old", status=Status.CLOSED, status_raw="completed")
    vendor.clock += timedelta(days=30)
    vendor.add("new", status=Status.CLOSED, status_raw="completed")
    sync()
    vendor.move("old", Status.RESOLVED, "refunded")
    vendor.move("new", Status.RESOLVED, "refunded")
    report = reconcile(since=date(2026, 3, 20))
    assert (report.checked, found(report)) == (1, (0, 1, 1, 0))


def test_a_since_that_is_still_to_come_is_refused(reconcile: Reconcile) -> None:
    assert reconcile(since=date(2027, 1, 1)).error == "cannot read from 2027-01-01T00:00:00Z on: that is still to come"


def test_details_find_what_a_listing_does_not_tell(
    vendor: Vendor, sync: Sync, reconcile: Reconcile, sqlite_store: Store
) -> None:
    vendor.add("a", "b", status=Status.CLOSED)
    vendor.more["a"] = {"shipments": (Shipment(id="s1", carrier="tnt"),)}
    sync(details=True)
    vendor.more["a"] = {"shipments": (Shipment(id="s1", carrier="dhl"),)}
    assert found(reconcile()) == (0, 0, 0, 0)
    assert found(reconcile(details=True)) == (0, 1, 1, 0)
    assert found(reconcile(details=True)) == (0, 0, 0, 0)


def test_what_was_repaired_before_it_failed_is_reported(vendor: Vendor, sync: Sync, reconcile: Reconcile) -> None:
    vendor.add(*SEVEN, status=Status.CLOSED, status_raw="completed")
    sync()
    for return_id in SEVEN:
        vendor.move(return_id, Status.RESOLVED, "refunded")
    vendor.fails["/3"] = AuthenticationFailed(http_status=401)
    report = reconcile()
    assert (found(report), report.error) == (
        (0, 3, 3, 0),
        "The vendor does not accept the credentials (HTTP 401)",
    )


def test_a_mirror_that_was_never_filled_is_filled(vendor: Vendor, reconcile: Reconcile, sqlite_store: Store) -> None:
    vendor.add(*SEVEN, status=Status.CLOSED)
    assert found(reconcile()) == (7, 0, 7, 0)


def test_it_is_left_to_whoever_is_at_it(vendor: Vendor, reconcile: Reconcile, sqlite_store: Store) -> None:
    Leases(sqlite_store.database).take("sync acme")
    report = reconcile()
    assert (report.skipped is not None, report.error, vendor.asked) == (True, None, [])


def test_progress_is_reported(vendor: Vendor, sync: Sync, reconcile: Reconcile) -> None:
    vendor.add("a", "b", "c", "d", status=Status.CLOSED)
    sync()
    seen: list[SyncProgress] = []
    reconcile(progress=seen.append)
    steps = list(dict.fromkeys((step.phase, step.read, step.total) for step in seen))
    assert steps == [("reconcile", 3, 4), ("reconcile", 4, 4)]
    assert seen[-1].stored == 4


@pytest.fixture
def shop() -> Iterator[tuple[ReturnMateSandbox, Callable[[str], Hub]]]:
    """A shop of 1,200 RMAs over HTTP, and hubs that mirror it."""
    sandbox = ReturnMateSandbox(count=1200)
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(serve(sandbox))
        account = Account(
            name="acme",
            provider="returnmate",
            base_url=running.url + sandbox.base_path,
            rate_limit="none",
            options=sandbox.options,
        )
        yield sandbox, lambda store: stack.enter_context(Hub([account], store=store))


def test_after_hundreds_of_lost_changes_it_finds_exactly_these_and_then_none(
    shop: tuple[ReturnMateSandbox, Callable[[str], Hub]], store_url: str
) -> None:
    sandbox, open_hub = shop
    hub = open_hub(store_url)
    hub.sync()
    changed = sorted(sandbox.return_ids)[:600]
    for return_id in changed:
        sandbox.set_status(return_id, "Quality Hold")
    deleted = sorted(sandbox.return_ids)[-3:]
    for return_id in deleted:
        sandbox.delete(return_id)
    (first,), (second,) = hub.reconcile(), hub.reconcile()
    assert (first.checked, found(first), first.gone_ids) == (1197, (0, 600, 600, 3), tuple(deleted))
    assert (second.checked, found(second)) == (1197, (0, 0, 0, 3))
    assert {event.return_id for event in hub.events(after=1200)} == set(changed)
