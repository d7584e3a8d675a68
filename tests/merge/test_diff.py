"""Which event a difference has, and which differences have none."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from returns_hub import (
    DispositionStatus,
    Item,
    Label,
    LabelStatus,
    Note,
    Parcel,
    Resolution,
    ResolutionKind,
    Return,
    Service,
    Shipment,
    ShipmentStatus,
    Status,
)
from returns_hub.merge import Observation, merge

READY = Label(status=LabelStatus.READY, url="https://labels.example/1.pdf?signature=aaa&expires=1")
ITEM = Item(id="1", sku="A")


def events(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Type and changes of the events between two observations of a return, the second a minute later."""
    state = None
    found: list[tuple[str, dict[str, Any]]] = []
    for minute, values in enumerate((before, after)):
        moment = datetime(2026, 3, 1, 12, minute, tzinfo=UTC)
        ret = Return(provider="memory", id="r1", **values)
        merged = merge(state, Observation(ret=ret, at=moment, seen_at=moment), account="acme")
        state, found = merged.state, [(event.type, dict(event.changes)) for event in merged.events]
    return found


def of_item(before: Item, after: Item) -> list[tuple[str, dict[str, Any]]]:
    return events({"items": (before,)}, {"items": (after,)})


def of_parcel(before: Shipment, after: Shipment) -> list[tuple[str, dict[str, Any]]]:
    return events({"shipments": (before,)}, {"shipments": (after,)})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pending", "Pending"),
        ("label sent", "label_sent"),
        ("in-progress", "inProgress"),
        ("9", "ups_nj"),
        (None, "approved"),
    ],
)
def test_another_spelling_of_a_status_is_no_event(before: str | None, after: str) -> None:
    status = Status.APPROVED
    assert events({"status": status, "status_raw": before}, {"status": status, "status_raw": after}) == []


def test_another_spelling_of_a_word_without_a_meaning_is_no_event() -> None:
    assert events({"status_raw": "Quality Hold"}, {"status_raw": "quality-hold"}) == []


def test_another_stage_with_the_same_status_is_an_event() -> None:
    before, after = (
        {"status": Status.APPROVED, "status_raw": word} for word in ("customer_viewed", "approved_by_merchant")
    )
    changes = {"status_raw": ("customer_viewed", "approved_by_merchant")}
    assert events(before, after) == [("return.status_changed", changes)]


def test_a_status_that_becomes_unknown_is_an_event() -> None:
    before = evolve(ITEM, disposition_status=DispositionStatus.DONE, disposition_status_raw="completed")
    after = evolve(ITEM, disposition_status=DispositionStatus.UNKNOWN, disposition_status_raw="aborted")
    changes = {
        "items[1].disposition_status": ("done", "unknown"),
        "items[1].disposition_status_raw": ("completed", "aborted"),
    }
    assert of_item(before, after) == [("item.disposition_changed", changes)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"resolutions": (Resolution(kind=ResolutionKind.REFUND), Resolution(kind=ResolutionKind.NONE))}, None),
        ({"notes": (Note(text="a"), Note(text="b"))}, None),
        ({"attachments": ("https://files.example/a", "https://files.example/b")}, None),
    ],
)
def test_a_list_in_another_order_is_no_event(before: dict[str, Any], after: None) -> None:
    ((name, values),) = before.items()
    assert events(before, {name: values[::-1]}) == []


def test_an_address_that_is_signed_anew_is_no_event_and_is_kept() -> None:
    signed = evolve(READY, url="https://labels.example/1.pdf?signature=bbb&expires=2")
    assert of_parcel(Shipment(id="s1", label=READY), Shipment(id="s1", label=signed)) == []
    moved = evolve(READY, url="https://labels.example/2.pdf?signature=bbb")
    ((kind, changes),) = of_parcel(Shipment(id="s1", label=READY), Shipment(id="s1", label=moved))
    assert (kind, [*changes]) == ("shipment.updated", ["shipments[s1].label.url"])


def test_pictures_that_are_signed_anew_are_no_event() -> None:
    before = evolve(ITEM, images=("https://files.example/a.jpg?s=1", "https://files.example/b.jpg?s=1"))
    assert (
        of_item(before, evolve(ITEM, images=("https://files.example/b.jpg?s=2", "https://files.example/a.jpg?s=2")))
        == []
    )


def test_pictures_of_items_without_names_that_are_signed_anew_are_no_event() -> None:
    before, after = (Item(sku="A", images=(f"https://files.example/a.jpg?s={number}",)) for number in (1, 2))
    assert of_item(before, after) == []


def test_the_query_of_a_tracking_page_names_the_parcel() -> None:
    before, after = (Shipment(id="s1", tracking_url=f"https://track.example/?n={number}") for number in (1, 2))
    assert [kind for kind, _ in of_parcel(before, after)] == ["shipment.updated"]


def test_two_times_of_one_vendor_moment_that_are_only_signed_anew_ask_for_no_other_look() -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    state = None
    for minute, url in enumerate(("https://files.example/a?s=1", "https://files.example/a?s=2")):
        ret = Return(provider="memory", id="r1", attachments=(url,))
        merged = merge(state, Observation(ret=ret, at=moment, seen_at=moment.replace(minute=minute)), account="acme")
        state = merged.state
    assert not merged.reread


def test_a_new_item_is_one_event_beside_what_arrived() -> None:
    assert events({}, {"items": (evolve(ITEM, quantity_received=Decimal(1), parent_id="0"),)}) == [
        (
            "item.added",
            {"items[1].id": (None, "1"), "items[1].parent_id": (None, "0"), "items[1].sku": (None, "A")},
        ),
        ("item.received", {"items[1].quantity_received": (None, "1")}),
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"notes": (Note(id="warehouse", text="wet"),)}, "item.notes_changed"),
        ({"measured": Parcel(weight_g=Decimal(310))}, "item.measured"),
        ({"extra": {"imei": "35"}}, "item.extra_changed"),
        ({"resolutions": (Resolution(kind=ResolutionKind.EXCHANGE),)}, "resolution.changed"),
        ({"condition": "new"}, "return.updated"),
    ],
)
def test_what_is_learnt_of_an_item_has_its_own_type(values: dict[str, Any], kind: str) -> None:
    assert [each for each, _ in of_item(ITEM, evolve(ITEM, **values))] == [kind]


def test_each_service_is_named_by_its_id_in_the_changes() -> None:
    before = evolve(ITEM, services=(Service(id="2", code="photo"), Service(id="3", status=DispositionStatus.PENDING)))
    after = evolve(ITEM, services=(Service(id="3", status=DispositionStatus.DONE, status_raw="2", result="ok"),))
    changes = {
        "items[1].services[3].status": ("pending", "done"),
        "items[1].services[3].status_raw": (None, "2"),
        "items[1].services[3].result": (None, "ok"),
    }
    assert of_item(before, after) == [("item.services_changed", changes)]


def test_a_note_on_a_return_has_its_own_type() -> None:
    assert [kind for kind, _ in events({}, {"notes": (Note(text="call me"),)})] == ["return.notes_changed"]


def test_the_text_beside_a_carrier_s_code_has_an_event() -> None:
    before = Shipment(id="s1", status=ShipmentStatus.IN_TRANSIT, status_raw="3", status_text="Left Utrecht")
    after = evolve(before, status_text="Left Breda")
    assert of_parcel(before, after) == [
        ("shipment.updated", {"shipments[s1].status_text": ("Left Utrecht", "Left Breda")})
    ]
