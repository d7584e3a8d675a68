"""The vendor's object as JSON, with the values marked that our model has."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from markupsafe import Markup, escape

from returns_hub.console.display import visible
from returns_hub.json_codec import encode_json

_MAX_CHARS: Final = 200_000
_MIN_CHARS: Final = 2
_MAX_DEPTH: Final = 60
_NEXT: Final = ",\n"
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")


def marked_json(raw: Any, model: Any) -> Markup:
    """The decoded object, indented, as HTML; long ones are cut."""
    plain = {_plain(value) for value in _leaves(model)}
    # Our ids may name their number space, the vendor's do not: request:481049.
    known = plain.union(text.partition(":")[2] for text in plain if text.startswith("request:")) - {""}
    parts, length = [], 0
    for text, is_known in _lines(raw, known, 0):
        length += len(text)
        if length > _MAX_CHARS:
            parts.append(Markup("…"))
            break
        shown = escape(visible(text, _MAX_CHARS))
        parts.append(Markup("<mark>{}</mark>").format(shown) if is_known else shown)
    return Markup("").join(parts)


def _lines(value: Any, known: set[str], depth: int) -> Iterator[tuple[str, bool]]:
    """Pieces of JSON, and whether the model has what a piece says."""
    indent, inner = "  " * depth, "  " * (depth + 1)
    if isinstance(value, Mapping) and value and depth < _MAX_DEPTH:
        yield "{\n", False
        for index, (name, part) in enumerate(value.items()):
            yield (_NEXT if index else "") + f"{inner}{_json(name)}: ", False
            yield from _lines(part, known, depth + 1)
        yield f"\n{indent}}}", False
    elif isinstance(value, list | tuple) and value and depth < _MAX_DEPTH:
        yield "[\n", False
        for index, part in enumerate(value):
            yield (_NEXT if index else "") + inner, False
            yield from _lines(part, known, depth + 1)
        yield f"\n{indent}]", False
    else:
        yield _json(value), _plain(value) in known


def _json(value: Any) -> str:
    return encode_json(value, ascii_only=False)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for part in value.values():
            yield from _leaves(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def _plain(value: Any) -> str:
    """A value as it is compared: times and numbers may be written otherwise. Short ones are anybody's."""
    if value is None or isinstance(value, bool | Mapping | list | tuple):
        return ""
    text = str(value)
    if _TIME.match(text):
        return f"{text[:10]}T{text[11:19]}"
    return text if len(text) >= _MIN_CHARS else ""
