"""What a write sends, what it refuses to send, and how it learns what came of it."""

from decimal import Decimal
from typing import Any

import pytest

from returns_hub import (
    Address,
    Capability,
    Direction,
    LabelStatus,
    Money,
    NewItem,
    NewLabel,
    NewReturn,
    NotFound,
    Parcel,
    Reply,
    ResolutionKind,
    Status,
    UnexpectedReply,
    UnsupportedOperation,
    ValidationFailed,
)

ITEM = NewItem(sku="PROD-001", reason="defective")
NEW = NewReturn(order_number="#1001", customer_email="customer@example.com", items=(ITEM,))
WHOLE = {
    "id": "rma_1",
    "rma_number": "RMA-1",
    "status": "approved",
    "order_number": "#1001",
    "customer": {"email": "customer@example.com", "name": "John Smith"},
    "items": [{"sku": "PROD-001", "quantity": 1, "reason": "defective"}],
    "created_at": "2024-12-30T10:30:00Z",
}


def test_created_return_is_the_one_in_the_reply(adapter: Any, answer: Any, finish: Any) -> None:
    ret = finish(adapter.create_return(NEW), answer(201, {"success": True, "data": WHOLE}))
    assert (ret.id, ret.status) == ("rma_1", Status.APPROVED)


def test_created_return_may_be_known_by_its_id_alone(adapter: Any, answer: Any, finish: Any) -> None:
    ret = finish(adapter.create_return(NEW), answer(200, {"id": "rma_1"}))
    assert (ret.id, ret.status, ret.status_raw) == ("rma_1", Status.UNKNOWN, None)


@pytest.mark.parametrize("body", [b"", b'{"success": true}', b'{"data": null}', b'{"data": "created"}', b"[]"])
def test_created_return_is_looked_up_when_the_reply_names_none(adapter: Any, requests: Any, body: bytes) -> None:
    sent = requests(adapter.create_return(NEW), Reply(status=201, body=body))
    assert (sent[1].method, sent[1].path) == ("GET", "/rmas")
    assert sent[1].query[2:] == (
        ("sort", "created_at"),
        ("order", "desc"),
        ("customer_email", "customer@example.com"),
        ("order_number", "#1001"),
    )


def test_looked_up_return_is_the_one_with_the_same_items(adapter: Any, rows: Any, finish: Any) -> None:
    other = {**WHOLE, "id": "rma_2", "items": [{"sku": "PROD-002", "quantity": 1}]}
    more = {**WHOLE, "id": "rma_3", "items": [{"sku": "PROD-001", "quantity": 2}]}
    ret = finish(adapter.create_return(NEW), Reply(status=204), rows(more, other, WHOLE, total=3))
    assert ret.id == "rma_1"


def test_looked_up_return_may_be_spelt_otherwise(adapter: Any, rows: Any, finish: Any) -> None:
    new = NewReturn(order_number="sp-1001", customer_email="customer@example.com", items=(NewItem(sku="prod-001"),))
    shown = {**WHOLE, "order_number": "SP-1001"}
    assert finish(adapter.create_return(new), Reply(status=204), rows(shown, total=1)).id == "rma_1"


def test_looked_up_return_may_be_silent_about_its_items(adapter: Any, rows: Any, finish: Any) -> None:
    assert finish(adapter.create_return(NEW), Reply(status=204), rows({**WHOLE, "items": []})).id == "rma_1"


@pytest.mark.parametrize("found", [[], [WHOLE, {**WHOLE, "id": "rma_2"}]])
def test_creation_without_one_certain_return_is_an_unexpected_reply(
    adapter: Any, rows: Any, finish: Any, found: Any
) -> None:
    replies = [Reply(status=204), rows(*found, total=len(found)), rows(*found, total=len(found))]
    with pytest.raises(UnexpectedReply, match="was created"):
        finish(adapter.create_return(NEW), *replies[: 2 if found else 3])


def test_unreadable_reply_to_a_creation_is_an_unexpected_reply(adapter: Any, finish: Any) -> None:
    with pytest.raises(UnexpectedReply):
        finish(adapter.create_return(NEW), Reply(status=201, body=b"<html>"))


def test_soft_error_of_a_creation_is_an_error(adapter: Any, answer: Any, finish: Any) -> None:
    soft = {"success": False, "error": {"code": "VALIDATION_ERROR", "message": "Invalid order number format"}}
    with pytest.raises(ValidationFailed):
        finish(adapter.create_return(NEW), answer(200, soft))


def test_creation_leaves_out_what_is_not_set(adapter: Any) -> None:
    body = next(adapter.create_return(NewReturn(order_number="1001", items=(NewItem(sku="PROD-001"),)))).json
    assert body == {
        "order_number": "1001",
        "items": [{"sku": "PROD-001", "quantity": 1}],
        "return_type": "refund",
    }


@pytest.mark.parametrize("kind", [kind for kind in ResolutionKind if kind is not ResolutionKind.REFUND])
def test_other_resolution_is_refused_before_anything_is_sent(adapter: Any, kind: ResolutionKind) -> None:
    with pytest.raises(UnsupportedOperation, match="refund"):
        next(adapter.create_return(NewReturn(order_number="#1001", items=(ITEM,), resolution=kind)))


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"customer_name": "John Smith"}, "customer_name"),
        ({"reference": "A-1"}, "reference"),
        ({"notes": "fragile"}, "notes"),
        ({"ship_from": Address(country="AU")}, "ship_from"),
        ({"label": NewLabel()}, "label"),
        ({"custom_fields": {"colour": "red"}}, "custom_fields"),
        ({"items": (ITEM, NewItem(sku="A", name="Kettle"))}, r"items\[1\].name"),
        ({"items": (NewItem(sku="A", weight_g=Decimal(500)),)}, r"items\[0\].weight_g"),
        ({"items": (NewItem(sku="A", value=Money(amount=Decimal(5))),)}, r"items\[0\].value"),
        ({"items": (NewItem(sku="A", reference="1"),)}, r"items\[0\].reference"),
    ],
)
def test_field_without_a_place_in_the_call_is_refused_by_name(adapter: Any, fields: Any, name: str) -> None:
    with pytest.raises(UnsupportedOperation, match=name):
        next(adapter.create_return(NewReturn(**{"order_number": "#1001", "items": (ITEM,), **fields})))


def test_item_without_a_sku_is_refused_before_anything_is_sent(adapter: Any) -> None:
    with pytest.raises(UnsupportedOperation, match="SKU"):
        next(adapter.create_return(NewReturn(order_number="#1001", items=(NewItem(reason="defective"),))))


def test_status_alone_sends_no_notes(adapter: Any) -> None:
    assert next(adapter.set_status("rma_1", Status.REJECTED)).json == {"status": "rejected"}


def test_raw_status_is_sent_as_it_is(adapter: Any) -> None:
    assert next(adapter.set_status("rma_1", raw_status="Quality Hold")).json == {"status": "Quality Hold"}


def test_whole_rma_in_the_reply_is_taken(adapter: Any, answer: Any, finish: Any) -> None:
    assert finish(adapter.set_status("rma_1", Status.APPROVED), answer(200, {"data": WHOLE})).number == "RMA-1"


@pytest.mark.parametrize(
    "body", [b"", b'{"success": true}', b'{"data": {"id": "rma_1", "status": "approved"}}', b'{"data": null}']
)
def test_less_than_a_whole_rma_is_read_again(adapter: Any, answer: Any, finish: Any, body: bytes) -> None:
    reread = answer(200, {"data": {**WHOLE, "status": "received"}})
    assert finish(adapter.set_status("rma_1", Status.APPROVED), Reply(status=200, body=body), reread).status == (
        Status.RECEIVED
    )


@pytest.mark.parametrize("status", [status for status in Status if status not in (Status.APPROVED, Status.REJECTED)])
def test_status_without_a_word_is_refused_with_what_helps(adapter: Any, status: Status) -> None:
    with pytest.raises(UnsupportedOperation, match=r"status_map.*raw_status"):
        next(adapter.set_status("rma_1", status))


def test_shops_word_is_written_before_the_vendors(make: Any) -> None:
    adapter = make(status_map={"VETTED": "approved"})
    assert next(adapter.set_status("rma_1", Status.APPROVED)).json == {"status": "VETTED"}


def test_shops_word_that_says_more_than_the_status_is_not_written(make: Any) -> None:
    adapter = make(status_map={"Quality Hold": {"status": "received", "attention": ["on_hold"]}, "Arrived": "received"})
    assert next(adapter.set_status("rma_1", Status.RECEIVED)).json == {"status": "Arrived"}


def test_two_words_for_one_status_are_not_chosen_between(make: Any) -> None:
    adapter = make(status_map={"Arrived": "received", "Booked in": "received"})
    with pytest.raises(UnsupportedOperation, match="several words"):
        next(adapter.set_status("rma_1", Status.RECEIVED))


def test_vendors_word_that_a_shop_redefined_is_not_written(make: Any) -> None:
    adapter = make(status_map={"approved": "requested"})
    with pytest.raises(UnsupportedOperation):
        next(adapter.set_status("rma_1", Status.APPROVED))


@pytest.mark.parametrize("words", [{}, {"status": Status.APPROVED, "raw_status": "approved"}])
def test_status_is_given_in_exactly_one_way(adapter: Any, words: Any) -> None:
    with pytest.raises(ValueError, match="either"):
        next(adapter.set_status("rma_1", **words))


@pytest.mark.parametrize("internal", [True, False])
def test_note_always_says_who_may_read_it(adapter: Any, internal: bool) -> None:
    request = next(adapter.add_note("rma_1", "text", internal=internal))
    assert request.json == {"content": "text", "internal": internal}


@pytest.mark.parametrize("body", [b"", b'{"success": true}', b'{"data": {"id": "rma_1", "status": "pending"}}'])
def test_note_is_what_was_sent_where_the_reply_is_none(adapter: Any, finish: Any, body: bytes) -> None:
    note = finish(adapter.add_note("rma_1", "Called back"), Reply(status=201, body=body))
    assert (note.id, note.text, note.internal) == (None, "Called back", True)


def test_note_in_the_reply_is_taken(adapter: Any, answer: Any, finish: Any) -> None:
    told = {"id": 7, "content": "Called back.", "internal": False, "created_at": "2024-12-30T10:30:00Z"}
    note = finish(adapter.add_note("rma_1", "Called back"), answer(201, {"data": told}))
    assert (note.id, note.text, note.internal, note.raw) == ("7", "Called back.", False, told)


def test_label_reply_with_url_and_number_is_a_ready_label(adapter: Any, answer: Any, finish: Any) -> None:
    told = {"id": "shp_1", "label_url": "https://labels.example/1.pdf", "tracking_number": "AP1"}
    parcel = finish(adapter.create_label("rma_1", NewLabel()), answer(201, {"data": told}))
    assert (parcel.id, parcel.return_id, parcel.tracking_number) == ("shp_1", "rma_1", "AP1")
    assert (parcel.label.status, parcel.label.url) == (LabelStatus.READY, "https://labels.example/1.pdf")


def test_label_without_a_url_yet_is_requested(adapter: Any, answer: Any, finish: Any) -> None:
    parcel = finish(adapter.create_label("rma_1", NewLabel()), answer(202, {"data": {"id": "shp_1"}}))
    assert (parcel.label.status, parcel.label.url) == (LabelStatus.REQUESTED, None)


@pytest.mark.parametrize("told", [{"tracking_number": "AP1"}, {"id": "rma_1", "tracking_number": "AP1"}])
def test_label_whose_shipment_is_not_named_is_found_by_its_number(
    adapter: Any, answer: Any, finish: Any, told: Any
) -> None:
    parcels = [{"id": "shp_0", "tracking_number": "AP0"}, {"id": "shp_1", "tracking_number": "AP1"}]
    detail = answer(200, {"data": {"id": "rma_1", "shipments": parcels}})
    assert finish(adapter.create_label("rma_1", NewLabel()), answer(201, {"data": told}), detail).id == "shp_1"


@pytest.mark.parametrize(
    "look",
    [
        Reply(status=200, body=b'{"data": {"id": "rma_1", "shipments": []}}'),
        Reply(status=500, body=b"<html>"),
    ],
)
def test_label_that_nothing_names_keeps_its_number(adapter: Any, answer: Any, finish: Any, look: Reply) -> None:
    told = {"label_url": "https://labels.example/9.pdf", "tracking_number": "AP9"}
    parcel = finish(adapter.create_label("rma_1", NewLabel()), answer(201, {"data": told}), look)
    assert (parcel.id, parcel.label.url) == ("AP9", "https://labels.example/9.pdf")


def test_label_of_which_nothing_is_said_is_an_unexpected_reply(adapter: Any, answer: Any, finish: Any) -> None:
    detail = answer(200, {"data": {"id": "rma_1", "shipments": [{"id": "shp_0"}]}})
    with pytest.raises(UnexpectedReply, match="was made"):
        finish(adapter.create_label("rma_1", NewLabel()), Reply(status=201), detail)


def test_label_reply_is_completed_with_what_was_asked_for(adapter: Any, answer: Any, finish: Any) -> None:
    asked = NewLabel(carrier="australia_post", service="express_post")
    parcel = finish(adapter.create_label("rma_1", asked), answer(201, {"data": {"id": "shp_1", "carrier": "tnt"}}))
    assert (parcel.carrier, parcel.service, parcel.direction) == ("tnt", "express_post", Direction.INBOUND)


def test_label_leaves_out_what_is_not_set(adapter: Any) -> None:
    assert next(adapter.create_label("rma_1", NewLabel(carrier="tnt"))).json == {
        "carrier": "tnt",
        "direction": "return",
    }


def test_outbound_label_is_refused_before_anything_is_sent(adapter: Any) -> None:
    with pytest.raises(UnsupportedOperation, match="to the customer"):
        next(adapter.create_label("rma_1", NewLabel(direction=Direction.OUTBOUND)))


@pytest.mark.parametrize("fields", [{"warehouse_id": "1"}, {"parcel": Parcel(weight_g=Decimal(500))}])
def test_label_field_without_a_place_in_the_call_is_refused_by_name(adapter: Any, fields: Any) -> None:
    with pytest.raises(UnsupportedOperation, match=next(iter(fields))):
        next(adapter.create_label("rma_1", NewLabel(**fields)))


def test_write_to_an_unknown_rma_is_not_found(adapter: Any, answer: Any, finish: Any) -> None:
    missing = answer(404, {"success": False, "error": {"code": "NOT_FOUND", "message": "no such RMA"}})
    with pytest.raises(NotFound):
        finish(adapter.set_status("rma_9", Status.APPROVED), missing)


@pytest.mark.parametrize(
    ("capability", "call"),
    [
        (Capability.CANCEL_LABEL, lambda adapter: adapter.cancel_label("rma_1", "shp_1")),
        (Capability.INSTRUCT, lambda adapter: adapter.instruct((), None)),
        (Capability.CANCEL_INSTRUCTION, lambda adapter: adapter.cancel_instruction(())),
        (Capability.CHANGES, lambda adapter: adapter.changes(None)),
    ],
)
def test_call_that_the_vendor_does_not_have_is_refused(adapter: Any, capability: Capability, call: Any) -> None:
    with pytest.raises(UnsupportedOperation, match=f"returnmate {capability}: ReturnMate has no such call"):
        call(adapter)
