"""Bytes, plain data and attrs classes: strict where vendors are sloppy."""

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
    decode_json,
    dump,
    format_time,
    load,
    parse_time,
    structure,
)
from returns_hub.convert import Unreadable, encode_json


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


def test_money_keeps_every_digit() -> None:
    assert decode_json(b'{"total_refunded": 450.00}') == {"total_refunded": Decimal("450.00")}
    assert str(decode_json(b"9.95")) == "9.95"


def test_integers_beyond_64_bits_are_exact() -> None:
    assert decode_json(b"123456789012345678901234567890") == 123456789012345678901234567890


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "the reply is not JSON"),
        (b"<html>canary</html>", "the reply is not JSON"),
        (b'{"a": "canary', "the reply is not JSON"),
        (b"NaN", "the reply is not JSON"),
        (b"\xff canary", "the reply is not UTF-8"),
        (b'[{"a": 1}, {"a": "can', "the reply is not JSON"),
        (b"[" * 100_000, "the reply is nested too deeply"),
        (b"1" * 10_000, "the reply is not JSON"),
    ],
)
def test_what_is_not_json_is_refused_without_quoting_it(body: bytes, sentence: str) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        decode_json(body)
    assert (str(caught.value), caught.value.__cause__, caught.value.__context__) == (sentence, None, None)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": NaN, "b": -Infinity}', {"a": "NaN", "b": "-Infinity"}),
        (b'{"a": "x\xffy", "b": 1}', {"a": "x\ufffdy", "b": 1}),
        (b'{"a": "x\\ud800y"}', {"a": "x\ufffdy"}),
        (b'{"a\\udc00": 1}', {"a\ufffd": 1}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b'{"a": "line\nbreak\tand tab"}', {"a": "line\nbreak\tand tab"}),
        (b'{"a": %s}' % (b"1" * 5000), {"a": "1" * 5000}),
        (b'\xef\xbb\xbf{"a": NaN}', {"a": "NaN"}),
        (b'{"data": [{"w": 1}, {"w": .5}, {"w": 2}]}', {"data": [{"w": 1}, '{"w": .5}', {"w": 2}]}),
        (b'[{"a": "]"}, {"a": undefined}, {"a": "[\\""}]', [{"a": "]"}, '{"a": undefined}', {"a": '["'}]),
        (b'{"a": [[1, 2], [1, 02]], "b": [x]}', {"a": [[1, 2], "[1, 02]"], "b": ["x"]}),
        (b"[1, %s, 2]" % (b"[" * 100_000 + b"]" * 100_000), [1, "[" * 100_000 + "]" * 100_000, 2]),
    ],
)
def test_damage_costs_no_more_than_the_damaged_value(body: bytes, value: object) -> None:
    assert decode_json(body) == value


@pytest.mark.parametrize("body", [b'{"a": NaN}', b'{"a": "x\xff"}', b'{"a": "\\ud800"}', b'{"a": %s}' % (b"1" * 5000)])
def test_a_damaged_value_is_taken_for_no_text(body: bytes) -> None:
    value = decode_json(body)["a"]
    assert type(value) is Unreadable
    with pytest.raises(UnexpectedReply):
        structure({"id": value}, Order)
    assert decode_json(encode_json({"a": value}).encode()) == {"a": str(value)}


@given(json_values, st.binary(max_size=8), st.integers(0, 200))
def test_any_damage_is_read_or_refused(value: Any, noise: bytes, place: int) -> None:
    body = encode_json([value, {"id": 1}]).encode()
    with contextlib.suppress(UnexpectedReply):
        decode_json(body[:place] + noise + body[place:])


@pytest.mark.parametrize("number", ["1E+999999", "1E-999999", "1E+30", "0E-31", "NaN", "Infinity"])
def test_a_number_that_would_take_megabytes_to_print_is_refused(number: str) -> None:
    with pytest.raises(UnexpectedReply):
        structure({"sku": "a", "price": Decimal(number)}, Line)


@given(st.integers(-(2**120), 2**120) | st.decimals())
def test_a_number_that_is_taken_can_be_written_and_read_back(number: int | Decimal) -> None:
    with contextlib.suppress(UnexpectedReply):
        line = structure({"sku": "a", "price": number}, Line)
        assert load(dump(line), Line) == line


@given(json_values)
def test_any_json_is_structured_or_refused(data: Any) -> None:
    with contextlib.suppress(UnexpectedReply):
        structure(data, Order)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-12-30T10:30:00Z", "2024-12-30T10:30:00Z"),
        ("2024-12-30T21:30:00+11:00", "2024-12-30T10:30:00Z"),
        ("2024-04-08T07:39:09.2626", "2024-04-08T07:39:09.262600Z"),
        ("2024-12-01", "2024-12-01T00:00:00Z"),
    ],
)
def test_times_are_read_into_utc(text: str, expected: str) -> None:
    assert format_time(parse_time(text)) == expected


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


@given(json_values)
def test_json_survives_the_way_there_and_back(value: Any) -> None:
    assert decode_json(encode_json(value).encode()) == value


def test_a_number_keeps_its_digits() -> None:
    assert encode_json({"total_refunded": Decimal("450.00")}) == '{"total_refunded":450.00}'


@pytest.mark.parametrize("number", [Decimal("NaN"), float("inf")])
def test_a_number_that_json_has_no_form_for_is_refused(number: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_json(number)
