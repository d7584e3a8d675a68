"""JSON, with exact numbers, and read as far as it can be read."""

import functools
import json
import re
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from returns_hub.errors import UnexpectedReply

# What an integer can be and still be read in a millisecond.
_MAX_PARSED_DIGITS: Final = 1000
_JSON_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Unreadable(str):
    """What stands in decoded JSON for a damaged value: its text, which no reader takes for a text."""

    __slots__ = ()


def decode_json(body: bytes) -> Any:
    """The JSON value in ``body``, numbers with a fraction as ``Decimal``.

    Damage costs no more than it must. NaN, an infinity, a number of too many digits, and a text with bytes that are not UTF-8 or with half
    a surrogate pair become :class:`Unreadable`; control characters in a text are taken as they are; an element of a list that is not JSON
    becomes the text of it.

    Raises:
        UnexpectedReply: the whole is not JSON, not UTF-8, or nested too deeply. The error never quotes the body.
    """
    # Refuses whatever the standard library refuses, and half a surrogate pair: what it reads needs no further look.
    with suppress(Exception):
        return _quick_decoder()(body)
    # The parser's own exceptions hold the whole document; none may become a cause or a context.
    try:
        value = json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        problem = "the reply is not UTF-8"
    except RecursionError:
        problem = "the reply is nested too deeply"
    except (ValueError, InvalidOperation):
        problem = "the reply is not JSON"
    else:
        return _mark_surrogates(value)
    value = _decode_damaged(body)
    if isinstance(value, dict | list):
        return value
    raise UnexpectedReply(problem)


def encode_json(value: object, *, ascii_only: bool = True) -> str:
    """Compact JSON text, a ``Decimal`` as the number it is, digit for digit: the inverse of :func:`decode_json`.

    Raises:
        ValueError: a number that JSON has no form for.
        TypeError: a value of another kind.
    """
    return _exact_encoder(ascii_only=ascii_only)(value)


@functools.cache
def _exact_encoder(*, ascii_only: bool) -> Callable[[object], str]:
    # The standard library reads exact numbers and cannot write them.
    from simplejson import JSONEncoder

    encoder = JSONEncoder(use_decimal=True, allow_nan=False, ensure_ascii=ascii_only, separators=(",", ":"))
    encode: Callable[[object], str] = encoder.encode
    return encode


@functools.cache
def _quick_decoder() -> Callable[[bytes], Any]:
    # Imported at the first reply.
    from msgspec.json import Decoder

    decode: Callable[[bytes], Any] = Decoder(float_hook=Decimal).decode
    return decode


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _decode_damaged(body: bytes) -> Any:
    """The value of a document that is not JSON, as far as it can be read; None if that is not at all."""
    text = body.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    for repair in (str, _quote_damaged_elements):
        with suppress(ValueError, RecursionError):
            return _mark_surrogates(_decode_leniently(repair(text)))
    return None


def _decode_leniently(text: str) -> Any:
    return json.loads(
        text, strict=False, parse_float=_parse_fraction, parse_int=_parse_integer, parse_constant=Unreadable
    )


def _parse_fraction(digits: str) -> Decimal | Unreadable:
    try:
        return Decimal(digits)
    except InvalidOperation:  # an exponent beyond what a Decimal has
        return Unreadable(digits)


def _parse_integer(digits: str) -> int | Unreadable:
    return int(digits) if len(digits) <= _MAX_PARSED_DIGITS else Unreadable(digits)


def _quote_damaged_elements(document: str) -> str:
    """The document, with a JSON text in place of each element of its outermost lists that is not JSON."""
    parts: list[str] = []
    kept = start = depth = list_depth = 0
    for token in _JSON_TOKEN.finditer(document):
        mark = token[0]
        if list_depth and depth == list_depth and mark in ",]":
            element = document[start : token.start()]
            if element.strip() and not _is_json(element):
                parts += [document[kept:start], json.dumps(element.strip())]
                kept = token.start()
            start = token.end()
        if mark in "[{":
            depth += 1
            if mark == "[" and not list_depth:
                start, list_depth = token.end(), depth
        elif mark in "]}":
            list_depth = 0 if depth == list_depth else list_depth
            depth -= 1
    return "".join([*parts, document[kept:]])


def _is_json(text: str) -> bool:
    with suppress(ValueError, RecursionError):
        _decode_leniently(text)
        return True
    return False


def _mark_surrogates(value: Any) -> Any:
    """The value with every text that cannot be encoded, for half a surrogate pair in it, marked as unreadable."""
    if type(value) is str:
        return Unreadable(_SURROGATE.sub("\ufffd", value)) if _SURROGATE.search(value) else value
    nodes: list[Any] = [value]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            for name in [name for name in node if _SURROGATE.search(name)]:
                node[_SURROGATE.sub("\ufffd", name)] = node.pop(name)
            members = list(node.items())
        else:
            members = list(enumerate(node)) if isinstance(node, list) else []
        for key, part in members:
            if type(part) is str:
                node[key] = _mark_surrogates(part)
            else:
                nodes.append(part)
    return value
