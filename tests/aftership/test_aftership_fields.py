"""Where each field of a return goes: the table in the docs is what the adapter does, and nothing that says something of a return is left in ``raw``.

``python tests/aftership/test_aftership_fields.py`` writes the table. The document has every field of the OpenAPI of the Returns API 2026-07; its values are ours.
"""

from pathlib import Path

from returns_hub import Secret, decode_json
from returns_hub.testing import explain_fields, field_map, field_table, read_reply
from returns_hub_aftership import AfterShip

DOCUMENT = Path(__file__).parent / "documents" / "return.json"
TABLE = Path(__file__).parents[2] / "docs" / "providers" / "aftership-fields.md"
# What is not in the model, by where it stands or what it begins with, and why.
KEPT_IN_RAW = {
    "data.organization.": "the account's own",
    "data.auto_": "who decided: in `raw`",
    "data.shop_now": "in `raw`",
    "data.return_total_including_tax.": "prices of the goods: in `raw`",
    "data.return_tax.": "prices of the goods: in `raw`",
    "data.estimated_refund_total.": "a forecast: in `raw`",
    "data.checkout_total.": "what the customer pays: in `raw`",
    "data.order.id": "AfterShip's own; `order.external_id` is the shop's",
    "data.order.order_number": "`order.number`, where `order_name` is missing",
    "data.order.customer.emails[]": "`customer.email`, where `contact_email` is missing",
    "data.order.customer.locale": "in `raw`",
    "data.order.country_region": "in `raw`; `shipping_address` says it",
    "data.order.store.": "the account's own",
    "data.refund_destination": "`store_credit` makes a refund `resolutions[].kind` store_credit",
    "data.return_items[].intended_return_quantity": "`items[].quantity`, where `return_quantity` is missing; decides whether an item was taken out",
    "data.return_items[].bundled_items[].intended_return_quantity": "`items[].quantity`, where `return_quantity` is missing",
    "data.return_items[].item_tags[].": "the merchant's own: in `raw`",
    "data.return_items[].exchange_variant.": "in `raw`",
    "data.exchange.": "that there is an order makes the resolution `exchange` done; the rest is in `raw`",
    "data.instant_exchange.status": "`failed` is the attention `payment_due`",
    "data.instant_exchange.payment.": "in `raw`",
    "data.receivings[].id": "in `raw`",
    "data.receivings[].items[].sku": "`return_items[].sku`",
    "data.receivings[].items[].quantity": "with the gradings decides whether a return is `inspected`",
    "data.receivings[].items[].gradings[].quantity": "with `quantity` decides whether a return is `inspected`",
    "data.receivings[].items[].gradings[].inspector": "staff: in `raw`",
    "data.receivings[].items[].gradings[].": "the warehouse's own: in `raw`",
    "data.is_gift_return": "in `raw`",
    "data.shipments[].items[].": "which items the parcel holds: in `raw`",
    "data.shipments[].label.slug": "`shipments[].slug`",
    "data.shipments[].packing_slip_url": "the slip that goes into the parcel: in `raw`",
    "data.shipments[].shipping_documents_url": "papers for the customs: in `raw`",
    "data.shipments[].invoice_url": "papers for the customs: in `raw`",
    "data.shipments[].source": "who made the label: in `raw`",
    "data.shipments[].ship_from.": "`address` says it; in `raw`",
    "data.shipments[].created_at": "in `raw`",
    "data.restocks[].items[].": "`restocked_quantity` of the item says it",
    "data.cost_of_return.": "what the customer pays: in `raw`",
    "data.refunds[].": "that there is one makes the resolution done; `refunded_total` is the amount",
    "data.dropoffs[].items[].": "which items were handed over: in `raw`",
    "data.dropoffs[].shipments[].": "in `raw`",
    "data.dropoffs[].created_at": "in `raw`",
}


def documented_fields() -> dict[str, tuple[str, ...]]:
    adapter = AfterShip(api_key=Secret("a-key"))
    document = decode_json(DOCUMENT.read_bytes())
    return field_map(
        lambda payload: read_reply(adapter.get_return("0c1d2e3f405142638495a6b7c8d9eafb"), payload), document
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
