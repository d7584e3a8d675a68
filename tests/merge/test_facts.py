"""What is one fact, what asserts none, and what stays when something else is asserted."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from attrs import evolve

from returns_hub import (
    Attention,
    Disposition,
    DispositionStatus,
    Item,
    Label,
    LabelStatus,
    Note,
    Resolution,
    ResolutionKind,
    ResolutionStatus,
    Return,
    Service,
    Shipment,
    ShipmentStatus,
    Status,
    TrackingEvent,
)
from returns_hub.merge import Observation, State, merge, restrict_fields

FAILED = Label(status=LabelStatus.FAILED, reasons=("no such street", "no such city"))


def at(minute: int) -> datetime:
    return datetime(2026, 3, 1, 12, minute, tzinfo=UTC)


def of(minute: int, **values: Any) -> Observation:
    return Observation(ret=Return(provider="memory", id="r1", **values), at=at(minute), seen_at=at(minute))


def merge_all(*history: Observation, state: State | None = None) -> Return:
    for observation in history:
        state = merge(state, observation, account="acme").state
    assert state is not None
    return state.ret


def item(minute: int, **values: Any) -> Observation:
    return of(minute, items=(Item(id="1", **values),))


def parcel(minute: int, **values: Any) -> Observation:
    return of(minute, shipments=(Shipment(id="s1", **values),))


def test_a_word_without_a_meaning_replaces_a_known_disposition() -> None:
    known = item(1, disposition_status=DispositionStatus.DONE, disposition_status_raw="completed")
    later = item(2, disposition_status=DispositionStatus.UNKNOWN, disposition_status_raw="aborted")
    (found,) = merge_all(known, later).items
    assert (found.disposition_status, found.disposition_status_raw) == (DispositionStatus.UNKNOWN, "aborted")


@pytest.mark.parametrize(
    ("known", "later", "expected"),
    [
        (Item(disposition=Disposition.HOLD), Item(disposition=Disposition.UNKNOWN), Disposition.UNKNOWN),
        (Item(disposition=Disposition.HOLD), Item(sku="A"), Disposition.HOLD),
    ],
)
def test_unknown_is_a_fact_and_absence_is_none(known: Item, later: Item, expected: Disposition) -> None:
    history = (of(minute, items=(evolve(each, id="1"),)) for minute, each in enumerate((known, later)))
    assert merge_all(*history).items[0].disposition is expected


def test_a_label_word_without_a_meaning_replaces_a_ready_one() -> None:
    ready, odd = Label(status=LabelStatus.READY, url="https://labels.example/1"), Label(status_raw="7")
    (found,) = merge_all(parcel(1, label=ready), parcel(2, label=odd)).shipments
    assert found.label == Label(status=LabelStatus.UNKNOWN, status_raw="7", url="https://labels.example/1")


def test_a_first_label_with_an_unknown_word_is_there() -> None:
    assert merge_all(parcel(1, label=Label(status_raw="7"))).shipments[0].label == Label(status_raw="7")


def test_a_label_without_a_word_is_silent_about_its_status() -> None:
    ready = Label(status=LabelStatus.READY)
    (found,) = merge_all(parcel(1, label=ready), parcel(2, label=Label(url="https://labels.example/1"))).shipments
    assert found.label == Label(status=LabelStatus.READY, url="https://labels.example/1")


def test_attention_without_a_status_leaves_status_and_word() -> None:
    known = of(1, status=Status.IN_TRANSIT, status_raw="shipped")
    found = merge_all(known, of(2, attention=frozenset({Attention.EXCEPTION})))
    assert (found.status, found.status_raw) == (Status.IN_TRANSIT, "shipped")
    assert found.attention == {Attention.EXCEPTION}


def test_an_error_stays_while_the_label_is_failed() -> None:
    for history in permutations([parcel(1, label=FAILED), parcel(2, label=Label(status=LabelStatus.FAILED))]):
        (found,) = merge_all(*history).shipments
        assert found.label == FAILED


def test_an_error_goes_with_the_status_it_belonged_to() -> None:
    again = Label(status=LabelStatus.FAILED)
    history = [parcel(1, label=FAILED), parcel(2, label=Label(status=LabelStatus.REQUESTED)), parcel(3, label=again)]
    for order in permutations(history):
        assert merge_all(*order).shipments[0].label == again


def test_services_merge_one_by_one() -> None:
    listed = item(1, services=(Service(id="1", code="photo"), Service(id="2", code="weigh")))
    result = item(2, services=(Service(id="2", status=DispositionStatus.DONE, status_raw="2", result="310 g"),))
    for history in permutations([listed, result]):
        assert merge_all(*history).items[0].services == (
            Service(id="1", code="photo"),
            Service(id="2", code="weigh", status=DispositionStatus.DONE, status_raw="2", result="310 g"),
        )


def test_a_service_under_an_alias_belongs_to_the_item() -> None:
    result = of(1, items=(Item(aliases=("vas:2",), services=(Service(id="2", result="310 g"),)),))
    known = item(2, aliases=("vas:2",), services=(Service(id="2", code="weigh"), Service(id="3")))
    for history in permutations([result, known]):
        assert merge_all(*history).items[0].services == (Service(id="2", code="weigh", result="310 g"), Service(id="3"))


def test_a_note_with_an_id_is_not_taken_back_by_another_list() -> None:
    remark, answer = Note(id="warehouse", text="box is wet"), Note(id="seller", text="take pictures")
    (found,) = merge_all(item(1, notes=(remark,)), item(2, notes=(answer,))).items
    assert found.notes == (answer, remark)


def test_notes_without_an_id_are_one_list() -> None:
    assert merge_all(of(1, notes=(Note(text="a"), Note(text="b"))), of(2, notes=(Note(text="c"),))).notes == (
        Note(text="c"),
    )


def test_scans_are_collected_in_the_order_of_their_times() -> None:
    scans = [TrackingEvent(occurred_at=at(minute), status=ShipmentStatus.IN_TRANSIT) for minute in (5, 4)]
    history = [parcel(6, tracking=(scans[0],)), parcel(7, tracking=(scans[1],)), parcel(8, tracking=(scans[0],))]
    for order in permutations(history):
        assert merge_all(*order).shipments[0].tracking == (scans[1], scans[0])


def test_a_request_of_the_customer_becomes_what_is_decided() -> None:
    wanted = Resolution(kind=ResolutionKind.REFUND, status=ResolutionStatus.REQUESTED)
    done = evolve(wanted, status=ResolutionStatus.DONE)
    assert merge_all(of(1, resolutions=(wanted,)), of(2, resolutions=(done,))).resolutions == (done,)


def test_unreadable_fields_are_those_of_the_newest_observation() -> None:
    bad, good = of(1, raw={"n": 1}, unreadable=("customer.name",)), of(2, raw={"n": 2})
    assert merge_all(bad).unreadable == ("customer.name",)
    assert merge_all(bad, good).unreadable == ()


def test_restricting_keeps_a_word_and_its_meaning_together() -> None:
    known = Return(provider="memory", id="r1", items=(Item(id="1", disposition_raw="x9"),))
    detail = evolve(known, items=(Item(id="1", disposition=Disposition.HOLD, disposition_raw="ohd", sku="A"),))
    assert restrict_fields(detail, known).items == (Item(id="1", disposition=Disposition.HOLD, disposition_raw="ohd"),)


# A further row of a return that the same run created.


def completed(first: Observation, then: Observation) -> list[dict[str, Any]]:
    state = merge(None, first, account="acme").state
    return [dict(event.changes) for event in merge(state, then, account="acme", completes=True).events]


def test_what_a_further_row_adds_belongs_to_the_creation() -> None:
    first = of(1, shipments=(Shipment(id="s1", carrier="tnt"),))
    then = of(2, items=(Item(id="1", sku="A", images=("u",)),), number="RMA-1", shipments=(Shipment(id="s1"),))
    assert completed(first, then) == []


def test_what_follows_from_a_further_row_was_never_otherwise() -> None:
    def derive(ret: Return) -> Return:
        return evolve(ret, status=Status.RECEIVED if ret.items else Status.APPROVED)

    state = merge(None, parcel(1), account="acme", derive=derive).state
    merged = merge(state, item(2, sku="A"), account="acme", derive=derive, completes=True)
    assert (merged.state.ret.status, merged.events) == (Status.RECEIVED, ())
    assert [event.type for event in merge(state, item(2, sku="A"), account="acme", derive=derive).events] == [
        "return.status_changed",
        "item.added",
    ]


def test_an_earlier_creation_in_a_further_row_belongs_to_the_creation() -> None:
    assert completed(of(1, created_at=at(1)), of(2, created_at=at(0))) == []


def test_what_a_further_row_changes_has_its_event() -> None:
    first = of(1, status=Status.REQUESTED, number="RMA-1")
    assert completed(first, of(2, status=Status.APPROVED, reference="2")) == [{"status": ("requested", "approved")}]


# Reconciling.


def reconciled(known: Observation, polled: Return, *, seen_at: datetime, before: datetime) -> tuple[Return, int]:
    """What the mirror holds after two equal comparisons, and how many events they had."""
    state = merge(None, known, account="acme").state
    events = 0
    for _ in range(2):
        observation = Observation(ret=polled, at=polled.updated_at or seen_at, seen_at=seen_at)
        merged = merge(state, observation, account="acme", overrules_before=before)
        state, events = merged.state, events + len(merged.events)
    return state.ret, events


def test_what_is_polled_later_wins_over_a_later_time_of_the_vendor() -> None:
    known = of(10, status=Status.RECEIVED, updated_at=at(10))
    restored = Return(provider="memory", id="r1", status=Status.APPROVED, updated_at=at(3))
    ret, events = reconciled(known, restored, seen_at=at(20), before=at(15))
    assert (ret.status, events) == (Status.APPROVED, 1)


def test_what_was_learnt_during_the_comparison_is_not_overruled() -> None:
    known = of(16, status=Status.RECEIVED, updated_at=at(16))
    older = Return(provider="memory", id="r1", status=Status.APPROVED, updated_at=at(3))
    ret, events = reconciled(known, older, seen_at=at(20), before=at(15))
    assert (ret.status, events) == (Status.RECEIVED, 0)


def test_what_was_overruled_does_not_come_back_with_a_copy_of_it() -> None:
    known = of(10, status=Status.RECEIVED, updated_at=at(10))
    state = merge(None, known, account="acme").state
    restored = Observation(
        ret=Return(provider="memory", id="r1", status=Status.APPROVED, updated_at=at(3)), at=at(3), seen_at=at(20)
    )
    state = merge(state, restored, account="acme", overrules_before=at(15)).state
    assert merge_all(known, state=state).status is Status.APPROVED
    assert merge_all(of(21, status=Status.INSPECTED), state=state).status is Status.INSPECTED


def test_the_earliest_creation_is_not_overruled() -> None:
    known = of(10, created_at=at(1), number="1")
    later = Return(provider="memory", id="r1", created_at=at(2), number="1")
    assert reconciled(known, later, seen_at=at(20), before=at(15))[0].created_at == at(1)
