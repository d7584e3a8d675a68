"""What passes between an adapter and whatever drives it. Plain values: nothing here does any I/O."""

import functools
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Generic, Self, TypeAlias, TypeVar, cast
from urllib.parse import quote

from attrs import define, evolve, field, frozen
from attrs.converters import optional

from returns_hub.errors import UnexpectedReply, WebhookRejected
from returns_hub.json_codec import decode_json
from returns_hub.redaction import encode_redacted, redact

A = TypeVar("A")
T = TypeVar("T")
CheckT = TypeVar("CheckT", bound=Callable[..., Any])

Pairs: TypeAlias = tuple[tuple[str, str], ...]

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

# RFC 3986, section 2: what a URL may hold, and what introduces an encoded octet.
_URL_CHARACTERS: Final = "%:/?#[]@!$&'()*+,;=~"


def pairs(values: Mapping[str, str] | Iterable[tuple[str, str]]) -> Pairs:
    """A mapping or pairs as a tuple of pairs; order and repetition are kept."""
    if isinstance(values, Mapping):
        values = cast("Mapping[str, str]", values).items()
    return tuple(values)


def header_values(headers: Pairs, name: str) -> tuple[str, ...]:
    """Every value of a header, whatever the case of its name."""
    wanted = name.lower()
    return tuple([value for key, value in headers if key.lower() == wanted])


@frozen(kw_only=True)
class Request:
    """One HTTP request that an adapter wants sent.

    ``path`` is joined to the account's base URL, already percent-encoded, or to the further one that ``base`` names
    (``Adapter.extra_base_urls``); ``url``, where set, replaces both and must be absolute. ``query`` is encoded by the
    driver. ``json`` becomes the body, or ``form`` as a form (``application/x-www-form-urlencoded``); without either none is sent.

    ``writes`` is for requests that do otherwise than their method promises: a query that is sent by POST, a GET that
    changes something. ``replayable`` says that sending it twice does no more than sending it once. ``idempotency_key``
    is set by the driver for vendors that have one (``Adapter.idempotency_header``).

    ``max_age`` is for look-up tables: an answer of the vendor to the same request that is at most so many seconds old is given
    instead of asking again. Not for what changes.
    """

    method: str
    path: str = ""
    url: str | None = None
    query: Pairs = field(default=(), converter=pairs, repr=False)
    base: str | None = None
    json: Any = field(default=None, repr=False)
    form: Pairs | None = field(default=None, converter=optional(pairs), repr=False)
    headers: Pairs = field(default=(), converter=pairs, repr=False)
    idempotency_key: str | None = field(default=None, repr=False)
    replayable: bool = False
    writes: bool | None = None
    max_age: float | None = None

    @property
    def is_write(self) -> bool:
        """True unless the request changes nothing; by its method (RFC 9110, section 9.2.1) where ``writes`` is None."""
        return self.method.upper() not in SAFE_METHODS if self.writes is None else self.writes


@frozen(kw_only=True)
class Reply:
    """What the vendor answered, whole."""

    status: int
    headers: Pairs = field(default=(), converter=pairs, repr=False)
    body: bytes = field(default=b"", repr=False)
    _decoded: list[Any] = field(init=False, repr=False, eq=False, factory=list)
    _checks: list[tuple[object, Any, Exception | None]] = field(init=False, repr=False, eq=False, factory=list)

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        values = header_values(self.headers, name)
        return values[0] if values else None

    @property
    def date(self) -> datetime | None:
        """When it was made, by the vendor's clock and to the second; None where the reply does not say."""
        try:
            moment = parsedate_to_datetime(self.header("date") or "")
        except ValueError:
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def json(self) -> Any:
        """The decoded body, numbers with a fraction as ``Decimal``; decoded once and kept.

        Raises:
            UnexpectedReply: the body is not JSON.
        """
        if not self._decoded:
            try:
                self._decoded.append(decode_json(self.body))
            except UnexpectedReply as error:
                error.http_status = self.status
                raise
        return self._decoded[0]

    def without_secrets(self, paths: Sequence[str]) -> Self:
        """The reply without what stands at these paths of its JSON, in the body and decoded; itself where nothing does."""
        if not paths:
            return self
        try:
            value = self.json()
        except UnexpectedReply:
            return self
        if not redact(value, paths):
            return self
        clean = evolve(self, body=encode_redacted(value))
        clean._decoded.append(value)  # noqa: SLF001 - another object of this class
        return clean

    def checked_by(self, adapter: A, check: Callable[[A, Self], T]) -> T:
        """What ``check`` makes of the reply for the adapter: computed once and kept, be it a payload or an error."""
        if not any(known is adapter for known, _, _ in self._checks):
            payload, error = None, None
            try:
                payload = check(adapter, self)
            except Exception as problem:  # noqa: BLE001 - whatever it is, it is raised below, each time
                error = problem
            self._checks.append((adapter, payload, error))
        payload, error = next((payload, error) for known, payload, error in self._checks if known is adapter)
        if error is not None:
            raise error.with_traceback(None)
        return cast("T", payload)


def once_per_reply(check: CheckT) -> CheckT:
    """Makes an adapter's ``check`` run once for each reply: the driver asks it whether to retry, the operation for the payload."""

    @functools.wraps(check)
    def check_once(adapter: Any, reply: Reply) -> Any:
        return reply.checked_by(adapter, check)

    # Type checkers see the method as it was written, names of its parameters included.
    return cast("CheckT", check_once)


Operation: TypeAlias = Generator[Request, Reply, T]
"""An intention: it yields each :class:`Request`, is sent the :class:`Reply`, and returns a value."""


@define
class VendorClock:
    """What the vendor's clock showed at the first of the replies; None before one says it."""

    shown: datetime | None = None

    def see(self, reply: Reply) -> None:
        """Read the clock of a reply."""
        self.shown = self.shown or reply.date


def watch(
    operation: Operation[T],
    *,
    on_request: Callable[[Request], None] | None = None,
    on_reply: Callable[[Reply], None] | None = None,
) -> Operation[T]:
    """The same operation; the functions are called with what it asks, before that is sent, and with what is answered."""
    watched: Any = _watched(operation, on_request, on_reply)
    # Errors and logs call an operation by its name.
    watched.__name__ = getattr(operation, "__name__", "")
    return cast("Operation[T]", watched)


def _watched(
    operation: Operation[T],
    on_request: Callable[[Request], None] | None,
    on_reply: Callable[[Reply], None] | None,
) -> Operation[T]:
    with closing(operation):
        try:
            request = next(operation)
            while True:
                if on_request is not None:
                    on_request(request)
                reply = yield request
                if on_reply is not None:
                    on_reply(reply)
                request = operation.send(reply)
        except StopIteration as done:
            result: T = done.value
    return result


@frozen(kw_only=True)
class InvalidRecord:
    """A record of a page that could not be read. ``where`` is its place, ``raw`` the record."""

    where: str
    raw: Any = field(repr=False, eq=False)


@frozen(kw_only=True)
class UnreadableField:
    """A field that could not be read and was left empty: the ``id`` of its record, and its place in the vendor's object."""

    id: str
    field: str


@frozen(kw_only=True)
class Page(Generic[T]):
    """One page of a listing. ``next`` is the opaque cursor of the following page, None on the last.

    ``total`` is the vendor's count of all pages' rows, where it gives one. ``invalid_records`` are the rows that
    could not be read: the others are not lost for them. ``gaps`` says in a sentence each what the vendor cannot be
    made to show: records are missing there, and the caller must know. ``prefetch`` are cursors of pages behind this one,
    in their order and ``next`` the first of them, where the vendor's total gives them beforehand: they may be read side by
    side. A few hundred at most; the last page that was read leads on. ``read_again`` are ids of returns that changed, where the
    listing says no more of them: whoever reads the page reads each of them by its id.
    """

    items: tuple[T, ...] = field(converter=tuple)
    next: str | None = None
    prefetch: tuple[str, ...] = ()
    total: int | None = None
    invalid_records: tuple[InvalidRecord, ...] = ()
    gaps: tuple[str, ...] = ()
    read_again: tuple[str, ...] = ()


@frozen(kw_only=True)
class WebhookRequest:
    """A delivery as it came in: the exact body, and headers as pairs, so that duplicates are visible.

    ``url`` is the whole URL as the vendor knows it. A mapping is accepted for ``headers``.
    """

    method: str
    url: str
    headers: Pairs = field(default=(), converter=pairs, repr=False)
    body: bytes = field(default=b"", repr=False)
    received_at: datetime

    @classmethod
    def from_asgi(cls, scope: Mapping[str, Any], body: bytes, *, received_at: datetime) -> Self:
        """The request of an ASGI application, its URL undecoded; ``body`` is what was received for it.

        Scheme and host are as they arrived, which behind a proxy is not as the vendor knows them.
        """
        headers = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
        path, query = scope.get("raw_path") or quote(scope["path"], safe="/+").encode(), scope.get("query_string")
        host = ",".join(header_values(headers, "host"))
        return cls(
            method=scope["method"],
            url=f"{scope.get('scheme', 'http')}://{host}{_sent(path + b'?' + query if query else path)}",
            headers=headers,
            body=body,
            received_at=received_at,
        )

    @classmethod
    def from_wsgi(cls, environ: Mapping[str, Any], body: bytes, *, received_at: datetime) -> Self:
        """The request of a WSGI application, its URL undecoded where the server passes it on; ``body`` is what was read.

        Scheme and host are as they arrived. A WSGI server joins the values of a repeated header with commas.

        Raises:
            WebhookRejected: ``unread_body``, it came in chunks and the framework took it for none.
        """
        if not body and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            raise WebhookRejected("unread_body", "the framework has not read a body that comes in chunks")
        headers = [
            (name.removeprefix("HTTP_").replace("_", "-").title(), value)
            for name, value in environ.items()
            if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        ]
        # Not in PEP 3333, but from nearly every server. PATH_INFO is decoded: a slash in an order number is lost in it.
        target = environ.get("REQUEST_URI") or environ.get("RAW_URI")
        if target is None:
            path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
            query = environ.get("QUERY_STRING")
            target = quote(_octets(path), safe="/+") + (f"?{query}" if query else "")
        host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "")
        origin = f"{environ['wsgi.url_scheme']}://{host}" if target.startswith("/") else ""
        return cls(
            method=environ["REQUEST_METHOD"],
            url=origin + _sent(_octets(target)),
            headers=headers,
            body=body,
            received_at=received_at,
        )

    def header(self, name: str) -> tuple[str, ...]:
        """Every value of a header, whatever the case of its name."""
        return header_values(self.headers, name)


def _octets(text: str) -> bytes:
    """What a text of a WSGI server stands for: PEP 3333 has one character for each octet; Django decodes some in place."""
    try:
        octets = text.encode("latin-1")
        octets.decode()
    except UnicodeError:
        return text.encode(errors="replace")
    return octets


def _sent(target: bytes) -> str:
    """The target of a request as it was sent, in ASCII: what no URL may hold is encoded."""
    return quote(target, safe=_URL_CHARACTERS)


@frozen(kw_only=True)
class HttpAnswer:
    """What to answer a vendor that called us."""

    status: int
    headers: Pairs = field(default=(), converter=pairs)
    body: bytes = b""
