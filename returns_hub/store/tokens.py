"""The token of an account, shared by all processes that use one store: asked for by one of them, and sealed where it lies."""

import base64
import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from returns_hub.adapter import Token
from returns_hub.errors import ConfigurationError
from returns_hub.scalars import format_time, parse_time
from returns_hub.secret import Secret
from returns_hub.store.checkpoints import load_checkpoints, save_checkpoints
from returns_hub.store.database import Database, database_time, store_errors
from returns_hub.store.leases import Lease, Leases, LeaseTaken
from returns_hub.tokens import OwnTokens, TokenTurn, seconds_good

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

CHECKPOINT: Final = "token"
"""Where an account's token lies: sealed, and until when it is good."""


class SharedTokens:
    """As :class:`returns_hub.tokens.OwnTokens`, over all processes of a store.

    What lies in the store can be read by those only who have the account's own ``secrets``: after these change, a token is asked
    for anew. Its calls take the time of a statement: on an event loop they belong into a thread.
    """

    is_blocking = True

    def __init__(self, database: Database, account: str, secrets: Iterable[Secret]) -> None:
        self.database = database
        self._account = account
        self._leases = Leases(database)
        self._cipher = _cipher(account, secrets)
        self._own = OwnTokens()

    def current(self, refused: Token | None) -> Token | None:
        """The token that is good now, by what this process knows."""
        return self._own.current(refused)

    @store_errors
    def begin(self, refused: Token | None) -> TokenTurn:
        """A good token, or the right to ask for one, or neither.

        Raises:
            StoreError: the store cannot be asked.
        """
        known = self._load()
        if (found := self._own.current(refused)) is not None:
            return TokenTurn(token=found)
        try:
            lease = self._leases.take(f"token {self._account}")
        except LeaseTaken:
            return TokenTurn()
        # Whoever had the lease before may have stored one between the two.
        known = self._load()
        if (found := self._own.current(refused)) is not None:
            self._leases.release(lease)
            return TokenTurn(token=found)
        return TokenTurn(known=known, right=lease)

    @store_errors
    def finish(self, turn: TokenTurn, token: Token | None) -> None:
        """Store what was got, None if that is nothing, and let the next process ask.

        Raises:
            StoreError: the store cannot take it; the lease ends by itself.
        """
        if token is not None:
            self._own.keep(token, seconds_good(token))
            self._save(token)
        if isinstance(turn.right, Lease):
            self._leases.release(turn.right)

    def _load(self) -> Token | None:
        """The stored token, which is also kept here while it is good; None if there is none, or it cannot be read."""
        with self.database.reading() as connection:
            stored = load_checkpoints(connection, self._account, [CHECKPOINT]).get(CHECKPOINT, {})
            now = database_time(connection)
        token: Token | None = None
        with suppress(TypeError, KeyError, ValueError, self._cipher.invalid):
            token = self._cipher.open(stored["sealed"])
            until = None if stored["until"] is None else parse_time(stored["until"])
            self._own.keep(token, float("inf") if until is None else (until - now).total_seconds())
        return token

    def _save(self, token: Token) -> None:
        seconds = seconds_good(token)
        with self.database.writing() as connection:
            until: datetime | None = None
            if token.expires_in is not None:
                until = database_time(connection) + timedelta(seconds=seconds)
            value = {"sealed": self._cipher.seal(token), "until": until and format_time(until)}
            save_checkpoints(connection, self._account, {CHECKPOINT: value})


class _Cipher:
    """Seals tokens with the account's own secrets."""

    def __init__(self, fernet: "Fernet", invalid: type[Exception]) -> None:
        self._fernet = fernet
        self.invalid = invalid

    def seal(self, token: Token) -> str:
        refresh = token.refresh and token.refresh.reveal()
        return self._fernet.encrypt(json.dumps([token.access.reveal(), refresh]).encode()).decode()

    def open(self, sealed: Any) -> Token:
        access, refresh = json.loads(self._fernet.decrypt(sealed))
        return Token(access=Secret(access), refresh=None if refresh is None else Secret(refresh))


def _cipher(account: str, secrets: Iterable[Secret]) -> _Cipher:
    try:
        from cryptography.fernet import Fernet, InvalidToken
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"accounts.{account}: its vendor gives tokens, which are sealed before they are stored: pip install 'returns-hub[oauth]'"
        ) from None
    material = json.dumps([secret.reveal() for secret in secrets]).encode()
    key = HKDF(algorithm=SHA256(), length=32, salt=account.encode(), info=b"returns-hub token").derive(material)
    return _Cipher(Fernet(base64.urlsafe_b64encode(key)), InvalidToken)
