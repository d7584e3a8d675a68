"""What each of the vendor's words asserts, as its documentation (Returnless V1 API) defines it."""

from typing import Any

import pytest

from returns_hub import (
    Attention,
    Disposition,
    Facts,
    LabelStatus,
    ResolutionKind,
    ResolutionStatus,
    ShipmentStatus,
    Status,
)
from returns_hub_returnless import Returnless

# Request statuses.
REQUESTS: list[tuple[str, Status | None]] = [
    ("concept", Status.DRAFT),
    ("open", Status.REQUESTED),
    ("expired", Status.EXPIRED),
    ("on_hold", Status.REQUESTED),
    ("cancelled", Status.CANCELLED),
    ("approved", Status.APPROVED),
    ("approved_without_shipment", Status.APPROVED),
    ("rejected", Status.REJECTED),
    ("customer_viewed", Status.APPROVED),
    ("label_created", Status.READY_TO_SHIP),
]
# Return statuses.
RETURNS: list[tuple[str, Status | None]] = [
    ("processing", Status.READY_TO_SHIP),
    ("received", Status.RECEIVED),
    ("complete", Status.APPROVED),
    ("checked", Status.INSPECTED),
    ("re-check", Status.RECEIVED),
    ("completed", Status.RESOLVED),
    ("declined", Status.REJECTED),
    ("delivered", Status.CLOSED),
    ("exception", None),
    ("exchanged", Status.RESOLVED),
    ("pending_payment", Status.APPROVED),
    ("closed", Status.CANCELLED),
]
SHOWN = {"request": ["processing", "completed", "received"], "return": ["approved"]}


def facts(vocabulary: str, word: str) -> Facts:
    return Returnless.vocabularies[vocabulary].look_up(word)


@pytest.mark.parametrize(("word", "status"), REQUESTS)
def test_request_word(word: str, status: Status) -> None:
    assert facts("request", word).status is status


@pytest.mark.parametrize(("word", "status"), RETURNS)
def test_return_word(word: str, status: Status | None) -> None:
    assert facts("return", word).status is status


@pytest.mark.parametrize(("vocabulary", "words"), [("request", REQUESTS), ("return", RETURNS)])
def test_vocabulary_is_what_is_defined_and_what_is_shown(
    vocabulary: str, words: list[tuple[str, Status | None]]
) -> None:
    assert set(Returnless.vocabularies[vocabulary].rows) == {*dict(words), *SHOWN[vocabulary]}


@pytest.mark.parametrize(
    ("vocabulary", "word"),
    [("request", "processing"), ("request", "completed"), ("request", "received"), ("return", "approved")],
)
def test_word_that_is_shown_and_never_defined_means_nothing(vocabulary: str, word: str) -> None:
    table = Returnless.vocabularies[vocabulary]
    assert table.knows(word)
    assert (table.look_up(word).status, table.look_up(word).attention) == (Status.UNKNOWN, frozenset())


def test_complete_is_approved_and_nothing_is_shipped() -> None:
    complete = facts("return", "complete")
    assert (complete.status, complete.goods_expected, complete.resolution) == (Status.APPROVED, False, None)


def test_completed_is_refunded() -> None:
    completed = facts("return", "completed")
    assert (completed.status, completed.resolution, completed.resolution_status, completed.goods_expected) == (
        Status.RESOLVED,
        ResolutionKind.REFUND,
        ResolutionStatus.DONE,
        None,
    )


def test_delivered_is_refunded_and_booked_and_no_parcel() -> None:
    delivered = facts("return", "delivered")
    assert (delivered.status, delivered.resolution, delivered.resolution_status, delivered.shipment) == (
        Status.CLOSED,
        ResolutionKind.REFUND,
        ResolutionStatus.DONE,
        None,
    )


def test_closed_is_a_cancelled_label_and_no_refund_of_goods() -> None:
    closed = facts("return", "closed")
    assert (closed.status, closed.label, closed.resolution) == (Status.CANCELLED, LabelStatus.VOID, None)


def test_recheck_is_a_step_back_to_be_looked_at() -> None:
    recheck = facts("return", "re-check")
    assert (recheck.status, recheck.attention) == (Status.RECEIVED, frozenset({Attention.REVIEW}))


def test_received_needs_no_attention() -> None:
    assert facts("return", "received").attention == frozenset()


def test_exception_says_only_that_something_is_wrong() -> None:
    exception = facts("return", "exception")
    assert (exception.status, exception.attention) == (None, frozenset({Attention.EXCEPTION}))


def test_pending_payment_is_approved_and_to_be_paid_for() -> None:
    pending = facts("return", "pending_payment")
    assert (pending.status, pending.attention, pending.label) == (
        Status.APPROVED,
        frozenset({Attention.PAYMENT_DUE}),
        LabelStatus.NONE,
    )


def test_exchanged_is_no_refund() -> None:
    exchanged = facts("return", "exchanged")
    assert (exchanged.resolution, exchanged.resolution_status) == (ResolutionKind.EXCHANGE, ResolutionStatus.DONE)


def test_on_hold_is_for_the_webshop_to_look_at() -> None:
    assert facts("request", "on_hold").attention == {Attention.ON_HOLD}


@pytest.mark.parametrize(
    ("word", "goods_expected"), [("approved", None), ("customer_viewed", None), ("approved_without_shipment", False)]
)
def test_approved_requests_differ_in_what_will_come(word: str, goods_expected: bool | None) -> None:
    assert facts("request", word).goods_expected is goods_expected


@pytest.mark.parametrize(("word", "label"), [("customer_viewed", None), ("label_created", LabelStatus.READY)])
def test_label_is_there_once_it_is_created(word: str, label: LabelStatus | None) -> None:
    assert facts("request", word).label is label


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("1000", ShipmentStatus.PRE_TRANSIT),
        ("Ready to Send", ShipmentStatus.PRE_TRANSIT),
        ("READY_TO_SEND", ShipmentStatus.PRE_TRANSIT),
        ("In transit", ShipmentStatus.IN_TRANSIT),
        ("in-transit", ShipmentStatus.IN_TRANSIT),
        ("Out for delivery", ShipmentStatus.OUT_FOR_DELIVERY),
        ("Ready for pickup", ShipmentStatus.AVAILABLE_FOR_PICKUP),
        ("Delivered", ShipmentStatus.DELIVERED),
        ("Returned to sender", ShipmentStatus.RETURN_TO_SENDER),
        ("cancelled", ShipmentStatus.CANCELLED),
    ],
)
def test_tracking_status_is_read_where_it_is_plain_english(word: str, status: ShipmentStatus) -> None:
    assert facts("shipment", word).shipment is status


def test_unknown_tracking_status_is_unknown() -> None:
    assert facts("shipment", "2000").shipment is ShipmentStatus.UNKNOWN


@pytest.mark.parametrize(("digit", "disposition"), [("1", Disposition.RESTOCK), ("0", Disposition.UNKNOWN)])
def test_back_to_stock(digit: str, disposition: Disposition) -> None:
    assert facts("disposition", digit).disposition is disposition


@pytest.mark.parametrize("word", ["Processing", "re_check", "recheck", "complete ", "on-hold", "cancel"])
def test_spelling_is_exact(word: str) -> None:
    assert not any(
        table.knows(word) for table in (Returnless.vocabularies["return"], Returnless.vocabularies["request"])
    )


@pytest.mark.parametrize("vocabulary", ["request", "return", "shipment", "disposition", "webhook"])
def test_every_row_says_where_it_is_written(vocabulary: str) -> None:
    assert [word for word, row in Returnless.vocabularies[vocabulary].rows.items() if not row.source] == []


def test_source_quotes_the_definition() -> None:
    assert facts("return", "complete").source == (
        "Returnless V1 documentation, Return statuses: "
        "“Return has been auto-approved without shipment by Return Rules.”"
    )


def test_unknown_words_are_counted_for_each_account(make: Any, answer: Any, finish: Any) -> None:
    one, other = make(), make()
    finish(one.get_return("1"), answer(200, {"return_id": "1", "status": "in_limbo"}))
    assert (one.statuses.unknown_words(), other.statuses.unknown_words()) == ({"in_limbo": 1}, {})
