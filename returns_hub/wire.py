"""What a vendor package needs to talk to its vendor: requests, replies, records, signatures. Public, for adapters.

A vendor's JSON is read through :class:`Record`, which never refuses a record for a field: a value that cannot be read is empty, and its
place is collected for ``unreadable`` of the object that is built. What two vendors do in the same way is here once. No I/O.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, TypeVar
from urllib.parse import quote

from returns_hub.countries import alpha2, alpha3
from returns_hub.errors import (
    AuthenticationFailed,
    ConfigurationError,
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
from returns_hub.operation import InvalidRecord, Reply, Request
from returns_hub.scalars import parse_decimal, parse_time
from returns_hub.secret import Secret
from returns_hub.status import Status
from returns_hub.webhooks import verify_hmac_sha256_base64, verify_hmac_sha256_hex

__all__ = [
    "ERROR_BY_STATUS",
    "Record",
    "alpha2",
    "alpha3",
    "body_excerpt",
    "build_error",
    "build_path",
    "check_header_value",
    "check_one_status",
    "check_same_id",
    "comparable",
    "decode_object",
    "describe",
    "error_class",
    "fields_set",
    "foreign_cursor",
    "get",
    "json_or_none",
    "page_size",
    "parse_id",
    "parse_list",
    "parse_one",
    "parse_rows",
    "verify_hmac_sha256_base64",
    "verify_hmac_sha256_hex",
    "without_none",
]

T = TypeVar("T")

MAX_ID_LENGTH: Final = 200
_MAX_INTEGER_BITS: Final = 99  # at most 30 digits
_MAX_UNREADABLE: Final = 50
_MAX_SENTENCE: Final = 300
_PLAIN_NUMBER: Final = re.compile(r"\s*-?\d{1,30}(\.\d{1,30})?\s*\Z", re.ASCII)
_INDEX: Final = re.compile(r"(?:0|[1-9]\d{0,8})\Z", re.ASCII)
# Databases print these for a time that was never set.
_NO_TIMES: Final = ("0000-00-00", "0001-01-01")
_FLAGS: Final[Mapping[object, bool]] = MappingProxyType(
    {True: True, False: False, "1": True, "0": False, "true": True, "false": False}
)
# A line break in a header value would be refused by the HTTP library, which quotes the value in its error.
_HEADER_VALUE: Final = re.compile(r"[!-~]+\Z")


def get(path: str, query: Iterable[tuple[str, str]] = (), *, base: str | None = None) -> Request:
    """A GET that may be repeated."""
    return Request(method="GET", path=path, query=query, base=base, replayable=True)


def build_path(*segments: str) -> str:
    """A path made of these segments, each percent-encoded whole: an id cannot become another path.

    Raises:
        NotFound: a segment is empty, ``.`` or ``..``: in a path they mean another place, and no record is known by them.
    """
    if any(segment in ("", ".", "..") for segment in segments):
        raise NotFound("an id is never empty, '.' or '..'")
    return "/" + "/".join([quote(segment, safe="") for segment in segments])


def page_size(asked: int | None, *, maximum: int) -> int:
    """How many rows of a page to ask for: as many as were asked for, and never more than the vendor allows; None is as many as it allows.

    Raises:
        ValueError: less than one.
    """
    if asked is not None and asked < 1:
        raise ValueError("page_size must be at least 1")
    return maximum if asked is None else min(asked, maximum)


def foreign_cursor() -> ValueError:
    """The error for a cursor that a listing did not give."""
    return ValueError("the cursor is not one that this listing gave")


def check_one_status(status: Status | None, raw_status: str | None) -> None:
    """Returns if exactly one of the two is given.

    Raises:
        ValueError: both are, or neither is.
    """
    if (status is None) == (raw_status is None):
        raise ValueError("give either a status or a raw_status")


def check_header_value(adapter: str, option: str, secret: Secret) -> None:
    """Returns if a credential can be sent in a header as it is.

    Raises:
        ConfigurationError: it is empty, or holds a blank, a control character or one outside ASCII. It is not shown.
    """
    if not _HEADER_VALUE.match(secret.reveal()):
        raise ConfigurationError(f"{adapter}: {option} is empty, or holds a blank or a character no key has")


def without_none(**values: Any) -> dict[str, Any]:
    """The values that are set, by name: the body of a request without nulls."""
    return {name: value for name, value in values.items() if value is not None}


def fields_set(value: object, *names: str) -> list[str]:
    """Those of these fields of an object that are neither None nor an empty mapping."""
    return [name for name in names if getattr(value, name) not in (None, {})]


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
    if _is_nothing(value):
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
    if isinstance(data, dict) and data and _is_numbered(data):
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
            parsed.append(parse(_object(row)))
        except UnexpectedReply as error:
            invalid.append(InvalidRecord(where=_join(f"{where}[{index}]", error.where), raw=row))
    return tuple(parsed), tuple(invalid)


def parse_one(data: object, parse: Callable[[Mapping[str, Any]], T], *, where: str) -> T:
    """One parsed object.

    Raises:
        UnexpectedReply: it is none, or has no identity; its place is under ``where``.
    """
    try:
        return parse(_object(data))
    except UnexpectedReply as error:
        problem, place = error.message, _join(where, error.where)
    raise UnexpectedReply(problem, where=place)


def check_same_id(found: str, asked: str, *, where: str) -> None:
    """Returns if the record that came is the one that was asked for.

    Raises:
        UnexpectedReply: it is another: a proxy, a cache or a connection was mixed up.
    """
    if found != asked:
        raise UnexpectedReply("the record that came is not the one that was asked for", where=where)


def comparable(text: str) -> str:
    """A text as a vendor may compare it in a filter: without case and blanks. A check of ours may not be stricter than the vendor's."""
    return "".join(text.split()).casefold()


def _object(data: object) -> Mapping[str, Any]:
    if isinstance(data, dict):
        return data
    raise UnexpectedReply("an object is expected")


def _join(place: str, inner: str) -> str:
    return f"{place}.{inner}" if place and inner else place or inner


def parse_id(value: object) -> str | None:
    """An identifier as text, from a text or a whole number; None for anything that cannot be one.

    It has 1 to 200 characters that can be seen, and is not made of dots alone.
    """
    if type(value) is str:
        is_id = 0 < len(value) <= MAX_ID_LENGTH and value.isprintable() and value.strip(". ") != ""
        return value if is_id else None
    if type(value) is int and value.bit_length() <= _MAX_INTEGER_BITS:
        return str(value)
    return None


class Record:
    """A vendor's object, read field by field.

    Every method takes one or more names of fields, and gives the first of them that holds something. Null, ``""``, ``[]``, ``{}`` and
    ``false`` are nothing. Whole numbers and text stand for each other. A value that cannot be read counts as nothing, and its place is
    added to :attr:`unreadable`; :meth:`id` alone raises. Objects and lists inside are records too, and share their places with this one.
    """

    __slots__ = ("_at", "_name", "_outer", "_unreadable", "raw")

    def __init__(
        self, raw: Mapping[str, Any], outer: "Record | None" = None, name: str = "", at: int | str | None = None
    ) -> None:
        self.raw = raw
        self._outer = outer
        self._name = name
        self._at = at
        if outer is None:
            self._unreadable: list[str] = []

    @property
    def key(self) -> str | None:
        """The name that this object has in an object of objects; None in a list."""
        return self._at if isinstance(self._at, str) else None

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The places of the values that could not be read so far, in this object and those inside.

        They are made of names that were asked for, and of indexes: nothing of the vendor's data is in them.
        """
        return tuple(self._unreadable) if self._outer is None else self._outer.unreadable

    @property
    def place(self) -> str:
        """Where this object stands in the outermost one, for instance ``items[2]``; ``""`` for the outermost."""
        return "" if self._outer is None else _join(self._outer.place, self._step)

    @property
    def _step(self) -> str:
        if self._at is None:
            return self._name
        return f"{self._name}[{self._at}]" if isinstance(self._at, int) else f"{self._name}[]"

    def note_unreadable(self, name: str) -> None:
        """Add a field to :attr:`unreadable`, for what an adapter reads itself."""
        if self._outer is not None:
            self._outer.note_unreadable(_join(self._step, name))
        elif name not in self._unreadable and len(self._unreadable) < _MAX_UNREADABLE:
            self._unreadable.append(name)

    def id(self, *names: str) -> str:
        """What the record is known by.

        Raises:
            UnexpectedReply: none of the fields holds an identifier; ``where`` is the first of them.
        """
        found = self.optional_id(*names)
        if found is None:
            raise UnexpectedReply("a record without an id", where=_join(self.place, names[0]))
        return found

    def optional_id(self, *names: str) -> str | None:
        """An identifier, or None."""
        for name in names:
            value = self.raw.get(name)
            # What most identifiers are, `rma_abc123` for instance, needs no further look.
            if type(value) is str and value.isidentifier() and len(value) <= MAX_ID_LENGTH:
                return value
            if value is None or _is_nothing(value):
                continue
            found = parse_id(value)
            if found is not None:
                return found
            self.note_unreadable(name)
        return None

    def text(self, *names: str) -> str | None:
        """A text that is not blank, or a number as it is written plainly."""
        raw = self.raw
        for name in names:
            value = raw.get(name)
            if value is None:
                continue
            if type(value) is str:
                if value and not value.isspace():
                    return value
            elif not _is_nothing(value):
                plain = _plain_number(value)
                if plain is not None:
                    return plain
                self.note_unreadable(name)
        return None

    def number(self, *names: str) -> Decimal | None:
        """An exact number, also from a text that spells one plainly: no exponent, no comma."""
        for name in names:
            value = self.raw.get(name)
            if value is None:
                continue
            # Quantities and prices come this way: the general path costs several times as much.
            if type(value) is int and -1_000_000 < value < 1_000_000:
                return Decimal(value)
            if type(value) is Decimal and -6 <= value.adjusted() <= 12 and value.is_finite():
                return value
            if _is_nothing(value):
                continue
            try:
                return parse_decimal(value.strip() if type(value) is str else value)
            except (TypeError, ValueError):
                self.note_unreadable(name)
        return None

    def whole(self, *names: str) -> int | None:
        """A whole number."""
        for name in names:
            found = self.number(name)
            if found is not None:
                if found == found.to_integral_value():
                    return int(found)
                self.note_unreadable(name)
        return None

    def flag(self, *names: str) -> bool | None:
        """True or false, also from 1 and 0 and from a text that spells one of them."""
        for name in names:
            value = self.raw.get(name)
            if type(value) in (bool, int, str):
                found = _FLAGS.get(value.strip().lower() if type(value) is str else value)
                if found is not None:
                    return found
            if value is not False and not _is_nothing(value):
                self.note_unreadable(name)
        return None

    def time(self, *names: str, zone: tzinfo = UTC) -> datetime | None:
        """A time in UTC, from an ISO 8601 text; one without an offset is by the clock of ``zone``. The zeros of a database are none."""
        for name in names:
            value = self.raw.get(name)
            if value is None:
                continue
            # Digits alone are no time: seconds since 1970 would be read as a date.
            if type(value) is str and not value.isdigit():
                try:
                    moment = parse_time(value, zone=zone)
                except ValueError:
                    if value.isspace() or value.startswith(_NO_TIMES):
                        continue
                else:
                    if moment.year > 1:
                        return moment
                    continue
            if not _is_nothing(value):
                self.note_unreadable(name)
        return None

    def texts(self, *names: str) -> tuple[str, ...]:
        """The texts of a list; a single text counts as a list of it."""
        for name in names:
            value = self.raw.get(name)
            if _is_nothing(value):
                continue
            found: list[str] = []
            for index, part in enumerate(value if isinstance(value, list) else [value]):
                text = part if type(part) is str else _plain_number(part)
                if text is not None:
                    if text and not text.isspace():
                        found.append(text)
                elif not _is_nothing(part):
                    self.note_unreadable(f"{name}[{index}]" if isinstance(value, list) else name)
            if found:
                return tuple(found)
        return ()

    def record(self, *names: str) -> "Record":
        """An object; an empty one where there is none."""
        for name in names:
            value = self.raw.get(name)
            if isinstance(value, dict):
                return Record(value, self, name)
            if not _is_nothing(value):
                self.note_unreadable(name)
        return Record({}, self, names[0])

    def records(self, *names: str) -> "list[Record]":
        """The objects of a list. An object that holds nothing but objects is a list keyed by :attr:`key`; any other counts as a list of it."""
        for name in names:
            value = self.raw.get(name)
            if value is None or _is_nothing(value):
                continue
            if isinstance(value, list):
                return self._elements(name, value)
            if isinstance(value, dict):
                return self._keyed(name, value)
            self.note_unreadable(name)
        return []

    def _keyed(self, name: str, value: Mapping[str, Any]) -> "list[Record]":
        if not all(isinstance(part, dict) for part in value.values()):
            return [Record(value, self, name)]
        if _is_numbered(value):
            return self._elements(name, value.values())
        return [Record(part, self, name, key) for key, part in value.items()]

    def _elements(self, name: str, parts: Iterable[object]) -> "list[Record]":
        found: list[Record] = []
        for index, part in enumerate(parts):
            if isinstance(part, dict):
                found.append(Record(part, self, name, index))
            elif not _is_nothing(part):
                self.note_unreadable(f"{name}[{index}]")
        return found

    def text_map(self, *names: str) -> dict[str, str]:
        """An object of texts by name. What cannot be read in it is named by the whole: its keys are the vendor's data."""
        for name in names:
            found: dict[str, str] = {}
            for key, value in self.record(name).raw.items():
                text = value if type(value) is str else _plain_number(value)
                if text is not None:
                    found[key] = text
                elif not _is_nothing(value):
                    self.note_unreadable(name)
            if found:
                return found
        return {}


def _is_nothing(value: object) -> bool:
    return value is None or value is False or (type(value) in (str, list, dict) and not value)


def _is_numbered(value: Mapping[str, Any]) -> bool:
    return all(_INDEX.match(name) for name in value)


def _plain_number(value: object) -> str | None:
    """A number as text, as it is written without an exponent; None for anything else."""
    if type(value) is int:
        return str(value) if value.bit_length() <= _MAX_INTEGER_BITS else None
    if (
        type(value) is Decimal
        and value.is_finite()
        and -30 <= value.adjusted() < 30
        and value.as_tuple().exponent in range(-30, 1)
    ):
        return format(value, "f")
    return None
