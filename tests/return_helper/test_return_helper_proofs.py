"""What must hold of the whole: a history read to the last record, one shipment for each intent, every code, any order of events."""

import json
import random
import runpy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import (
    Account,
    Disposition,
    DispositionStatus,
    Event,
    Hub,
    Item,
    ItemInstruction,
    Return,
    ReturnHint,
    ReturnObserved,
    Secret,
    Status,
    WebhookRequest,
)
from returns_hub.merge import Observation
from returns_hub.server import create_app
from returns_hub.store import Store
from returns_hub.testing import serve
from returns_hub_return_helper import ReturnHelper
from returns_hub_return_helper.fba import FbaLine, NewFbaShipment
from returns_hub_return_helper.sandbox import ReturnHelperSandbox
from returns_hub_return_helper.sandbox.webhooks import Notification

BENCHMARK: Mapping[str, Any] = runpy.run_path(
    str(Path(__file__).parents[1] / "benchmarks" / "return_helper_backfill.py")
)
ADAPTER = ReturnHelper(api_key=Secret("key"), api_token=Secret("token"))
GUID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
ORDERS = 6
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


# A history of ten years, with records in the first and the last instant of every day at a seam


@pytest.mark.parametrize("overlap", [pytest.param(True, marks=pytest.mark.campaign), False])
def test_ten_years_are_read_to_the_last_record(overlap: bool) -> None:
    result = BENCHMARK["backfilled"](1_500, overlap=overlap)
    assert (result.missing, result.surplus) == (0, 0)
    # 3,653 days are 58 windows of 63 days, and 59 of 62 and the day they share.
    assert result.least["Shipment"] >= 58
    assert all(result.requests[name] <= 1.1 * result.least[name] for name in result.requests)


def test_seams_have_records_on_both_sides_of_midnight() -> None:
    last = datetime(2026, 11, 21, tzinfo=UTC).date()
    times = set(BENCHMARK["moments"](last - timedelta(days=200), last, 100))
    # The windows of Return Helper API, List return inventories from 2026-11-21 backwards: 62 days and the seam once more, or 63 days and the next.
    for day in ("2026-09-20", "2026-09-19", "2026-07-20", "2026-07-18"):
        midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00")
        assert {midnight - timedelta(microseconds=1), midnight, midnight + timedelta(days=1)} <= times


# Create calls whose reply is lost after the vendor has done the work


def test_each_intent_makes_one_shipment_although_no_first_reply_comes() -> None:
    made = BENCHMARK["created"](25)
    assert made.shipments == 25
    assert made.requests == 50


# Every code of the vendor's documents, in every place where a notification has it


def spelled(*words: object) -> list[object]:
    """The words as they are, numbers also as text, and text in capitals."""
    return [*words, *(str(word) if isinstance(word, int) else str(word).upper() for word in words)]


LABELS = spelled("queued", "queue", "started", "success", "fail", "failed", "canceled", 0, 1, 2, 3)
SHIPMENTS = spelled("no-label", "lb-failed", 1, 2, 3, 4, 6)
RETURNS = spelled(0, 3, 4)
HANDLINGS = spelled("tbc", "rtn", "dis", "dsp", "rsd", "ohd", "oth", "rst", 0, 1, 2, 3, 4, 5)
HANDLING_STATUSES = spelled("pending", "inProgress", "in-progress", "completed", 0, 1, 2)
RESENDS = spelled("pending", "canceled", "inProgress", "completed", "failed", 0, 1, 2, 3, 4)
RECALLS = spelled("pending", "in-progress", "completed", "canceled", 0, 1, 2, 3)
RECALLED = spelled("in-progress", "in-transit", "ready-to-pick-up", "picked-up", "canceled")
PICK_UPS = spelled("pending", "self-pick-up", "courier-pick-up", "others", "")
RECALL_UPDATES = [
    *spelled("updateTrackingNumber", "readyToPickUp", "markReadyToPickUp", "pickupBySelf", "pickupByCourier"),
    *spelled("pickUpToSelfPickUp", "pickUpToCourierPickUp", "pickupByOthers", "pickUpToOthers", 0, 1, 2, 3, 4),
    *spelled("recallUpdateTrackingNumber", "recallMarkReadyToPickUp", "recallPickUpToSelfPickUp"),
    *spelled("recallPickUpToCourierPickUp", "recallPickUpToOthers"),
]
VAS_STATUSES = spelled("pending", "successful", "failed", 0, 1, 2)
FBA_SHIPMENTS = spelled("PENDING", "ARRIVED", "CANCELED")
FBA_HANDLINGS = spelled("RSK", "RCL", "RPS", "OTH", "DIS", "RLB", "REPLENISH", "RECALL")

INVENTORY = {"returnInventoryId": 7, "returnRequestId": 1}


def inventory(**told: object) -> dict[str, object]:
    return {"returnInventory": {**INVENTORY, **told}}


def arrival(**told: Mapping[str, object]) -> dict[str, object]:
    """The first version of an arrival, which has codes of everything."""
    parts = {"returnRequest": {"returnRequestId": 1}, "shipment": {"shipmentId": 5, "returnRequestId": 1}}
    return {name: {**part, **told.get(name, {})} for name, part in parts.items()} | {"label": told.get("label")}


def recall(*, entry: object = "in-transit", **told: object) -> dict[str, object]:
    row = {"recallInventoryId": 3, "returnInventoryId": 7, "recallInventoryStatusCode": entry}
    return {"recall": {"recallId": 9, "recallInventoryList": [row], **told}}


def old_recall(**told: object) -> dict[str, object]:
    return {"recall": {"recallId": 9}, **told}


def resend(word: object) -> dict[str, object]:
    row = {"resendShipmentId": 3, "trackingNumber": "T"}
    resent = {"resendId": 4, "resendStatusCode": word}
    return {"resend": resent, "resendShipmentList": [row], "returnInventoryList": [INVENTORY]}


def vas(word: object) -> dict[str, object]:
    return {"updateVasList": [{"returnRequestLineItemVasId": 6, "vasStatusCode": word}]}


def split(word: object) -> dict[str, object]:
    line = {"returnRequestId": 1, "returnRequestLineItemId": 2, "returnRequestLineItemVasId": 6}
    return {**line, "vasStatusCode": word, "splitLineItemAndReturnInventoryList": []}


def no_word(_: Return) -> None:
    """What only says more of something else is not kept beside it, but in ``raw``."""


def handling_of_item(ret: Return) -> str | None:
    return ret.items[0].disposition_raw


def progress_of_item(ret: Return) -> str | None:
    return ret.items[0].disposition_status_raw


def progress_of_service(ret: Return) -> str | None:
    return ret.items[0].services[0].status_raw


def word_of_label(ret: Return) -> str | None:
    label = ret.shipments[0].label
    return None if label is None else label.status_raw


def word_of_shipment(ret: Return) -> str | None:
    return ret.shipments[0].status_raw


# By place: the action, the words, a body with the word, and where the word is kept.
PLACES: Mapping[str, tuple[str, list[object], Callable[[Any], dict[str, object]], Callable[[Return], str | None]]] = {
    "label": (
        "labelGenerated",
        LABELS,
        lambda word: {"label": {"shipmentId": 5, "labelRequestStatusCode": word}},
        word_of_label,
    ),
    "label of an arrival": (
        "markShipmentArrive",
        LABELS,
        lambda word: arrival(label={"labelRequestStatusCode": word}),
        word_of_label,
    ),
    "shipment": (
        "markShipmentArrive",
        SHIPMENTS,
        lambda word: arrival(shipment={"shipmentStatusCode": word}),
        word_of_shipment,
    ),
    "return": (
        "assignUnknown",
        RETURNS,
        lambda word: arrival(returnRequest={"returnStatusCode": word}),
        lambda ret: ret.status_raw,
    ),
    "handling": ("completeInventoryHandling", HANDLINGS, lambda word: inventory(handlingCode=word), handling_of_item),
    "handling status": (
        "completeInventoryHandling",
        HANDLING_STATUSES,
        lambda word: inventory(handlingCode="dis", handlingStatusCode=word),
        progress_of_item,
    ),
    "resend": ("updateResendStatus", RESENDS, resend, progress_of_item),
    "parcel of a resend": ("updateResendStatus", RESENDS, resend, word_of_shipment),
    "recall": ("recallUpdateStatus", RECALLS, lambda word: recall(recallStatusCode=word), no_word),
    "recalled inventory": ("recallUpdateStatus", RECALLED, lambda word: recall(entry=word), progress_of_item),
    "pick-up": ("recallUpdateStatus", PICK_UPS, lambda word: recall(pickUpCode=word), no_word),
    "recall of the first generation": (
        "recallUpdateStatus",
        RECALLS,
        lambda word: {"recall": {"recallId": 9, "recallStatusCode": word}},
        progress_of_item,
    ),
    "update of a recall": (
        "recallUpdateStatus",
        RECALL_UPDATES,
        lambda word: old_recall(recallUpdateTypeStatus=word),
        no_word,
    ),
    "service": ("vasUpdated", VAS_STATUSES, vas, progress_of_service),
    "service of a split": ("splitLineItem", VAS_STATUSES, split, progress_of_service),
}


def read(place: str, word: object) -> list[ReturnObserved]:
    """What a notification with this word says; it was understood."""
    action, _, body, _ = PLACES[place]
    told = json.dumps({**body(word), "category": action, "action": action, "eventTime": "2026-11-20T00:00:00Z"})
    request = WebhookRequest(method="POST", url="", body=told.encode(), received_at=NOON)
    events = ADAPTER.read_webhook(request).events
    assert all(isinstance(event, ReturnObserved | ReturnHint) for event in events), events
    return [event for event in events if isinstance(event, ReturnObserved)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path_factory.mktemp('codes')}/returns.db") as store:
        yield store


@pytest.mark.parametrize("place", PLACES)
def test_every_documented_code_is_understood_kept_and_stored(store: Store, place: str) -> None:
    _, words, _, kept = PLACES[place]
    for number, word in enumerate(words):
        (event,) = read(place, word)
        if kept is not no_word:
            assert kept(event.observed) == (str(word) or None)
        told = evolve(event.observed, id="1")
        at = NOON + timedelta(seconds=number)
        store.apply(place, [Observation(ret=told, at=at, seen_at=at)], derive=ADAPTER.derive)
        stored = store.get_return(place, "1")
        assert stored is not None
        if kept is not no_word and word != "":
            assert kept(stored.ret) == str(word)


@pytest.mark.parametrize("place", PLACES)
@given(word=st.text(min_size=1).filter(lambda word: not word.isspace()))
def test_unknown_code_keeps_its_word(place: str, word: str) -> None:
    kept = PLACES[place][3]
    (event,) = read(place, word)
    if kept is not no_word:
        assert kept(event.observed) == word


@pytest.mark.parametrize("word", [*FBA_SHIPMENTS, *FBA_HANDLINGS, *HANDLING_STATUSES, "never heard of", 77])
def test_code_of_fulfilment_keeps_its_word(good: Any, finish: Any, word: object) -> None:
    parcel = {"fbaShipmentId": GUID, "fbaShipmentStatusCode": word}
    made = {"fbaInstructionId": GUID, "fbaInstructionHandlingCode": word, "handlingStatusCode": word}
    line = FbaLine(fnsku="X001", warehouse_id="2", quantity=1)
    announced = NewFbaShipment(tracking_number="1Z1", removal_order_id="RO-1", warehouse_id="2")
    (one,) = finish(ADAPTER.fba_create_shipments([announced]), good(data=[parcel]))
    (two,) = finish(ADAPTER.fba_create_instructions("OTH", [line]), good(data=[made]))
    assert (one.status_raw, two.disposition_raw, two.status_raw) == (str(word),) * 3


# The life of one return, in whatever order and however often its notifications come


@pytest.fixture(scope="module")
def vendor() -> ReturnHelperSandbox:
    return ReturnHelperSandbox(count=0, webhook_url="https://shop.example/returns")


@pytest.fixture(scope="module")
def hub(vendor: ReturnHelperSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """As many platforms as there are orders, and one more: each hears of the return by notifications alone."""
    store = f"sqlite:///{tmp_path_factory.mktemp('life')}/returns.db"
    with ExitStack() as stack:
        urls = vendor.base_urls(stack.enter_context(serve(vendor)).url)
        options = {**vendor.options, "public_base_url": urls["extra_base_urls"]["public"]}
        accounts = [
            Account(
                name=f"shop{number}",
                provider="return_helper",
                base_url=urls["base_url"],
                rate_limit="none",
                options=options,
            )
            for number in range(ORDERS + 1)
        ]
        yield stack.enter_context(Hub(accounts, store=store))


@pytest.fixture(scope="module")
def receiver(hub: Hub) -> Iterator[str]:
    with serve(create_app(hub)) as running:
        yield f"{running.url}/webhooks"


@pytest.fixture(scope="module")
def life(vendor: ReturnHelperSandbox, hub: Hub) -> tuple[Notification, ...]:
    """A label, an arrival of two packages, pictures; one disposed of, the other split, and its pieces recalled and resent."""
    client = hub.client("shop0")
    made = client.create_return(BENCHMARK["NEW"])
    vendor.advance()
    one, two = vendor.arrive(int(made.shipments[0].id), packages=2, images=2)
    vendor.change_images(two, ["https://files.example.com/later.jpg"])
    vendor.swap_rma(two)
    instruct(hub, one, disposition=Disposition.DISPOSE)
    vendor.complete_handling(one)
    instruct(hub, two, disposition=Disposition.HOLD)
    vas = instruct(hub, two, disposition=Disposition.REWORK, services=("split-parcel:2",))
    first, second = vendor.split(numbered(vas, "vas"))
    recalled = instruct(hub, first, disposition=Disposition.RETURN_TO_OWNER)
    for _ in range(3):
        vendor.advance_recall(numbered(recalled, "recall"))
    sent = instruct(hub, second, disposition=Disposition.FORWARD, service="others", ship_to=BENCHMARK["NEW"].ship_from)
    vendor.ship_resend(numbered(sent, "resend"))
    return vendor.notifications


def instruct(hub: Hub, inventory: int, **instruction: Any) -> Item:
    client = hub.client("shop0")
    (item,) = client.instruct([Item(id=str(inventory))], ItemInstruction(**instruction))
    return item


def numbered(item: Item, kind: str) -> int:
    (found,) = [alias for alias in item.aliases if alias.startswith(f"{kind}:")]
    return int(found.removeprefix(f"{kind}:"))


def orders(life: Sequence[Notification]) -> Iterator[list[Notification]]:
    """As it happened, the other way round, and shuffled, with some of them again."""
    yield list(life)
    yield list(life[::-1])
    for seed in range(ORDERS - 2):
        rng = random.Random(seed)
        again = rng.choices(life, k=rng.randrange(len(life)))
        yield rng.sample([*life, *again], len(life) + len(again))


def test_any_order_of_live_notifications_ends_in_one_state(
    vendor: ReturnHelperSandbox, hub: Hub, receiver: str, life: tuple[Notification, ...]
) -> None:
    assert len(life) > 15
    states = []
    for number, order in enumerate(orders(life), 1):
        account = f"shop{number}"
        vendor.deliver_to(f"{receiver}/{account}")
        rng = random.Random(number)
        for notification in order:
            assert vendor.send(notification) == 200
            if rng.random() < 0.3:
                hub.process()
        hub.process()
        assert {(one.state, one.error) for one in hub.deliveries(account=account)} == {("processed", None)}
        (stored,) = hub.returns(account=account)
        states.append(stored.ret)
        told_once(list(hub.events(account=account)))
    assert [place for ret in states for place in different(states[0], ret)] == []
    check(states[0])


def test_what_comes_again_after_all_changes_nothing(
    vendor: ReturnHelperSandbox, hub: Hub, receiver: str, life: tuple[Notification, ...]
) -> None:
    vendor.deliver_to(f"{receiver}/shop0")
    for _ in range(2):
        for notification in life:
            assert vendor.send(notification) == 200
        hub.process()
    events = list(hub.events(account="shop0"))
    assert {one.duplicates for one in hub.deliveries(account="shop0")} == {1}
    for one in hub.deliveries(account="shop0"):
        hub.replay(one.id)
    hub.process()
    assert list(hub.events(account="shop0")) == events


def told_once(events: Sequence[Event]) -> None:
    """Each event has an id of its own, the return began once, and no part of it became the same twice."""
    assert len({event.id for event in events}) == len(events)
    assert Counter(event.type for event in events)["return.created"] == 1
    changes = [
        (place, repr(change))
        for event in events
        for place, change in event.changes.items()
        # Where a return or a parcel stands, and which line item with its images an inventory is, follows from all that is known.
        if place.endswith((".rma", ".tracking_number", ".url", ".quantity_received"))
    ]
    assert [change for change, times in Counter(changes).items() if times > 1] == []


def different(one: Return, other: Return) -> list[str]:
    """The fields in which two returns differ; when a return was last heard of is no fact about it."""
    return [
        field
        for field in ("status", "attention", "number", "order", "customer", "items", "shipments", "custom_fields")
        if getattr(one, field) != getattr(other, field)
    ]


def check(ret: Return) -> None:
    """What the vendor's own record says of the four inventories and of the parcels."""
    done = DispositionStatus.DONE
    assert ret.status is Status.RESOLVED
    assert [(item.id, item.disposition, item.disposition_status) for item in ret.items] == [
        ("1001", Disposition.DISPOSE, done),
        ("1002", Disposition.OTHER, done),
        ("1003", Disposition.RETURN_TO_OWNER, done),
        ("1004", Disposition.FORWARD, done),
    ]
    assert [len(item.images) for item in ret.items] == [2, 1, 0, 0]
    assert {shipment.id for shipment in ret.shipments} == {"1001", "recall:1001", "resend:1001"}
