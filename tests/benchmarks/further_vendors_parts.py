"""The vendors of ``further_vendors.py``: what their own data say of a return, read without their adapters, and what is done at each of them."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from returns_hub import (
    Account,
    Address,
    Disposition,
    ItemInstruction,
    NewItem,
    NewLabel,
    NewReturn,
    Return,
    Status,
    format_time,
    parse_time,
)
from returns_hub_aftership.sandbox import AfterShipSandbox
from returns_hub_redo.sandbox import RedoSandbox
from returns_hub_returnless_v2.sandbox import ReturnlessV2Sandbox

Json: TypeAlias = Mapping[str, Any]
Facts: TypeAlias = Mapping[str, Any]
Sandbox: TypeAlias = AfterShipSandbox | RedoSandbox | ReturnlessV2Sandbox

COUNT_FOR_WRITES: Final = 300
"""How many returns the simulators have at which writes are tried."""


def facts_of(ret: Return) -> Facts:
    """What a mirrored return says, in the form in which the vendors' data are read below."""
    return {
        "number": ret.number,
        "order": (ret.order.number, ret.order.id) if ret.order else None,
        "email": ret.customer.email if ret.customer else None,
        "status": str(ret.status),
        "status_raw": ret.status_raw,
        "created_at": ret.created_at,
        "updated_at": ret.updated_at,
        "items": {
            item.id: (item.sku, item.quantity, item.quantity_received, item.reason.text if item.reason else None)
            for item in ret.items
        },
        "shipments": {
            each.id: (each.tracking_number, each.carrier, str(each.status), each.label.url if each.label else None)
            for each in ret.shipments
        },
    }


@frozen(kw_only=True)
class Write:
    """A call that changes something at the vendor, and how often that has happened to a return there.

    ``repeats``: the vendor can be asked twice without doing it twice, so a lost reply is asked for again.
    ``path`` is that of the request that does it, where others come before.
    """

    name: str
    call: Callable[[Any, str], object] = field(repr=False)
    applies_to: Callable[[Json], bool] = field(repr=False)
    effects: Callable[[Any, str], int] = field(repr=False)
    repeats: bool = False
    path: str = "*"


@frozen(kw_only=True)
class Vendor:
    """A vendor: its data, and what its staff do. ``page`` is the largest page that it gives."""

    provider: str
    sandbox: type[Sandbox]
    page: int
    records: Callable[[Any], Mapping[str, Json]] = field(repr=False)
    facts: Callable[[Json], Facts] = field(repr=False)
    move: Callable[[Any, str], None] = field(repr=False)
    can_move: Callable[[Json], bool] = field(repr=False)
    file: Callable[[Any, str], None] = field(repr=False)
    writes: tuple[Write, ...] = field(repr=False)
    options: Mapping[str, Any] = field(factory=dict, repr=False)
    history_start: date = date(2024, 10, 1)

    def truth(self, sandbox: Sandbox) -> dict[str, Facts]:
        """What the vendor's data say, by the ids of its returns."""
        return {return_id: self.facts(record) for return_id, record in self.records(sandbox).items()}

    def account(self, sandbox: Sandbox, url: str, **options: Any) -> Account:
        """The account that the simulator knows."""
        return Account(
            name="acme",
            provider=self.provider,
            base_url=url + sandbox.base_path,
            rate_limit="none",
            history_start=self.history_start,
            options={**sandbox.options, **self.options, **options},
        )


# AfterShip (reference: the Returns API 2026-07).

_AFTERSHIP_STATUSES: Final = MappingProxyType(
    {
        "submitted": "requested",
        "approved/no_label": "approved",
        "approved/pending": "ready_to_ship",
        "approved/in_transit": "in_transit",
        "approved/delivered": "in_transit",
        "approved/partially_received": "in_transit",
        "done/received": "closed",
        "rejected": "rejected",
        "expired/pending": "expired",
    }
)
_AFTERSHIP_TRACKING: Final = {"Pending": "pre_transit", "InTransit": "in_transit", "Delivered": "delivered"}


def _aftership(wire: Json) -> Facts:
    word = "/".join(filter(None, (wire["approval_status"], wire["shipping_status"])))
    if word == "approved/received":
        received = [item for each in wire.get("receivings", ()) for item in each["items"]]
        status = "inspected" if received and all(item["gradings"] for item in received) else "received"
    else:
        status = _AFTERSHIP_STATUSES[word]
    return {
        "number": wire["rma_number"],
        "order": (wire["order"]["order_name"], wire["order"]["external_id"]),
        "email": wire["order"]["customer"]["emails"][0],
        "status": status,
        "status_raw": word,
        "created_at": parse_time(wire["created_at"]),
        "updated_at": None,
        "items": {
            f"{wire['id']}/{row.get('id') or row['external_id']}": (
                row["sku"],
                row["return_quantity"],
                row["received_quantity"],
                row.get("return_reason"),
            )
            for item in wire["return_items"]
            for row in (item, *item.get("bundled_items", ()))
        },
        "shipments": {
            f"{wire['id']}/{each['id']}": (
                each["tracking_number"],
                each["slug"],
                _AFTERSHIP_TRACKING[each["tracking_status"]],
                each["label"]["url"],
            )
            for each in wire["shipments"]
        },
    }


_NEW_AT_AFTERSHIP: Final = NewReturn(
    order_number="#20417",
    items=[NewItem(reference="13000000000011", quantity=1, reason="Too small")],
    custom_fields={"order_id": "5550001112223"},
)


def _stands_at(*approvals: str) -> Callable[[Json], bool]:
    return lambda wire: wire["approval_status"] in approvals


def _made(sandbox: Sandbox, _: str) -> int:
    """How many returns there are more than the simulator was made with."""
    return len(sandbox.return_ids) - COUNT_FOR_WRITES


def _is_at(word: str) -> Callable[[Any, str], int]:
    return lambda sandbox, return_id: int(sandbox.returns[return_id]["approval_status"] == word)


AFTERSHIP: Final = Vendor(
    provider="aftership",
    sandbox=AfterShipSandbox,
    page=50,
    # Its listing reaches a year back.
    history_start=datetime.now(UTC).date() - timedelta(days=360),
    records=lambda sandbox: sandbox.returns,
    facts=_aftership,
    can_move=lambda wire: wire["approval_status"] == "approved" and wire["shipping_status"] == "in_transit",
    move=lambda sandbox, return_id: sandbox.set_status(return_id, "approved/received"),
    file=lambda sandbox, return_id: sandbox.add_return(return_id, created_at=format_time(datetime.now(UTC))),
    writes=(
        Write(
            name="create_return",
            call=lambda client, _: client.create_return(_NEW_AT_AFTERSHIP),
            applies_to=lambda _: True,
            effects=_made,
        ),
        Write(
            name="set_status approved",
            call=lambda client, one: client.set_status(one, Status.APPROVED),
            applies_to=_stands_at("submitted"),
            effects=_is_at("approved"),
        ),
        Write(
            name="set_status closed",
            call=lambda client, one: client.set_status(one, Status.CLOSED),
            applies_to=_stands_at("approved"),
            effects=_is_at("done"),
        ),
        Write(
            name="set_status rejected",
            call=lambda client, one: client.set_status(one, Status.REJECTED, note="Worn"),
            applies_to=_stands_at("submitted"),
            effects=_is_at("rejected"),
        ),
        Write(
            name="set_status received",
            call=lambda client, one: client.set_status(one, Status.RECEIVED),
            applies_to=lambda wire: wire["shipping_status"] == "in_transit" and not _is_kept(wire),
            effects=lambda sandbox, one: len(sandbox.returns[one].get("receivings", ())),
        ),
        Write(
            name="create_label",
            call=lambda client, one: client.create_label(one, NewLabel()),
            applies_to=_stands_at("submitted"),
            effects=_is_at("approved"),
        ),
        Write(
            name="attach_shipment",
            call=lambda client, one: client.run(
                client.adapter.attach_shipment(
                    one,
                    tracking_number="T1",
                    carrier="usps",
                    label_url="https://l.example/1",
                    charge="4",
                    currency="USD",
                )
            ),
            applies_to=lambda wire: wire["shipping_status"] == "no_label",
            effects=lambda sandbox, one: len(sandbox.returns[one]["shipments"]),
        ),
    ),
)


def _is_kept(wire: Json) -> bool:
    return any(item["green_return"] for item in wire["return_items"])


# Redo (reference: OpenAPI schema of Redo's API v2.2).

_REDO_STATUSES: Final = MappingProxyType(
    {
        "pre_shipment": "requested",
        "in_transit": "in_transit",
        "delivered": "in_transit",
        "complete": "closed",
        "rejected": "rejected",
        "deleted": "cancelled",
    }
)
_REDO_MOVING: Final = ("in_transit", "out_for_delivery", "available_for_pickup", "delivered")


def _redo(wire: Json) -> Facts:
    word, listed = wire["status"], wire["shipments"]
    groups = [each["shipmentGroupId"] for each in listed]
    dropoffs = [each for each in wire["dropoffs"] if each["shipmentGroupId"] not in groups]
    is_prepared = bool(dropoffs) or any(each.get("postageLabel") or each.get("tracker") for each in listed)
    if word == "open" or word in ("needs_review", "in_review", "flagged"):
        status = "ready_to_ship" if is_prepared else "approved"
        if word != "open" and any(each["status"] in _REDO_MOVING for each in listed):
            status = "in_transit"
    else:
        status = _REDO_STATUSES[word]
    return {
        "number": None,
        "order": (wire["order"]["name"], wire["externalOrderIds"][0]),
        "email": wire["source"]["emailAddress"],
        "status": status,
        "status_raw": word,
        "created_at": parse_time(wire["createdAt"]),
        "updated_at": parse_time(wire["updatedAt"]),
        "items": {item["id"]: (item["sku"], item["quantity"], None, item["reason"]) for item in wire["items"]},
        "shipments": {
            f"{wire['id']}/{each['shipmentGroupId']}": (
                each.get("tracker"),
                each.get("carrier") or each["provider"],
                {None: "unknown", "failure": "exception"}.get(each.get("status"), each.get("status")),
                each.get("postageLabel"),
            )
            for each in (*listed, *dropoffs)
        },
    }


_NEW_AT_REDO: Final = NewReturn(
    order_number="#2041",
    items=[NewItem(reference="900", quantity=1, reason="Too big")],
    ship_from=Address(line1="1 Test St", city="Provo", state="UT", postal_code="84601", country="US"),
    custom_fields={"order_id": "5001"},
)


def _process(client: Any, return_id: str) -> object:
    items = client.get_return(return_id).items
    return client.instruct(items, ItemInstruction(disposition=Disposition.RESTOCK))


REDO: Final = Vendor(
    provider="redo",
    sandbox=RedoSandbox,
    page=500,
    options={"allow_process": True},
    records=lambda sandbox: sandbox.returns,
    facts=_redo,
    can_move=lambda wire: wire["status"] in ("open", "in_transit"),
    move=lambda sandbox, return_id: sandbox.set_status(return_id, "complete"),
    file=lambda sandbox, return_id: sandbox.add_return(return_id),
    writes=(
        Write(
            name="create_return",
            call=lambda client, _: client.create_return(_NEW_AT_REDO),
            applies_to=lambda _: True,
            effects=_made,
            repeats=True,
        ),
        Write(
            name="set_status closed",
            call=lambda client, one: client.set_status(one, Status.CLOSED),
            applies_to=lambda wire: wire["status"] == "in_transit",
            effects=lambda sandbox, one: int(sandbox.returns[one]["status"] == "complete"),
            repeats=True,
        ),
        Write(
            name="add_note",
            call=lambda client, one: client.add_note(one, "Damaged box"),
            applies_to=lambda _: True,
            effects=lambda sandbox, one: len(sandbox.comments.get(one, ())),
        ),
        Write(
            name="instruct",
            call=_process,
            applies_to=lambda wire: wire["status"] == "delivered",
            effects=lambda sandbox, one: int(sandbox.returns[one]["status"] == "complete"),
        ),
        Write(
            name="create_webhook",
            call=lambda client, one: client.run(
                client.adapter.create_webhook("https://shop.example/w", "a-token", external_id=one)
            ),
            applies_to=lambda _: True,
            effects=lambda sandbox, _: len(sandbox.subscriptions),
            repeats=True,
        ),
    ),
)


# Returnless V2 (reference: the vendor's articles, third parties' code).

_V2_MAP: Final = {
    "returnstatus_Q2mZ7": "received",
    "returnstatus_b8Lp1": "resolved",
    "returnstatus_w3Nc5": "closed",
    "requeststatus_a9Jd2": "rejected",
}
_V2_SHIPMENTS: Final = {
    "announced": "pre_transit",
    "parcel-en-route": "in_transit",
    "awaiting-webshop-pickup": "available_for_pickup",
}


def _returnless_v2(record: Json) -> Facts:
    included, status_id = record["includes"], record["status"]["id"]
    by_state = {"request": "requested", "return": "approved"}[record["state"]]
    return {
        "number": record["return_number"],
        "order": (included["sales_order"]["order_number"], included["sales_order"]["external_id"]),
        "email": included["customer"]["email"],
        "status": _V2_MAP.get(status_id, by_state),
        "status_raw": status_id,
        "created_at": parse_time(record["created_at"]),
        "updated_at": parse_time(record["updated_at"]),
        "items": {
            item["id"]: (item["product"]["sku"], item["quantity"], None, item["return_reason"]["label"])
            for item in included["return_order_items"]
        },
        "shipments": {
            each["id"]: (
                each["tracking_number"],
                each["carrier_name"],
                _V2_SHIPMENTS.get(each["status"]["id"], each["status"]["id"]),
                each.get("label_url"),
            )
            for each in included["shipments"]
        },
    }


_NEW_AT_V2: Final = NewReturn(
    order_number="1000042",
    customer_email="sam@example.org",
    items=[NewItem(reference="salesorderitem_1", quantity=1, reason="reason_7")],
)


def _is_request(record: Json) -> bool:
    return bool(record["state"] == "request")


RETURNLESS_V2: Final = Vendor(
    provider="returnless_v2",
    sandbox=ReturnlessV2Sandbox,
    page=100,
    options={"status_map": _V2_MAP},
    records=lambda sandbox: sandbox.records,
    facts=_returnless_v2,
    can_move=lambda record: record["status"]["id"] == "returnstatus_h4Kx9",
    move=lambda sandbox, return_id: sandbox.set_status(return_id, "returnstatus_Q2mZ7"),
    file=lambda sandbox, return_id: sandbox.add_return(return_id),
    writes=(
        Write(
            name="create_return",
            call=lambda client, _: client.create_return(_NEW_AT_V2),
            applies_to=lambda _: True,
            effects=_made,
            path="*/return-orders",
        ),
        Write(
            name="set_status approved",
            call=lambda client, one: client.set_status(one, Status.APPROVED),
            applies_to=_is_request,
            effects=lambda sandbox, one: int(sandbox.records[one]["state"] == "return"),
        ),
        Write(
            name="set_status received",
            call=lambda client, one: client.set_status(one, Status.RECEIVED),
            applies_to=lambda record: record["status"]["id"] == "returnstatus_h4Kx9",
            effects=lambda sandbox, one: int(sandbox.records[one]["status"]["id"] == "returnstatus_Q2mZ7"),
            repeats=True,
        ),
        Write(
            name="add_note",
            call=lambda client, one: client.add_note(one, "Damaged box"),
            applies_to=lambda _: True,
            effects=lambda sandbox, one: len(sandbox.records[one]["includes"]["notes"]),
        ),
    ),
)

VENDORS: Final = (AFTERSHIP, REDO, RETURNLESS_V2)
