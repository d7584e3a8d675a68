"""Every word of every vendor with all that it asserts: a word left out, or a fact too many or too few, is noticed.

Written down from the vendors' documents, apart from the tables: one line for each meaning, ``-`` where a document shows
a word and never defines it.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from returns_hub import Facts, StatusTable, dump
from returns_hub_return_helper import ReturnHelper, statuses
from returns_hub_returnless import Returnless
from returns_hub_returnmate import ReturnMate

RETURN_HELPER = {
    "return": {"-": "0 3 4"},
    "shipment": {
        "shipment=pre_transit label=none": "no-label",
        "shipment=pre_transit label=failed": "lb-failed",
        "shipment=delivered": "6",
        "-": "1 2 3 4",
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
        "disposition_status=pending": "pending 0",
        "disposition_status=cancelled shipment=cancelled": "canceled cancelled 1",
        "disposition_status=in_progress": "inProgress 2",
        "disposition_status=done": "completed 3",
        "disposition_status=failed label=failed": "failed 4",
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
TABLES = [(ReturnHelper.vocabularies[name], rows) for name, rows in RETURN_HELPER.items()]


def asserted(facts: Facts) -> str:
    """What facts assert, in words; an unknown status, or the like, alone is ``-``."""
    told = {name: value for name, value in dump(facts).items() if name not in ("why", "source")}
    words = {name: value for name, value in told.items() if value is not None and value != []}
    if words and set(words.values()) == {"unknown"}:
        return "-"
    return " ".join(f"{name}={value}" for name, value in words.items())


def in_model_order(meaning: str) -> str:
    names = list(dump(Facts()))
    return (
        " ".join(sorted(meaning.split(), key=lambda word: names.index(word.partition("=")[0])))
        if "=" in meaning
        else meaning
    )


@pytest.mark.parametrize(("table", "rows"), TABLES, ids=[table.name for table, _ in TABLES])
def test_every_word_of_return_helper_asserts_this_and_nothing_more(table: StatusTable, rows: Mapping[str, str]) -> None:
    expected = {word: in_model_order(meaning) for meaning, words in rows.items() for word in words.split()}
    assert {word: asserted(facts) for word, facts in table.rows.items()} == expected


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


def test_every_vocabulary_of_return_helper_is_here() -> None:
    named = [(name, table.name) for name, table in ReturnHelper.vocabularies.items()]
    assert named == [(name, f"Return Helper {field}") for name, field in zip(RETURN_HELPER, NAMES, strict=True)]


ALL: list[Any] = [
    pytest.param(table, id=f"{adapter.provider}-{name}")
    for adapter in (ReturnHelper, Returnless, ReturnMate)
    for name, table in adapter.vocabularies.items()
]


@pytest.mark.parametrize("table", ALL)
def test_a_word_that_nobody_wrote_down_means_nothing_and_is_no_silence(table: StatusTable) -> None:
    meaning = asserted(table.look_up("no such word"))
    assert meaning == ("" if table.name == "Return Helper pickUpCode" else "-")


@pytest.mark.parametrize("table", ALL)
def test_a_table_cannot_be_written_to(table: StatusTable) -> None:
    with pytest.raises(TypeError):
        table.rows["new"] = Facts()  # type: ignore[index]


def test_an_account_has_every_table_and_counts_its_own_unknown_words() -> None:
    mine, other = statuses.own_words(), statuses.own_words()
    mine["vas"].look_up("no such service")
    assert list(mine) == list(RETURN_HELPER)
    assert [dict(words["vas"].unknown_words()) for words in (mine, other)] == [{"no such service": 1}, {}]
    assert mine["vas"].rows == statuses.VAS.rows


@pytest.mark.parametrize("tables", [statuses.VOCABULARIES, statuses.own_words()])
def test_no_table_can_be_exchanged(tables: Mapping[str, StatusTable]) -> None:
    with pytest.raises(TypeError):
        tables["vas"] = statuses.HANDLINGS  # type: ignore[index]
