"""The model: what it makes of what it is given."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import (
    Attention,
    Direction,
    Disposition,
    DispositionStatus,
    Facts,
    Item,
    ItemInstruction,
    Label,
    LabelStatus,
    Money,
    NewLabel,
    NewReturn,
    Note,
    Resolution,
    ResolutionKind,
    ResolutionStatus,
    Return,
    ReturnKind,
    ReturnQuery,
    Shipment,
    ShipmentStatus,
    Status,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("label", "error", "reasons"),
    [
        (Label(reasons=("no such street", "no such city")), "no such street; no such city", 2),
        (Label(error="no such street"), "no such street", 1),
        (Label(status=LabelStatus.READY), None, 0),
    ],
)
def test_the_error_of_a_label_is_its_reasons_joined(label: Label, error: str | None, reasons: int) -> None:
    assert (label.error, len(label.reasons)) == (error, reasons)


@pytest.mark.parametrize("amount", [10, "10", Decimal(10)])
def test_a_number_may_be_valuein_any_exact_form(amount: Decimal | int | str) -> None:
    money = Money(amount=amount, currency="EUR")
    assert (money.amount, type(money.amount)) == (Decimal(10), Decimal)


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        (9.95, "a float, which is not exact"),
        ("9,95", "'9,95'"),
        ("1e3", "'1e3'"),
        (True, "True"),
        (None, "None"),
        (Decimal("NaN"), "Decimal('NaN')"),
    ],
)
def test_a_wrong_number_is_one_error_that_names_the_field(wrong: Any, shown: str) -> None:
    with pytest.raises(ValueError, match=r"^Money\.amount must be a Decimal, ") as caught:
        Money(amount=wrong)
    assert str(caught.value).endswith(f"not {shown}")
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_field_without_a_value_stays_empty() -> None:
    assert Item(quantity=None).quantity is None


def test_neutral_words_may_be_valueas_text() -> None:
    ret = Return(
        provider="memory",
        id="r1",
        kind="warranty",
        status="approved",
        attention=["review"],
        shipments=(Shipment(id="s1", direction="inbound", status="delivered", label=Label(status="ready")),),
        items=(Item(disposition="restock", disposition_status="done"),),
        resolutions=(Resolution(kind="refund", status="requested"),),
    )
    assert ret == Return(
        provider="memory",
        id="r1",
        kind=ReturnKind.WARRANTY,
        status=Status.APPROVED,
        attention=frozenset({Attention.REVIEW}),
        shipments=(
            Shipment(
                id="s1",
                direction=Direction.INBOUND,
                status=ShipmentStatus.DELIVERED,
                label=Label(status=LabelStatus.READY),
            ),
        ),
        items=(Item(disposition=Disposition.RESTOCK, disposition_status=DispositionStatus.DONE),),
        resolutions=(Resolution(kind=ResolutionKind.REFUND, status=ResolutionStatus.REQUESTED),),
    )
    assert type(ret.status) is Status
    assert ReturnQuery(status=["approved"]).status == {Status.APPROVED}
    assert NewReturn(order_number="1", resolution="exchange").resolution is ResolutionKind.EXCHANGE
    assert ItemInstruction(disposition="dispose").disposition is Disposition.DISPOSE
    assert Facts(status="received").status is Status.RECEIVED


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: NewLabel(direction="back"), "NewLabel.direction must be one of inbound, outbound; 'back' is not"),
        (lambda: Resolution(kind="refund", status="finished"), "Resolution.status must be one of requested, pending,"),
        (lambda: Resolution(kind=Status.CLOSED), "Resolution.kind must be one of refund,"),
        (lambda: ReturnQuery(status="approved"), "ReturnQuery.status must be a collection of words, not one word"),
        (
            lambda: Note(text="a", created_at=NOON.replace(tzinfo=None)),
            "Note.created_at must be a datetime with a time",
        ),
        (
            lambda: Note(text="a", created_at=cast("datetime", "2026-01-01")),
            "Note.created_at must be a datetime with a time",
        ),
    ],
)
def test_a_wrong_word_or_time_is_one_error_that_names_the_field(wrong: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(says)):
        wrong()


def test_a_time_is_kept_in_utc() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert Note(text="a", created_at=noon).created_at == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert ReturnQuery(created_after=noon).created_after is not noon


@given(st.text(max_size=20) | st.floats() | st.booleans() | st.none() | st.binary(max_size=5) | st.integers())
def test_a_constructor_takes_a_number_exactly_or_raises_a_value_error(value: Any) -> None:
    with suppress(ValueError):
        assert Money(amount=value).amount == Decimal(str(value))
