"""What is stored of a return: only what can be read back, and exactly that."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from returns_hub import (
    Attention,
    Customer,
    Item,
    Label,
    Money,
    Note,
    Resolution,
    ResolutionKind,
    Return,
    Shipment,
    Status,
    StoreError,
    dump,
)
from returns_hub.json_codec import Unreadable, encode_json
from returns_hub.merge import observed
from returns_hub.store import Store
from returns_hub.store.rows import digest_return, encode_return, read_return
from returns_hub.store.schema import MERGE_STATE, RETURNS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RETURN = Return(
    provider="memory",
    id="r1",
    attention=frozenset({Attention.REVIEW}),
    customer=Customer(name="Jane"),
    items=(Item(id="i1", quantity=Decimal("1.50"), value=Money(amount=Decimal("9.95"), currency="EUR")),),
    shipments=(Shipment(id="s1", label=Label(url="https://labels.example/1")),),
    resolutions=(Resolution(kind=ResolutionKind.REFUND),),
    notes=(Note(text="hello", created_at=NOON, raw={"text": "hello"}),),
    custom_fields={"a": "b"},
    created_at=NOON,
    raw={"id": "r1", "weight": Decimal("1.10")},
)

NUMBERS = st.decimals(allow_nan=True, allow_infinity=True) | st.floats() | st.integers() | st.text(max_size=3)
VALUES = NUMBERS | st.none() | st.booleans() | st.lists(st.integers(), max_size=2) | st.just(datetime(2026, 3, 1))  # noqa: DTZ001
FIELDS = ("number", "kind", "status", "customer", "items", "notes", "goods_expected", "created_at")


def forced(part: Any, name: str, value: Any) -> Any:
    """A copy that holds a value which its class would refuse: an adapter may get round the constructor."""
    copy = evolve(part)
    object.__setattr__(copy, name, value)
    return copy


def read_back(ret: Return) -> Return | None:
    encoded = encode_return(ret)
    return None if encoded is None else read_return(encoded.text, ret.id)


def test_a_return_is_read_back_as_it_was() -> None:
    back = read_back(RETURN)
    assert back == RETURN
    assert back.raw == RETURN.raw


def test_the_vendors_object_is_stored_once() -> None:
    label = {"id": "l1", "url": "https://labels.example/1"}
    raw: dict[str, Any] = {"lines": [{"sku": "one"}, {"sku": "two"}], "parcel": {"raw": {"weight": 1}, "label": label}}
    shipment = Shipment(id="s1", label=Label(raw=label), raw=raw["parcel"])
    items = tuple(Item(sku=line["sku"], raw=line) for line in raw["lines"])
    elsewhere = Item(sku="three", raw={"sku": "three"})
    encoded = encode_return(evolve(RETURN, items=(*items, elsewhere), shipments=(shipment,), raw=raw))
    assert encoded is not None
    assert encoded.data["raw"] == raw
    assert [item["raw"] for item in encoded.data["items"]] == [["lines", 0], ["lines", 1], {"sku": "three"}]
    assert (encoded.data["shipments"][0]["raw"], encoded.data["shipments"][0]["label"]["raw"]) == (
        ["parcel"],
        ["parcel", "label"],
    )
    back = read_return(encoded.text, "r1")
    assert dump(back, raw=True) == dump(encoded.ret, raw=True)
    again = encode_return(back)
    assert again is not None
    assert again.text == encoded.text


def test_what_is_a_return_as_a_whole_and_a_part_of_it_is_stored_once() -> None:
    raw = {"id": "s1"}
    encoded = encode_return(Return(provider="memory", id="r1", shipments=(Shipment(id="s1", raw=raw),), raw=raw))
    assert encoded is not None
    assert encoded.text == '{"provider":"memory","id":"r1","shipments":[{"id":"s1","raw":[]}],"raw":{"id":"s1"}}'
    assert read_return(encoded.text, "r1").shipments[0].raw == raw


def test_a_return_that_was_stored_with_every_field_can_be_read() -> None:
    assert read_return(encode_json(dump(RETURN, raw=True)), "r1") == RETURN


@pytest.mark.parametrize("raw", ['["lines",0]', '["id","x"]', "[[]]", '{"a":1}'])
def test_a_place_that_is_not_there_is_a_spoilt_row(raw: str) -> None:
    text = f'{{"provider":"memory","id":"r1","items":[{{"raw":{raw}}}],"raw":{{"id":"r1"}}}}'
    if raw.startswith("{"):
        assert read_return(text, "r1").items[0].raw == {"a": 1}
    else:
        with pytest.raises(StoreError, match="r1 cannot be read"):
            read_return(text, "r1")


@given(quantity=NUMBERS)
def test_a_number_is_refused_or_read_back_as_it_was(quantity: Any) -> None:
    ret = evolve(RETURN, items=(forced(Item(id="i1"), "quantity", quantity),))
    assert read_back(ret) in (ret, None)


@given(name=st.sampled_from(FIELDS), value=VALUES)
def test_a_field_is_refused_or_read_back_as_it_was(name: str, value: Any) -> None:
    ret = forced(RETURN, name, value)
    assert read_back(ret) in (ret, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 7),
        ("number", 7),
        ("status", "approved"),
        ("customer", {"name": "Jane"}),
        ("items", (forced(Item(id="i1"), "quantity", 1.5),)),
        ("items", (Item(id="i1", quantity=Decimal("1e30")),)),
        ("items", (forced(Item(id="i1"), "quantity", Decimal("NaN")),)),
        ("created_at", datetime(2026, 3, 1)),  # noqa: DTZ001 - a time without a zone is the point
        ("goods_expected", 1),
        ("custom_fields", {"a": 1}),
        ("raw", {"weight": Decimal("NaN")}),
        ("raw", {"when": NOON}),
        ("raw", ["r1"]),
    ],
)
def test_what_is_not_of_its_declared_type_is_refused(name: str, value: Any) -> None:
    assert encode_return(forced(RETURN, name, value)) is None


def test_what_is_nested_too_deeply_is_refused() -> None:
    assert encode_return(evolve(RETURN, raw={"deep": json.loads("[" * 900 + "]" * 900)})) is None


def test_a_large_return_is_read_back() -> None:
    ret = evolve(RETURN, items=tuple(Item(id=str(n), raw={"parts": [[n]]}) for n in range(200)))
    assert read_back(ret) == ret


NAMES = st.sampled_from(["raw", "items", "a", ""])
JSON = st.recursive(
    st.none() | st.text(max_size=2) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def objects_in(value: Any) -> list[dict[str, Any]]:
    """Every object in a JSON value, itself among them."""
    if isinstance(value, list):
        return [found for part in value for found in objects_in(part)]
    return [value, *objects_in([*value.values()])] if isinstance(value, dict) else []


@given(raw=st.dictionaries(NAMES, JSON, max_size=3), data=st.data())
def test_whatever_the_vendors_object_contains_comes_back(raw: dict[str, Any], data: st.DataObject) -> None:
    raws = st.lists(st.sampled_from(objects_in(raw)) | st.dictionaries(NAMES, JSON, max_size=2), min_size=3, max_size=3)
    item, note, label = data.draw(raws)
    shipment = Shipment(id="s1", label=Label(raw=label), raw={"label": label})
    ret = evolve(RETURN, items=(Item(raw=item, notes=(Note(text="x", raw=note),)),), shipments=(shipment,), raw=raw)
    back = read_back(ret)
    assert back is not None
    assert dump(back, raw=True) == dump(ret, raw=True)


def test_what_an_older_revision_stored_is_known_when_it_comes_again(store: Store) -> None:
    raw = {"id": "r1", "lines": [{"sku": "A"}]}
    ret = evolve(RETURN, items=(Item(sku="A", raw=raw["lines"][0]),), raw=raw)  # type: ignore[arg-type]
    store.apply("acme", [observed(ret, seen_at=NOON)])
    with store.database.writing() as connection:
        connection.execute(update(RETURNS).values(object=encode_json(dump(ret, raw=True))))
        connection.execute(update(MERGE_STATE).values(fingerprint="another"))
    for hour in (13, 14):
        applied = store.apply("acme", [observed(ret, seen_at=NOON.replace(hour=hour))])
        assert (applied.unchanged, applied.events) == (1, 0)
    with store.database.reading() as connection:
        (text,) = connection.execute(select(RETURNS.c.object)).scalars()
    encoded = encode_return(ret)
    assert encoded is not None
    assert text == encoded.text


def test_what_is_in_another_order_is_recognised_and_what_reads_otherwise_is_not() -> None:
    known = digest_return(RETURN)
    assert known == digest_return(evolve(RETURN, raw={"weight": Decimal("1.10"), "id": "r1"}))
    others = [
        evolve(RETURN, raw={"id": "r1", "weight": Decimal("1.1")}),
        evolve(RETURN, status=Status.CLOSED),
        evolve(RETURN, attention=frozenset()),
        evolve(RETURN, raw={"id": "r1", "weight": Decimal("1.10"), "half": "\ud800"}),
        evolve(RETURN, raw={"id": "r1", "weight": Decimal("1.10"), "half": Unreadable("?")}),
    ]
    digests = {known, *map(digest_return, others)}
    assert None not in digests
    assert len(digests) == 1 + len(others)


def test_what_cannot_be_stored_is_refused_whether_it_can_be_recognised_or_not(store: Store) -> None:
    refused = [
        forced(RETURN, "status", "approved"),
        forced(RETURN, "raw", {"object": object()}),
        forced(RETURN, "id", 7),
    ]
    applied = store.apply("acme", [observed(each, seen_at=NOON) for each in (*refused, RETURN)])
    assert (applied.refused, applied.created, applied.unchanged) == (3, 1, 0)
