"""What the constructors of the model accept, and how they refuse the rest.

A wrong value is one :class:`ValueError` that names class and field, wherever it is given.
"""

import functools
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args

from attrs import Attribute, AttrsInstance

from returns_hub.scalars import parse_decimal

_WordT = TypeVar("_WordT", bound=StrEnum)


def to_decimal(value: Decimal | int | str) -> Decimal:
    """An exact number: a ``Decimal`` as it is, an ``int`` or a text without an exponent as the number it spells.

    Raises:
        ValueError: anything else, a float among it, which has already lost digits.
    """
    if type(value) is Decimal and value.is_finite():
        return value
    try:
        return parse_decimal(value)
    except (TypeError, ValueError):
        given = "a float, which is not exact" if isinstance(value, float) else repr(value)[:40]
    raise ValueError(f"must be a Decimal, a whole number, or a number as text; not {given}")


def to_utc(value: datetime) -> datetime:
    """A time with a zone, in UTC.

    Raises:
        ValueError: a time without a zone, or no time.
    """
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value if value.tzinfo is UTC else value.astimezone(UTC)
    raise ValueError("must be a datetime with a time zone, for instance datetime(2024, 1, 31, tzinfo=UTC)")


def to_word(kind: type[_WordT], value: _WordT | str) -> _WordT:
    """A neutral word, given as itself or as text.

    Raises:
        ValueError: the vocabulary has no such word.
    """
    if type(value) is kind:
        return value
    found = next((member for member in kind if type(value) is str and member.value == value), None)
    if found is None:
        raise ValueError(f"must be one of {', '.join(kind)}; {str(value)[:40]!r} is not")
    return found


def to_words(kind: type[_WordT], values: Iterable[_WordT | str]) -> frozenset[_WordT]:
    """Any collection of neutral words.

    Raises:
        ValueError: the vocabulary lacks one of them, or it is one word and no collection.
    """
    if isinstance(values, str):
        raise ValueError("must be a collection of words, not one word")  # noqa: TRY004 - one class for every wrong value
    return frozenset([to_word(kind, value) for value in values])


def name_fields(cls: type[AttrsInstance], fields: list["Attribute[Any]"]) -> list["Attribute[Any]"]:
    """The ``field_transformer`` of the model: an error names the field, and times must have a zone."""
    return [_named(cls, each) for each in fields]


def _named(cls: type[AttrsInstance], attribute: "Attribute[Any]") -> "Attribute[Any]":
    convert: Any = attribute.converter
    options = get_args(attribute.type) if isinstance(attribute.type, UnionType) else (attribute.type,)
    if datetime in options:
        convert = to_utc
    if convert is None:
        return attribute
    # The most frequent values are those that nothing has to be done to.
    kept = [kind for kind in options if kind is NoneType or (isinstance(kind, type) and issubclass(kind, StrEnum))]
    return attribute.evolve(converter=_naming(convert, f"{cls.__name__}.{attribute.name}", frozenset(kept)))


def _naming(convert: Callable[[Any], Any], name: str, kept: frozenset[type]) -> Callable[[Any], Any]:
    @functools.wraps(convert)
    def named(value: Any) -> Any:
        if type(value) in kept:
            return value
        try:
            return convert(value)
        except ValueError as problem:
            text = f"{name} {problem}"
        raise ValueError(text)

    return named
