"""Every word of every vendor with all that it asserts: a word left out, or a fact too many or too few, is noticed.

Written down from the vendors' documents, apart from the tables: one line for each meaning, ``-`` where a document shows
a word and never defines it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from returns_hub import (
    Adapter,
    Attention,
    ConfigurationError,
    Facts,
    ResolutionKind,
    ResolutionStatus,
    Status,
    StatusTable,
    dump,
)
from returns_hub.wire import account_status_table
from returns_hub_return_helper import ReturnHelper, statuses
from returns_hub_returnless import Returnless
from returns_hub_returnless import statuses as returnless
from returns_hub_returnmate import ReturnMate
from returns_hub_returnmate import statuses as returnmate

RETURN_HELPER = {
    "return": {"-": "0 3 4"},
    "shipment": {
        "shipment=pre_transit label=none": "no-label",
        "shipment=pre_transit label=failed": "lb-failed",
        "shipment=delivered": "6",
        "shipment=pre_transit": "1 2 3 4",
    },
    "label": {
        "label=requested": "queued queue started 1",
        "label=ready": "success 3",
        "label=failed": "fail failed 0",
        "label=void": "canceled cancelled",
        "-": "2",
    },
    "handling": {
        "disposition=undecided": "tbc 0",
        "disposition=return_to_owner": "rtn 1",
        "disposition=dispose": "dis dsp 2",
        "disposition=forward": "rsd 3",
        "disposition=hold": "ohd 4",
        "disposition=other": "oth 5",
        "disposition=restock": "rst",
    },
    "handling_status": {
        "disposition_status=pending": "pending 0",
        "disposition_status=in_progress": "inProgress 1",
        "disposition_status=done": "completed 2",
    },
    "resend": {
        "disposition_status=pending shipment=pre_transit": "pending 0",
        "disposition_status=cancelled shipment=cancelled": "canceled cancelled 1",
        "disposition_status=in_progress shipment=pre_transit": "inProgress 2",
        "disposition_status=done shipment=in_transit": "completed 3",
        "disposition_status=failed label=failed shipment=pre_transit": "failed 4",
    },
    "recall": {
        "disposition_status=pending": "pending 0",
        "disposition_status=in_progress": "in-progress 1 completed 2",
        "disposition_status=cancelled shipment=cancelled": "canceled cancelled",
        "disposition_status=cancelled": "3",
    },
    "recall_inventory": {
        "disposition_status=in_progress": "in-progress",
        "disposition_status=in_progress shipment=in_transit": "in-transit",
        "disposition_status=in_progress shipment=available_for_pickup": "ready-to-pick-up",
        "disposition_status=done shipment=delivered": "picked-up",
        "disposition_status=cancelled shipment=cancelled": "canceled cancelled",
    },
    "recall_pick_up": {"": "pending self-pick-up courier-pick-up others"},
    "recall_update": {
        "disposition_status=in_progress shipment=in_transit": "updateTrackingNumber recallUpdateTrackingNumber 0",
        "disposition_status=in_progress shipment=available_for_pickup": "readyToPickUp markReadyToPickUp "
        "recallMarkReadyToPickUp 1",
        "disposition_status=done shipment=delivered": "pickupBySelf pickUpToSelfPickUp recallPickUpToSelfPickUp 2 "
        "pickupByCourier pickUpToCourierPickUp recallPickUpToCourierPickUp 3 "
        "pickupByOthers pickUpToOthers recallPickUpToOthers 4",
    },
    "vas": {"disposition=rework": "mobi-fmt mobi-imei mobi-lock prd-inspec repack req-pic split-parcel 3"},
    "vas_status": {
        "disposition_status=pending": "pending",
        "disposition_status=done": "successful 1",
        "disposition_status=failed": "failed",
        "-": "0 2",
    },
    "fba_shipment": {
        "shipment=pre_transit": "PENDING",
        "shipment=delivered": "ARRIVED",
        "shipment=cancelled": "CANCELED CANCELLED",
    },
    "fba_handling": {
        "disposition=restock": "RSK",
        "disposition=return_to_owner": "RCL RECALL",
        "disposition=forward": "RPS REPLENISH",
        "disposition=other": "OTH",
        "disposition=dispose": "DIS",
        "disposition=rework": "RLB",
    },
    "fba_handling_status": {
        "disposition_status=pending": "pending 0",
        "disposition_status=in_progress": "inProgress 1",
        "disposition_status=done": "completed 2",
    },
    "consolidate_order": {
        "disposition_status=pending": "CREATED CONFIRMED",
        "disposition_status=in_progress": "READY_TO_SHIP PARTIALLY_SHIPPED",
        "disposition_status=done": "SHIPPED",
        "disposition_status=cancelled": "CANCELED CANCELLED",
    },
    "consolidate_inventory": {
        "disposition_status=pending": "PENDING",
        "disposition_status=in_progress": "IN_PROGRESS PACKED",
        "disposition_status=done": "SHIPPED",
    },
    "consolidate_shipment": {"shipment=pre_transit": "CREATED", "shipment=in_transit": "SHIPPED"},
    "consolidate_box": {"disposition_status=in_progress": "IN_PROGRESS", "disposition_status=done": "SHIPPED"},
}
RETURNLESS = {
    "request": {
        "status=draft": "concept",
        "status=requested": "open",
        "status=expired": "expired",
        "status=requested attention=on_hold": "on_hold",
        "status=cancelled": "cancelled",
        "status=approved": "approved customer_viewed",
        "status=approved goods_expected=False": "approved_without_shipment",
        "status=rejected": "rejected",
        "status=ready_to_ship label=ready": "label_created",
        "-": "processing completed received",
    },
    "return": {
        "status=ready_to_ship": "processing",
        "status=received": "received",
        "status=approved goods_expected=False": "complete",
        "status=inspected": "checked",
        "status=received attention=review": "re-check",
        "status=resolved resolution=refund resolution_status=done": "completed",
        "status=rejected": "declined",
        "status=closed resolution=refund resolution_status=done": "delivered",
        "attention=exception": "exception",
        "status=resolved resolution=exchange resolution_status=done": "exchanged",
        "status=approved attention=payment_due label=none": "pending_payment",
        "status=cancelled label=void": "closed",
        "-": "approved",
    },
    "shipment": {
        "shipment=pre_transit": "1000|Ready to Send|Pre-transit|Label created",
        "shipment=in_transit": "In transit|Shipped",
        "shipment=out_for_delivery": "Out for delivery|",
        "shipment=available_for_pickup": "Available for pickup|Ready for pickup",
        "shipment=delivered": "Delivered",
        "shipment=exception": "Exception|Delivery failed",
        "shipment=return_to_sender": "Return to sender|Returned to sender",
        "shipment=cancelled": "Cancelled|Canceled",
        "shipment=expired": "Expired",
    },
    "webhook": {"status=ready_to_ship": "return_created"},
    "disposition": {"disposition=restock": "1", "-": "0"},
}
RETURNMATE = {
    "return": {
        "status=draft": "draft",
        "status=requested": "pending submitted pending_approval",
        "status=requested attention=review": "under_review pending_review",
        "status=approved": "approved",
        "status=approved attention=waiting_customer": "waiting_customer awaiting_return",
        "status=ready_to_ship": "label_sent label_issued label_generated",
        "status=in_transit": "in_transit",
        "status=received": "received counter_swapped offline_diagnostics received_at_master inspecting",
        "status=inspected": "inspected offline_repair resolution_pending",
        "status=resolved": "resolved",
        "status=resolved resolution=refund resolution_status=done": "refunded",
        "status=closed": "completed closed offline_closed",
        "status=rejected": "rejected denied",
        "status=cancelled": "cancelled canceled",
        "status=unknown attention=waiting_customer": "waiting_on_customer",
        "-": "quality_hold with_manufacturer awaiting_parts customer_response repair/replace/refund repair replace "
        "refund technician_assigned diagnostics waiting_parts",
    },
    "shipment": {
        "shipment=pre_transit": "created",
        "shipment=in_transit": "in_transit",
        "shipment=delivered": "delivered",
        "shipment=exception": "exception",
    },
}
VOCABULARIES: list[tuple[type[Adapter], dict[str, dict[str, str]]]] = [
    (ReturnHelper, RETURN_HELPER),
    (Returnless, RETURNLESS),
    (ReturnMate, RETURNMATE),
]
TABLES = [
    pytest.param(adapter.vocabularies[name], rows, id=f"{adapter.provider}-{name}")
    for adapter, vocabularies in VOCABULARIES
    for name, rows in vocabularies.items()
]


def asserted(facts: Facts) -> str:
    """What facts assert, in words; an unknown status, or the like, alone is ``-``."""
    told = {name: value for name, value in dump(facts).items() if name not in ("why", "source")}
    words = {name: value for name, value in told.items() if value is not None and value != []}
    if words and set(map(str, words.values())) == {"unknown"}:
        return "-"
    return " ".join(f"{name}={value[0] if name == 'attention' else value}" for name, value in words.items())


def in_one_order(meaning: str) -> set[str]:
    return set(meaning.split())


@pytest.mark.parametrize(("table", "rows"), TABLES)
def test_every_word_asserts_this_and_nothing_more(table: StatusTable, rows: Mapping[str, str]) -> None:
    expected = {
        word: in_one_order(meaning)
        for meaning, words in rows.items()
        for word in words.split("|" if "|" in words else None)
        if word
    }
    assert {word: in_one_order(asserted(facts)) for word, facts in table.rows.items()} == expected


@pytest.mark.parametrize(("adapter", "vocabularies"), VOCABULARIES)
def test_every_vocabulary_is_here(adapter: type[Adapter], vocabularies: Mapping[str, Any]) -> None:
    assert adapter.vocabularies.keys() == vocabularies.keys()


# The vendor's own names of these fields.
NAMES = (
    "returnStatusCode",
    "shipmentStatusCode",
    "labelRequestStatusCode",
    "handlingCode",
    "handlingStatusCode",
    "resendStatusCode",
    "recallStatusCode",
    "recallInventoryStatusCode",
    "pickUpCode",
    "recallUpdateTypeStatus",
    "vasCode",
    "vasStatusCode",
    "fbaShipmentStatusCode",
    "fbaInstructionHandlingCode",
    "handlingStatusCode of FBA",
    "consolidateShippingOrderStatus",
    "consolidateShippingInventoryStatus",
    "consolidateShippingShipmentStatus",
    "consolidateShippingShipmentBoxStatus",
)


def test_every_vocabulary_of_return_helper_has_the_vendors_name() -> None:
    named = [(name, table.name) for name, table in ReturnHelper.vocabularies.items()]
    assert named == [(name, f"Return Helper {field}") for name, field in zip(RETURN_HELPER, NAMES, strict=True)]


ALL: list[Any] = [
    pytest.param(table, id=f"{adapter.provider}-{name}")
    for adapter, _ in VOCABULARIES
    for name, table in adapter.vocabularies.items()
]
# Of what nothing is known then; a pick-up code asserts nothing at all.
UNKNOWN = {
    **dict.fromkeys(("return", "request", "webhook"), "status"),
    **dict.fromkeys(("shipment", "fba_shipment", "consolidate_shipment"), "shipment"),
    "label": "label",
    **dict.fromkeys(("disposition", "handling", "vas", "fba_handling"), "disposition"),
    "recall_pick_up": "",
}


@pytest.mark.parametrize(
    ("name", "table"), [(name, table) for adapter, _ in VOCABULARIES for name, table in adapter.vocabularies.items()]
)
def test_a_word_that_nobody_wrote_down_is_unknown_and_no_silence(name: str, table: StatusTable) -> None:
    facts = dump(table.look_up("no such word"))
    field = UNKNOWN.get(name, "disposition_status")
    assert {key for key, value in facts.items() if value == "unknown"} == ({field} if field else set())


@pytest.mark.parametrize("table", ALL)
def test_a_table_cannot_be_written_to(table: StatusTable) -> None:
    with pytest.raises(TypeError):
        table.rows["new"] = Facts()  # type: ignore[index]


def test_an_account_has_every_table_and_counts_its_own_unknown_words() -> None:
    mine, other = statuses.account_words({}), statuses.account_words({})
    mine["vas"].look_up("no such service")
    assert list(mine) == list(RETURN_HELPER)
    assert [dict(words["vas"].unknown_words()) for words in (mine, other)] == [{"no such service": 1}, {}]
    assert mine["vas"].rows == statuses.VAS.rows


@pytest.mark.parametrize("tables", [statuses.VOCABULARIES, statuses.account_words({})])
def test_no_table_can_be_exchanged(tables: Mapping[str, StatusTable]) -> None:
    with pytest.raises(TypeError):
        tables["vas"] = statuses.HANDLINGS  # type: ignore[index]


def test_the_words_that_are_sent_are_these() -> None:
    assert dict(returnless.REQUEST_WORD_BY_STATUS) == {
        Status.DRAFT: "concept",
        Status.REQUESTED: "open",
        Status.APPROVED: "approved",
        Status.REJECTED: "rejected",
        Status.CANCELLED: "cancelled",
        Status.EXPIRED: "expired",
    }
    assert dict(returnless.RETURN_WORD_BY_STATUS) == {
        Status.RECEIVED: "received",
        Status.INSPECTED: "checked",
        Status.REJECTED: "declined",
    }
    assert returnmate.REFERENCE_WORDS == ("pending", "approved", "rejected", "completed")
    assert returnmate.WRITABLE_WORDS == ("approved", "rejected")


@pytest.mark.parametrize("words", [returnless.REQUEST_WORD_BY_STATUS, returnless.RETURN_WORD_BY_STATUS])
def test_the_words_that_are_sent_cannot_be_exchanged(words: Mapping[Status, str]) -> None:
    with pytest.raises(TypeError):
        words[Status.CLOSED] = "x"  # type: ignore[index]


def test_a_parcel_s_word_may_be_spelt_as_the_shop_likes() -> None:
    assert asserted(returnmate.SHIPMENT_STATUSES.look_up("In-Transit")) == "shipment=in_transit"


def test_a_shop_s_word_takes_facts_with_a_reason_from_any_mapping() -> None:
    meaning = MappingProxyType({"status": "received", "attention": ["review"], "why": "our own"})
    facts = account_status_table("returnmate", returnmate.RETURN_STATUSES, {"bench": meaning}).look_up("Bench")
    assert facts == Facts(status=Status.RECEIVED, attention=frozenset({Attention.REVIEW}), why="our own")


def test_a_vendor_whose_statuses_are_ids_of_the_account_has_a_table_of_nothing_else() -> None:
    # Returnless V2: a status is an object with an id, and only the shop knows what it means. What it leaves out asserts nothing.
    ids = StatusTable(name="ids", rows={}, unknown=Facts())
    table = account_status_table(
        "returnless_v2",
        ids,
        {
            "returnstatus_h4Kx9": "approved",
            "returnstatus_q1": {"status": "resolved", "resolution": "refund", "resolution_status": "done"},
        },
    )
    assert table.look_up("returnstatus_h4Kx9") == Facts(status=Status.APPROVED)
    assert table.look_up("returnstatus_q1") == Facts(
        status=Status.RESOLVED, resolution=ResolutionKind.REFUND, resolution_status=ResolutionStatus.DONE
    )
    assert table.look_up("RETURNSTATUS_Q1") == Facts()
    assert table.words_for(Status.APPROVED) == ("returnstatus_h4Kx9",)
    assert dict(table.unknown_words()) == {"RETURNSTATUS_Q1": 1}


EVERY_STATUS = (
    "draft, requested, approved, ready_to_ship, in_transit, received, inspected, resolved, closed, rejected, "
    "cancelled, expired, unknown"
)


@pytest.mark.parametrize(
    ("meaning", "problem"),
    [
        ({"attention": ["review"]}, "a status word is expected, or a table of facts with one under “status”"),
        (
            {"status": "received", "colour": "red"},
            "'colour' is no fact of a return; attention, goods_expected, resolution, resolution_status, status, why are",
        ),
        (
            {"status": None},
            f"status is not a word of its vocabulary; status is one of {EVERY_STATUS}",
        ),
    ],
)
def test_what_is_wrong_with_a_shop_s_word_is_said_in_full(meaning: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        account_status_table("returnmate", returnmate.RETURN_STATUSES, {"bench": meaning})
    assert str(caught.value) == f"returnmate: status_map, word 'bench': {problem}"
