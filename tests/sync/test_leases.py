"""Leases: one process at a time syncs an account, a dead one hinders nobody, and a slow one cannot write any more."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

import pytest
from sqlalchemy import update

from returns_hub import Return, Status
from returns_hub.store import Store
from returns_hub.store.leases import LeaseLost, Leases, LeaseTaken
from returns_hub.store.schema import LEASES
from returns_hub.sync import RunOptions, SyncJob, SyncProgress, SyncReport, run_blocking, sync_accounts

ELSEWHERE = "4711@web-1/0123456789abcdef"


class Vendor(Protocol):
    rows: dict[str, Return]
    asked: list[str]
    now: Callable[[], datetime]

    def add(self, *ids: str, **told: Any) -> None: ...


def hand_over(store: Store, owner: str, *, until: datetime | None = None) -> None:
    """Give every lease to somebody else."""
    with store.database.writing() as connection:
        values = {"owner": owner, "until": until or datetime.now(UTC) + timedelta(minutes=1)}
        connection.execute(update(LEASES).values(values))


def test_a_lease_is_taken_by_one(store: Store) -> None:
    leases = Leases(store.database)
    leases.take("sync acme")
    with pytest.raises(LeaseTaken) as caught:
        leases.take("sync acme")
    assert caught.value.holder == f"process {os.getpid()} on {socket.gethostname()}"


def test_leases_of_different_names_are_independent(store: Store) -> None:
    leases = Leases(store.database)
    assert leases.take("sync acme") != leases.take("sync other")


def test_a_lease_that_was_given_back_can_be_taken(store: Store) -> None:
    leases = Leases(store.database)
    leases.release(leases.take("sync acme"))
    leases.take("sync acme")


def test_a_lease_that_nobody_renewed_can_be_taken(store: Store) -> None:
    leases = Leases(store.database)
    leases.take("sync acme")
    hand_over(store, ELSEWHERE, until=datetime.now(UTC) - timedelta(seconds=1))
    leases.take("sync acme")


def test_a_lease_lasts_a_minute_and_is_renewed_for_another(store: Store) -> None:
    leases = Leases(store.database)
    lease = leases.take("sync acme")
    hand_over(store, lease.owner, until=datetime.now(UTC) + timedelta(seconds=1))
    leases.renew(lease)
    with store.database.reading() as connection:
        until: datetime = connection.execute(LEASES.select()).one().until
    assert timedelta(seconds=55) < until - datetime.now(UTC) <= timedelta(seconds=61)


def test_the_lease_of_a_dead_process_of_this_machine_is_taken_at_once(store: Store) -> None:
    leases = Leases(store.database)
    lease = leases.take("sync acme")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    hand_over(store, lease.owner.replace(f"{os.getpid()}@", f"{dead.pid}@"))
    leases.take("sync acme")


def test_the_lease_of_another_container_with_our_host_name_is_waited_for(store: Store) -> None:
    leases = Leases(store.database)
    leases.take("sync acme")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    hand_over(store, f"{dead.pid}@{socket.gethostname()} another-machine:4026531836/0123456789abcdef")
    with pytest.raises(LeaseTaken, match=f"process {dead.pid} on {socket.gethostname()} holds the lease"):
        leases.take("sync acme")


def test_a_lease_that_ends_later_than_any_can_is_of_a_wrong_clock(store: Store) -> None:
    leases = Leases(store.database)
    leases.take("sync acme")
    hand_over(store, ELSEWHERE, until=datetime.now(UTC) + timedelta(days=400))
    leases.take("sync acme")


def test_a_lease_of_a_host_whose_clock_is_a_little_ahead_is_not_stolen(sqlite_store: Store) -> None:
    leases = Leases(sqlite_store.database)
    leases.take("sync acme")
    hand_over(sqlite_store, ELSEWHERE, until=datetime.now(UTC) + timedelta(minutes=4))
    with pytest.raises(LeaseTaken):
        leases.take("sync acme")


def test_the_lease_of_another_machine_is_waited_for_even_if_its_process_is_none_of_ours(store: Store) -> None:
    leases = Leases(store.database)
    leases.take("sync acme")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    hand_over(store, f"{dead.pid}@web-1/0123456789abcdef")
    with pytest.raises(LeaseTaken, match=f"process {dead.pid} on web-1 holds the lease"):
        leases.take("sync acme")


def test_a_lost_lease_cannot_be_renewed(store: Store) -> None:
    leases = Leases(store.database)
    lease = leases.take("sync acme")
    hand_over(store, ELSEWHERE)
    with pytest.raises(LeaseLost, match="process 4711 on web-1 has taken over"):
        leases.renew(lease)


def test_who_lost_a_lease_does_not_give_back_the_new_one(store: Store) -> None:
    leases = Leases(store.database)
    lease = leases.take("sync acme")
    hand_over(store, ELSEWHERE)
    leases.release(lease)
    with pytest.raises(LeaseTaken):
        leases.take("sync acme")


def test_without_its_lease_nothing_is_written(store: Store) -> None:
    leases = Leases(store.database)
    lease = leases.take("sync acme")
    hand_over(store, ELSEWHERE)
    with pytest.raises(LeaseLost):
        store.apply("acme", checkpoints={"covered": {"since": "2026-01-01T00:00:00Z"}}, lease=lease)
    assert store.checkpoints("acme") == {}


def test_of_many_at_once_one_gets_the_lease(store: Store, side_by_side: Callable[..., None]) -> None:
    got: list[str] = []

    def try_to_take() -> None:
        with contextlib.suppress(LeaseTaken):
            got.append(Leases(store.database).take("sync acme").owner)

    side_by_side([try_to_take] * 12)
    assert len(got) == 1


def test_a_sync_that_somebody_else_is_at_is_left_to_them(
    vendor: Vendor, sync: Callable[..., SyncReport], sqlite_store: Store
) -> None:
    vendor.add("a", status=Status.REQUESTED)
    Leases(sqlite_store.database).take("sync acme")
    hand_over(sqlite_store, ELSEWHERE)
    report = sync()
    assert report.skipped is not None
    assert report.skipped.startswith("process 4711 on web-1 holds the lease; unless it renews it, that ends at ")
    assert (report.error, report.requests, vendor.asked) == (None, 0, [])


def test_a_sync_gives_its_lease_back(vendor: Vendor, sync: Callable[..., SyncReport], sqlite_store: Store) -> None:
    sync()
    with sqlite_store.database.reading() as connection:
        assert connection.execute(LEASES.select()).all() == []


def test_a_sync_that_was_interrupted_gives_its_lease_back(
    vendor: Vendor, sync: Callable[..., SyncReport], sqlite_store: Store
) -> None:
    vendor.add("a", status=Status.REQUESTED)

    def interrupt(_: SyncProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(progress=interrupt)
    with sqlite_store.database.reading() as connection:
        assert connection.execute(LEASES.select()).all() == []


def test_a_sync_whose_lease_was_taken_writes_nothing_more_and_says_who_has_it(
    vendor: Vendor, sync: Callable[..., SyncReport], sqlite_store: Store
) -> None:
    vendor.add("a", "b", "c", "d", status=Status.REQUESTED)
    taken = threading.Event()

    def take_over(_: SyncProgress) -> None:
        if not taken.is_set():
            taken.set()
            hand_over(sqlite_store, ELSEWHERE)

    before = {stored.ret.id for stored in sqlite_store.returns()}
    report = sync(progress=take_over)
    after = {stored.ret.id for stored in sqlite_store.returns()}
    assert report.error == (
        "this process was silent for too long: process 4711 on web-1 has taken over, and nothing more was written here"
    )
    assert (before, after - {"a", "b", "c"}) == (set(), set())
    assert "covered" not in sqlite_store.checkpoints("acme")
    # How the account's sync goes is for the other to say.
    assert (sqlite_store.health("acme").finished_at, sqlite_store.health("acme").failures) == (None, 0)


def test_one_account_twice_in_one_process_is_synced_once(
    vendor: Vendor, make_job: Callable[..., SyncJob], sqlite_store: Store
) -> None:
    vendor.add("a", "b", "c", "d", status=Status.REQUESTED)
    reports = run_blocking(
        partial(sync_accounts, [make_job(vendor), make_job(vendor)], sqlite_store, RunOptions(now=vendor.now))
    )
    assert sorted(report.created for report in reports) == [0, 4]
    assert [report.skipped is None for report in reports].count(True) == 1
