"""Access tokens: asked for by one caller at a time, used while they are good, and asked for again where the vendor refuses them."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from returns_hub import AuthenticationFailed, Operation, Request, Secret, Token, UnexpectedReply, ValidationFailed
from returns_hub.tokens import OwnTokens, TokenTurn
from returns_hub.wire import oauth_token

FIRST = Token(access=Secret("one"), refresh=Secret("r1"), expires_in=3600)
SECOND = Token(access=Secret("two"))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_caller_has_the_right_to_ask_and_the_others_wait() -> None:
    tokens = OwnTokens()
    turn = tokens.begin(None)
    assert (turn.token, turn.known, turn.right is None) == (None, None, False)
    assert tokens.begin(None) == TokenTurn()
    tokens.finish(turn, FIRST)
    assert tokens.begin(None) == TokenTurn(token=FIRST)
    # It failed: the next one may.
    turn = tokens.begin(FIRST)
    assert (turn.token, turn.known) == (None, FIRST)
    tokens.finish(turn, None)
    assert tokens.begin(FIRST).right is not None


@pytest.mark.parametrize(("expires_in", "seconds"), [(3600.0, 3540.0), (100.0, 90.0), (None, 1e9)])
def test_a_token_is_used_a_little_less_long_than_the_vendor_says(expires_in: float | None, seconds: float) -> None:
    clock = Clock()
    tokens = OwnTokens(clock)
    token = evolve(FIRST, expires_in=expires_in)
    tokens.finish(tokens.begin(None), token)
    clock.now = seconds - 1
    assert tokens.current(None) == token
    clock.now = seconds
    assert (tokens.current(None) is None) == (expires_in is not None)


def test_a_token_that_the_vendor_refused_is_no_more() -> None:
    tokens = OwnTokens()
    tokens.finish(tokens.begin(None), FIRST)
    assert tokens.current(FIRST) is None
    # By another caller, who has got a new one meanwhile.
    tokens.finish(tokens.begin(FIRST), SECOND)
    assert tokens.current(FIRST) == SECOND


def test_no_repr_shows_a_token() -> None:
    assert "one" not in repr((FIRST, TokenTurn(token=FIRST)))


@pytest.fixture
def tokenful(acme: Callable[..., Any]) -> Callable[[], Any]:
    """Acme, if it gave tokens."""

    class Tokenful(type(acme())):  # type: ignore[misc]
        uses_tokens = True

        def request_token(self, known: Token | None) -> Operation[Token]:
            form = {"grant_type": "client_credentials"}
            if known is not None and known.refresh is not None:
                form = {"grant_type": "refresh_token", "refresh_token": known.refresh.reveal()}
            return (yield from oauth_token(self, "/token", form))

    return lambda: Tokenful(api_key=Secret("k"))


def ask(adapter: Any, method: str = "GET") -> Operation[Any]:
    reply = yield Request(method=method, path="/things", json={"a": 1} if method == "POST" else None)
    return adapter.check(reply)


def asked(vendor: Any) -> list[tuple[str, str]]:
    return [(request.target.rpartition("/")[2], request.headers["authorization"]) for request in vendor.requests]


def test_a_call_asks_for_a_token_once_and_carries_it(vendor: Any, tokenful: Any, open_driver: Any) -> None:
    vendor.will(data={"access_token": "t1", "expires_in": 3600})
    run = open_driver(tokenful(), vendor.url)
    for _ in range(2):
        assert run(ask(tokenful())) == {}
    assert asked(vendor) == [("token", "Bearer k"), ("things", "Bearer t1"), ("things", "Bearer t1")]
    assert vendor.requests[0].body == b"grant_type=client_credentials"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_token_is_replaced_once_and_the_request_sent_again(
    method: str, vendor: Any, tokenful: Any, open_driver: Any
) -> None:
    vendor.will(data={"access_token": "t1", "refresh_token": "r1"})
    vendor.will(401)
    vendor.will(data={"access_token": "t2", "refresh_token": "r2"})
    run = open_driver(tokenful(), vendor.url)
    assert run(ask(tokenful(), method)) == {}
    assert [authorization for _, authorization in asked(vendor)] == ["Bearer k", "Bearer t1", "Bearer k", "Bearer t2"]
    assert vendor.requests[2].body == b"grant_type=refresh_token&refresh_token=r1"


def test_a_vendor_that_refuses_every_token_is_asked_for_two(vendor: Any, tokenful: Any, open_driver: Any) -> None:
    vendor.will(data={"access_token": "t1"})
    vendor.will(401)
    vendor.will(data={"access_token": "t2"})
    vendor.will(401)
    with pytest.raises(AuthenticationFailed) as refused:
        open_driver(tokenful(), vendor.url)(ask(tokenful(), "POST"))
    assert (refused.value.operation, refused.value.maybe_applied, len(vendor.requests)) == ("ask", False, 4)


@pytest.mark.parametrize(
    ("status", "told", "error"),
    [
        (400, {"error": "invalid_client"}, AuthenticationFailed),
        (422, {"error": "invalid_client"}, ValidationFailed),
        (401, {}, AuthenticationFailed),
        (200, {"token": "t"}, UnexpectedReply),
        (200, [], UnexpectedReply),
    ],
)
def test_without_a_token_nothing_is_sent(
    status: int, told: Any, error: type[Exception], vendor: Any, tokenful: Any, open_driver: Any
) -> None:
    vendor.will(status, data=told)
    vendor.will(data={"access_token": "t1"})
    run = open_driver(tokenful(), vendor.url, attempts=1)
    with pytest.raises(error):
        run(ask(tokenful()))
    assert [path for path, _ in asked(vendor)] == ["token"]
    # The next call tries again.
    assert run(ask(tokenful())) == {}
