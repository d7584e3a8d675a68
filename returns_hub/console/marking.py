"""The vendor's object as JSON, with the values marked that our model has."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from markupsafe import Markup, escape

from returns_hub.console.display import visible

_MAX_CHARS: Final = 200_000
_MIN_CHARS: Final = 2
_MAX_DEPTH: Final = 60
_NEXT: Final = ",\n"


def marked_json(raw: Any, model: Any) -> Markup:
    """The decoded object, indented, as HTML; long ones are cut."""
    known = {_plain(value) for value in _leaves(model)} - {""}
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
    return json.dumps(value, ensure_ascii=False, default=str)


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
    if text[:4].isdigit() and text[4:5] == "-" and "T" in text:
        return text.partition(".")[0].removesuffix("Z").partition("+")[0]
    return text if len(text) >= _MIN_CHARS else ""
