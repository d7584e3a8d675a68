"""Which events a handler receives: of each documented notification, and of each step of the vendor's recipes.

``python tests/return_helper/test_return_helper_events.py`` writes the tables of the docs.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import evolve

from returns_hub import (
    Account,
    Address,
    Client,
    Disposition,
    Hub,
    Item,
    ItemInstruction,
    Money,
    NewItem,
    NewLabel,
    NewReturn,
    Parcel,
    Return,
    ReturnObserved,
    Secret,
    Shipment,
    WebhookRequest,
)
from returns_hub.merge import Observation, merge
from returns_hub.testing import serve
from returns_hub_return_helper import ReturnHelper
from returns_hub_return_helper.sandbox import REFUSED_POSTAL_CODE, ReturnHelperSandbox

NOTICES = Path(__file__).parent / "notices"
PAGE = Path(__file__).parents[2] / "docs" / "providers" / "return_helper-events.md"
ADAPTER = ReturnHelper(api_key=Secret("key"), api_token=Secret("token"))
NOW = datetime(2026, 11, 21, tzinfo=UTC)
URL = "https://shop.example/returns/acme"
PARCEL = Parcel(weight_g=Decimal(300), length_cm=Decimal(30), width_cm=Decimal(20), height_cm=Decimal(10))
JANE = Address(
    name="Jane Doe", line1="1 Main St", city="Newark", state="NJ", postal_code="07101", country="US", phone="5550100",
    email="jane@example.com",
)  # fmt: skip


def a_return(postal_code: str = "07101") -> NewReturn:
    return NewReturn(
        order_number="ORDER-1",
        items=[NewItem(name="T-shirt", value=Money(amount=Decimal("25.50"), currency="USD"))],
        ship_from=evolve(JANE, postal_code=postal_code),
        label=NewLabel(service="ups_nj", warehouse_id="2", parcel=PARCEL),
    )


def known(observed: Return) -> Return:
    """The same return as it may be known before: its parts by what they are named by, and no fact of them."""
    items = [Item(id=item.id, aliases=item.aliases) for item in observed.items]
    shipments = [Shipment(id=shipment.id, direction=shipment.direction) for shipment in observed.shipments]
    return Return(provider="return_helper", id="1", items=tuple(items), shipments=tuple(shipments))


def of_notification(name: str) -> list[str]:
    """The types of the events that a notification makes of a return whose parts are known by name alone."""
    body = (NOTICES / f"{name}.json").read_bytes()
    events = ADAPTER.read_webhook(WebhookRequest(method="POST", url="", body=body, received_at=NOW)).events
    types: list[str] = []
    for event in events:
        if isinstance(event, ReturnObserved):
            before = Observation(ret=known(event.observed), at=NOW - timedelta(days=9999), seen_at=NOW)
            state = merge(None, before, account="acme", derive=ADAPTER.derive).state
            told = evolve(event.observed, id="1")
            after = merge(
                state, Observation(ret=told, at=event.occurred_at, seen_at=NOW), account="acme", derive=ADAPTER.derive
            )
            types += [change.type for change in after.events]
    return list(dict.fromkeys(types)) or ["event.unmapped"]


class Recipes:
    """A platform with one account at the simulated vendor; each step says which events came of it."""

    def __init__(self, hub: Hub, vendor: ReturnHelperSandbox) -> None:
        self.hub = hub
        self.vendor = vendor
        self.seen = 0

    @property
    def client(self) -> Client:
        return self.hub.client("acme")

    def types(self) -> list[str]:
        """What came since the last time: deliveries are received and processed first."""
        for notification in self.vendor.waiting:
            headers, body = self.vendor.webhook(notification)
            request = WebhookRequest(method="POST", url=URL, headers=headers, body=body, received_at=datetime.now(UTC))
            assert self.hub.receive("acme", request).status == 200
            notification.state = "acknowledged"
        self.hub.process()
        events = list(self.hub.events(after=self.seen))
        self.seen = max([self.seen, *(event.sequence for event in events)])
        return list(dict.fromkeys(event.type for event in events))

    def items(self) -> tuple[Item, ...]:
        stored = self.hub.get_return("acme", "1001")
        assert stored is not None
        return stored.ret.items

    def instruct(self, disposition: Disposition, **told: Any) -> None:
        self.client.instruct(self.items(), ItemInstruction(disposition=disposition, **told))

    def number(self, kind: str) -> int:
        """The newest of the services, resends or recalls of the first inventory."""
        found = [int(alias.partition(":")[2]) for alias in self.items()[0].aliases if alias.startswith(f"{kind}:")]
        return max(found)


@contextmanager
def platform() -> Iterator[Recipes]:
    vendor = ReturnHelperSandbox(count=0, webhook_url=URL)
    with ExitStack() as stack:
        urls = vendor.base_urls(stack.enter_context(serve(vendor)).url)
        options = {**vendor.options, "public_base_url": urls["extra_base_urls"]["public"]}
        account = Account(
            name="acme", provider="return_helper", base_url=urls["base_url"], rate_limit="none", options=options
        )
        folder = stack.enter_context(TemporaryDirectory())
        yield Recipes(stack.enter_context(Hub([account], store=f"sqlite:///{folder}/returns.db")), vendor)


Step = tuple[str, Callable[[Recipes], object]]
CREATE: Step = ("`create_return`", lambda shop: shop.client.create_return(a_return()))
LABEL: Step = ("`labelGenerated`", lambda shop: shop.vendor.advance())
ARRIVAL: Step = (
    "`markShipmentArrive`, `newInventoryCreated`, `changeLineItemImage`",
    lambda shop: shop.vendor.arrive(1001),
)
ARRIVED = (CREATE, LABEL, ARRIVAL)
HOLD: Step = ("`instruct`: hold", lambda shop: shop.instruct(Disposition.HOLD))
RECIPES: dict[str, tuple[Step, ...]] = {
    "1, the label is made": (CREATE, LABEL),
    "1, the label fails": (
        ("`create_return`", lambda shop: shop.client.create_return(a_return(REFUSED_POSTAL_CODE))),
        ("`labelGenerated`, failed", lambda shop: shop.vendor.advance()),
        ("`labelGenerated`, once more", lambda shop: shop.vendor.reissue_label(1001)),
    ),
    "2, an arrival": ARRIVED,
    "2, an unknown shipment": (
        ("`assignUnknown`, `newInventoryCreated`", lambda shop: shop.vendor.assign_unknown(images=1)),
    ),
    "3, dispose": (
        *ARRIVED,
        ("`instruct`: dispose", lambda shop: shop.instruct(Disposition.DISPOSE)),
        ("`completeInventoryHandling`", lambda shop: shop.vendor.complete_handling(1001)),
    ),
    "3, on hold": (*ARRIVED, HOLD, ("`completeInventoryHandling`", lambda shop: shop.vendor.complete_handling(1001))),
    "3, resend": (
        *ARRIVED,
        ("`instruct`: forward", lambda shop: shop.instruct(Disposition.FORWARD, ship_to=JANE, service="others")),
        ("`updateResendStatus`", lambda shop: shop.vendor.ship_resend(shop.number("resend"))),
    ),
    "3, recall": (
        *ARRIVED,
        ("`instruct`: return to owner", lambda shop: shop.instruct(Disposition.RETURN_TO_OWNER)),
        ("`recallUpdateStatus`: in transit", lambda shop: shop.vendor.advance_recall(shop.number("recall"))),
        ("`recallUpdateStatus`: ready", lambda shop: shop.vendor.advance_recall(shop.number("recall"))),
        ("`recallUpdateStatus`: picked up", lambda shop: shop.vendor.advance_recall(shop.number("recall"))),
    ),
    "3, a service": (
        *ARRIVED,
        HOLD,
        ("`instruct`: rework", lambda shop: shop.instruct(Disposition.REWORK, services=("repack",))),
        ("`vasUpdated`", lambda shop: shop.vendor.finish_vas(shop.number("vas"))),
    ),
    "3, a split": (
        *ARRIVED,
        HOLD,
        ("`instruct`: rework", lambda shop: shop.instruct(Disposition.REWORK, services=("split-parcel:2",))),
        ("`splitLineItem`, `newInventoryCreated`, `vasUpdated`", lambda shop: shop.vendor.split(shop.number("vas"))),
    ),
}


def of_recipes() -> Iterator[tuple[str, str, list[str]]]:
    """The recipe, the step, and the events that came of it."""
    for recipe, steps in RECIPES.items():
        with platform() as shop:
            for name, act in steps:
                act(shop)
                types = shop.types()
                # What every recipe begins with is shown once.
                if recipe.startswith(("1", "2")) or (name, act) not in ARRIVED:
                    yield recipe, name, types


def listed(types: list[str]) -> str:
    return ", ".join(f"`{kind}`" for kind in types) or "none"


def build_page() -> str:
    notices = sorted(path.stem for path in NOTICES.glob("*.json"))
    lines = [
        "Of a return whose shipment and inventories are known and nothing else of them, each documented notification emits:",
        "",
        "| Notification | Events |",
        "| --- | --- |",
        *(f"| `{name}` | {listed(of_notification(name))} |" for name in notices),
        "",
        "The recipes of the vendor's guide (Return Helper API, Getting started), against its simulator:",
        "",
        "| Recipe | Step | Events |",
        "| --- | --- | --- |",
        *(f"| {recipe} | {step} | {listed(types)} |" for recipe, step, types in of_recipes()),
        "",
        "Made by `tests/return_helper/test_return_helper_events.py`.",
        "",
    ]
    return "\n".join(lines)


def test_tables_in_the_docs_are_the_events_that_come() -> None:
    assert PAGE.read_text("utf-8") == build_page()


def test_every_notification_with_a_documented_body_emits_a_typed_event() -> None:
    # The price of an order of consolidate shipping, and its cancellation, name no inventory.
    without_target = {"consolidateShippingOrderShippingFeeUpdated", "consolidateShippingOrderCancelled"}
    names = {path.stem for path in NOTICES.glob("*.json")} - without_target
    assert {name for name in names if of_notification(name) == ["event.unmapped"]} == set()


if __name__ == "__main__":
    PAGE.write_text(build_page(), "utf-8")
