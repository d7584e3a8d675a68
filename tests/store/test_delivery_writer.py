"""What stores deliveries: within its time, whoever else writes; durable, and with nothing left behind in a session."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from returns_hub import StoreError, WebhookRequest
from returns_hub.store import Store
from returns_hub.store.delivery_writer import DeliveryWriter, NewDelivery, StoredDelivery
from returns_hub.store.events import CHANNEL
from returns_hub.store.inbox import Deliveries


def new(key: str, **about: Any) -> NewDelivery:
    request = WebhookRequest(method="POST", url="/w", body=b"{}", received_at=datetime(2026, 3, 1, tzinfo=UTC))
    return NewDelivery(**{"account": "acme", "dedupe_key": key, "subject": "F1", "request": request, **about})


@pytest.fixture
def writer(store: Store) -> Iterator[DeliveryWriter]:
    with closing(DeliveryWriter.of(store.database)) as opened:
        yield opened


@pytest.fixture
def postgresql_writer(postgresql_url: str) -> Iterator[DeliveryWriter]:
    """The operator has turned durability off for all that does not ask for it."""
    careless = f"{postgresql_url}&options=-csynchronous_commit%3Doff"
    with Store.open(careless) as store, closing(DeliveryWriter.of(store.database)) as opened:
        yield opened


def test_copies_that_come_together_are_counted_at_the_first(writer: DeliveryWriter) -> None:
    stored = writer.put([new("b"), new("a"), new("b"), new("b")])
    ids = [each.id for each in stored if isinstance(each, StoredDelivery)]
    assert [each.is_duplicate for each in stored if isinstance(each, StoredDelivery)] == [False, False, True, True]
    assert (ids[0] == ids[2] == ids[3], ids[0] != ids[1]) == (True, True)
    assert writer.put([new("b")]) == [StoredDelivery(ids[0], is_duplicate=True)]
    found = {each.dedupe_key: each.duplicates for each in Deliveries(writer.database).find()}
    assert (found, writer.put([])) == ({"a": 0, "b": 3}, [])


def test_another_writer_of_the_process_is_not_waited_for_beyond_the_time(sqlite_url: str) -> None:
    with Store.open(f"{sqlite_url}?timeout=0.05") as store, closing(DeliveryWriter.of(store.database)) as writer:
        began, ended = threading.Event(), threading.Event()

        def write() -> None:
            with store.database.writing():
                began.set()
                ended.wait(60)

        other = threading.Thread(target=write)
        other.start()
        began.wait(60)
        (refused,) = writer.put([new("a")])
        with pytest.raises(StoreError, match="kept busy by another writer"):
            writer.check()
        ended.set()
        other.join()
        assert str(refused) == f"the mirror {store.database.place} is kept busy by another writer of this process"
        assert isinstance(writer.put([new("a")])[0], StoredDelivery)


def test_the_time_of_a_file_is_counted_from_when_a_delivery_came_in(sqlite_url: str) -> None:
    # A locked file would be waited for beyond the time that any test has.
    with Store.open(f"{sqlite_url}?timeout=3600") as store, closing(DeliveryWriter.of(store.database)) as writer:
        with closing(sqlite3.connect(store.database.place, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            (refused,) = writer.put([new("a")], since=time.monotonic() - 3600)
        assert str(refused).endswith("is locked by another process")


def test_a_commit_to_a_file_waits_for_the_disk(sqlite_url: str) -> None:
    with (
        Store.open(sqlite_url) as store,
        closing(DeliveryWriter.of(store.database)) as writer,
        writer._transaction(time.monotonic()) as driver,
    ):
        assert driver.execute("PRAGMA synchronous").fetchall() == [(2,)]


def test_a_row_is_durable_on_postgresql_and_waits_for_no_other_one_for_long(
    postgresql_writer: DeliveryWriter,
) -> None:
    with postgresql_writer.database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE seen (setting text)")
        connection.exec_driver_sql(
            "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES "
            "(current_setting('synchronous_commit')), (current_setting('lock_timeout')); RETURN NEW; END $$"
        )
        connection.exec_driver_sql("CREATE TRIGGER see BEFORE INSERT ON deliveries FOR EACH ROW EXECUTE FUNCTION see()")
    assert isinstance(postgresql_writer.put([new("a")])[0], StoredDelivery)
    with postgresql_writer.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT setting FROM seen").scalars().all() == ["on", "5s"]
    with postgresql_writer._transaction(time.monotonic()) as driver:
        left = driver.execute("SELECT current_setting('synchronous_commit'), current_setting('lock_timeout')")
        assert left.fetchall() == [("off", "0")]


def test_a_new_delivery_notifies_and_a_copy_does_not(postgresql_url: str) -> None:
    with (
        Store.open(postgresql_url) as store,
        closing(DeliveryWriter.of(store.database)) as writer,
        psycopg.connect(postgresql_url, autocommit=True) as listener,
    ):
        listener.execute(f"LISTEN {CHANNEL}".encode())
        writer.put([new("a"), new("b")])
        writer.put([new("a")])
        listener.execute(f"NOTIFY {CHANNEL}, 'end'".encode())
        heard = [notification.payload for notification in listener.notifies(timeout=60, stop_after=2)]
    assert heard == ["", "end"]


def test_a_delivery_is_due_by_the_clock_of_postgresql(
    postgresql_writer: DeliveryWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AnHourAhead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # a datetime, not one of these
            return datetime.fromtimestamp(time.time() + 3600, tz)

    monkeypatch.setattr("returns_hub.store.delivery_writer.datetime", AnHourAhead)
    before = datetime.now(UTC)
    postgresql_writer.put([new("a", request=WebhookRequest(method="POST", url="/w", received_at=AnHourAhead.now(UTC)))])
    (stored,) = Deliveries(postgresql_writer.database).find()
    # This machine's own clock may be read a little before or after the database's.
    assert abs((stored.received_at - before).total_seconds()) < 600
    assert abs((stored.due_at - before).total_seconds()) < 600


def test_tables_in_a_schema_of_their_own_are_written_there(postgresql_url: str) -> None:
    with Store.open(f"{postgresql_url}&schema=mirror") as store, closing(DeliveryWriter.of(store.database)) as writer:
        assert isinstance(writer.put([new("a")])[0], StoredDelivery)
        assert [each.dedupe_key for each in Deliveries(store.database).find()] == ["a"]
