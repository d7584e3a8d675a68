"""What each code asserts. The expected values are readings of the vendor's documents, not of ``statuses.py``."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from returns_hub import (
    ConfigurationError,
    Disposition,
    DispositionStatus,
    Facts,
    Item,
    LabelStatus,
    ShipmentStatus,
    Status,
    StatusTable,
)
from returns_hub.wire import Record
from returns_hub_return_helper.derivation import is_settled
from returns_hub_return_helper.statuses import (
    CONSOLIDATE_BOX_STATUSES,
    CONSOLIDATE_INVENTORY_STATUSES,
    CONSOLIDATE_ORDER_STATUSES,
    CONSOLIDATE_SHIPMENT_STATUSES,
    FBA_HANDLING_STATUSES,
    FBA_HANDLINGS,
    FBA_SHIPMENT_STATUSES,
    HANDLING_STATUSES,
    HANDLINGS,
    LABEL_STATUSES,
    PICK_UPS,
    RECALL_INVENTORY_STATUSES,
    RECALL_STATUSES,
    RECALL_UPDATES,
    RESEND_STATUSES,
    RETURN_STATUSES,
    SHIPMENT_STATUSES,
    VAS,
    VAS_STATUSES,
    VOCABULARIES,
    account_words,
)
from returns_hub_return_helper.wire import Parser

PARSER = Parser(VOCABULARIES)
PENDING, IN_PROGRESS, DONE = DispositionStatus.PENDING, DispositionStatus.IN_PROGRESS, DispositionStatus.DONE
FAILED, CANCELLED, NOT_KNOWN = DispositionStatus.FAILED, DispositionStatus.CANCELLED, DispositionStatus.UNKNOWN


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("queued", LabelStatus.REQUESTED),
        ("queue", LabelStatus.REQUESTED),
        ("started", LabelStatus.REQUESTED),
        ("success", LabelStatus.READY),
        ("SUCCESS", LabelStatus.READY),
        ("fail", LabelStatus.FAILED),
        ("failed", LabelStatus.FAILED),
        ("Failed", LabelStatus.FAILED),
        ("canceled", LabelStatus.VOID),
        ("cancelled", LabelStatus.VOID),
        (0, LabelStatus.FAILED),
        ("0", LabelStatus.FAILED),
        (1, LabelStatus.REQUESTED),
        (2, LabelStatus.UNKNOWN),
        (3, LabelStatus.READY),
        ("3", LabelStatus.READY),
    ],
)
def test_label_request_status(word: object, expected: LabelStatus) -> None:
    assert LABEL_STATUSES.look_up(str(word)).label is expected


@pytest.mark.parametrize(
    ("word", "expected", "of_label"),
    [
        ("no-label", ShipmentStatus.PRE_TRANSIT, LabelStatus.NONE),
        ("lb-failed", ShipmentStatus.PRE_TRANSIT, LabelStatus.FAILED),
        (6, ShipmentStatus.DELIVERED, None),
        ("6", ShipmentStatus.DELIVERED, None),
        (1, ShipmentStatus.PRE_TRANSIT, None),
        (2, ShipmentStatus.PRE_TRANSIT, None),
        (3, ShipmentStatus.PRE_TRANSIT, None),
        (4, ShipmentStatus.PRE_TRANSIT, None),
    ],
)
def test_shipment_status(word: object, expected: ShipmentStatus, of_label: LabelStatus | None) -> None:
    facts = SHIPMENT_STATUSES.look_up(str(word))

    assert (facts.shipment, facts.label) == (expected, of_label)


@pytest.mark.parametrize("word", [0, "0", 3, 4, "whatever"])
def test_no_return_status_is_defined(word: object) -> None:
    assert RETURN_STATUSES.look_up(str(word)).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("tbc", 0, "0", "TBC"), Disposition.UNDECIDED),
        (("rtn", 1, "1", "RTN"), Disposition.RETURN_TO_OWNER),
        (("dis", "dsp", 2, "2", "DSP"), Disposition.DISPOSE),
        (("rsd", 3, "3"), Disposition.FORWARD),
        (("ohd", 4, "4", "Ohd"), Disposition.HOLD),
        (("oth", 5, "5"), Disposition.OTHER),
        (("rst",), Disposition.RESTOCK),
        ((6, "customer-return"), Disposition.UNKNOWN),
    ],
)
def test_handling_code_in_every_spelling(words: tuple[object, ...], expected: Disposition) -> None:
    assert {HANDLINGS.look_up(str(word)).disposition for word in words} == {expected}


@pytest.mark.parametrize("table", [HANDLING_STATUSES, FBA_HANDLING_STATUSES])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("pending", 0, "0", "PENDING"), PENDING),
        (("inProgress", "in-progress", "IN_PROGRESS", 1, "1"), IN_PROGRESS),
        (("completed", 2, "2", "Completed"), DONE),
        ((3, "done"), NOT_KNOWN),
    ],
)
def test_handling_status_in_every_spelling(
    table: StatusTable, words: tuple[object, ...], expected: DispositionStatus
) -> None:
    assert {table.look_up(str(word)).disposition_status for word in words} == {expected}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("pending", 0), PENDING),
        (("canceled", 1), CANCELLED),
        (("inProgress", "in-progress", 2), IN_PROGRESS),
        (("completed", 3), DONE),
        (("failed", 4), FAILED),
        ((5,), NOT_KNOWN),
    ],
)
def test_resend_status(words: tuple[object, ...], expected: DispositionStatus) -> None:
    assert {RESEND_STATUSES.look_up(str(word)).disposition_status for word in words} == {expected}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0, ShipmentStatus.PRE_TRANSIT),
        (1, ShipmentStatus.CANCELLED),
        (2, ShipmentStatus.PRE_TRANSIT),
        ("completed", ShipmentStatus.IN_TRANSIT),
        (3, ShipmentStatus.IN_TRANSIT),
        (4, ShipmentStatus.PRE_TRANSIT),
    ],
)
def test_parcel_of_a_resend_is_on_its_way_once_the_resend_is_completed(word: object, expected: ShipmentStatus) -> None:
    assert RESEND_STATUSES.look_up(str(word)).shipment is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("pending", 0), PENDING),
        (("in-progress", "inProgress", 1), IN_PROGRESS),
        (("canceled", 3), CANCELLED),
    ],
)
def test_recall_status_of_both_generations(words: tuple[object, ...], expected: DispositionStatus) -> None:
    assert {RECALL_STATUSES.look_up(str(word)).disposition_status for word in words} == {expected}


@pytest.mark.parametrize("word", ["completed", 2])
def test_a_completed_recall_still_waits_to_be_picked_up(word: object) -> None:
    assert RECALL_STATUSES.look_up(str(word)).disposition_status is IN_PROGRESS


@pytest.mark.parametrize(
    ("word", "progress", "parcel"),
    [
        ("in-progress", IN_PROGRESS, None),
        ("in-transit", IN_PROGRESS, ShipmentStatus.IN_TRANSIT),
        ("ready-to-pick-up", IN_PROGRESS, ShipmentStatus.AVAILABLE_FOR_PICKUP),
        ("picked-up", DONE, ShipmentStatus.DELIVERED),
        ("canceled", CANCELLED, ShipmentStatus.CANCELLED),
    ],
)
def test_recall_inventory_status(word: str, progress: DispositionStatus, parcel: ShipmentStatus | None) -> None:
    facts = RECALL_INVENTORY_STATUSES.look_up(word)

    assert (facts.disposition_status, facts.shipment) == (progress, parcel)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("updateTrackingNumber", "recallUpdateTrackingNumber", 0), IN_PROGRESS),
        (("readyToPickUp", "markReadyToPickUp", "recallMarkReadyToPickUp", 1), IN_PROGRESS),
        (("pickupBySelf", "pickUpToSelfPickUp", "recallPickUpToSelfPickUp", 2), DONE),
        (("pickupByCourier", "pickUpToCourierPickUp", "recallPickUpToCourierPickUp", 3), DONE),
        (("pickupByOthers", "pickUpToOthers", "recallPickUpToOthers", 4), DONE),
        (("teleported",), NOT_KNOWN),
    ],
)
def test_recall_update_types_of_every_generation(words: tuple[object, ...], expected: DispositionStatus) -> None:
    assert {RECALL_UPDATES.look_up(str(word)).disposition_status for word in words} == {expected}


@pytest.mark.parametrize("word", ["pending", "self-pick-up", "courier-pick-up", "others", ""])
def test_the_way_of_a_pick_up_asserts_nothing(word: str) -> None:
    facts = PICK_UPS.look_up(word)

    assert (facts.status, facts.disposition, facts.disposition_status, facts.shipment) == (None, None, None, None)


@pytest.mark.parametrize(
    "word",
    [
        "mobi-fmt",
        "mobi-imei",
        "mobi-lock",
        "prd-inspec",
        "repack",
        "req-pic",
        "split-parcel",
        "SPLIT_PARCEL",
        "split_parcel",
        3,
    ],
)
def test_every_service_is_rework(word: object) -> None:
    assert VAS.look_up(str(word)).disposition is Disposition.REWORK


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("pending",), PENDING),
        (("successful", "SUCCESSFUL", 1, "1"), DONE),
        (("failed",), FAILED),
        ((0, 2), NOT_KNOWN),
    ],
)
def test_service_status(words: tuple[object, ...], expected: DispositionStatus) -> None:
    assert {VAS_STATUSES.look_up(str(word)).disposition_status for word in words} == {expected}


@pytest.mark.parametrize(
    ("table", "word", "expected"),
    [
        (FBA_SHIPMENT_STATUSES, "PENDING", Facts(shipment=ShipmentStatus.PRE_TRANSIT)),
        (FBA_SHIPMENT_STATUSES, "ARRIVED", Facts(shipment=ShipmentStatus.DELIVERED)),
        (FBA_SHIPMENT_STATUSES, "CANCELED", Facts(shipment=ShipmentStatus.CANCELLED)),
        (FBA_SHIPMENT_STATUSES, "LOST", Facts(shipment=ShipmentStatus.UNKNOWN)),
        (FBA_HANDLINGS, "RSK", Facts(disposition=Disposition.RESTOCK)),
        (FBA_HANDLINGS, "RCL", Facts(disposition=Disposition.RETURN_TO_OWNER)),
        (FBA_HANDLINGS, "RECALL", Facts(disposition=Disposition.RETURN_TO_OWNER)),
        (FBA_HANDLINGS, "RPS", Facts(disposition=Disposition.FORWARD)),
        (FBA_HANDLINGS, "REPLENISH", Facts(disposition=Disposition.FORWARD)),
        (FBA_HANDLINGS, "OTH", Facts(disposition=Disposition.OTHER)),
        (FBA_HANDLINGS, "DIS", Facts(disposition=Disposition.DISPOSE)),
        (FBA_HANDLINGS, "RLB", Facts(disposition=Disposition.REWORK)),
        (CONSOLIDATE_ORDER_STATUSES, "CREATED", Facts(disposition_status=PENDING)),
        (CONSOLIDATE_ORDER_STATUSES, "CONFIRMED", Facts(disposition_status=PENDING)),
        (CONSOLIDATE_ORDER_STATUSES, "READY_TO_SHIP", Facts(disposition_status=IN_PROGRESS)),
        (CONSOLIDATE_ORDER_STATUSES, "PARTIALLY_SHIPPED", Facts(disposition_status=IN_PROGRESS)),
        (CONSOLIDATE_ORDER_STATUSES, "SHIPPED", Facts(disposition_status=DONE)),
        (CONSOLIDATE_ORDER_STATUSES, "CANCELED", Facts(disposition_status=CANCELLED)),
        (CONSOLIDATE_SHIPMENT_STATUSES, "CREATED", Facts(shipment=ShipmentStatus.PRE_TRANSIT)),
        (CONSOLIDATE_SHIPMENT_STATUSES, "SHIPPED", Facts(shipment=ShipmentStatus.IN_TRANSIT)),
        (CONSOLIDATE_BOX_STATUSES, "IN_PROGRESS", Facts(disposition_status=IN_PROGRESS)),
        (CONSOLIDATE_BOX_STATUSES, "SHIPPED", Facts(disposition_status=DONE)),
        (CONSOLIDATE_INVENTORY_STATUSES, "PENDING", Facts(disposition_status=PENDING)),
        (CONSOLIDATE_INVENTORY_STATUSES, "IN_PROGRESS", Facts(disposition_status=IN_PROGRESS)),
        (CONSOLIDATE_INVENTORY_STATUSES, "PACKED", Facts(disposition_status=IN_PROGRESS)),
        (CONSOLIDATE_INVENTORY_STATUSES, "SHIPPED", Facts(disposition_status=DONE)),
    ],
)
def test_fba_and_consolidate_shipping(table: StatusTable, word: str, expected: Facts) -> None:
    facts = table.look_up(word)

    assert (facts.disposition, facts.disposition_status, facts.shipment) == (
        expected.disposition,
        expected.disposition_status,
        expected.shipment,
    )


@pytest.mark.parametrize("handling", ["dis", "dsp", "rst", "rtn", "rsd", "oth", "ohd", "tbc", "new"])
@pytest.mark.parametrize("status", ["completed", 2, "2", "COMPLETED"])
def test_completed_is_done_of_every_handling(handling: str, status: object) -> None:
    item = read_item(handlingCode=handling, handlingStatusCode=status)

    assert (item.disposition_status, item.disposition_status_raw) == (DONE, str(status))


def test_silence_about_a_handling_asserts_nothing() -> None:
    item = read_item()

    assert (item.disposition, item.disposition_raw, item.disposition_status, item.disposition_status_raw) == (None,) * 4


def read_item(**raw: object) -> Item:
    return PARSER.inventory(Record({"returnInventoryId": 1, **raw}))


@pytest.mark.parametrize(
    ("raw", "settled"),
    [
        ({"handlingCode": 2, "handlingStatusCode": 2}, True),
        ({"handlingCode": "rtn", "handlingStatusCode": "completed"}, True),
        ({"handlingCode": 2, "handlingStatusCode": 1}, False),
        ({"handlingCode": "ohd", "handlingStatusCode": "completed"}, False),
        ({"handlingCode": "new", "handlingStatusCode": "completed"}, False),
        ({}, False),
    ],
)
def test_an_inventory_on_hold_is_never_settled(raw: dict[str, object], settled: bool) -> None:
    assert is_settled(read_item(**raw)) is settled


@pytest.mark.parametrize("name", VOCABULARIES)
def test_every_row_names_its_source(name: str) -> None:
    assert all(facts.source for facts in VOCABULARIES[name].rows.values())


@pytest.mark.parametrize("name", VOCABULARIES)
@settings(deadline=None)
@given(word=st.text())
def test_no_word_is_an_error(name: str, word: str) -> None:
    assert isinstance(VOCABULARIES[name].look_up(word), Facts)


@pytest.mark.parametrize(("word", "kept"), [("quarantined", "quarantined"), (99, "99"), ("99", "99")])
def test_an_unknown_code_keeps_its_word_wherever_it_stands(word: object, kept: str) -> None:
    item = read_item(handlingCode=word, handlingStatusCode=word)
    parcel = PARSER.shipment(Record({"shipmentId": 1, "shipmentStatusCode": word}))
    label = PARSER.label(Record({"labelRequestStatusCode": word}))

    assert (item.disposition, item.disposition_raw) == (Disposition.UNKNOWN, kept)
    assert (item.disposition_status, item.disposition_status_raw) == (NOT_KNOWN, kept)
    assert (parcel.status, parcel.status_raw) == (ShipmentStatus.UNKNOWN, kept)
    assert (label.status, label.status_raw) == (LabelStatus.UNKNOWN, kept)


@pytest.mark.parametrize("word", [["x"], {"a": 1}, True])
def test_a_code_of_another_type_leaves_its_field_empty_and_is_named(word: object) -> None:
    record = Record({"returnInventoryId": 1, "handlingCode": word})

    assert PARSER.inventory(record).disposition is None
    assert record.unreadable == ("handlingCode",)


@pytest.mark.parametrize(
    "meaning", ["delivered", {"shipment": "delivered"}, {"shipment": "delivered", "why": "our warehouse says so"}]
)
def test_an_account_teaches_further_words_of_its_shipments(meaning: object) -> None:
    parser = Parser(account_words({"Booked-In": meaning}))

    parcel = parser.shipment(Record({"shipmentId": 1, "shipmentStatusCode": "booked in"}))

    assert (parcel.status, parcel.status_raw) == (ShipmentStatus.DELIVERED, "booked in")


def test_a_taught_word_may_also_say_what_became_of_the_label() -> None:
    parser = Parser(account_words({"7": {"shipment": "pre_transit", "label": "void"}}))

    parcel = parser.shipment(Record({"shipmentId": 1, "shipmentStatusCode": 7}))

    assert parcel.label is not None
    assert (parcel.status, parcel.label.status) == (ShipmentStatus.PRE_TRANSIT, LabelStatus.VOID)


def test_a_taught_word_wins_over_the_vendors_own() -> None:
    assert account_words({"3": "in_transit"})["shipment"].look_up("3").shipment is ShipmentStatus.IN_TRANSIT
    assert account_words({})["shipment"].look_up("3").shipment is ShipmentStatus.PRE_TRANSIT


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({" ": "delivered"}, "empty"),
        ({"7": "arrived"}, "'7'"),
        ({"7": {"label": "void"}}, "'7'"),
        ({"7": {"shipment": "delivered", "status": "received"}}, "status"),
        ({"7": 5}, "'7'"),
        ({"a b": "delivered", "A-B": "expired"}, "shipment_status_map"),
    ],
)
def test_a_meaning_that_is_not_understood_is_named(words: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigurationError, match="shipment_status_map") as caught:
        account_words(words)
    assert named in str(caught.value)
