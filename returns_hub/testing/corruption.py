"""Replies as no document shows them: fields that are missing, of another type, or new.

:func:`corrupted` is a Hypothesis strategy: a few random changes of one payload. :func:`replacements` is exhaustive: every
field of a payload in turn, each time as null, ``""``, a list, an object, a number, a text. :func:`lost_records` uses it to
prove that an adapter loses a record for no field but its id.
"""

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from copy import deepcopy
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

if TYPE_CHECKING:
    from hypothesis import strategies as st

# One of each JSON type, and of the values that code forgets. Numbers with a point are Decimal, as replies are decoded.
REPLACEMENT_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 10**40, Decimal("1.5"), "", "x", "ПРОВЕРКА \u202e", "2024-99-99T00:00:00Z", "x" * 5000),
    *([], [[]], [None], ["x"], {}, {"x": 1}),
)
_MAX_CHANGES: Final = 3
_INDEX: Final = re.compile(r"\[\d+\]")


@frozen(kw_only=True)
class Replacement:
    """One field of a payload replaced. ``path`` is like ``data[0].status``; ``payload`` is a copy with ``value`` there."""

    path: str
    value: Any
    payload: Any

    def __str__(self) -> str:
        return f"{self.path} = {self.value!r:.60}"


def replacements(sample: Any) -> Iterator[Replacement]:
    """Every field and every element of a decoded JSON payload in turn, replaced by each of ``REPLACEMENT_VALUES``."""
    for path, owner, key in _fields(sample):
        original = owner[key]
        for value in REPLACEMENT_VALUES:
            owner[key] = value
            payload = deepcopy(sample)
            owner[key] = original
            yield Replacement(path=path, value=value, payload=payload)


def lost_records(
    read: Callable[[Any], Iterable[Hashable]], sample: Any, *, essential: Collection[str]
) -> tuple[str, ...]:
    """The replacements of a field of ``sample`` for which a record is lost; empty if there are none.

    ``read`` takes a payload and gives the ids of the records that the adapter reads from it. ``essential`` are the fields
    without which a record cannot be known, usually its id, with ``[]`` for any index: ``data[].rma_id``. They and the
    objects that they are in are not expected to survive. An exception of ``read`` counts as a loss and is named.
    """
    expected = set(read(deepcopy(sample)))
    if not expected:
        raise ValueError("the sample holds no record")
    lost = []
    for replacement in replacements(sample):
        if _holds_any(_INDEX.sub("[]", replacement.path), essential):
            continue
        try:
            missing = expected - set(read(replacement.payload))
        except Exception as error:  # noqa: BLE001  whatever it raises is what the caller wants to know
            lost.append(f"{replacement}: {type(error).__name__}: {error}")
        else:
            lost += [f"{replacement}: {record!r} is lost" for record in sorted(missing, key=repr)]
    return tuple(lost)


def corrupted(payload: Any) -> "st.SearchStrategy[Any]":
    """A decoded JSON payload with up to three of its fields replaced, dropped, or added."""
    from hypothesis import strategies as st

    @st.composite
    def draw_payload(draw: "st.DrawFn") -> Any:
        changed = deepcopy(payload)
        for _ in range(draw(st.integers(1, _MAX_CHANGES))):
            fields = list(_fields(changed))
            if not fields:
                return draw(st.sampled_from(REPLACEMENT_VALUES))
            _, owner, key = draw(st.sampled_from(fields))
            action = draw(st.sampled_from(("replace", "drop", "add")))
            if action == "replace":
                owner[key] = deepcopy(draw(st.sampled_from(REPLACEMENT_VALUES)))
            elif action == "drop":
                del owner[key]
            elif isinstance(owner, dict):
                owner["never heard of"] = deepcopy(draw(st.sampled_from(REPLACEMENT_VALUES)))
        return changed

    return draw_payload()


def _fields(payload: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The path, the container and the key of every field and element."""
    if isinstance(payload, dict):
        members = [(f"{path}.{key}".removeprefix("."), key) for key in payload]
    elif isinstance(payload, list):
        members = [(f"{path}[{index}]", index) for index in range(len(payload))]
    else:
        return
    for place, key in members:
        yield place, payload, key
        yield from _fields(payload[key], place)


def _holds_any(path: str, fields: Collection[str]) -> bool:
    """True if one of the fields is at this path or below it."""
    return any(field == path or field.startswith((f"{path}.", f"{path}[")) for field in fields)
