"""Tokens in the store: shared by processes, one of which asks, and of no use to who has the store alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from returns_hub import Secret, Token
from returns_hub.scalars import format_time
from returns_hub.store import Store
from returns_hub.store.checkpoints import load_checkpoints, save_checkpoints

pytest.importorskip("cryptography", reason="the extra oauth is not installed")

from returns_hub.store.tokens import CHECKPOINT, SharedTokens

FIRST = Token(access=Secret("canary-access"), refresh=Secret("canary-refresh"), expires_in=3600)


@pytest.fixture
def opened(store: Store) -> Callable[..., SharedTokens]:
    """The tokens of the account ``acme``, as another process opens them."""
    return lambda secret="s": SharedTokens(store.database, "acme", [Secret(secret)])


def test_one_process_asks_and_the_others_get_what_it_got(opened: Callable[..., SharedTokens]) -> None:
    one, other = opened(), opened()
    turn = one.begin(None)
    assert turn.right is not None
    assert (other.begin(None).token, other.begin(None).right) == (None, None)
    one.finish(turn, FIRST)
    assert (other.current(None), other.begin(None).token, other.current(None)) == (None, FIRST, FIRST)
    # Refused: the one that notices it asks with the refresh token, and the other takes the new one.
    turn = other.begin(FIRST)
    assert turn.known is not None
    assert (turn.known.refresh, turn.right is None) == (FIRST.refresh, False)
    other.finish(turn, Token(access=Secret("two")))
    assert one.begin(FIRST).token == Token(access=Secret("two"))


def test_a_process_that_got_none_lets_the_next_one_ask(opened: Callable[..., SharedTokens]) -> None:
    one, other = opened(), opened()
    one.finish(one.begin(None), None)
    assert other.begin(None).right is not None


def test_what_lies_in_the_store_is_sealed_with_the_accounts_own_secrets(
    store: Store, opened: Callable[..., SharedTokens]
) -> None:
    one = opened()
    one.finish(one.begin(None), FIRST)
    with store.database.reading() as connection:
        rows = repr(connection.execute(text("SELECT * FROM checkpoints")).all())
    assert "canary" not in rows
    # Other secrets: the token is not theirs, and a new one is asked for.
    turn = opened("another secret").begin(None)
    assert (turn.token, turn.known, turn.right is None) == (None, None, False)


@pytest.mark.parametrize("value", [{"sealed": "x", "until": None}, {"sealed": None}, {}, [], "x"])
def test_a_token_that_cannot_be_read_is_none(value: object, store: Store, opened: Callable[..., SharedTokens]) -> None:
    with store.database.writing() as connection:
        save_checkpoints(connection, "acme", {CHECKPOINT: value})
    assert opened().begin(None).right is not None


def test_an_expired_token_is_known_and_not_used(store: Store, opened: Callable[..., SharedTokens]) -> None:
    one = opened()
    one.finish(one.begin(None), FIRST)
    with store.database.writing() as connection:
        value = load_checkpoints(connection, "acme")[CHECKPOINT]
        past = format_time(datetime.now(UTC) - timedelta(hours=1))
        save_checkpoints(connection, "acme", {CHECKPOINT: {**value, "until": past}})
    turn = opened().begin(None)
    assert (turn.token, turn.known, turn.right is None) == (None, FIRST, False)
