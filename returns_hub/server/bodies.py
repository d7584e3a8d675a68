"""Reading the body of a request from an untrusted sender: bounded in bytes, in time, and over all requests together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

from attrs import define, field

from returns_hub.hub.answers import TRY_LATER
from returns_hub.operation import HttpAnswer, Pairs, header_values

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

MAX_BODY_BYTES: Final = 1 << 20
"""Bytes; no vendor's delivery comes near it."""
DEFAULT_BODY_TIMEOUT: Final = 30.0
"""Seconds a sender has for a body, however fast it is."""

# A sender has these seconds, and one more for each so many bytes that it has sent.
_FIRST_SECONDS: Final = 5.0
_MIN_BYTES_PER_SECOND: Final = 16 * 1024
# Up to here a body is held without asking; above, all bodies together have so much.
_SMALL_BODY_BYTES: Final = 64 * 1024
_MAX_LARGE_BODY_BYTES: Final = 16 << 20
# Longer numbers are not worth converting: no body of that length is taken.
_MAX_LENGTH_DIGITS: Final = 18

FRAMING_HEADERS: Final = frozenset({"content-length", "transfer-encoding", "content-encoding", "upgrade"})
"""The headers that say how a body comes, in lower case: all that :class:`BodyReader` looks at."""

# A charset is no encoding, but some senders put it there.
_PLAIN_ENCODINGS: Final = frozenset({"", "identity", "utf-8", "utf8"})


class RequestRefused(Exception):
    """A request that is not taken. ``reason`` is one word, for the log."""

    def __init__(self, status: int, reason: str, headers: Pairs = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.answer = HttpAnswer(status=status, headers=headers)


@define
class BodyReader:
    """Reads bodies of at most ``most`` bytes, each within ``seconds``."""

    most: int
    seconds: float
    _free: int = field(default=_MAX_LARGE_BODY_BYTES, init=False)

    @asynccontextmanager
    async def body(self, headers: Pairs, receive: Receive) -> AsyncIterator[bytes]:
        """The whole body. While the block lasts it counts towards the limit of all large bodies together.

        Raises:
            RequestRefused: 400 for a length that is not what was sent and for an upgrade, 408 for a sender that is too slow, 413 for a body that is too
                large, 415 for an encoded one, 503 while other bodies take all the room.
        """
        length = self._announced(headers)
        held = bytearray()
        try:
            await self._fill(held, receive)
            if length is not None and len(held) != length:
                raise RequestRefused(400, "wrong_length")
            yield bytes(held)
        finally:
            self._free += _beyond_small(len(held))

    def _announced(self, headers: Pairs) -> int | None:
        """The announced ``Content-Length``, or None; refuses what the headers already rule out."""
        lengths, chunked = header_values(headers, "content-length"), header_values(headers, "transfer-encoding")
        if header_values(headers, "upgrade") and (chunked or lengths not in ((), ("0",))):
            # A server that is asked for another protocol may pass over the body: what was not read is never acknowledged.
            raise RequestRefused(400, "upgrade")
        encodings = (value.strip().lower() for value in header_values(headers, "content-encoding"))
        if not all(encoding in _PLAIN_ENCODINGS for encoding in encodings):
            # Vendors send none, and what is not unpacked cannot explode.
            raise RequestRefused(415, "encoded", (("Accept-Encoding", "identity"),))
        if not lengths:
            return None
        length = lengths[0]
        if len(lengths) > 1 or not (length.isascii() and length.isdigit()):
            raise RequestRefused(400, "malformed_length")
        if len(length) > _MAX_LENGTH_DIGITS or int(length) > self.most:
            raise RequestRefused(413, "too_large")
        return int(length)

    async def _fill(self, held: bytearray, receive: Receive) -> None:
        """Append what arrives to ``held``, within the limits of time and size."""
        started = asyncio.get_running_loop().time()
        more = True
        try:
            async with asyncio.timeout_at(started + min(_FIRST_SECONDS, self.seconds)) as clock:
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise RequestRefused(400, "cut_off")
                    self._hold(held, message.get("body", b""))
                    more = message.get("more_body", False)
                    if more:
                        earned = _FIRST_SECONDS + len(held) / _MIN_BYTES_PER_SECOND
                        clock.reschedule(started + min(earned, self.seconds))
        except TimeoutError:
            raise RequestRefused(408, "too_slow") from None

    def _hold(self, held: bytearray, part: bytes) -> None:
        size = len(held) + len(part)
        if size > self.most:
            raise RequestRefused(413, "too_large")
        room = _beyond_small(size) - _beyond_small(len(held))
        if room > self._free:
            raise RequestRefused(503, "no_room", TRY_LATER)
        self._free -= room
        held += part


def _beyond_small(size: int) -> int:
    return max(size - _SMALL_BODY_BYTES, 0)
