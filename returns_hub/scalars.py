"""Times and exact numbers as text."""

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Final

# More digits on either side of the point are an attack or a fault: formatting 1E+999999 needs a megabyte.
_MAX_DIGITS: Final = 30
_MAX_INTEGER_BITS: Final = 99  # at most 30 digits
_NUMERIC: Final = re.compile(r"-?\d{1,30}(\.\d{1,30})?\Z")


def format_time(moment: datetime) -> str:
    """ISO 8601 in UTC with ``Z``; the fraction only where there is one. ``2024-12-30T10:30:00Z``."""
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def parse_time(text: str, *, zone: tzinfo = UTC) -> datetime:
    """An ISO 8601 time as an aware UTC datetime; one without an offset is read in ``zone``.

    Raises:
        ValueError: not a date or time, or outside what a ``datetime`` holds.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        # `replace(tzinfo=zone)`, which parses keywords, takes ten times as long.
        moment = datetime.combine(moment, moment.time(), zone)
    if moment.tzinfo is UTC:
        return moment
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time out of range") from None


def parse_decimal(value: object) -> Decimal:
    """A JSON number, or a number spelt as text without an exponent; never a float, which has already lost digits.

    Raises:
        TypeError: no number.
        ValueError: more than 30 digits before or after the point.
    """
    if (type(value) is str and _NUMERIC.match(value)) or (
        type(value) is int and value.bit_length() <= _MAX_INTEGER_BITS
    ):
        return Decimal(value)
    if type(value) is not Decimal:
        raise TypeError("a number expected")
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_MAX_DIGITS or value.adjusted() >= _MAX_DIGITS:
        raise ValueError("a number out of range")
    return value


def format_span(seconds: float) -> str:
    """A span of time for people, in the unit that fits: ``3 hours``."""
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
