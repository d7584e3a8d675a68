"""Erasing a return: nothing of it is left, nothing of others is lost, and it does not come back."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pytest
from attrs import evolve
from sqlalchemy import text

from returns_hub import (
    Address,
    Client,
    ConfigurationError,
    Customer,
    Item,
    Note,
    Origin,
    Return,
    ReturnErased,
    Shipment,
    ShipmentStatus,
    Status,
)
from returns_hub.deliveries import Inbox, Processor
from returns_hub.deliveries.erasure import erase
from returns_hub.merge import Observation
from returns_hub.reports import DeliveryState, Erased
from returns_hub.store import Store
from returns_hub.store.schema import METADATA
from returns_hub.store.vacuum import Vacuum

At: TypeAlias = Callable[[float], datetime]
Post: TypeAlias = Callable[..., list[int]]
CANARY = "canary7f3a"


class Bodies(Protocol):
    def told(self, *returns: Return, minute: float = 0) -> bytes: ...
    def hint(self, return_id: str) -> bytes: ...
    def parts(self, *parts: str) -> bytes: ...
    def unknown(self, name: str) -> bytes: ...


class Erase(Protocol):
    def __call__(self, return_id: str = "X1", *, allow_resync: bool = False) -> Erased: ...


@pytest.fixture
def erase_return(store: Store, client: Client) -> Erase:
    def run(return_id: str = "X1", *, allow_resync: bool = False) -> Erased:
        return erase(store, client.adapter, "acme", return_id, allow_resync=allow_resync)

    return run


@pytest.fixture
def sync(store: Store, at: At) -> Callable[..., None]:
    """A sync that reads returns, so many minutes after noon."""

    def run(*returns: Return, minute: float = 0) -> None:
        seen = [Observation(ret=ret, at=at(minute), seen_at=at(minute), origin=Origin.POLL) for ret in returns]
        store.apply("acme", seen)

    return run


def a_return(return_id: str = "X1", **told: Any) -> Return:
    return Return(provider="fake", id=return_id, **told)


def personal(return_id: str = "X1", mark: str = CANARY, **told: Any) -> Return:
    """A return of which every part says who sends it back."""
    return a_return(
        return_id,
        status=Status.APPROVED,
        customer=Customer(name=mark, email=f"{mark}@example.com"),
        address=Address(line1=mark),
        notes=(Note(text=mark),),
        items=(Item(id=f"i-{return_id}", name=mark, raw={"engraved": mark}),),
        shipments=(Shipment(id=f"s-{mark}", tracking_number=mark, status=ShipmentStatus.IN_TRANSIT),),
        raw={"buyer": mark},
        **told,
    )


def stored_text(store: Store) -> str:
    """Every value of every table."""
    with store.database.reading() as connection:
        found = [connection.execute(table.select()).all() for table in METADATA.sorted_tables]
    return repr(found)


def test_nothing_is_left_of_a_return(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, sync: Any, erase_return: Erase
) -> None:
    sync(a_return())
    sync(a_return("X2", status=Status.APPROVED))
    # Two layers of facts, events with values, a delivery that was processed and one that waits for another shipment.
    post(bodies.told(personal(), minute=10))
    assert processor.process_due() == 1
    sync(evolve(personal(), customer=Customer(name=CANARY + "2")), minute=5)
    assert CANARY in stored_text(store)
    erased = erase_return()
    assert (erased.returns, erased.deliveries, erased.pending, erased.waiting, erased.vacuumed) == (1, 1, 0, 0, True)
    assert CANARY not in stored_text(store)
    assert store.get_return("acme", "X1") is None
    assert (store.get_return("acme", "X2") is not None, list(inbox.find())) == (True, [])


def test_events_keep_their_place_and_what_is_not_personal(store: Store, sync: Any, erase_return: Erase) -> None:
    sync(a_return(), a_return("X2"))
    sync(personal(), minute=1)
    before = list(store.events())
    erased = erase_return()
    *after, told = store.events()
    assert (type(told), told.return_id, told.origin, dict(told.changes)) == (ReturnErased, "X1", Origin.LOCAL, {})
    assert [(each.sequence, each.id, each.type) for each in after] == [
        (each.sequence, each.id, each.type) for each in before
    ]
    changes = {each.type: dict(each.changes) for each in after if each.return_id == "X1"}
    assert changes["return.created"]["status"] == (None, "unknown")
    assert changes["return.status_changed"] == {"status": ("unknown", "approved")}
    # The id of a shipment may be its tracking number.
    assert changes["shipment.updated"] == {
        "shipments[1].id": (None, None),
        "shipments[1].status": (None, "in_transit"),
        "shipments[1].tracking_number": (None, None),
    }
    assert erased.events == sum(each.return_id == "X1" for each in after)


def test_no_sync_and_no_delivery_stores_it_again(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, sync: Any, erase_return: Erase
) -> None:
    sync(personal())
    erase_return()
    events = list(store.events())
    sync(personal(), a_return("X2"), minute=1)
    parts_only = a_return("", shipments=(Shipment(id=f"s-{CANARY}", carrier=CANARY),))
    post(bodies.told(personal(), minute=2), bodies.told(parts_only, minute=3), bodies.parts("item:i-X1"))
    assert processor.process_due() == 3
    assert [each.ret.id for each in store.returns()] == ["X2"]
    assert [each.return_id for each in store.events()][len(events) :] == ["X2"]
    about = [(each.state, each.body, each.url, each.headers, each.error) for each in inbox.find()]
    remark = "it is about a return that was erased: nothing of it is kept"
    assert about == [(DeliveryState.PROCESSED, b"", "", (), remark)] * 3


def test_a_vendor_that_no_longer_has_it_either_leaves_no_bytes(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, erase_return: Erase, pass_time: Any
) -> None:
    erase_return("X9")
    post(bodies.hint("X9"))
    while processor.process_due() == 0:
        pass_time()
    assert [each.body for each in inbox.find()] == [b""]


def test_the_next_sync_may_store_it_where_that_is_allowed(store: Store, sync: Any, erase_return: Erase) -> None:
    sync(personal())
    erase_return(allow_resync=True)
    sync(personal(), minute=1)
    assert store.get_return("acme", "X1") is not None


def test_what_was_kept_out_may_be_let_in_again(store: Store, sync: Any, erase_return: Erase) -> None:
    sync(personal(request_id="Q1"))
    erase_return("Q1")
    sync(personal(), minute=1)
    assert store.get_return("acme", "X1") is None
    erase_return(allow_resync=True)
    sync(personal(request_id="Q1"), minute=2)
    assert store.get_return("acme", "X1") is not None


@pytest.mark.parametrize("erased_id", ["X1", "Q1"])
def test_a_request_and_what_grew_from_it_are_erased_together(
    store: Store, sync: Any, erase_return: Erase, erased_id: str
) -> None:
    sync(personal("Q1"))
    sync(personal(request_id="Q1"), minute=1)
    assert erase_return(erased_id).returns == 2
    assert CANARY not in stored_text(store)
    sync(personal("Q1"), personal(request_id="Q1"), minute=2)
    assert list(store.returns()) == []


def test_what_grows_from_an_erased_request_is_kept_out(store: Store, sync: Any, erase_return: Erase) -> None:
    sync(personal("Q1"))
    erase_return("Q1")
    sync(personal("X1", request_id="Q1"), minute=1)
    assert list(store.returns()) == []


def test_what_waits_under_one_of_its_names_goes_too(
    store: Store, post: Post, processor: Processor, bodies: Bodies, sync: Any, erase_return: Erase
) -> None:
    # Two returns have the shipment, so nothing says which one is meant.
    sync(a_return(shipments=(Shipment(id="s1"),)), a_return("X2", shipments=(Shipment(id="s1"),)))
    post(bodies.told(a_return("", shipments=(Shipment(id="s1", carrier=CANARY),))))
    processor.process_due()
    erased = erase_return()
    assert (erased.waiting, CANARY in stored_text(store)) == (1, False)


def test_a_pending_delivery_about_another_return_as_well_is_processed_first(
    store: Store, inbox: Inbox, post: Post, processor: Processor, bodies: Bodies, erase_return: Erase
) -> None:
    post(bodies.told(personal()), bodies.told(personal(), a_return("X2")))
    erased = erase_return()
    assert (erased.deliveries, erased.pending) == (1, 1)
    assert processor.process_due() == 1
    assert [each.ret.id for each in store.returns()] == ["X2"]
    assert CANARY not in stored_text(store)


def test_a_delivery_that_nobody_can_read_is_known_by_the_id_in_it(
    store: Store, inbox: Inbox, post: Post, processor: Processor, erase_return: Erase, pass_time: Any
) -> None:
    ids = post(b'{"breaks": 1, "of": "X1"}', b'{"breaks": 1, "of": "X11"}', b'{"events": [{"name": "odd"}], "x": "X1"}')
    for _ in range(4):
        processor.process_due()
        pass_time()
    assert erase_return().deliveries == 2
    assert [each.id for each in inbox.find()] == [ids[1]]
    unmapped = [dict(each.changes) for each in store.events()]
    assert unmapped == [{"event": (None, "odd"), "delivery": (None, ids[2])}]


def test_a_delivery_that_is_in_hand_meanwhile_stores_nothing(
    store: Store, post: Post, processor: Processor, bodies: Bodies, sync: Any, erase_return: Erase
) -> None:
    sync(a_return())
    post(bodies.told(personal()))
    claimed = processor.claim()
    assert claimed is not None
    assert erase_return().deliveries == 1
    assert not processor.run(claimed)
    assert CANARY not in stored_text(store)


def test_another_account_keeps_a_return_of_that_id(store: Store, at: At, erase_return: Erase) -> None:
    seen = Observation(ret=personal(), at=at(0), seen_at=at(0), origin=Origin.POLL)
    for account in ("acme", "other"):
        store.apply(account, [seen])
    erase_return()
    assert [each.account for each in store.returns()] == ["other"]
    store.apply("other", [evolve(seen, ret=personal("X2"))])
    assert len(list(store.returns(account="other"))) == 2


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_the_bytes_are_gone_from_the_files_of_sqlite(
    store_url: str, store: Store, post: Post, processor: Processor, bodies: Bodies, sync: Any, erase_return: Erase
) -> None:
    path = Path(store_url.removeprefix("sqlite:///"))

    def files() -> bytes:
        return b"".join(each.read_bytes() for each in (path, path.with_name(path.name + "-wal")) if each.exists())

    sync(*(personal(f"Y{number}", f"other-{number}-" * 20) for number in range(40)))
    post(bodies.told(personal(mark=CANARY * 500)), bodies.unknown("odd"))
    processor.process_due()
    size = path.stat().st_size + path.with_name(path.name + "-wal").stat().st_size
    assert CANARY.encode() in files()
    assert erase_return().vacuumed
    # Read while the store is open: the write-ahead log is empty, and the file is smaller.
    assert CANARY.encode() not in files()
    assert len(files()) < size
    with store.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA freelist_count").scalar() == 0
    assert len(list(store.returns())) == 40


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_reader_of_the_older_state_is_said(store: Store, sync: Any, erase_return: Erase, monkeypatch: Any) -> None:
    monkeypatch.setattr("returns_hub.store.vacuum._BUSY_MS", 0)
    monkeypatch.setattr("returns_hub.store.vacuum._PAUSE_SECONDS", 0)
    sync(personal())
    with store.database.reading() as reader:
        reader.execute(text("SELECT count(*) FROM returns")).scalar()
        assert not erase_return().vacuumed
    assert Vacuum(store.database).run()


def test_a_mirror_in_a_schema_is_vacuumed_there(empty_postgresql_url: str, client: Client) -> None:
    with Store.open(f"{empty_postgresql_url}&schema=returns_hub") as store:
        assert erase(store, client.adapter, "acme", "X1", allow_resync=False).vacuumed


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_dead_rows_are_vacuumed_on_postgresql(store: Store, sync: Any, erase_return: Erase) -> None:
    sync(personal(mark=CANARY * 500))
    assert erase_return().vacuumed
    with store.database.reading() as connection:
        dead = "SELECT relname FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL ORDER BY relname"
        vacuumed = connection.execute(text(dead)).scalars().all()
    assert {"returns", "events", "deliveries", "merge_state"} <= set(vacuumed)


@pytest.mark.parametrize("return_id", ["", "X\0", "X\ud800", "X" * 256])
def test_what_is_no_id_erases_nothing(
    store: Store, post: Post, processor: Processor, bodies: Bodies, erase_return: Erase, return_id: str
) -> None:
    post(bodies.unknown("odd"))
    processor.process_due()
    before = stored_text(store)
    with pytest.raises(ConfigurationError, match="no return can have the id"):
        erase_return(return_id)
    assert stored_text(store) == before


def test_an_id_that_no_database_can_hold_is_no_erased_one(
    store: Store, inbox: Inbox, post: Post, processor: Processor, sync: Any, erase_return: Erase
) -> None:
    erase_return()
    sync(a_return("X2", request_id="Q\ud800"), a_return("X3", request_id="Q\0"))
    post(b'{"events": [{"name": "odd", "ids": {"rma_id": "rma_\\ud800"}}]}')
    assert (processor.process_due(), [each.ret.id for each in store.returns()]) == (1, ["X2", "X3"])
