"""What PostgreSQL and its poolers refuse, in plain words, and connecting to one that has no room just now."""

import re
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final, TypeVar

from attrs import frozen

from returns_hub.retry import Backoff

T = TypeVar("T")

OPTIONS_REFUSED: Final = (
    "is behind a connection pooler, which passes no options=... on: take that out of the address, and set it at the user, "
    "as in ALTER ROLE name SET search_path = returns"
)

READ_ONLY: Final = "25006"
_PROTOCOL_VIOLATION: Final = "08P01"
# By SQLSTATE, https://www.postgresql.org/docs/15/errcodes-appendix.html
_REASONS: Final[Mapping[str, str]] = {
    READ_ONLY: "is read-only",
    "3D000": "does not exist: create the database, with createdb for instance",
    "42501": "may not be used by this user",
    "53100": "cannot be written: the disk is full",
    "53300": "has no connection left",
    "25P03": "has undone a transaction that stood still",
    "55P03": "has something that another session keeps locked",
    "57P01": "has ended the connection, as when it shuts down",
    "57014": "has not done within a minute what it was asked",
}


@frozen
class _Refusal:
    """Why a server takes no connection, by what it says. ``is_passing``: a moment later it may."""

    said: "re.Pattern[str]"
    reason: str
    is_passing: bool = False


def _refusal(said: str, reason: str, *, is_passing: bool = False) -> _Refusal:
    return _Refusal(re.compile(said), reason, is_passing)


# The driver has no SQLSTATE before it is connected. The server's words are those of postmaster.c, auth.c, hba.c, postinit.c and
# proc.c of PostgreSQL 10 to 17, and of PgBouncer's client.c and objects.c; the rest are libpq's and the system's.
_REFUSALS: Final = (
    _refusal("unsupported startup parameter", OPTIONS_REFUSED),
    _refusal(
        "statement pooling mode",
        "is behind a connection pooler in statement mode: set pool_mode = transaction or session there",
    ),
    _refusal(
        r"too many clients already|connection slots are reserved|too many connections for|no more connections allowed",
        "has no connection left: raise max_connections, or the pooler's or the role's limit, or run fewer processes",
        is_passing=True,
    ),
    _refusal(
        r"is starting up|is shutting down|recovery mode|not yet accepting connections|not accepting connections",
        "is starting or shutting down",
        is_passing=True,
    ),
    _refusal(
        r"authentication failed|no password supplied|role \".*\" (does not exist|is not permitted to log in)|no such user",
        "refuses the user or the password",
    ),
    _refusal(r"pg_hba\.conf", "has no entry in its pg_hba.conf that lets this user in from here"),
    _refusal(
        r"database \".*\" does not exist|no such database",
        "does not exist: create the database, with createdb for instance",
    ),
    _refusal(r"permission denied for database", "may not be used by this user"),
    _refusal(
        r"Connection refused|[Tt]imed? ?out|timeout expired|could not translate host name|failed to resolve host"
        r"|not known|No such file|unreachable|No route to host",
        "cannot be reached",
    ),
    _refusal(r"SSL|certificate", "cannot be reached: server and address do not agree about TLS (sslmode)"),
)
_UNKNOWN_REFUSAL: Final = "cannot be reached, or refuses the user or the password"

_PATIENCE_SECONDS: Final = 5.0
_BACKOFF: Final = Backoff(first=0.1, maximum=1.0)


def failure_reason(cause: BaseException | None) -> str:
    """Why something failed, as the end of a sentence; it quotes nothing of what the server said."""
    kind, state = type(cause).__name__, getattr(cause, "sqlstate", None)
    if kind == "NoAnswer":
        return "does not answer"
    # What fails while connecting has no code, and what a pooler refuses is a broken protocol.
    is_operational = any(base.__name__ == "OperationalError" for base in type(cause).__mro__)
    if is_operational and (state is None or state == _PROTOCOL_VIOLATION):
        found = _find(cause)
        return found.reason if found else _UNKNOWN_REFUSAL
    return _REASONS.get(state, f"failed with SQLSTATE {state}") if state else f"failed with {kind}"


def connect_patiently(connect: Callable[[], T]) -> T:
    """A connection. A server that has none left, or is only starting, is asked again for a few seconds.

    Raises:
        Exception: what ``connect`` raises.
    """
    ends = time.monotonic() + _PATIENCE_SECONDS
    for attempt in count(1):
        delay = _BACKOFF.delay(attempt)
        try:
            return connect()
        except Exception as error:
            found = _find(error)
            if found is None or not found.is_passing or time.monotonic() + delay > ends:
                raise
        time.sleep(delay)
    raise AssertionError("count() has no end")


def _find(cause: BaseException | None) -> _Refusal | None:
    # Of several addresses of a host each says something; the last one is what counts for the driver too.
    text = str(cause)
    return next((refusal for refusal in _REFUSALS if refusal.said.search(text)), None)
