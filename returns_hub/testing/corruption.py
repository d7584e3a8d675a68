"""Replies as no document shows them: fields that are missing, retyped, or new. For Hypothesis."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

from hypothesis import strategies as st

# One of each JSON type, and of the values that code forgets.
_STRANGE_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 10**40, 1.5, "", "x", "ПРОВЕРКА \u202e", "2024-99-99T00:00:00Z", "x" * 5000),
    *([], [[]], [None], ["x"], {}, {"x": 1}),
)
_MAX_CHANGES: Final = 3


@st.composite
def corrupted(draw: st.DrawFn, payload: Any) -> Any:
    """A decoded JSON payload with up to three of its places changed."""
    changed = deepcopy(payload)
    for _ in range(draw(st.integers(1, _MAX_CHANGES))):
        places = list(_places(changed))
        if not places:
            return draw(st.sampled_from(_STRANGE_VALUES))
        owner, key = draw(st.sampled_from(places))
        action = draw(st.sampled_from(("retype", "drop", "add")))
        if action == "retype":
            owner[key] = deepcopy(draw(st.sampled_from(_STRANGE_VALUES)))
        elif action == "drop":
            del owner[key]
        elif isinstance(owner, dict):
            owner["never heard of"] = deepcopy(draw(st.sampled_from(_STRANGE_VALUES)))
    return changed


def _places(payload: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in the payload with each of its keys."""
    members = payload.items() if isinstance(payload, dict) else enumerate(payload) if isinstance(payload, list) else ()
    for key, part in members:
        yield payload, key
        yield from _places(part)
