"""No clock is trusted: what a run wrote down while one was ahead covers nothing, and hides no change."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
from attrs import evolve

from returns_hub import Capability, Origin, Reply, Return, Status
from returns_hub.merge import observed
from returns_hub.store import Store
from returns_hub.store.schema import MERGE_STATE
from returns_hub.sync import SyncReport

Sync = Callable[..., SyncReport]


class Vendor(Protocol):
    clock: datetime
    rows: dict[str, Return]
    lacks: set[Capability]
    says_date: datetime | None
    asked: list[str]

    def add(self, *ids: str, **told: Any) -> None: ...

    def move(self, return_id: str, status: Status, word: str) -> None: ...


def present() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(params=["hours", "days"])
def ahead(request: pytest.FixtureRequest) -> timedelta:
    """By how much our clock is ahead during the first sync."""
    return timedelta(**{request.param: 3})


@pytest.fixture(params=[True, False], ids=["feed", "no feed"])
def synced(request: pytest.FixtureRequest, vendor: Vendor, sync: Sync, ahead: timedelta) -> Vendor:
    """A vendor with two returns, synced while our clock was ahead, which is right now."""
    if request.param:
        vendor.lacks = set()
    times = {"created_at": present() - timedelta(days=9), "updated_at": present() - timedelta(hours=1)}
    vendor.add("r1", "r2", status=Status.REQUESTED, status_raw="new", **times)
    vendor.clock = present() + ahead
    assert sync().error is None
    vendor.clock = present()
    return vendor


def test_a_change_is_mirrored_by_the_next_sync(synced: Vendor, sync: Sync, sqlite_store: Store) -> None:
    synced.rows["r1"] = evolve(synced.rows["r1"], updated_at=present())
    synced.move("r1", Status.APPROVED, "ok")
    report = sync()
    stored = sqlite_store.get_return("acme", "r1")
    assert (report.error, report.changed) == (None, 1)
    assert stored is not None
    assert stored.ret.status is Status.APPROVED


def test_a_new_return_is_found_by_the_next_sync(synced: Vendor, sync: Sync, sqlite_store: Store) -> None:
    synced.add("r3", created_at=present() - timedelta(minutes=1), updated_at=present())
    sync()
    assert sqlite_store.get_return("acme", "r3") is not None
    (created,) = sqlite_store.events(return_id="r3")
    assert created.origin is Origin.POLL


def test_a_mirror_that_claims_the_future_has_no_lag_to_show(synced: Vendor, sqlite_store: Store) -> None:
    health = sqlite_store.health("acme")
    assert (health.covered_until, health.lag_s(present()), health.started_at) == (None, None, None)


def test_the_sync_after_the_next_reads_only_what_changed(synced: Vendor, sync: Sync) -> None:
    sync()
    synced.asked.clear()
    synced.clock = present()
    sync()
    assert not any("after-2026-01" in path for path in synced.asked)


def test_a_delivery_after_it_is_believed(synced: Vendor, sqlite_store: Store) -> None:
    told = Return(provider="memory", id="r1", status=Status.APPROVED, updated_at=present() - timedelta(minutes=1))
    sqlite_store.apply("acme", [observed(told, seen_at=present(), origin=Origin.WEBHOOK)])
    stored = sqlite_store.get_return("acme", "r1")
    assert stored is not None
    assert stored.ret.status is Status.APPROVED


def test_no_observation_is_stored_as_of_the_future(store: Store) -> None:
    ret = Return(provider="memory", id="r1", status=Status.APPROVED)
    store.apply("acme", [observed(ret, seen_at=present() + timedelta(hours=3))])
    with store.database.reading() as connection:
        row = connection.execute(MERGE_STATE.select()).one()
    assert row.at == row.seen_at <= present()


def test_a_clock_that_is_ahead_covers_no_more_than_the_vendor_s_own_shows(
    vendor: Vendor, sync: Sync, sqlite_store: Store
) -> None:
    vendor.says_date = datetime(2026, 3, 1, 9, tzinfo=UTC)
    sync()
    assert sqlite_store.checkpoints("acme")["covered"] == {
        "since": "2026-01-01T00:00:00Z",
        "until": "2026-03-01T09:00:00Z",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Sun, 01 Mar 2026 09:00:00 GMT", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("Sun, 01 Mar 2026 09:00:00 -0000", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("Sun, 01 Mar 2026 10:00:00 +0100", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        ("Sun, 99 Mar 2026 99:00:00 GMT", None),
    ],
)
def test_the_date_of_a_reply_is_read_or_is_none(value: str, expected: datetime | None) -> None:
    assert Reply(status=200, headers={"Date": value}).date == expected


def test_a_reply_without_a_date_has_none() -> None:
    assert Reply(status=200).date is None
