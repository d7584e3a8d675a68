"""What the tests of merging share: times, and small returns."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from returns_hub import Return

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def at() -> Callable[[float], datetime]:
    """So many minutes after noon."""
    return lambda minutes: NOON + timedelta(minutes=minutes)


@pytest.fixture(scope="session")
def a_return() -> Callable[..., Return]:
    """A return with an id and the given fields."""

    def make(return_id: str = "r1", **values: Any) -> Return:
        return Return(provider="memory", id=return_id, **values)

    return make
