"""Where each field of a vendor's documented payload goes in the model: for a table in the docs, and for a test that keeps it complete.

It is found out by trying: a field goes where the model changes when the field does.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any, Final, TypeVar

from returns_hub.convert import dump
from returns_hub.errors import ReturnsHubError
from returns_hub.json_codec import encode_json
from returns_hub.operation import Operation, Reply

T = TypeVar("T")

IDENTITY: Final = "the record itself"
"""Where a field goes without which there is no record: its id, or the word that says that the call succeeded."""

_INDEX: Final = re.compile(r"\[\d+\]")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBER: Final = re.compile(r"-?\d{1,20}(\.\d{1,20})?\Z")


def read_reply(operation: Operation[T], payload: Any) -> T:
    """What an operation of one request gives where the vendor answers with a decoded payload: to be mapped by :func:`field_map`.

    Raises:
        ValueError: it asks for more.
    """
    next(operation)
    try:
        operation.send(Reply(status=200, body=encode_json(payload).encode()))
    except StopIteration as done:
        value: T = done.value
        return value
    raise ValueError("the operation asks for more than one reply")


def field_map(read: Callable[[Any], object], sample: Any) -> dict[str, tuple[str, ...]]:
    """For every value in a decoded payload, by its place (``items[].sku``), the places in the model that it decides.

    ``read`` gives what the adapter makes of a payload: a model object, or several. A value that only ``raw`` keeps has no
    place.
    """
    before = _leaves_of_model(read(deepcopy(sample)))
    found: dict[str, set[str]] = {}
    for path, owner, key in _leaves(sample):
        places = found.setdefault(_INDEX.sub("[]", path), set())
        original = owner[key]
        owner[key] = _another(original)
        try:
            after = _leaves_of_model(read(deepcopy(sample)))
        except ReturnsHubError:
            places.add(IDENTITY)
        else:
            changed = [place for place in before.keys() | after.keys() if before.get(place) != after.get(place)]
            places.update(_INDEX.sub("[]", place).removeprefix("[].") for place in changed)
        owner[key] = original
    return {path: tuple(sorted(places)) for path, places in found.items()}


def field_table(fields: Mapping[str, Iterable[str]], *, bookkeeping: Mapping[str, str]) -> str:
    """The map as a Markdown table, and below it how many of the values are reached without ``raw``.

    ``bookkeeping`` says of values that say nothing of a return what they are for; they are not counted.
    """
    lines = ["| Field | In the model |", "| --- | --- |"]
    counted = reached = 0
    for path, places in fields.items():
        cell = ", ".join(place if place == IDENTITY else f"`{place}`" for place in places)
        if path in bookkeeping:
            cell = bookkeeping[path]
        else:
            counted += 1
            reached += bool(cell)
        lines.append(f"| `{path}` | {cell or 'only in `raw`'} |")
    return "\n".join([*lines, "", f"{reached} of {counted} are reached without `raw`.", ""])


def explain_fields(fields: Mapping[str, Iterable[str]], reasons: Mapping[str, str]) -> dict[str, str]:
    """Why each value without a place in the model has none: the ``bookkeeping`` of :func:`field_table`.

    A reason stands by the path of a value, or by what the paths of several begin with; the longest of these counts.

    Raises:
        ValueError: a reason is of no such value, and left over.
    """
    found: dict[str, str] = {}
    used: set[str] = set()
    for path in [path for path, places in fields.items() if not places]:
        names = [name for name in reasons if path.startswith(name)]
        used.update(names)
        if names:
            found[path] = reasons[max(names, key=len)]
    if left := reasons.keys() - used:
        raise ValueError(f"no value without a place in the model begins with {', '.join(sorted(left))}")
    return found


def _leaves(payload: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The place, the container and the key of every value that is neither an object nor a list."""
    if isinstance(payload, dict):
        members: Iterable[tuple[str, Any]] = [(f"{path}.{key}".removeprefix("."), key) for key in payload]
    else:
        members = [(f"{path}[{index}]", index) for index in range(len(payload))]
    for place, key in members:
        if isinstance(payload[key], dict | list):
            yield from _leaves(payload[key], place)
        else:
            yield place, payload, key


def _leaves_of_model(value: object) -> dict[str, Any]:
    data = [dump(each) for each in value] if isinstance(value, tuple | list) else dump(value)
    return {path: owner[key] for path, owner, key in _leaves(data) if "unreadable" not in path}


def _another(value: Any) -> Any:
    """Another value of the same form."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | Decimal):
        return value + 1
    if not isinstance(value, str) or not value:
        return "1"
    if _DATE.match(value):
        return _DATE.sub("2020-02-02", value, count=1)
    if _NUMBER.match(value):
        return str(Decimal(value) + 1)
    return f"{value}x"
