"""Further facts of an expected return: the rest of the model, as far as a suite states it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from returns_hub import Address, Attention, Item, Note, Return
from returns_hub.testing import ExpectedReturn
from returns_hub.testing.conformance.expected import differences

RETURN = Return(
    provider="fake",
    id="r1",
    attention={Attention.REVIEW},
    address=Address(city="Utrecht", country="NL"),
    items=(
        Item(id="1", brand="B", notes=(Note(text="worn", created_at=datetime(2026, 1, 1, tzinfo=UTC)),)),
        Item(id="2"),
    ),
)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"address": {"city": "Utrecht"}, "attention": ["review"]},
        {"items": [{"brand": "B", "notes": [{"text": "worn", "created_at": "2026-01-01T00:00:00Z"}]}, {"brand": None}]},
        {"items": [{"notes": [{"created_at": datetime(2026, 1, 1, tzinfo=UTC)}]}, {}]},
        {"customer": None},
    ],
)
def test_what_is_stated_and_true_is_no_difference(facts: dict[str, Any]) -> None:
    assert differences(ExpectedReturn(id="r1", facts=facts), RETURN) == ()


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"address": {"city": "Delft"}}, "address.city: 'Delft' expected, 'Utrecht' found"),
        ({"items": [{"brand": "B"}, {"brand": "C"}]}, "items[1].brand: 'C' expected, None found"),
        ({"customer": {"name": "Ada"}}, "customer.name: 'Ada' expected, None found"),
        ({"attention": []}, "attention: [] expected, ['review'] found"),
        ({"attention": ["review", "on_hold"]}, "attention: ['review', 'on_hold'] expected, ['review'] found"),
        ({"address": None}, "address: None expected, "),
    ],
)
def test_what_is_not_so_is_named_by_its_place(facts: dict[str, Any], line: str) -> None:
    (found,) = differences(ExpectedReturn(id="r1", facts=facts), RETURN)
    assert found.startswith(line)
