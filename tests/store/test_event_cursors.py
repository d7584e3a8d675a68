"""Cursors into the event stream: one that is not of this stream is an error, and never skips what comes."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from returns_hub import ConfigurationError, Return, Status, StoreError
from returns_hub.merge import observed
from returns_hub.store import Store
from returns_hub.store.events import EventReader
from returns_hub.store.stream import follow
from returns_hub.store.subscriptions import Subscriptions


@pytest.fixture
def reader(store: Store) -> EventReader:
    """The stream of three returns."""
    for return_id in "abc":
        store.apply("acme", [observed(Return(provider="memory", id=return_id), seen_at=datetime.now(UTC))])
    return EventReader(store.database)


def test_a_cursor_is_a_sequence_and_may_name_its_event(reader: EventReader) -> None:
    second = list(reader.read())[1]
    cursors: list[int | str] = [0, 2, "2", f"2:{second.id}", 3]
    assert [reader.resolve(cursor) for cursor in cursors] == [0, 2, 2, 2, 3]


def test_a_cursor_beyond_the_end_is_of_another_history(reader: EventReader) -> None:
    with pytest.raises(StoreError, match="the stream ends at event 3: the cursor is of another history"):
        reader.resolve(4)


def test_a_cursor_whose_event_is_another_one_is_of_another_history(reader: EventReader) -> None:
    third = list(reader.read())[2]
    with pytest.raises(StoreError, match="the stream has another event 2: the cursor is of another history"):
        reader.resolve(f"2:{third.id}")


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", ":abc", "²", "9" * 30, True])
def test_what_is_no_cursor_is_refused(reader: EventReader, cursor: str) -> None:
    with pytest.raises(ConfigurationError, match="after must be the sequence"):
        reader.resolve(cursor)


def test_a_follower_whose_stream_was_restored_does_not_skip_what_comes(
    store: Store, reader: EventReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("returns_hub.store.stream._MAX_OUTAGE_SECONDS", -1.0)
    following = follow(store.database, after=2, stop=lambda: False)
    assert next(following).return_id == "c"
    _delete_newest(store)
    with pytest.raises(StoreError, match="it was restored"):
        next(following)


def test_a_consumer_of_few_events_passes_over_the_others_a_window_at_a_time(
    store: Store, reader: EventReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("returns_hub.store.subscriptions._WINDOW", 2)
    approved = Return(provider="memory", id="c", status=Status.APPROVED)
    for _ in range(2):
        store.apply("acme", [observed(approved, seen_at=datetime.now(UTC))])
    subscriptions = Subscriptions(store.database)
    subscriptions.subscribe("shop", at_end=False)
    claimed = subscriptions.claim("shop", ["return.status_changed"], max_attempts=2)
    assert claimed is not None
    assert (claimed.event.sequence, claimed.event.return_id) == (4, "c")
    assert subscriptions.claim("shop", ["return.status_changed"], max_attempts=2) is None
    assert [each.lag for each in subscriptions.health()] == [1]


def _delete_newest(store: Store) -> None:
    with store.database.writing() as connection:
        connection.execute(text("DELETE FROM events WHERE sequence > 1"))
