"""What is changed: by PUT, with the value in the query."""

from typing import Any

import pytest

from returns_hub import (
    NewLabel,
    NewReturn,
    NotFound,
    Reply,
    Request,
    Status,
    UnexpectedReply,
    UnsupportedOperation,
    ValidationFailed,
)
from returns_hub_returnless import Returnless


@pytest.mark.parametrize(
    ("return_id", "status", "path", "word"),
    [
        ("371141", Status.RECEIVED, "/returns/371141", "received"),
        ("371141", Status.INSPECTED, "/returns/371141", "checked"),
        ("371141", Status.REJECTED, "/returns/371141", "declined"),
        ("request:948191", Status.DRAFT, "/requests/948191", "concept"),
        ("request:948191", Status.REQUESTED, "/requests/948191", "open"),
        ("request:948191", Status.APPROVED, "/requests/948191", "approved"),
        ("request:948191", Status.REJECTED, "/requests/948191", "rejected"),
        ("request:948191", Status.CANCELLED, "/requests/948191", "cancelled"),
        ("request:948191", Status.EXPIRED, "/requests/948191", "expired"),
    ],
)
def test_neutral_status_is_sent_where_one_word_means_it(
    adapter: Returnless, return_id: str, status: Status, path: str, word: str
) -> None:
    assert next(adapter.set_status(return_id, status)) == Request(
        method="PUT", path=path, query=[("status", word)], replayable=True
    )


@pytest.mark.parametrize(
    ("return_id", "status"),
    [
        ("371141", Status.RESOLVED),
        ("371141", Status.CLOSED),
        ("371141", Status.CANCELLED),
        ("371141", Status.APPROVED),
        ("371141", Status.READY_TO_SHIP),
        ("371141", Status.UNKNOWN),
        ("request:948191", Status.READY_TO_SHIP),
        ("request:948191", Status.RECEIVED),
        ("request:948191", Status.RESOLVED),
    ],
)
def test_status_that_no_word_plainly_means_is_refused(adapter: Returnless, return_id: str, status: Status) -> None:
    with pytest.raises(UnsupportedOperation, match="raw_status"):
        next(adapter.set_status(return_id, status))


@pytest.mark.parametrize("word", ["complete", "completed", "re-check", "Our own & word"])
def test_vendors_word_goes_as_it_is(adapter: Returnless, word: str) -> None:
    assert next(adapter.set_status("371141", raw_status=word)).query == (("status", word),)


def test_status_is_read_again_after_the_change(adapter: Returnless, document: Any, answer: Any, finish: Any) -> None:
    record = {"return_id": "371141", "status": "checked"}
    done = Reply(status=200, body=document("update-return.json"))
    ret = finish(adapter.set_status("371141", Status.INSPECTED), done, answer(200, record))
    assert (ret.id, ret.status) == ("371141", Status.INSPECTED)


def test_request_is_read_again_after_the_change(adapter: Returnless, document: Any, answer: Any, requests: Any) -> None:
    done = Reply(status=200, body=document("update-request.json"))
    sent = requests(adapter.set_status("request:948191", Status.APPROVED), done)
    assert sent[1] == Request(method="GET", path="/requests/948191", replayable=True)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ({"result": False, "message": "no"}, ValidationFailed),
        ({"message": "Return updated successfully!"}, UnexpectedReply),
        ({"result": "true"}, UnexpectedReply),
        ({"result": 1}, UnexpectedReply),
        ([True], UnexpectedReply),
        ("done", UnexpectedReply),
        (True, UnexpectedReply),
        (None, NotFound),
        ([], NotFound),
        ({}, NotFound),
    ],
)
def test_only_result_true_is_success(adapter: Returnless, answer: Any, reply: object, kind: type[Exception]) -> None:
    operation = adapter.set_status("1", Status.RECEIVED)
    next(operation)
    with pytest.raises(kind) as caught:
        operation.send(answer(200, reply))
    assert type(caught.value) is kind


def test_text_of_the_reply_does_not_matter(adapter: Returnless, answer: Any, requests: Any) -> None:
    sent = requests(adapter.set_status("1", Status.RECEIVED), answer(200, {"result": True, "message": "Bijgewerkt"}))
    assert len(sent) == 2


def test_vendors_sentence_about_a_refusal_is_kept(adapter: Returnless, answer: Any) -> None:
    operation = adapter.set_status("1", Status.RECEIVED)
    next(operation)
    with pytest.raises(ValidationFailed) as caught:
        operation.send(answer(200, {"result": False, "message": "Status is not allowed"}))
    assert caught.value.vendor_message == "Status is not allowed"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, ValueError),
        ({"status": Status.RECEIVED, "raw_status": "received"}, ValueError),
        ({"raw_status": ""}, UnsupportedOperation),
        ({"status": Status.RECEIVED, "note": "n"}, UnsupportedOperation),
    ],
)
def test_set_status_takes_one_status_and_no_note(
    adapter: Returnless, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        next(adapter.set_status("1", **arguments))


@pytest.mark.parametrize(("free", "digit"), [(True, "1"), (False, "0")])
def test_free_shipping_is_a_digit(adapter: Returnless, free: bool, digit: str) -> None:
    assert next(adapter.set_free_shipping("request:948191", free=free)) == Request(
        method="PUT", path="/requests/948191", query=[("free_shipping", digit)], replayable=True
    )


def test_free_shipping_is_done_when_the_vendor_says_so(adapter: Returnless, document: Any, finish: Any) -> None:
    done = Reply(status=200, body=document("update-request.json"))
    assert finish(adapter.set_free_shipping("request:948191", free=True), done) is None


def test_return_has_no_free_shipping(adapter: Returnless) -> None:
    with pytest.raises(UnsupportedOperation, match="only a request"):
        next(adapter.set_free_shipping("371141", free=True))


@pytest.mark.parametrize(
    "call",
    [
        lambda adapter: adapter.create_return(NewReturn(order_number="1")),
        lambda adapter: adapter.add_note("1", "text"),
        lambda adapter: adapter.track("T1"),
        lambda adapter: adapter.create_label("1", NewLabel()),
        lambda adapter: adapter.cancel_label("1", "2"),
        lambda adapter: adapter.cancel_instruction([]),
    ],
)
def test_what_the_vendor_cannot_do_is_refused(adapter: Returnless, call: Any) -> None:
    with pytest.raises(UnsupportedOperation, match="Returnless has no such call"):
        call(adapter)
