"""What a mirror knows of its syncs: when they ran, how they ended, how far it is behind, and the events of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from returns_hub import ProviderUnavailable, QuotaExhausted, Return, Status
from returns_hub.store import Store
from returns_hub.store.sync_log import SyncLog
from returns_hub.sync import SyncProgress, SyncReport

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OUTAGE = ProviderUnavailable(http_status=503)
SAID = "The vendor is failing (5xx) (HTTP 503)"


class Vendor(Protocol):
    clock: datetime
    rows: dict[str, Return]
    fails: dict[str, Exception]

    def add(self, *ids: str, **told: Any) -> None: ...


Sync = Callable[..., SyncReport]


def told(store: Store) -> list[tuple[str, Any]]:
    return [(event.type, event.changes) for event in store.events() if event.return_id == ""]


def test_an_account_that_was_never_synced_has_no_health(store: Store) -> None:
    health = store.health("acme")
    assert (health.started_at, health.finished_at, health.error, health.lag_s(NOON)) == (None, None, None, None)


def test_a_sync_tells_when_it_ran_and_how_far_it_came(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    sync()
    health = sqlite_store.health("acme")
    assert health.started_at is not None
    assert health.finished_at is not None
    assert health.covered_until is not None
    assert NOON < health.started_at < health.covered_until < health.finished_at
    assert health.lag_s(health.covered_until + timedelta(minutes=5)) == 300.0
    assert (health.error, health.failures, health.degraded) == (None, 0, False)


def test_a_sync_that_failed_says_why_and_the_lag_goes_on(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    sync()
    covered = sqlite_store.health("acme").covered_until
    vendor.fails["/"] = OUTAGE
    vendor.add("a", status=Status.REQUESTED)
    sync()
    health = sqlite_store.health("acme")
    assert (health.error, health.failures, health.covered_until) == (SAID, 1, covered)


def test_while_a_sync_runs_it_is_not_finished(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add("a", status=Status.REQUESTED)
    seen = []
    sync(progress=lambda _: seen.append(sqlite_store.health("acme").finished_at))
    assert set(seen) == {None}


def test_three_failures_in_a_row_are_one_event_and_so_is_the_recovery(
    vendor: Vendor, sync: Sync, sqlite_store: Store
) -> None:
    vendor.fails["/"] = OUTAGE
    for _ in range(2):
        sync()
    assert (told(sqlite_store), sqlite_store.health("acme").degraded) == ([], False)
    for _ in range(3):
        sync()
    assert told(sqlite_store) == [("connection.degraded", {"error": (None, SAID)})]
    assert sqlite_store.health("acme").degraded
    vendor.fails.clear()
    for _ in range(2):
        sync()
    assert told(sqlite_store) == [
        ("connection.degraded", {"error": (None, SAID)}),
        ("connection.recovered", {"error": (SAID, None)}),
    ]
    assert not sqlite_store.health("acme").degraded


def test_it_can_degrade_again(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    for _ in range(2):
        vendor.fails["/"] = OUTAGE
        for _ in range(3):
            sync()
        vendor.fails.clear()
        sync()
    assert [kind for kind, _ in told(sqlite_store)] == ["connection.degraded", "connection.recovered"] * 2


def test_failures_with_a_success_between_them_are_no_event(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    for _ in range(4):
        vendor.fails["/"] = OUTAGE
        sync()
        vendor.fails.clear()
        sync()
    assert told(sqlite_store) == []


def test_an_account_s_allowance_that_is_used_up_says_nothing_about_the_connection(
    vendor: Vendor, sync: Sync, sqlite_store: Store
) -> None:
    vendor.fails["/"] = QuotaExhausted(http_status=429, retry_after=3600.0)
    reports = [sync() for _ in range(4)]
    health = sqlite_store.health("acme")
    assert (health.failures, told(sqlite_store)) == (0, [])
    assert health.error == reports[-1].error
    assert reports[-1].retry_at is not None
    assert reports[-1].retry_at - vendor.clock <= timedelta(hours=1)


def test_what_was_read_before_the_allowance_was_used_up_is_kept_and_the_rest_follows(
    vendor: Vendor, sync: Sync, sqlite_store: Store
) -> None:
    vendor.add("a", "b", "c", "d", status=Status.REQUESTED)
    vendor.fails["/3"] = QuotaExhausted(http_status=429, retry_after=3600.0)
    report = sync()
    assert (report.created, report.error) == (
        3,
        "A long allowance, a day's for instance, is used up (HTTP 429, wait 3600 s); what was read is kept",
    )
    vendor.fails.clear()
    assert sync().created == 1
    assert {stored.ret.id for stored in sqlite_store.returns()} == {"a", "b", "c", "d"}


def test_a_sync_that_was_stopped_is_not_a_failure(vendor: Vendor, sync: Sync, sqlite_store: Store) -> None:
    vendor.add("a", status=Status.REQUESTED)

    def stop(_: SyncProgress) -> None:
        raise KeyboardInterrupt

    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            sync(full=True, progress=stop)
    health = sqlite_store.health("acme")
    assert (health.error, health.failures, told(sqlite_store)) == ("the sync was stopped", 0, [])


def test_health_is_kept_by_account_on_each_database(store: Store) -> None:
    log = SyncLog(store.database)
    log.started("one", NOON)
    log.finished("one", NOON + timedelta(seconds=2), "no", failed=True)
    log.started("two", NOON)
    assert (store.health("one").failures, store.health("two").failures) == (1, 0)
    assert (store.health("one").finished_at, store.health("two").finished_at) == (NOON + timedelta(seconds=2), None)


def test_the_events_are_about_the_account_and_no_return(store: Store) -> None:
    log = SyncLog(store.database)
    for minute in range(3):
        log.finished("acme", NOON + timedelta(minutes=minute), "no", failed=True)
    (event,) = store.events(account="acme")
    assert (event.type, event.return_id, event.occurred_at, event.sequence) == (
        "connection.degraded",
        "",
        NOON + timedelta(minutes=2),
        1,
    )


def test_the_syncs_of_the_last_day_are_counted_by_the_hour_and_the_last_ones_counts_are_kept(
    sqlite_store: Store,
) -> None:
    log = SyncLog(sqlite_store.database)
    for hour in range(30):
        for account in ("one", "two"):
            at = NOON + timedelta(hours=hour, minutes=7)
            error = "no" if account == "two" else None
            log.finished(account, at, error, failed=error is not None, counted={"read": hour})
    runs = log.runs_by_hour()
    assert (len(runs), set(runs.values())) == (25, {(2, 1)})
    assert (min(runs), max(runs)) == (NOON + timedelta(hours=5), NOON + timedelta(hours=29))
    assert log.health("one").counted == {"read": 29}
    assert log.health("three").counted == {}
