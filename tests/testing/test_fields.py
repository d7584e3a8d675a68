"""The map of a vendor's fields, found out by trying."""

from collections.abc import Mapping
from typing import Any

import pytest

from returns_hub import Item, Return, UnexpectedReply
from returns_hub.testing import explain_fields, field_map, field_table
from returns_hub.wire import Record


def parse(payload: Mapping[str, Any]) -> tuple[Return, ...]:
    if payload["ok"] is not True:
        raise UnexpectedReply
    record = Record(payload["return"])
    items = tuple(Item(sku=line.text("sku"), quantity=line.number("qty")) for line in record.records("lines"))
    return (Return(provider="acme", id=record.id("id"), created_at=record.time("made"), items=items),)


SAMPLE = {
    "ok": True,
    "return": {
        "id": "1",
        "made": "2024-12-30T10:30:00Z",
        "colour": "red",
        "lines": [{"sku": "A", "qty": "1"}, {"sku": "B", "qty": 2}],
    },
}


def test_each_value_is_followed_into_the_model() -> None:
    assert field_map(parse, SAMPLE) == {
        "ok": ("the record itself",),
        "return.id": ("id",),
        "return.made": ("created_at",),
        "return.colour": (),
        "return.lines[].sku": ("items[].sku",),
        "return.lines[].qty": ("items[].quantity",),
    }


def test_the_table_counts_what_says_something() -> None:
    table = field_table({"a": ("id",), "b": (), "ok": ("the record itself",)}, bookkeeping={"ok": "of the envelope"})
    assert table == (
        "| Field | In the model |\n| --- | --- |\n| `a` | `id` |\n| `b` | only in `raw` |\n| `ok` | of the envelope |\n\n"
        "1 of 2 are reached without `raw`.\n"
    )


def test_a_reason_is_of_a_value_or_of_all_that_begin_with_it() -> None:
    fields = {"a": ("id",), "b.c": (), "b.d": (), "e": ()}
    assert explain_fields(fields, {"b.": "the shop's own", "b.d": "a forecast"}) == {
        "b.c": "the shop's own",
        "b.d": "a forecast",
    }


def test_a_reason_that_is_left_over_is_an_error() -> None:
    with pytest.raises(ValueError, match="begins with a"):
        explain_fields({"a": ("id",)}, {"a": "not needed"})
