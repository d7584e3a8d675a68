"""Which of two facts about the same thing holds."""

import json

from returns_hub.convert import dump
from returns_hub.merge.comparison import is_equivalent
from returns_hub.merge.facts import CREATED_AT, Fact, Path, Values


def wins(path: Path, fact: Fact, other: Fact) -> bool:
    """True if ``fact`` is the one to keep. Swapping the two swaps the answer, unless they are the same."""
    if path == CREATED_AT and fact.values != other.values:
        return fact.values < other.values
    if fact.stamp != other.stamp:
        return fact.stamp > other.stamp
    return _text(fact.values) > _text(other.values)


def contradicts(path: Path, fact: Fact, other: Fact) -> bool:
    """True if the two say different things of one moment of the vendor, so that only the vendor knows which holds."""
    if fact.stamp.at != other.stamp.at or path == CREATED_AT or path[-1] == "raw":
        return False
    return not all(is_equivalent(path[-1], one, two) for one, two in zip(fact.values, other.values, strict=True))


def _text(values: Values) -> str:
    """The values spelt in one way that is always the same, and not the same for a number and its text."""
    spelt = [value if isinstance(value, dict) else dump(value, raw=True) for value in values]
    return json.dumps(spelt, sort_keys=True, default=repr)
