"""What replies of a vendor hold: errors, lists, single records."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from returns_hub.errors import (
    AuthenticationFailed,
    Conflict,
    NotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnexpectedReply,
    ValidationFailed,
)
from returns_hub.json_codec import decode_json, encode_json
from returns_hub.operation import InvalidRecord, Reply
from returns_hub.wire.records import is_nothing, is_numbered, join_places

T = TypeVar("T")

_MAX_SENTENCE: Final = 300

ERROR_BY_STATUS: Final[Mapping[int, type[ProviderError]]] = MappingProxyType(
    {
        401: AuthenticationFailed,
        403: PermissionDenied,
        404: NotFound,
        409: Conflict,
        410: NotFound,
        422: ValidationFailed,
        429: RateLimited,
    }
)
"""What an HTTP status means at every vendor that does not say otherwise."""


def error_class(
    status: int | None,
    code: str | None = None,
    *,
    codes: Mapping[str, type[ProviderError]] = MappingProxyType({}),
    statuses: Mapping[int, type[ProviderError]] = ERROR_BY_STATUS,
) -> type[ProviderError]:
    """The error that a reply means: by its status first, then, where that says little, by the vendor's code.

    5xx is ``ProviderUnavailable``; another 4xx ``ValidationFailed``, and anything else ``UnexpectedReply``, unless ``codes`` knows the code.
    """
    if status is not None and status in statuses:
        return statuses[status]
    if status is not None and status >= 500:
        return ProviderUnavailable
    by_class = ValidationFailed if status is not None and status >= 400 else UnexpectedReply
    return codes.get(code or "", by_class)


def build_error(
    kind: type[ProviderError],
    reply: Reply,
    *,
    code: str | None = None,
    message: str | None = None,
    fields: Mapping[str, str] | None = None,
    request_id: str | None = None,
) -> ProviderError:
    """An error with what a reply says of it; ``fields`` is kept by ``ValidationFailed`` alone."""
    if issubclass(kind, ValidationFailed):
        return kind(
            fields=fields,
            http_status=reply.status,
            vendor_code=code,
            vendor_message=message,
            request_id=request_id,
        )
    return kind(http_status=reply.status, vendor_code=code, vendor_message=message, request_id=request_id)


def json_or_none(reply: Reply) -> Any:
    """The decoded body; None where it is not JSON, as when a gateway answered in HTML."""
    try:
        return reply.json()
    except UnexpectedReply:
        return None


def decode_object(body: bytes) -> Mapping[str, Any]:
    """The object that a delivery's body holds; an empty one where it holds something else, or is not JSON."""
    try:
        value = decode_json(body)
    except UnexpectedReply:
        return {}
    return value if isinstance(value, dict) else {}


def body_excerpt(reply: Reply) -> str | None:
    """The first 300 bytes of the body as text, for ``vendor_message``; None if it is empty."""
    return reply.body[:300].decode("utf-8", "replace") or None


def describe(value: object) -> str:
    """What a vendor says of a fault, as at most 300 characters of text: a text as it is, texts of a list joined, anything else as JSON."""
    if is_nothing(value):
        return ""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = ", ".join(value)
    if isinstance(value, str):
        return value[:_MAX_SENTENCE]
    try:
        return encode_json(value, ascii_only=False)[:_MAX_SENTENCE]
    except (RecursionError, TypeError, ValueError):
        return ""


def parse_list(data: object, *, where: str) -> list[Any]:
    """The rows of a list. Null is an empty one, and an object with numbers for names, which PHP makes of a list with gaps, is one too.

    Raises:
        UnexpectedReply: something else, at ``where``.
    """
    if isinstance(data, list):
        return data
    if data is None:
        return []
    if isinstance(data, dict) and data and is_numbered(data):
        return list(data.values())
    raise UnexpectedReply("a list is expected", where=where)


def parse_rows(
    rows: Iterable[tuple[int, object]], parse: Callable[[Mapping[str, Any]], T], *, where: str
) -> tuple[tuple[T, ...], tuple[InvalidRecord, ...]]:
    """Each numbered row, parsed; and those that have no identity, with their place. Pass ``enumerate(rows)`` for a whole list."""
    parsed: list[T] = []
    invalid: list[InvalidRecord] = []
    for index, row in rows:
        try:
            parsed.append(parse(parse_object(row)))
        except UnexpectedReply as error:
            invalid.append(InvalidRecord(where=join_places(f"{where}[{index}]", error.where), raw=row))
    return tuple(parsed), tuple(invalid)


def parse_one(data: object, parse: Callable[[Mapping[str, Any]], T], *, where: str) -> T:
    """One parsed object.

    Raises:
        UnexpectedReply: it is none, or has no identity; its place is under ``where``.
    """
    try:
        return parse(parse_object(data))
    except UnexpectedReply as error:
        problem, place = error.message, join_places(where, error.where)
    raise UnexpectedReply(problem, where=place)


def check_same_id(found: str, asked: str, *, where: str) -> None:
    """Returns if the record that came is the one that was asked for.

    Raises:
        UnexpectedReply: it is another: a proxy, a cache or a connection was mixed up.
    """
    if found != asked:
        raise UnexpectedReply("the record that came is not the one that was asked for", where=where)


def parse_object(data: object) -> Mapping[str, Any]:
    """The object that a reply holds.

    Raises:
        UnexpectedReply: it holds something else, or nothing.
    """
    if isinstance(data, dict):
        return data
    raise UnexpectedReply("an object is expected")
