"""The three recipes of the vendor's guide (Return Helper API, Getting started), end to end: calls over HTTP, signed notifications to a live receiver, the mirror."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve

from returns_hub import (
    Account,
    Address,
    Attention,
    Client,
    Direction,
    Disposition,
    DispositionStatus,
    Event,
    Hub,
    Item,
    ItemInstruction,
    Label,
    LabelReady,
    LabelStatus,
    Money,
    NewItem,
    NewLabel,
    NewReturn,
    Note,
    OrderRef,
    Origin,
    Parcel,
    Return,
    ReturnKind,
    ShipmentStatus,
    Status,
)
from returns_hub.client import open_client
from returns_hub.server import create_app
from returns_hub.testing import serve
from returns_hub_return_helper import Rma
from returns_hub_return_helper.sandbox import REFUSED_POSTAL_CODE, ReturnHelperSandbox

JANE = Address(
    name="Jane Doe",
    line1="1 Main St",
    city="Newark",
    state="NJ",
    postal_code="07101",
    country="US",
    phone="5550100",
    email="jane@example.com",
)
SHIRT = NewItem(name="T-shirt", weight_g=Decimal(300), value=Money(amount=Decimal("25.50"), currency="USD"))
PARCEL = Parcel(weight_g=Decimal(300), length_cm=Decimal(30), width_cm=Decimal(20), height_cm=Decimal(10))
NEW = NewReturn(
    order_number="ORDER-1",
    items=[SHIRT],
    ship_from=JANE,
    label=NewLabel(service="ups_nj", warehouse_id="2", parcel=PARCEL),
    custom_fields={"customerId": "buyer123"},
)
ITEM = Item(
    name="T-shirt",
    quantity=Decimal(1),
    quantity_received=Decimal(1),
    warehouse_id="2",
    disposition=Disposition.UNDECIDED,
    disposition_status=DispositionStatus.PENDING,
    disposition_raw="tbc",
    value=Money(amount=Decimal("25.50"), currency="USD"),
)


@define
class Shop:
    """A platform with one account at the vendor, who posts to the platform's receiver."""

    hub: Hub
    vendor: ReturnHelperSandbox
    seen: int = 0

    @property
    def client(self) -> Client:
        return self.hub.client("acme")

    def told(self) -> list[str]:
        """What the vendor's notifications come to: they are delivered, all with success, and processed."""
        for one in self.vendor.deliver():
            assert one.state == "acknowledged", one
        assert self.vendor.waiting == ()
        self.hub.process()
        assert {(one.state, one.error) for one in self.hub.deliveries()} <= {("processed", None)}
        return self.news()

    def news(self) -> list[str]:
        """The events since the last time, a line for each thing that changed."""
        events = list(self.hub.events(after=self.seen))
        self.seen = max([self.seen, *(event.sequence for event in events)])
        return [line for event in events for line in lines(event)]

    def mirrored(self, return_id: str) -> Return:
        stored = self.hub.get_return("acme", return_id)
        assert stored is not None
        return stored.ret

    def create(self, new: NewReturn = NEW) -> int:
        """A return whose label is queued, in the mirror; the id of its shipment."""
        made = self.client.create_return(new)
        self.hub.sync("acme")
        self.news()
        return int(made.shipments[0].id)

    def arrived(self, *, packages: int = 1) -> tuple[Item, ...]:
        """The inventories 1001 and up of the return 1001, in the mirror."""
        self.vendor.arrive(self.create(), packages=packages, images=0)
        self.told()
        return self.mirrored("1001").items

    def instruct(self, items: Sequence[Item], **instruction: Any) -> tuple[Item, ...]:
        return self.client.instruct(items, ItemInstruction(**instruction))


# What a platform acts on. How everything else is read, tests of the notifications say.
FACTS = {
    *("status", "attention", "tracking_number", "url", "error", "quantity_received"),
    *("disposition", "disposition_status", "images", "custom_fields"),
}


def lines(event: Event) -> Iterator[str]:
    """An event, a line for each fact that changed; objects and pictures by their place alone."""
    for place, (before, after) in event.changes.items():
        if place.rpartition(".")[2] not in FACTS:
            continue
        plain = all(value is None or isinstance(value, str) for value in (before, after))
        yield f"{event.type} {place}" + (f" {before or '-'} > {after or '-'}" if plain else "")


def undated(ret: Return) -> Return:
    return evolve(ret, created_at=None, updated_at=None)


def label_of(ret: Return) -> Label:
    (parcel,) = ret.shipments
    assert parcel.label is not None
    return parcel.label


def handled(ret: Return) -> dict[str | None, tuple[Any, ...]]:
    return {item.id: (item.disposition, item.disposition_status, item.disposition_status_raw) for item in ret.items}


def outbound(ret: Return) -> dict[str | None, tuple[Any, ...]]:
    parcels = [parcel for parcel in ret.shipments if parcel.direction is Direction.OUTBOUND]
    return {parcel.id: (parcel.status, parcel.tracking_number) for parcel in parcels}


def numbers(item: Item, kind: str) -> list[int]:
    """The numbers of what an inventory is in, a recall or a resend, or of what is done to it."""
    return [int(alias.removeprefix(f"{kind}:")) for alias in item.aliases if alias.startswith(f"{kind}:")]


def notified(shop: Shop, action: str) -> Any:
    """The body of the newest notification of an action."""
    return json.loads([one for one in shop.vendor.notifications if one.action == action][-1].body)


def rma(shop: Shop, inventory: int) -> str:
    return str(shop.vendor.inventories[inventory]["rma"])


def stored(inventory: int) -> list[str]:
    """What is emitted of an inventory that is new in the mirror."""
    place = f"items[{inventory}]"
    return [
        f"item.received {place}.quantity_received - > 1",
        f"item.disposition_changed {place}.disposition - > undecided",
        f"item.disposition_changed {place}.disposition_status - > pending",
    ]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    vendor = ReturnHelperSandbox(count=0, webhook_url="https://shop.example/returns/acme")
    with ExitStack() as stack:
        urls = vendor.base_urls(stack.enter_context(serve(vendor)).url)
        options = {**vendor.options, "public_base_url": urls["extra_base_urls"]["public"]}
        account = Account(
            name="acme",
            provider="return_helper",
            base_url=urls["base_url"],
            rate_limit="none",
            history_start=datetime.now(UTC).date(),
            options=options,
        )
        hub = stack.enter_context(Hub([account], store=f"sqlite:///{tmp_path}/returns.db"))
        receiver = stack.enter_context(serve(create_app(hub)))
        # Signed is the registered address, as behind a proxy.
        vendor.deliver_to(f"{receiver.url}/webhooks/acme")
        yield Shop(hub, vendor)


# Recipe 1: create a return label


def test_label_is_reported_and_ready(shop: Shop) -> None:
    made = shop.client.create_return(NEW)
    (parcel,) = made.shipments
    assert (made.id, parcel.id, parcel.status) == ("1001", "1001", ShipmentStatus.PRE_TRANSIT)
    assert parcel.label == Label(id="1001", status=LabelStatus.REQUESTED, status_raw="queued")
    assert shop.news() == ["return.created status - > approved"]
    shop.hub.sync("acme")
    shop.news()
    shop.vendor.advance()
    news = shop.told()
    told = notified(shop, "labelGenerated")["label"]
    assert news == [
        "return.status_changed status approved > ready_to_ship",
        f"shipment.updated shipments[1001].tracking_number - > {told['trackingNumber']}",
        "label.ready shipments[1001].label.status requested > ready",
        f"label.ready shipments[1001].label.url - > {told['labelUrl']}",
    ]
    ret = shop.mirrored("1001")
    (parcel,) = ret.shipments
    assert (ret.number, ret.status, ret.order) == (made.number, Status.READY_TO_SHIP, OrderRef(number="ORDER-1"))
    assert (parcel.status, parcel.status_raw, parcel.service) == (ShipmentStatus.PRE_TRANSIT, "3", "ups_nj")
    assert (parcel.warehouse_id, parcel.tracking_number) == ("2", told["trackingNumber"])
    assert (label_of(ret).id, label_of(ret).url) == (str(told["labelId"]), told["labelUrl"])
    assert label_of(ret).cancel_before is not None


def test_label_that_is_cancelled_ends_the_return(shop: Shop) -> None:
    made = shop.client.create_return(NEW)
    label_id = label_of(shop.mirrored(made.id)).id
    assert label_id == "1001"
    shop.client.cancel_label(made.id, label_id)
    shop.hub.sync("acme")
    ret = shop.mirrored(made.id)
    assert (ret.status, ret.shipments[0].status, label_of(ret).status) == (
        Status.CANCELLED,
        ShipmentStatus.CANCELLED,
        LabelStatus.VOID,
    )


def test_label_that_is_made_finds_the_return_that_the_hub_created(shop: Shop) -> None:
    made = shop.client.create_return(NEW)
    shop.news()
    shop.vendor.advance()
    assert "label.ready shipments[1001].label.status requested > ready" in shop.told()
    url = notified(shop, "labelGenerated")["label"]["labelUrl"]
    label = label_of(shop.mirrored(made.id))
    assert (label.status, label.url) == (LabelStatus.READY, url)
    shop.hub.sync("acme")
    assert not any(line.startswith("label.") for line in shop.news())
    assert label_of(shop.mirrored(made.id)) == label


def test_label_that_comes_before_the_mirror_knows_its_shipment_waits(shop: Shop) -> None:
    with open_client(shop.hub.accounts["acme"]) as elsewhere:
        made = elsewhere.create_return(NEW)
    shop.vendor.advance()
    assert shop.told() == []
    shop.hub.sync("acme")
    news = shop.news()
    told = notified(shop, "labelGenerated")["label"]
    assert "return.created status - > ready_to_ship" in news
    label = label_of(shop.mirrored(made.id))
    assert (label.status, label.url) == (LabelStatus.READY, told["labelUrl"])


def test_label_that_failed_wants_attention_until_there_is_another(shop: Shop) -> None:
    shipment = shop.create(evolve(NEW, ship_from=evolve(JANE, postal_code=REFUSED_POSTAL_CODE)))
    shop.vendor.advance()
    news = shop.told()
    error = label_of(shop.mirrored("1001")).error or ""
    assert news == [
        "return.attention_changed attention",
        "label.failed shipments[1001].label.status requested > failed",
        f"label.failed shipments[1001].label.error - > {error}",
    ]
    assert "suburb, state & postcode" in error
    assert (shop.mirrored("1001").status, shop.mirrored("1001").attention) == (
        Status.APPROVED,
        frozenset({Attention.LABEL_FAILED}),
    )
    shop.vendor.reissue_label(shipment)
    news = shop.told()
    label = label_of(shop.mirrored("1001"))
    assert [line.partition(" > ")[0] for line in news] == [
        "return.status_changed status approved",
        "return.attention_changed attention",
        "shipment.updated shipments[1001].tracking_number -",
        "label.ready shipments[1001].label.status failed",
        "label.ready shipments[1001].label.url -",
        f"label.ready shipments[1001].label.error {error}",
    ]
    assert (label.status, label.error) == (LabelStatus.READY, None)
    assert shop.mirrored("1001").attention == frozenset()


def test_whole_recipe_in_the_background(shop: Shop) -> None:
    patience = time.monotonic() + 20
    with shop.hub.working(), shop.vendor.delivering():
        shipment = shop.create()
        shop.vendor.advance()
        stream = shop.hub.events(follow=True, stop=lambda: time.monotonic() > patience)
        ready = next(event for event in stream if isinstance(event, LabelReady))
        shop.vendor.arrive(shipment, images=0)
        received = next(event for event in stream if event.type == "item.received")
    assert (ready.return_id, ready.origin) == (received.return_id, received.origin) == ("1001", Origin.WEBHOOK)
    assert shop.mirrored("1001").status is Status.RECEIVED


# Recipe 2: receive a warehouse arrival


def test_arrival_becomes_an_inventory_of_each_package(shop: Shop) -> None:
    shipment = shop.create()
    shop.vendor.advance()
    shop.told()
    assert shop.vendor.arrive(shipment, packages=2, images=0) == (1001, 1002)
    first, second = rma(shop, 1001), rma(shop, 1002)
    assert shop.told() == [
        "return.status_changed status ready_to_ship > received",
        "shipment.updated shipments[1001].status pre_transit > delivered",
        "return.updated custom_fields",
        *(line for one in (1001, 1002) for line in stored(one)),
    ]
    ret = shop.mirrored("1001")
    assert [(item.id, item.rma, item.name, item.quantity_received) for item in ret.items] == [
        ("1001", first, "T-shirt", Decimal(1)),
        ("1002", second, "T-shirt", Decimal(1)),
    ]
    assert {(item.warehouse_id, item.value, item.measured, item.disposition) for item in ret.items} == {
        ("2", Money(amount=Decimal("25.50"), currency="USD"), PARCEL, Disposition.UNDECIDED)
    }
    assert None not in {item.received_at for item in ret.items}
    assert (ret.status, ret.custom_fields) == (Status.RECEIVED, {"customerId": "buyer123"})
    assert [(parcel.id, parcel.status) for parcel in ret.shipments] == [("1001", ShipmentStatus.DELIVERED)]


def test_pictures_of_the_only_inventory_are_at_that_inventory(shop: Shop) -> None:
    # So that the first inventory does not have the number of its line item.
    shop.vendor.add_return()
    (inventory,) = shop.vendor.arrive(shop.create(), images=2)
    assert shop.told()[-1] == "item.images_changed items[1001].images"
    urls = tuple(notified(shop, "changeLineItemImage")["imageUrlList"])
    (item,) = shop.mirrored("1002").items
    assert (item.id, item.aliases, item.images, len(urls)) == ("1001", ("1002",), urls, 2)
    # The list of inventories names the line item of each (Return Helper API, List return inventories).
    shop.hub.sync("acme")
    assert not any("images" in line for line in shop.news())
    assert shop.mirrored("1002").items[0].images == urls
    shop.vendor.change_images(inventory, ["https://files.example.com/later.jpg"])
    assert shop.told() == ["item.images_changed items[1001].images"]
    assert shop.mirrored("1002").items[0].images == ("https://files.example.com/later.jpg",)


def test_pictures_of_several_inventories_make_no_further_items(shop: Shop) -> None:
    inventories = shop.vendor.arrive(shop.create(), packages=2, images=1)
    shop.told()
    ret = shop.mirrored("1001")
    assert [item.id for item in ret.items] == ["1001", "1002"]
    assert len(ret.attachments) == 2
    shop.hub.sync("acme")
    ret = shop.mirrored("1001")
    assert [(item.id, len(item.images)) for item in ret.items] == [(str(one), 1) for one in inventories]
    assert ret.attachments == ()


def test_parcel_that_nobody_announced_is_a_return_of_its_own(shop: Shop) -> None:
    inventory, _ = shop.vendor.assign_unknown(packages=2, images=1)
    news = shop.told()
    # What follows says the same once more, in the words of newer notifications.
    assert news == ["return.created status - > received", "return.updated custom_fields"]
    ret = shop.mirrored("1001")
    pictures = notified(shop, "assignUnknown")["returnRequestLineItemIncludeImageList"]
    assert (ret.kind, ret.status) == (ReturnKind.UNANNOUNCED, Status.RECEIVED)
    assert ret.notes == (Note(id="remarks", text="Created by Warehouse"),)
    assert [(item.id, item.aliases, item.rma, item.images) for item in ret.items] == [
        (str(one), (str(one),), rma(shop, one), tuple(told["imageUrlList"]))
        for one, told in zip((1001, 1002), pictures, strict=True)
    ]
    shop.vendor.change_images(inventory, [])
    assert shop.told() == []  # silence about pictures is no news


# Recipe 3: send a handling instruction


def test_disposal_ends_an_inventory(shop: Shop) -> None:
    (item,) = shop.arrived()
    (instructed,) = shop.instruct([item], disposition=Disposition.DISPOSE)
    assert (instructed.disposition_raw, instructed.disposition_status) == ("dsp", DispositionStatus.PENDING)
    assert shop.news() == ["item.disposition_changed items[1001].disposition undecided > dispose"]
    shop.vendor.complete_handling(1001)
    assert shop.told() == [
        "return.status_changed status received > resolved",
        "item.disposition_changed items[1001].disposition_status pending > done",
    ]
    assert handled(shop.mirrored("1001")) == {"1001": (Disposition.DISPOSE, DispositionStatus.DONE, "2")}


def test_hold_is_done_and_the_inventory_stays(shop: Shop) -> None:
    (item,) = shop.arrived()
    shop.instruct([item], disposition=Disposition.HOLD)
    assert "item.disposition_changed items[1001].disposition undecided > hold" in shop.news()
    shop.vendor.complete_handling(1001)
    news = shop.told()
    assert not any(line.startswith("return.status_changed") for line in news)
    assert shop.mirrored("1001").status is Status.RECEIVED


def test_instruction_that_was_withdrawn_leaves_the_inventory_undecided(shop: Shop) -> None:
    (item,) = shop.arrived()
    instructed = shop.instruct([item], disposition=Disposition.DISPOSE)
    shop.client.cancel_instruction(instructed)
    assert shop.vendor.inventories[1001]["handlingCode"] == "tbc"
    assert shop.news()[-1] == "item.disposition_changed items[1001].disposition_status pending > cancelled"
    assert shop.told() == []


def test_resend_is_followed_to_its_tracking_number(shop: Shop) -> None:
    (item,) = shop.arrived()
    (sent,) = shop.instruct([item], disposition=Disposition.FORWARD, ship_to=JANE, service="others")
    resend = numbers(sent, "resend")[0]
    assert shop.news() == ["item.disposition_changed items[1001].disposition undecided > forward"]
    shop.vendor.ship_resend(resend)
    tracking = f"RESEND{resend:08d}"
    assert shop.told() == [
        "return.status_changed status received > resolved",
        "item.disposition_changed items[1001].disposition_status pending > done",
        f"shipment.updated shipments[resend:{resend}].status - > in_transit",
        f"shipment.updated shipments[resend:{resend}].tracking_number - > {tracking}",
    ]
    assert handled(shop.mirrored("1001")) == {"1001": (Disposition.FORWARD, DispositionStatus.DONE, "3")}
    assert outbound(shop.mirrored("1001")) == {f"resend:{resend}": (ShipmentStatus.IN_TRANSIT, tracking)}


def test_what_goes_to_one_address_is_one_parcel(shop: Shop) -> None:
    sent = shop.instruct(shop.arrived(packages=3), disposition=Disposition.FORWARD, ship_to=JANE, service="others")
    assert len({numbers(item, "resend")[0] for item in sent}) == 1
    assert shop.vendor.counts["POST /user/api/Resend/createResend"] == 1


def test_resend_whose_label_failed_is_not_done(shop: Shop) -> None:
    (item,) = shop.arrived()
    (sent,) = shop.instruct([item], disposition=Disposition.FORWARD, ship_to=JANE, service="others")
    shop.vendor.ship_resend(numbers(sent, "resend")[0], error="no such street")
    shop.told()
    assert handled(shop.mirrored("1001")) == {"1001": (Disposition.FORWARD, DispositionStatus.FAILED, "4")}
    assert shop.mirrored("1001").status is Status.RECEIVED


def test_recall_is_followed_until_it_is_picked_up(shop: Shop) -> None:
    first, second = shop.arrived(packages=2)
    recalled = shop.instruct([first, second], disposition=Disposition.RETURN_TO_OWNER)
    (recall,) = {one for item in recalled for one in numbers(item, "recall")}
    steps = []
    for _ in range(3):
        shop.vendor.advance_recall(recall)
        news = shop.told()
        steps.append((shop.mirrored("1001").status, handled(shop.mirrored("1001"))["1001"], news))
    going = (Disposition.RETURN_TO_OWNER, DispositionStatus.IN_PROGRESS)
    assert [(status, told) for status, told, _ in steps] == [
        (Status.RECEIVED, (*going, "in-transit")),
        (Status.RECEIVED, (*going, "ready-to-pick-up")),
        (Status.RESOLVED, (Disposition.RETURN_TO_OWNER, DispositionStatus.DONE, "picked-up")),
    ]
    assert [line for line in steps[1][2] if "1001" in line] == [
        "shipment.updated shipments[recall:1001].status in_transit > available_for_pickup",
    ]
    airway_bill = notified(shop, "recallUpdateStatus")["recall"]["recallInventoryList"][0]["trackingNumber"]
    assert outbound(shop.mirrored("1001")) == {
        "recall:1001": (ShipmentStatus.DELIVERED, airway_bill),
        "recall:1002": (ShipmentStatus.DELIVERED, airway_bill),
    }


def test_service_is_named_by_its_own_id_and_the_inventory_read_again(shop: Shop) -> None:
    (item,) = shop.arrived()
    shop.instruct([item], disposition=Disposition.HOLD)
    (served,) = shop.instruct([item], disposition=Disposition.REWORK, services=("repack", "req-pic:2"))
    repack, pictures = numbers(served, "vas")
    assert "item.disposition_changed items[1001].disposition hold > rework" in shop.news()
    assert numbers(shop.mirrored("1001").items[0], "vas") == [repack, pictures]
    reads = shop.vendor.counts["GET /user/api/returnrequest/getReturnRequest"]
    shop.vendor.finish_vas(repack)
    shop.vendor.finish_vas(pictures)
    shop.told()
    assert shop.vendor.counts["GET /user/api/returnrequest/getReturnRequest"] == reads + 2
    assert handled(shop.mirrored("1001")) == {"1001": (Disposition.HOLD, DispositionStatus.PENDING, "pending")}
    services = shop.mirrored("1001").items[0].services
    assert [(service.code, service.status, service.result) for service in services] == [
        ("repack", DispositionStatus.DONE, "Done"),
        ("req-pic", DispositionStatus.DONE, "Done"),
    ]


def test_split_makes_an_inventory_with_an_rma_of_each_piece(shop: Shop) -> None:
    (item,) = shop.arrived()
    shop.instruct([item], disposition=Disposition.HOLD)
    (served,) = shop.instruct([item], disposition=Disposition.REWORK, services=("split-parcel:2",))
    pieces = shop.vendor.split(*numbers(served, "vas"))
    news = shop.told()
    ret = shop.mirrored("1001")
    assert [item.id for item in ret.items] == ["1001", *map(str, pieces)]
    whole, *parts = ret.items
    parent = Rma.parse(whole.rma or "")
    assert [Rma.parse(part.rma or "") for part in parts] == [
        evolve(parent, split=f"{index:02d}", check=Rma.parse(part.rma or "").check)
        for index, part in enumerate(parts, 1)
    ]
    assert {item.id: item.disposition_status for item in ret.items} == {
        "1001": DispositionStatus.DONE,
        "1002": DispositionStatus.PENDING,
        "1003": DispositionStatus.PENDING,
    }
    assert ret.status is Status.RECEIVED
    received = [line for line in news if line.startswith("item.received")]
    assert received == [f"item.received items[{piece}].quantity_received - > 1" for piece in pieces]
