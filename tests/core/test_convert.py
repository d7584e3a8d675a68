"""Plain data and attrs classes, strictly."""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import (
    Attention,
    Customer,
    Item,
    Money,
    Return,
    ReturnKind,
    Shipment,
    Status,
    UnexpectedReply,
    dump,
    load,
    structure,
)
from returns_hub.json_codec import Unreadable


@frozen(kw_only=True)
class Line:
    sku: str
    quantity: int | None = None
    price: Decimal | None = None
    fragile: bool | None = None


@frozen(kw_only=True)
class Order:
    id: str
    placed_at: datetime | None = None
    status: Status | None = None
    lines: tuple[Line, ...] = ()
    extra: Mapping[str, Any] | None = None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"id": None}, "id"),
        ({}, "id"),
        ({"id": 1}, "id"),
        ({"id": {}}, "id"),
        ({"id": "1", "lines": {}}, "lines"),
        ({"id": "1", "lines": "abc"}, "lines"),
        ({"id": "1", "lines": [{"sku": "a"}, {"sku": "b", "quantity": True}]}, "lines[1].quantity"),
        ({"id": "1", "lines": [{"sku": "a", "quantity": "1"}]}, "lines[0].quantity"),
        ({"id": "1", "lines": [{"sku": "a", "price": 9.95}]}, "lines[0].price"),
        ({"id": "1", "lines": [{"sku": "a", "price": "9,95"}]}, "lines[0].price"),
        ({"id": "1", "lines": [{"sku": "a", "fragile": "false"}]}, "lines[0].fragile"),
        ({"id": "1", "lines": [{"sku": "a", "fragile": 0}]}, "lines[0].fragile"),
        ({"id": "1", "lines": ["sku"]}, "lines[0]"),
        ({"id": "1", "placed_at": 1704067200}, "placed_at"),
        ({"id": "1", "placed_at": "yesterday"}, "placed_at"),
        ({"id": "1", "placed_at": "0001-01-01T00:00:00+14:00"}, "placed_at"),
        ({"id": "1", "status": "shipped"}, "status"),
        ({"id": "1", "extra": []}, "extra"),
        ([], ""),
        ("id", ""),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_its_place(data: object, where: str) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        structure(data, Order)
    assert caught.value.where == where


def test_the_place_starts_where_the_caller_says() -> None:
    with pytest.raises(UnexpectedReply) as caught:
        structure({"id": "1", "lines": [{}]}, Order, where="data[3]")
    assert caught.value.where == "data[3].lines[0].sku"


def test_a_refusal_carries_nothing_that_the_vendor_sent() -> None:
    with pytest.raises(UnexpectedReply) as caught:
        structure({"id": "1", "lines": [{"sku": "a", "price": "canary"}]}, Order)
    assert (str(caught.value), caught.value.__cause__, caught.value.__context__) == (
        "a value of the reply is missing or of the wrong type (at lines[0].price)",
        None,
        None,
    )


def test_a_good_object_is_taken_as_it_is() -> None:
    data = {
        "id": "1",
        "placed_at": "2024-12-30T10:30:00Z",
        "lines": [{"sku": "PROD-001", "quantity": 1, "price": Decimal("450.00")}],
    }
    assert structure(data, Order) == Order(
        id="1",
        placed_at=datetime(2024, 12, 30, 10, 30, tzinfo=UTC),
        lines=(Line(sku="PROD-001", quantity=1, price=Decimal("450.00")),),
    )


def test_extra_keys_are_ignored() -> None:
    assert structure({"id": "1", "new_in_2027": [1]}, Order) == Order(id="1")


@pytest.mark.parametrize("number", ["1E+999999", "1E-999999", "1E+30", "0E-31", "NaN", "Infinity"])
def test_a_number_that_would_take_megabytes_to_print_is_refused(number: str) -> None:
    with pytest.raises(UnexpectedReply):
        structure({"sku": "a", "price": Decimal(number)}, Line)


@given(st.integers(-(2**120), 2**120) | st.decimals())
def test_a_number_that_is_taken_can_be_written_and_read_back(number: int | Decimal) -> None:
    with contextlib.suppress(UnexpectedReply):
        line = structure({"sku": "a", "price": number}, Line)
        assert load(dump(line), Line) == line


def test_a_damaged_value_is_no_text() -> None:
    with pytest.raises(UnexpectedReply):
        structure({"id": Unreadable("x")}, Order)


@given(json_values)
def test_any_json_is_structured_or_refused(data: Any) -> None:
    with contextlib.suppress(UnexpectedReply):
        structure(data, Order)


def test_dump_writes_keys_as_in_the_model_and_values_as_text() -> None:
    a_return = Return(
        provider="returnmate",
        id="rma_abc123",
        kind=ReturnKind.CUSTOMER,
        status=Status.APPROVED,
        attention=frozenset({Attention.REVIEW, Attention.ON_HOLD}),
        customer=Customer(email="customer@example.com"),
        items=(Item(sku="PROD-001", quantity=Decimal(1), value=Money(amount=Decimal("87.50"))),),
        created_at=datetime(2024, 12, 30, 10, 30, tzinfo=UTC),
        raw={"id": "rma_abc123"},
    )
    dumped = dump(a_return)
    assert {key: dumped[key] for key in ("status", "attention", "created_at", "number")} == {
        "status": "approved",
        "attention": ["on_hold", "review"],
        "created_at": "2024-12-30T10:30:00Z",
        "number": None,
    }
    assert dumped["items"][0]["value"] == {"amount": "87.50", "currency": None}
    assert "raw" not in dumped


def test_dump_can_keep_the_vendors_own_object_untouched() -> None:
    raw = {"total": Decimal("450.00")}
    assert dump(Shipment(id="1", raw=raw), raw=True)["raw"] is raw


moments = st.datetimes(timezones=st.just(UTC))
money = st.builds(Money, amount=st.decimals(-1000, 1000, places=2), currency=st.sampled_from([None, "AUD"]))
returns = st.builds(
    Return,
    provider=st.just("returnmate"),
    id=st.text(min_size=1),
    status=st.sampled_from(Status),
    attention=st.frozensets(st.sampled_from(Attention)),
    items=st.lists(st.builds(Item, sku=st.none() | st.text(), value=st.none() | money), max_size=3).map(tuple),
    custom_fields=st.dictionaries(st.text(), st.text(), max_size=2),
    created_at=st.none() | moments,
)


@given(returns)
def test_load_undoes_dump(value: Return) -> None:
    assert load(dump(value), Return) == value
    assert load(dump(value, defaults=False), Return) == value


def test_dump_leaves_out_what_is_the_default() -> None:
    assert dump(Return(provider="memory", id="r1", number="7", items=(Item(sku="A"),)), defaults=False) == {
        "provider": "memory",
        "id": "r1",
        "number": "7",
        "items": [{"sku": "A"}],
    }
