"""The bounds on a body: bytes, seconds, and what all bodies together may hold."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from returns_hub import Hub
from returns_hub.server import create_app
from returns_hub.server.bodies import BodyReader, Receive, RequestRefused

pytestmark = pytest.mark.anyio
KIBIBYTE = 1024


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def sender(parts: Iterable[bytes], *, pause: float = 0.0) -> Receive:
    """What sends these parts and then waits for ever."""
    waiting = iter(parts)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(pause)
        for part in waiting:
            return {"type": "http.request", "body": part, "more_body": True}
        await asyncio.Event().wait()
        raise AssertionError

    return receive


def whole(body: bytes) -> Receive:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def refusal(reader: BodyReader, receive: Receive, *headers: tuple[str, str]) -> tuple[int, str]:
    with pytest.raises(RequestRefused) as refused:
        async with reader.body(headers, receive):
            pass
    return refused.value.answer.status, refused.value.reason


async def test_a_sender_that_stops_is_cut_off() -> None:
    assert await refusal(BodyReader(KIBIBYTE, seconds=0.05), sender([b"{"])) == (408, "too_slow")


async def test_a_sender_that_trickles_is_cut_off() -> None:
    trickle = sender((b"x" for _ in range(10_000)), pause=0.01)
    assert await refusal(BodyReader(KIBIBYTE, seconds=0.1), trickle) == (408, "too_slow")


async def test_a_large_body_that_keeps_coming_has_more_time_than_a_trickle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("returns_hub.server.bodies._FIRST_SECONDS", 0.05)
    parts = [b"x" * 8 * KIBIBYTE] * 20
    reader = BodyReader(100 * KIBIBYTE, seconds=5)
    # 20 parts take 0.2 seconds, and would be 160 KiB.
    assert await refusal(reader, sender(parts, pause=0.01)) == (413, "too_large")


async def test_a_sender_that_is_gone_is_no_delivery() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    assert await refusal(BodyReader(KIBIBYTE, seconds=1), receive) == (400, "cut_off")


@pytest.mark.parametrize("length", ["1", "3", "0"])
async def test_a_length_that_lies_is_refused(length: str) -> None:
    reader = BodyReader(KIBIBYTE, seconds=1)
    assert await refusal(reader, whole(b"{}"), ("Content-Length", length)) == (400, "wrong_length")


@pytest.mark.parametrize("length", ["", "+2", "2.0", "0x2", "٢", "2, 2"])
async def test_a_length_that_is_none_is_refused(length: str) -> None:
    reader = BodyReader(KIBIBYTE, seconds=1)
    assert await refusal(reader, whole(b"{}"), ("Content-Length", length)) == (400, "malformed_length")


async def test_two_lengths_are_refused_though_they_agree() -> None:
    lengths = (("Content-Length", "2"), ("content-length", "2"))
    assert await refusal(BodyReader(KIBIBYTE, seconds=1), whole(b"{}"), *lengths) == (400, "malformed_length")


async def test_an_announced_body_is_refused_before_a_byte_is_read() -> None:
    announced = ("Content-Length", str(KIBIBYTE + 1))
    assert await refusal(BodyReader(KIBIBYTE, seconds=1), sender([]), announced) == (413, "too_large")


async def test_identity_is_no_encoding() -> None:
    async with BodyReader(KIBIBYTE, seconds=1).body((("Content-Encoding", "identity"),), whole(b"{}")) as body:
        assert body == b"{}"


async def test_bodies_together_have_only_so_much_room(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = BodyReader(200 * KIBIBYTE, seconds=1)
    reader._free = 100 * KIBIBYTE
    large = b"x" * 150 * KIBIBYTE
    async with reader.body((), whole(large)):
        assert await refusal(reader, whole(large)) == (503, "no_room")


async def test_small_bodies_always_have_room() -> None:
    reader = BodyReader(200 * KIBIBYTE, seconds=1)
    reader._free = 0
    async with reader.body((), whole(b"x" * 64 * KIBIBYTE)) as body:
        assert len(body) == 64 * KIBIBYTE


@pytest.mark.parametrize("parts", [[b"x" * 150 * KIBIBYTE] * 2, [b"x" * 90 * KIBIBYTE]], ids=["refused", "too slow"])
async def test_the_room_of_a_refused_body_is_free_again(parts: list[bytes]) -> None:
    reader = BodyReader(200 * KIBIBYTE, seconds=0.05)
    before = reader._free
    await refusal(reader, sender(parts))
    assert reader._free == before


def test_a_slow_body_is_408_and_the_end_of_the_connection(hub: Hub, serving: Any) -> None:
    with serving(create_app(hub, body_timeout=0.1)) as caller:
        answer = caller.raw(b"POST /webhooks/mate HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer


def test_the_largest_body_can_be_set(hub: Hub, serving: Any) -> None:
    with serving(create_app(hub, max_body=10)) as caller:
        assert [caller.deliver(b"x" * 10).status, caller.deliver(b"x" * 11).status] == [200, 413]
