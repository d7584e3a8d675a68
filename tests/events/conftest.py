"""What the tests of events share: returns that change."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
from sqlalchemy import text

from returns_hub import Return, Status
from returns_hub.merge import observed
from returns_hub.retry import Backoff
from returns_hub.store import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATUSES = (Status.REQUESTED, Status.APPROVED, Status.READY_TO_SHIP, Status.IN_TRANSIT, Status.RECEIVED)


class Tell(Protocol):
    def __call__(self, *ids: str, times: int = 1, account: str = "acme") -> None: ...


@pytest.fixture
def tell(store: Store) -> Tell:
    """Let returns move on: every time is one event of each of them, the first one that it was created."""
    moved: dict[tuple[str, str], int] = {}

    def move(*ids: str, times: int = 1, account: str = "acme") -> None:
        for return_id in ids:
            for _ in range(times):
                step = moved[account, return_id] = moved.get((account, return_id), 0) + 1
                ret = Return(provider="memory", id=return_id, status=STATUSES[step % len(STATUSES)])
                store.apply(account, [observed(ret, seen_at=NOON + timedelta(minutes=step))])

    return move


@pytest.fixture
def pass_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A day goes by for everything that is parked: what waits for its time is due, what was claimed has lapsed."""

    # By itself nothing becomes due, however slow the machine is.
    monkeypatch.setattr("returns_hub.dispatcher.PROCESSING_BACKOFF", Backoff(first=3600, maximum=3600))

    def go_by() -> None:
        yesterday = datetime.now(UTC) - timedelta(days=1)
        moment: Any = yesterday if store.database.dialect == "postgresql" else f"{yesterday:%Y-%m-%dT%H:%M:%S.%fZ}"
        with store.database.writing() as connection:
            past = "due_at = :moment, claimed_until = CASE WHEN claim IS NOT NULL THEN :moment END"
            connection.execute(text(f"UPDATE parked_events SET {past}"), {"moment": moment})

    return go_by
