"""Where each field of a record goes: the table in the docs is what the adapter does, and nothing that says something of a record is left in ``raw``.

``python tests/returnless_v2/test_returnless_v2_fields.py`` writes the table. The document has every field of a record that anybody has shown; its values are ours.
"""

from pathlib import Path

from returns_hub import Secret, decode_json
from returns_hub.testing import explain_fields, field_map, field_table, read_reply
from returns_hub_returnless_v2 import ReturnlessV2

DOCUMENT = Path(__file__).parent / "documents" / "return.json"
TABLE = Path(__file__).parents[2] / "docs" / "providers" / "returnless_v2-fields.md"
# What is not in the model, by where it stands or what it begins with, and why.
KEPT_IN_RAW = {
    "data.state": "the status, where `status_map` does not know the one of the shop",
    "data.order_date": "`order.created_at`, where the order does not say it",
    "data.quantity": "the items say it",
    "data.free_shipping": "in `raw`",
    "data.status.": "labels are translated and edited: they are never mapped",
    "data.value.": "prices of the goods: in `raw`",
    "data.total_amounts.": "prices of the goods: in `raw`",
    "data.is_test_record": "decides whether the record is read at all",
    "data.finalized_at": "makes the status `closed`, where `status_map` does not know the one of the shop",
    "data.links.panel": "in `raw`",
    "data.includes.customer_address.": "in `raw`",
    "data.includes.form.id": "`form`, where it has no name",
    "data.includes.notes[].resource.": "the record itself",
    "data.includes.notes[].creator.type": "in `raw`",
    "data.includes.return_order_items[].product.image_src": "the shop's own picture: in `raw`",
    "data.includes.return_order_items[].return_reason.id": "`reason.code`, where it has no `system_name`",
    "data.includes.sales_order.": "the shop's own order: in `raw`",
    "data.includes.shipments[].shipping_method": "`shipments[].service` is its name, else its id",
    "data.includes.shipments[].is_billable": "in `raw`",
    "data.includes.shipments[].barcode_option": "in `raw`",
    "data.includes.shipments[].cost_price": "an amount needs its currency: `cost_price_details`",
    "data.includes.shipments[].shipping_price": "what the shop pays: in `raw`",
    "data.includes.shipments[].shipment_lines[].": "which items the parcel holds: in `raw`",
    "data.includes.shipments[].created_at": "in `raw`",
    "data.includes.shipments[].updated_at": "decides which returns `changes` reads again",
    "data.includes.shipments[].includes.customer_address.": "`address` says it",
    "data.includes.shipments[].includes.return_address.": "in `raw`",
}


def documented_fields() -> dict[str, tuple[str, ...]]:
    adapter = ReturnlessV2(
        api_key=Secret("a-key"),
        status_map={"returnstatus_b8Lp1": {"status": "resolved", "resolution": "refund", "resolution_status": "done"}},
    )
    document = decode_json(DOCUMENT.read_bytes())
    return field_map(
        lambda payload: read_reply(adapter.get_return("returnorder_Zq81kTn0VbY5cXw2LmR7pJ4ds"), payload), document
    )


def build_table() -> str:
    fields = documented_fields()
    return field_table(fields, bookkeeping=explain_fields(fields, KEPT_IN_RAW))


def test_table_in_the_docs_is_what_the_adapter_does() -> None:
    assert TABLE.read_text() == build_table()


def test_nothing_that_says_something_is_left_in_raw() -> None:
    fields = documented_fields()
    explained = explain_fields(fields, KEPT_IN_RAW)
    assert [path for path, places in fields.items() if not places and path not in explained] == []


if __name__ == "__main__":
    TABLE.write_text(build_table())
