"""Whether a model object can be read back once it is stored: every field of its declared type.

An adapter builds the objects, and a stranger's adapter may build wrong ones. To encode and read back each of them would
find that out too, at ten times the price.
"""

import functools
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from types import NoneType
from typing import Any, Final, TypeAlias, get_args, get_origin, get_type_hints

import attrs

MAX_DIGITS: Final = 30  # on either side of the point, as in :mod:`returns_hub.scalars`

Check: TypeAlias = Callable[[Any], bool]


def is_valid(value: object) -> bool:
    """True if the object, of an attrs class, and all that it holds is as the classes declare."""
    kind: Any = type(value)
    return _check_of(kind)(value)


@functools.cache
def _check_of(kind: Any) -> Check:
    """What checks that a value is of a declared type, made once for each."""
    if kind is Any:
        return lambda _: True  # the vendor's own data: encoding finds out whether JSON has a form for it
    if kind is Decimal:
        return _is_number
    if kind is datetime:
        return lambda value: type(value) is datetime and value.tzinfo is not None
    if isinstance(kind, type) and attrs.has(kind):
        return _check_of_class(kind)
    if kind is str:
        return lambda value: isinstance(value, str)
    if isinstance(kind, type):
        return lambda value: type(value) is kind
    return _check_of_generic(get_origin(kind), get_args(kind))


def _check_of_class(kind: type[Any]) -> Check:
    hints = get_type_hints(kind)
    checks = [(attrgetter(each.name), each.default, _check_of(hints[each.name])) for each in attrs.fields(kind)]

    def check(value: Any) -> bool:
        if type(value) is not kind:
            return False
        for read, default, is_right in checks:
            held = read(value)
            # Most fields of most objects are empty.
            if held is not default and not is_right(held):
                return False
        return True

    return check


def _check_of_generic(origin: Any, arguments: tuple[Any, ...]) -> Check:
    if origin in (tuple, frozenset):
        element = _check_of(arguments[0])
        return lambda value: type(value) is origin and all(map(element, value))
    if origin is Mapping:
        held = _check_of(arguments[1])
        # The keys of the vendor's own objects become text when they are encoded.
        return lambda value: isinstance(value, dict) and all(map(held, value.values()))
    (other,) = [each for each in arguments if each is not NoneType]
    inner = _check_of(other)
    return lambda value: value is None or inner(value)


def _is_number(value: Any) -> bool:
    """True of a number that :func:`returns_hub.convert.load` takes: it refuses more digits than money and weights need."""
    if type(value) is not Decimal or not value.is_finite():
        return False
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -MAX_DIGITS and value.adjusted() < MAX_DIGITS
