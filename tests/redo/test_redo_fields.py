"""Where each field of a return goes: the table in the docs is what the adapter does, and nothing that says something of a return is left in ``raw``.

``python tests/redo/test_redo_fields.py`` writes the table. The document has every field of the schema; its values are ours.
"""

from pathlib import Path

from returns_hub import Secret, decode_json
from returns_hub.testing import explain_fields, field_map, field_table, read_reply
from returns_hub_redo import Redo

DOCUMENT = Path(__file__).parent / "documents" / "return.json"
TABLE = Path(__file__).parents[2] / "docs" / "providers" / "redo-fields.md"
# What is not in the model, by where it stands or what it begins with, and why.
KEPT_IN_RAW = {
    "return.order.id": "joins the order that comes beside it; Redo's own",
    "order.id": "joins the order; Redo's own",
    "return.externalReturnIds[].provider": "the shop system, which the account has one of",
    "return.shopifyOrderIds[]": "deprecated: `externalOrderIds`",
    "return.destination.": "the merchant's own",
    "return.giftCards[].code": "money: never kept",
    "return.giftCards[].amount.": "`totals.storeCredit` says it",
    "return.giftCards[].externalId": "in `raw`",
    "return.items[].assessments[].assignedUser.name": "staff: never kept",
    "return.items[].shipmentGroupIds[]": "which parcel holds the item: in `raw`",
    "return.items[].externalReturnLineItemId": "of the shop's return: in `raw`",
    "return.items[].productAdjustment.": "part of `refund`: in `raw`",
    "return.items[].productValueNoTaxNoAdjustment.": "part of `refund`: in `raw`",
    "return.items[].reasons[]": "`reason` is the first",
    "return.items[].reasonCodes[]": "`reasonCode` is the first",
    "return.shipments[].itemIds[]": "which items the parcel holds: in `raw`",
    "return.shipments[].formLabel": "the slip that goes into the parcel: in `raw`",
    "return.shipments[].estimatedDeliveryDate": "a forecast: in `raw`",
    "return.dropoffs[].qrCode": "`qrCodeUrl` shows it",
    "return.exchange.itemCount": "in `raw`",
    "return.exchange.items[].quantity": "in `raw`",
    "return.exchange.items[].sku": "in `raw`; that there is one is the resolution `exchange`",
    "return.exchange.order.externalId": "the new order: in `raw`",
    "return.exchange.provision": "in `raw`",
    "return.exchange.totalTax.": "in `raw`",
    "return.totals.charge.amount.": "what the customer pays: in `raw`",
    "return.protection.covered": "the coverage that Redo sells: in `raw`",
    "return.internalCreatedByName": "staff: in `raw`",
    "return.completeWithNoAction": "decides the resolution `none` of a complete return",
    "return.compensationMethods[]": "`resolutions[].kind`, where no item says it",
    "return.totals.storeCredit.amount.currency": "`resolutions[].amount.currency`",
    "order.name": "`order.number`, where the return does not say it",
    "order.externalId": "`order.id`, where the return does not say it",
}


def documented_fields() -> dict[str, tuple[str, ...]]:
    adapter = Redo(api_key=Secret("a-secret"), store_id="65a00000000000000000feed")
    document = decode_json(DOCUMENT.read_bytes())
    return field_map(lambda payload: read_reply(adapter.get_return("65a000000000000000000001"), payload), document)


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
