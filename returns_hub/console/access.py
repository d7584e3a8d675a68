"""Who may use the console: people, their passwords and roles, and how often somebody may try to log in."""

import base64
import hashlib
import hmac
import ipaddress
import os
import re
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import field, frozen

from returns_hub.errors import ConfigurationError
from returns_hub.secret import Secret

_N, _R, _P = 1 << 14, 8, 1
_SALT_BYTES: Final = 16
_DIGEST_BYTES: Final = 32
_MAX_MEMORY: Final = 64 << 20
_HASH: Final = re.compile(r"scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]+={0,2})\$([\w-]+={0,2})\Z", re.ASCII)
_PERSON: Final = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,98}[^\s\x00-\x1f\x7f])?\Z")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}\Z")
_MIN_TOKEN_CHARS: Final = 16
TOKEN_PERSON: Final = "token"  # noqa: S105 - a name, not a token
"""Who is logged in by ``console_token``."""


@frozen(repr=False)
class _Hash:
    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes


class Role(IntEnum):
    """What somebody may do: look, or also change something."""

    READ = 1
    ACT = 2


@frozen
class Identity:
    """Somebody who may use the console."""

    person: str
    role: Role


@frozen(kw_only=True)
class Access:
    """Who may use the console, and how it is reached.

    Without people and without a token nobody logs in: whoever reaches it is ``local`` and may act, so it must be reached from
    this machine only. ``user_header`` is the request header in which a reverse proxy at one of ``proxies`` names
    who is logged in there; one who is not among ``users`` may look. ``url`` is where browsers reach the console, if not
    at the address it listens on.
    """

    users: Mapping[str, tuple[Role, str | None]] = field(factory=dict, repr=False)
    token: Secret | None = None
    url: str | None = None
    user_header: str | None = None
    proxies: tuple[str, ...] = ()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Access":
        """What the keys ``console_...`` of a configuration file say.

        Raises:
            ConfigurationError: one of them cannot be meant like that; the text names it.
        """
        token = settings.get("console_token")
        if token is not None and (type(token) is not str or len(token) < _MIN_TOKEN_CHARS):
            raise ConfigurationError(f"console_token must be text of at least {_MIN_TOKEN_CHARS} characters")
        header = settings.get("console_user_header")
        if header is not None and (type(header) is not str or not _HEADER.match(header)):
            raise ConfigurationError('console_user_header must be the name of a header, such as "X-Remote-User"')
        proxies = settings.get("console_proxies", ["127.0.0.1", "::1"])
        if not isinstance(proxies, list) or not all(map(_is_address, proxies)):
            raise ConfigurationError('console_proxies must be a list of IP addresses, such as ["127.0.0.1"]')
        url = settings.get("console_url")
        if url is not None and not _is_origin(url):
            raise ConfigurationError('console_url must look like "https://returns.example.com", without a path')
        users = settings.get("console_users", {})
        if not isinstance(users, dict):
            raise ConfigurationError("console_users must be a table: a name, and its password's hash or a table")
        return cls(
            users=MappingProxyType({name: _user(name, value) for name, value in users.items()}),
            token=None if token is None else Secret(token),
            url=None if url is None else url.rstrip("/"),
            user_header=header,
            proxies=tuple(proxies),
        )

    @property
    def needs_login(self) -> bool:
        """True unless whoever reaches the console may use it."""
        return bool(self.users) or self.token is not None or self.user_header is not None

    @property
    def takes_passwords(self) -> bool:
        """True if there is somebody who can log in on the login page."""
        return self.token is not None or any(password for _, password in self.users.values())

    def identity(self, person: str) -> Identity | None:
        """Somebody who has logged in, with the role of now; None if they may not any more."""
        if person in self.users:
            return Identity(person, self.users[person][0])
        return Identity(person, Role.ACT) if person == TOKEN_PERSON and self.token is not None else None

    def from_proxy(self, peer: str, header: str | None) -> Identity | None:
        """Who a reverse proxy says it is; None if nobody may say so."""
        if self.user_header is None or not header or peer not in self.proxies or not _PERSON.match(header):
            return None
        return self.identity(header) or Identity(header, Role.READ)

    def check_password(self, name: str, password: str) -> Identity | None:
        """Who that is, if the password is theirs; it takes as long for a name that nobody has."""
        _, expected = self.users.get(name, (Role.READ, None))
        matches = verify_password(password, expected or _NOBODY)
        if expected and matches:
            return self.identity(name)
        by_token = self.token is not None and hmac.compare_digest(self.token.reveal().encode(), password.encode())
        return Identity(TOKEN_PERSON, Role.ACT) if by_token and name in ("", TOKEN_PERSON) else None


def hash_password(password: str) -> str:
    """The scrypt hash of a password, to be put into ``console_users``."""
    new = _Hash(_N, _R, _P, os.urandom(_SALT_BYTES), b"")
    return "$".join(("scrypt", str(_N), str(_R), str(_P), _text(new.salt), _text(_scrypt(password, new))))


def verify_password(password: str, expected: str) -> bool:
    """True if the hash is that of the password."""
    found = _read_hash(expected)
    return found is not None and hmac.compare_digest(_scrypt(password, found), found.digest)


class LoginLimiter:
    """Refuses logins after too many that failed: of one person from one address, of one person, and of everybody.

    In memory: each process counts for itself, and a restart forgets.
    """

    _LIMITS: Final = (("pair", 5, 300.0), ("person", 20, 900.0), ("all", 100, 300.0))
    _MAX_KEYS: Final = 10_000

    def __init__(self) -> None:
        self._failed: OrderedDict[tuple[str, ...], deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def try_now(self, address: str, person: str) -> float | None:
        """Count an attempt; None if it may be made, or else the seconds until the next one may."""
        now = time.monotonic()
        with self._lock:
            wait = max(self._wait(key, most, span, now) for key, most, span in self._keys(address, person))
            if wait > 0:
                return wait
            for key, _, _ in self._keys(address, person):
                self._failed.setdefault(key, deque()).append(now)
                self._failed.move_to_end(key)
            while len(self._failed) > self._MAX_KEYS:
                self._failed.popitem(last=False)
        return None

    def succeeded(self, address: str, person: str) -> None:
        """Forget the attempts of somebody who has logged in."""
        with self._lock:
            for key, _, _ in self._keys(address, person)[:2]:
                self._failed.pop(key, None)

    def _keys(self, address: str, person: str) -> list[tuple[tuple[str, ...], int, float]]:
        named = {"pair": ("pair", address, person), "person": ("person", person), "all": ("all",)}
        return [(named[kind], most, span) for kind, most, span in self._LIMITS]

    def _wait(self, key: tuple[str, ...], most: int, span: float, now: float) -> float:
        attempts = self._failed.get(key)
        while attempts and attempts[0] <= now - span:
            attempts.popleft()
        return attempts[0] + span - now if attempts and len(attempts) >= most else 0.0


def _user(name: str, value: object) -> tuple[Role, str | None]:
    place = f"console_users.{name[:60]}"
    table = {"password": value} if isinstance(value, str) else value
    if not isinstance(table, dict) or set(table) - {"password", "role"}:
        raise ConfigurationError(f"{place} must be the hash of a password, or a table of password and role")
    if not _PERSON.match(name) or name == TOKEN_PERSON:
        raise ConfigurationError(f"{place}: nobody can have this name")
    password, role = table.get("password"), table.get("role", "read")
    if role not in ("read", "act"):
        raise ConfigurationError(f'{place}.role must be "read" or "act"')
    if password is not None and _read_hash(password) is None:
        raise ConfigurationError(f"{place}.password must be a hash, as returns-hub console --hash-password makes it")
    return Role[role.upper()], password


def _read_hash(value: object) -> _Hash | None:
    """The parts of a hash; None if it is none, or costs more than a login may."""
    found = _HASH.match(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        salt, digest = (base64.urlsafe_b64decode(part) for part in found.groups()[3:])
    except ValueError:
        return None
    n, r, p = (int(part) for part in found.groups()[:3])
    fits = 1 < n <= 1 << 17 and n & (n - 1) == 0 and r >= 1 and 1 <= p <= 4 and 128 * n * r * p <= _MAX_MEMORY // 2
    return _Hash(n, r, p, salt, digest) if fits and len(salt) >= _SALT_BYTES and len(digest) == _DIGEST_BYTES else None


def _is_address(value: object) -> bool:
    try:
        ipaddress.ip_address(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return True


def _is_origin(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.path.strip("/"))
    return parts.scheme in ("http", "https") and bool(parts.hostname) and plain


def _scrypt(password: str, of: _Hash) -> bytes:
    given = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(given, salt=of.salt, n=of.n, r=of.r, p=of.p, maxmem=_MAX_MEMORY, dklen=_DIGEST_BYTES)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


# Nobody's password: what is compared with where nobody has the name.
_NOBODY: Final = f"scrypt${_N}${_R}${_P}${_text(bytes(_SALT_BYTES))}${_text(bytes(_DIGEST_BYTES))}"
