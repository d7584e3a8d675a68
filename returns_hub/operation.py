"""What passes between an adapter and whatever drives it. Plain values: nothing here does any I/O."""

from collections.abc import Generator, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from attrs import field, frozen

from returns_hub.convert import decode_json

T = TypeVar("T")

Pairs: TypeAlias = tuple[tuple[str, str], ...]

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def pairs(values: Mapping[str, str] | Iterable[tuple[str, str]]) -> Pairs:
    """A mapping or pairs as a tuple of pairs; order and repetition are kept."""
    if isinstance(values, Mapping):
        values = cast("Mapping[str, str]", values).items()
    return tuple(values)


def header_values(headers: Pairs, name: str) -> tuple[str, ...]:
    """Every value of a header, whatever the case of its name."""
    wanted = name.lower()
    return tuple(value for key, value in headers if key.lower() == wanted)


@frozen(kw_only=True)
class Request:
    """One HTTP request that an adapter wants sent.

    ``path`` is joined to the account's base URL, already percent-encoded; ``url``, where set, replaces both and
    must be absolute. ``query`` is encoded by the driver. ``json`` becomes the body, None sends none.
    ``replayable`` says that sending it twice does no more than sending it once. ``idempotency_key`` is set
    by the driver for vendors that have one (``Adapter.idempotency_header``).
    """

    method: str
    path: str = ""
    url: str | None = None
    query: Pairs = field(default=(), converter=pairs, repr=False)
    json: Any = field(default=None, repr=False)
    headers: Pairs = field(default=(), converter=pairs, repr=False)
    idempotency_key: str | None = field(default=None, repr=False)
    replayable: bool = False

    @property
    def is_write(self) -> bool:
        """True unless the method promises to change nothing (RFC 9110, section 9.2.1)."""
        return self.method.upper() not in SAFE_METHODS


@frozen(kw_only=True)
class Reply:
    """What the vendor answered, whole."""

    status: int
    headers: Pairs = field(default=(), converter=pairs, repr=False)
    body: bytes = field(default=b"", repr=False)
    _decoded: list[Any] = field(init=False, repr=False, eq=False, factory=list)

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        values = header_values(self.headers, name)
        return values[0] if values else None

    def json(self) -> Any:
        """The decoded body, numbers with a fraction as ``Decimal``; decoded once and kept.

        Raises:
            UnexpectedReply: the body is not JSON.
        """
        if not self._decoded:
            self._decoded.append(decode_json(self.body))
        return self._decoded[0]


Operation: TypeAlias = Generator[Request, Reply, T]
"""An intention: it yields each :class:`Request`, is sent the :class:`Reply`, and returns a value."""


@frozen(kw_only=True)
class SetAside:
    """A record of a page that could not be read. ``where`` is its place, ``raw`` the record."""

    where: str
    raw: Any = field(repr=False, eq=False)


@frozen(kw_only=True)
class Page(Generic[T]):
    """One page of a listing. ``next`` is the opaque cursor of the following page, None on the last.

    ``total`` is the vendor's count of all pages' rows, where it tells one. ``set_aside`` are the rows that
    could not be read: the others are not lost for them. ``gaps`` says in a sentence each what the vendor cannot be
    made to tell: records are missing there, and the caller must know.
    """

    items: tuple[T, ...] = field(converter=tuple)
    next: str | None = None
    total: int | None = None
    set_aside: tuple[SetAside, ...] = ()
    gaps: tuple[str, ...] = ()


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

    def header(self, name: str) -> tuple[str, ...]:
        """Every value of a header, whatever the case of its name."""
        return header_values(self.headers, name)


@frozen(kw_only=True)
class HttpAnswer:
    """What to answer a vendor that called us."""

    status: int
    headers: Pairs = field(default=(), converter=pairs)
    body: bytes = b""
