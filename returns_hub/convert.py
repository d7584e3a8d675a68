"""Between plain data and attrs classes, strictly.

Our own data (the store, the configuration) goes through one cattrs configuration. Out of the box cattrs turns ``None`` into ``"None"``,
``True`` into ``1`` and a JSON 9.95 into 9.9499999…; here every primitive is taken as it is or refused. Vendors' records are read by
:class:`returns_hub.wire.Record`, which refuses none. cattrs is imported at first use, so that ``import returns_hub`` stays cheap.
"""

import functools
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

import attrs

from returns_hub.errors import UnexpectedReply
from returns_hub.scalars import format_time, parse_decimal, parse_time

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")


def structure(data: object, kind: type[T], *, where: str = "") -> T:
    """``data`` as an instance of an attrs class, every field of its declared type or refused; extra keys are ignored.

    Raises:
        UnexpectedReply: with ``where`` naming the offending place, for instance ``data[3].created_at``.
    """
    try:
        return _converter().structure(data, kind)
    except Exception:  # noqa: BLE001 - cattrs passes on whatever a hook or a constructor raised
        # A second, slower pass finds the place: only failures pay for it.
        place = where + _failing_place(data, kind)
    raise UnexpectedReply("a value of the reply is missing or of the wrong type", where=place.lstrip("."))


def dump(value: object, *, raw: bool = False, defaults: bool = True) -> Any:
    """A model object as JSON-ready data: keys as in the model, enums by value, times ISO 8601 with ``Z``, decimals as text.

    ``raw=True`` includes the vendor's own objects as they are, ``Decimal`` and all. ``defaults=False`` leaves out the fields that
    have their default value: mostly None and empty; :func:`load` gives them that again.
    """
    return _converter(keep_raw=raw, keep_defaults=defaults).unstructure(value)


def load(data: object, kind: type[T]) -> T:
    """The inverse of :func:`dump`, as strict as :func:`structure`."""
    return structure(data, kind)


def _strict_str(value: Any, _: type[str]) -> str:
    if type(value) is str:
        return value
    raise TypeError("text expected")


def _strict_int(value: Any, _: type[int]) -> int:
    if type(value) is int:
        return value
    raise TypeError("a whole number expected")


def _strict_bool(value: Any, _: type[bool]) -> bool:
    if type(value) is bool:
        return value
    raise TypeError("true or false expected")


def _strict_decimal(value: Any, _: type[Decimal]) -> Decimal:
    return parse_decimal(value)


def _strict_time(value: Any, _: type[datetime]) -> datetime:
    if type(value) is str:
        return parse_time(value)
    raise TypeError("a time expected")


def _strict_date(value: Any, _: type[date]) -> date:
    if type(value) is str:
        return date.fromisoformat(value)
    raise TypeError("a date expected")


def _strict_enum(value: Any, kind: type[Enum]) -> Enum:
    if type(value) is str:
        return kind(value)
    raise TypeError("text expected")


@functools.cache
def _converter(*, keep_raw: bool = False, keep_defaults: bool = True) -> "Converter":
    from cattrs import Converter
    from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

    # Not detailed: a good page pays nothing for error messages; `_failing_place` explains a bad one.
    converter = Converter(detailed_validation=False)
    converter.register_structure_hook(str, _strict_str)
    converter.register_structure_hook(int, _strict_int)
    converter.register_structure_hook(bool, _strict_bool)
    converter.register_structure_hook(Decimal, _strict_decimal)
    converter.register_structure_hook(datetime, _strict_time)
    converter.register_structure_hook(date, _strict_date)
    converter.register_structure_hook(Enum, _strict_enum)
    converter.register_structure_hook(StrEnum, _strict_enum)

    def structure_class(kind: type[Any]) -> Callable[[Any, Any], Any]:
        build = make_dict_structure_fn(kind, converter, _cattrs_detailed_validation=False)

        def structure_object(value: Any, kind: Any) -> Any:
            if type(value) is dict:
                return build(value, kind)
            raise TypeError("an object expected")

        return structure_object

    def structure_optional(kind: Any) -> Callable[[Any, Any], Any]:
        (inner,) = (option for option in get_args(kind) if option is not NoneType)
        hook = converter.get_structure_hook(inner)

        def structure_or_none(value: Any, _: Any) -> Any:
            return None if value is None else hook(value, inner)

        return structure_or_none

    def structure_sequence(kind: Any) -> Callable[[Any, Any], Any]:
        element = get_args(kind)[0]
        hook = converter.get_structure_hook(element)
        build: Callable[[Any], Any] = frozenset if get_origin(kind) is frozenset else tuple

        def structure_list(value: Any, _: Any) -> Any:
            if type(value) is list or type(value) is tuple:
                return build([hook(part, element) for part in value])
            raise TypeError("a list expected")

        return structure_list

    def structure_mapping(kind: Any) -> Callable[[Any, Any], Any]:
        element = get_args(kind)[1]
        hook = None if element is Any else converter.get_structure_hook(element)

        def structure_dict(value: Any, _: Any) -> Any:
            if type(value) is not dict:
                raise TypeError("an object expected")
            if hook is None:
                return value
            return {key: hook(part, element) for key, part in value.items()}

        return structure_dict

    converter.register_structure_hook_factory(attrs.has, structure_class)
    converter.register_structure_hook_factory(_is_optional, structure_optional)
    converter.register_structure_hook_factory(_is_sequence, structure_sequence)
    converter.register_structure_hook_factory(_is_mapping, structure_mapping)

    def unstructure_class(kind: type[Any]) -> Callable[[Any], Any]:
        overrides: dict[str, Any] = {}
        if hasattr(attrs.fields(kind), "raw"):
            overrides["raw"] = override(unstruct_hook=_as_it_is) if keep_raw else override(omit=True)
        return make_dict_unstructure_fn(kind, converter, _cattrs_omit_if_default=not keep_defaults, **overrides)

    converter.register_unstructure_hook(Decimal, _format_decimal)
    converter.register_unstructure_hook(datetime, format_time)
    converter.register_unstructure_hook(date, date.isoformat)
    converter.register_unstructure_hook(Enum, _enum_value)
    converter.register_unstructure_hook(StrEnum, _enum_value)
    converter.register_unstructure_hook_func(_is_frozenset, _sorted_values)
    converter.register_unstructure_hook_factory(attrs.has, unstructure_class)
    return converter


def _is_optional(kind: Any) -> bool:
    options = get_args(kind)
    return get_origin(kind) in (Union, UnionType) and len(options) == 2 and NoneType in options


def _is_sequence(kind: Any) -> bool:
    return get_origin(kind) is frozenset or (get_origin(kind) is tuple and get_args(kind)[-1] is ...)


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) in (Mapping, dict)


def _is_frozenset(kind: Any) -> bool:
    return kind is frozenset or get_origin(kind) is frozenset


def _as_it_is(value: Any) -> Any:
    return value


def _format_decimal(value: Decimal) -> str:
    return format(value, "f")


def _enum_value(value: Enum) -> Any:
    return value.value


def _sorted_values(values: frozenset[Any]) -> list[Any]:
    return sorted(dump(value) for value in values)


def _failing_place(data: Any, kind: Any) -> str:
    """Where in ``data`` the first value is that does not fit ``kind``, as ``.items[2].quantity``.

    It is made of the class's own field names and of indexes: nothing that the vendor sent.
    """
    if _is_optional(kind):
        return next(_failing_place(data, option) for option in get_args(kind) if option is not NoneType)
    if attrs.has(kind) and type(data) is dict:
        for attribute in attrs.fields(kind):
            if attribute.name not in data:
                if attribute.init and attribute.default is attrs.NOTHING:
                    return f".{attribute.name}"
            elif not _fits(data[attribute.name], attribute.type):
                return f".{attribute.name}" + _failing_place(data[attribute.name], attribute.type)
    if _is_sequence(kind) and isinstance(data, list | tuple):
        for index, part in enumerate(data):
            if not _fits(part, get_args(kind)[0]):
                return f"[{index}]" + _failing_place(part, get_args(kind)[0])
    return ""


def _fits(data: Any, kind: Any) -> bool:
    try:
        _converter().structure(data, kind)
    except Exception:  # noqa: BLE001 - whatever a hook or a constructor raised
        return False
    return True
