"""What the constructors of the model accept and refuse, and their quick ``__init__``.

A wrong value is one :class:`ValueError` that names class and field, wherever it is given.
"""

import functools
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, get_args, get_origin

import attrs
from attrs import Attribute, AttrsInstance
from attrs.converters import optional

from returns_hub.scalars import parse_decimal

_ModelT = TypeVar("_ModelT", bound=AttrsInstance)
_WordT = TypeVar("_WordT", bound=StrEnum)

_OPEN: Final = (("__slots__", ()), ("__setattr__", object.__setattr__), ("__delattr__", object.__delattr__))
# With fewer fields, setting each by its descriptor is quicker.
_WORTH_OPENING: Final = 6


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
    options = _options(attribute)
    if datetime in options:
        convert = optional(to_utc) if NoneType in options else to_utc
    if convert is None:
        return attribute
    return attribute.evolve(converter=_naming(convert, f"{cls.__name__}.{attribute.name}"))


def _naming(convert: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    @functools.wraps(convert)
    def named(value: Any) -> Any:
        try:
            return convert(value)
        except ValueError as problem:
            text = f"{name} {problem}"
        raise ValueError(text)

    return named


def quick_init(cls: type[_ModelT]) -> type[_ModelT]:
    """The same frozen class of attrs, with an ``__init__`` that does the same in less than half the time.

    That of attrs makes a call for every field, to set it in spite of ``__setattr__``, and one for every converter. This one lets
    the object be of an open subclass until all its fields are set, and shows a converter only what is not right already.
    """
    fields = attrs.fields(cls)
    names: dict[str, Any] = {
        "FROZEN": cls,
        "OPEN": type(cls.__name__, (cls,), dict(_OPEN)),
        "NOTHING": attrs.NOTHING,
        "attrs_init": cls.__init__,
        "set_attribute": object.__setattr__,
        "Decimal": Decimal,
        "datetime": datetime,
        "UTC": UTC,
    }
    parameters, values = zip(*[_parameter_and_value(field, names) for field in fields], strict=True)
    if len(fields) < _WORTH_OPENING:
        names |= {f"set_{field.name}": vars(cls)[field.name].__set__ for field in fields}
        body = [f"set_{field.name}(self, {value})" for field, value in zip(fields, values, strict=True)]
    else:
        body = [
            # A subclass has a layout of its own.
            f"if type(self) is not FROZEN: return attrs_init(self, {', '.join([f'{each.name}={each.name}' for each in fields])})",
            "set_attribute(self, '__class__', OPEN)",
            *(f"self.{field.name} = {value}" for field, value in zip(fields, values, strict=True)),
            "self.__class__ = FROZEN",
        ]
    if hasattr(cls, "__attrs_post_init__"):
        body.append("self.__attrs_post_init__()")
    source = "\n    ".join([f"def __init__(self, *, {', '.join(parameters)}):", *body])
    exec(source, names)  # noqa: S102 - made of the names of fields
    setattr(cls, "__init__", functools.wraps(cls.__init__)(names["__init__"]))  # noqa: B010 - type checkers forbid the assignment
    return cls


def _parameter_and_value(field: "Attribute[Any]", names: dict[str, Any]) -> tuple[str, str]:
    """Both as source text; what they refer to is added to ``names``."""
    name = parameter = value = field.name
    make: Callable[[], Any] | None = getattr(field.default, "factory", None)
    if make is not None:
        names[f"make_{name}"] = make
        parameter, value = f"{name}=NOTHING", f"make_{name}() if {name} is NOTHING else {name}"
    elif field.default is not attrs.NOTHING:
        names[f"default_{name}"] = field.default
        parameter = f"{name}=default_{name}"
    if field.converter is not None:
        names[f"convert_{name}"] = field.converter
        checks = [_check(name, kind, names) for kind in _options(field)]
        value = f"{name} if {' or '.join(sorted(checks, key=len))} else convert_{name}({name})"
    return parameter, value


def _check(name: str, kind: Any, names: dict[str, Any]) -> str:
    """Source text that is true of a value to which its converter would do nothing."""
    if kind is NoneType:
        return f"{name} is None"
    if kind is Decimal:
        return f"(type({name}) is Decimal and {name}.is_finite())"
    if kind is datetime:
        return f"(type({name}) is datetime and {name}.tzinfo is UTC)"
    if get_origin(kind) is frozenset:
        return f"(type({name}) is frozenset and not {name})"
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        names[kind.__name__] = kind
        return f"type({name}) is {kind.__name__}"
    return "False"


def _options(attribute: "Attribute[Any]") -> tuple[Any, ...]:
    """The types that a field may have."""
    return get_args(attribute.type) if isinstance(attribute.type, UnionType) else (attribute.type,)
