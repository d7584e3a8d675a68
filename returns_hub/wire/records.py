"""A vendor's object, read field by field: a value that cannot be read costs that value, and never the record."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from returns_hub.errors import UnexpectedReply
from returns_hub.scalars import parse_decimal, parse_time

MAX_ID_LENGTH: Final = 200
_MAX_INTEGER_BITS: Final = 99  # at most 30 digits
_MAX_UNREADABLE: Final = 50
_INDEX: Final = re.compile(r"(?:0|[1-9]\d{0,8})\Z", re.ASCII)
# Databases print these for a time that was never set.
_NO_TIMES: Final = ("0000-00-00", "0001-01-01")
_FLAGS: Final[Mapping[object, bool]] = MappingProxyType(
    {True: True, False: False, "1": True, "0": False, "true": True, "false": False}
)


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
        return "" if self._outer is None else join_places(self._outer.place, self._step)

    @property
    def _step(self) -> str:
        if self._at is None:
            return self._name
        return f"{self._name}[{self._at}]" if isinstance(self._at, int) else f"{self._name}[]"

    def note_unreadable(self, name: str) -> None:
        """Add a field to :attr:`unreadable`, for what an adapter reads itself."""
        if self._outer is not None:
            self._outer.note_unreadable(join_places(self._step, name))
        elif name not in self._unreadable and len(self._unreadable) < _MAX_UNREADABLE:
            self._unreadable.append(name)

    def id(self, first: str, *others: str) -> str:
        """What the record is known by.

        Raises:
            UnexpectedReply: none of the fields holds an identifier; ``where`` is the first of them.
        """
        found = self.optional_id(first, *others)
        if found is None:
            raise UnexpectedReply("a record without an id", where=join_places(self.place, first))
        return found

    def optional_id(self, first: str, *others: str) -> str | None:
        """An identifier, or None."""
        value = self.raw.get(first)
        # What most identifiers are, `rma_abc123` or `948191` for instance, needs no further look.
        if type(value) is str and (value.isidentifier() or value.isalnum()) and len(value) <= MAX_ID_LENGTH:
            return value
        if value is not None:
            found = parse_id(value)
            if found is not None:
                return found
            if not is_nothing(value):
                self.note_unreadable(first)
        return self.optional_id(*others) if others else None

    def text(self, first: str, *others: str) -> str | None:
        """A text that is not blank, or a number as it is written plainly."""
        value = self.raw.get(first)
        if type(value) is str:
            if value and not value.isspace():
                return value
        elif value is not None and not is_nothing(value):
            plain = _plain_number(value)
            if plain is not None:
                return plain
            self.note_unreadable(first)
        return self.text(*others) if others else None

    def number(self, first: str, *others: str) -> Decimal | None:
        """An exact number, also from a text that spells one plainly: no exponent, no comma."""
        value = self.raw.get(first)
        # Quantities and prices come this way: the general path costs several times as much.
        if type(value) is int and -1_000_000 < value < 1_000_000:
            return Decimal(value)
        if type(value) is Decimal and -6 <= value.adjusted() <= 12 and value.is_finite():
            return value
        if value is not None and not is_nothing(value):
            try:
                return parse_decimal(value.strip() if type(value) is str else value)
            except (TypeError, ValueError):
                self.note_unreadable(first)
        return self.number(*others) if others else None

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
            if value is not False and not is_nothing(value):
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
            if not is_nothing(value):
                self.note_unreadable(name)
        return None

    def texts(self, *names: str) -> tuple[str, ...]:
        """The texts of a list; a single text counts as a list of it."""
        for name in names:
            value = self.raw.get(name)
            if is_nothing(value):
                continue
            found: list[str] = []
            for index, part in enumerate(value if isinstance(value, list) else [value]):
                text = part if type(part) is str else _plain_number(part)
                if text is not None:
                    if text and not text.isspace():
                        found.append(text)
                elif not is_nothing(part):
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
            if not is_nothing(value):
                self.note_unreadable(name)
        return Record({}, self, names[0])

    def records(self, *names: str) -> "list[Record]":
        """The objects of a list. An object that holds nothing but objects is a list keyed by :attr:`key`; any other counts as a list of it."""
        for name in names:
            value = self.raw.get(name)
            if value and isinstance(value, list):
                return self._elements(name, value)
            if value and isinstance(value, dict):
                return self._keyed(name, value)
            if value is not None and not is_nothing(value):
                self.note_unreadable(name)
        return []

    def _keyed(self, name: str, value: Mapping[str, Any]) -> "list[Record]":
        if not all(isinstance(part, dict) for part in value.values()):
            return [Record(value, self, name)]
        if is_numbered(value):
            return self._elements(name, value.values())
        return [Record(part, self, name, key) for key, part in value.items()]

    def _elements(self, name: str, parts: Iterable[object]) -> "list[Record]":
        found: list[Record] = []
        for index, part in enumerate(parts):
            if isinstance(part, dict):
                found.append(Record(part, self, name, index))
            elif not is_nothing(part):
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
                elif not is_nothing(value):
                    self.note_unreadable(name)
            if found:
                return found
        return {}


def is_nothing(value: object) -> bool:
    """True of what vendors send for nothing: null, false, an empty text, list or object."""
    return value is None or value is False or (type(value) in (str, list, dict) and not value)


def is_numbered(value: Mapping[str, Any]) -> bool:
    """True of an object with numbers for names, which PHP makes of a list with gaps."""
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


def join_places(place: str, inner: str) -> str:
    """The place of something inside an object, from the place of the object."""
    return f"{place}.{inner}" if place and inner else place or inner
