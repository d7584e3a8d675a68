"""Access tokens of accounts (OAuth 2.0): kept for as long as they are good, and asked for by one caller at a time."""

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from attrs import frozen

from returns_hub.adapter import Token
from returns_hub.fork import reset_after_fork

_MARGIN_SECONDS: Final = 60.0


@frozen(repr=False)
class TokenTurn:
    """What a caller without a token gets: one that is good; or the ``right`` to ask for one, with what was known; or neither.

    With neither, somebody else is asking at this moment: look again soon.
    """

    token: Token | None = None
    known: Token | None = None
    right: object | None = None


class Tokens(Protocol):
    """Where the token of an account is kept. Threads may share it."""

    @property
    def is_blocking(self) -> bool:
        """True if :meth:`begin` and :meth:`finish` wait for a database: on an event loop they belong into a thread."""
        ...

    def current(self, refused: Token | None) -> Token | None:
        """The token that is good now, by what this process knows; never the one that the vendor has just refused."""
        ...

    def begin(self, refused: Token | None) -> TokenTurn:
        """A good token, or the right to ask for one; whoever has the right calls :meth:`finish`."""
        ...

    def finish(self, turn: TokenTurn, token: Token | None) -> None:
        """Keep what was got, None if that is nothing, and let the next caller ask."""
        ...


class OwnTokens:
    """The token of an account in one process."""

    is_blocking = False

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._token: Token | None = None
        self._until = float("-inf")
        self._asking = False
        self._lock = threading.Lock()
        reset_after_fork(self, OwnTokens._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._asking = False

    def current(self, refused: Token | None) -> Token | None:
        """The token that is good now; never the one that was refused."""
        with self._lock:
            is_good = self._token is not None and self._token != refused and self._clock() < self._until
            return self._token if is_good else None

    def begin(self, refused: Token | None) -> TokenTurn:
        """A good token, or the right to ask for one, or neither."""
        token = self.current(refused)
        with self._lock:
            if token is not None or self._asking:
                return TokenTurn(token=token)
            self._asking = True
            return TokenTurn(known=self._token, right=self)

    def finish(self, turn: TokenTurn, token: Token | None) -> None:  # noqa: ARG002 - there is one right
        """Keep what was got, and let the next caller ask."""
        with self._lock:
            self._asking = False
        if token is not None:
            self.keep(token, seconds_good(token))

    def keep(self, token: Token, seconds: float) -> None:
        """Keep a token that is good for so many seconds from now."""
        with self._lock:
            self._token, self._until = token, self._clock() + seconds


def seconds_good(token: Token) -> float:
    """How long a token may be used from now: a little less than its vendor says, for the way there takes time."""
    seconds = token.expires_in
    return float("inf") if seconds is None else seconds - min(_MARGIN_SECONDS, seconds / 10)
