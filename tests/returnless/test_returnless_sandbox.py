"""The simulator's replies and calls, as the vendor's documentation shows them; everything else is tested through the adapter."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from returns_hub import HttpAnswer, Secret
from returns_hub.testing import Call
from returns_hub_returnless.sandbox import ReturnlessSandbox
from returns_hub_returnless.sandbox.state import REQUEST_STATUSES, RETURN_STATUSES
from returns_hub_returnless.webhooks import sign

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
AUTHORIZATION = "Basic " + base64.b64encode(b"sandbox-user:sandbox-password").decode()
SIGNATURE = "81950974af2e73c8f1d94de702d15d46f1627eb6c64b9d542ffa4300528b5f32"  # of 371141 under demo-key-1


def call(
    sandbox: ReturnlessSandbox, path: str, method: str = "GET", authorization: str = AUTHORIZATION, **query: Any
) -> HttpAnswer:
    pairs = tuple((name, str(value)) for name, value in query.items())
    headers = {"authorization": authorization}
    answer = sandbox.handle(Call(method=method, path=path, query=pairs, headers=headers)).answer
    assert answer is not None
    return answer


def body(sandbox: ReturnlessSandbox, path: str, method: str = "GET", **query: Any) -> Any:
    return json.loads(call(sandbox, path, method, **query).body)


def ids(sandbox: ReturnlessSandbox, **query: Any) -> list[str]:
    return [row["return_id"] for row in body(sandbox, "/returns", **query)]


@pytest.mark.parametrize(
    ("example", "method", "path", "query"),
    [
        ("list-requests.json", "GET", "/requests", {"reference": "ORD000123", "status": "processing"}),
        ("get-request.json", "GET", "/requests/948191", {}),
        ("list-returns.json", "GET", "/returns", {"reference": "ORD000123"}),
        ("get-return.json", "GET", "/returns/948191", {}),
        ("get-shipment.json", "GET", "/shipments/3STRVL987599921", {}),
        ("update-request.json", "PUT", "/requests/948191", {"status": "completed"}),
        ("update-request.json", "PUT", "/requests/948191", {"free_shipping": "1"}),
        ("update-return.json", "PUT", "/returns/948191", {"status": "complete"}),
    ],
)
def test_replies_are_the_documented_ones(
    document: Callable[[str], bytes], example: str, method: str, path: str, query: dict[str, str]
) -> None:
    assert body(ReturnlessSandbox(count=20), path, method, **query) == json.loads(document(example))


def test_webhook_is_the_documented_one(document: Callable[[str], bytes]) -> None:
    headers, payload = ReturnlessSandbox(count=2, signing_key="demo-key-1").webhook("948191")
    assert json.loads(payload) == json.loads(document("webhook-return-created.json"))
    assert headers["returnless-signature"] == sign("948191", [Secret("demo-key-1")])


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("demo-key-1", "ORD000212", "8917e9d0bf4370c478396b4ab60f1cbae36ae9c83d84396e175353a71a0b5e74"),
        ("demo-key-2", "ORD000212", "ff8c2e9176545651c3b4ee6e52f9774d2314a62f0113ec12b64d76c5f92585fe"),
        ("demo-key-1", "371141", SIGNATURE),
    ],
)
def test_signatures_are_the_known_ones(key: str, text: str, expected: str) -> None:
    assert sign(text, [Secret(key)]) == expected


def test_data_depends_on_the_arguments_only() -> None:
    assert ReturnlessSandbox(seed=7).records == ReturnlessSandbox(seed=7).records != ReturnlessSandbox(seed=8).records


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_count_is_of_returns_and_of_requests(count: int) -> None:
    records = ReturnlessSandbox(count=count).records
    requests = [record_id for record_id in records if record_id.startswith("request:")]
    assert (len(requests), len(records)) == (count, 2 * count)


@pytest.mark.parametrize(("path", "words"), [("/requests", REQUEST_STATUSES), ("/returns", RETURN_STATUSES)])
def test_every_documented_status_occurs(path: str, words: tuple[str, ...]) -> None:
    assert set(words) <= {row["status"] for row in body(ReturnlessSandbox(count=200), path, per_page=200)}


def test_people_other_than_the_documented_one_are_fictitious() -> None:
    addresses = {record["customer_email"].partition("@")[2] for record in ReturnlessSandbox(count=100).records.values()}
    assert addresses == {"returnless.com", "example.com"}


@pytest.mark.parametrize("authorization", ["", "Bearer sandbox-password", "Basic c2FuZGJveC11c2VyOndyb25n"])
def test_wrong_credentials_are_refused(authorization: str) -> None:
    assert call(ReturnlessSandbox(count=0), "/returns", authorization=authorization).status == 401


def test_excess_calls_get_429_with_an_empty_body() -> None:
    sandbox = ReturnlessSandbox(count=0, requests_per_minute=1, now=lambda: NOON)
    answers = [call(sandbox, "/returns") for _ in range(2)]
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"[]"), (429, b"")]
    assert sandbox.violations == 1


def test_newest_first_is_the_default() -> None:
    sandbox = ReturnlessSandbox(count=20)
    assert ids(sandbox) == ids(sandbox, sort_order="desc") == ids(sandbox, sort_order="asc")[::-1]


@pytest.mark.parametrize("per_page", ["0", "201", "ten", ""])
def test_per_page_is_1_to_200(per_page: str) -> None:
    assert call(ReturnlessSandbox(count=0), "/returns", per_page=per_page).status == 400


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"order_id": "124006"}, ["948191"]),
        ({"order_id": "124006", "reference": "1004"}, []),
        ({"emailaddress": "PIETER@returnless.com"}, ["371141", "948191"]),
        ({"emailaddress": "pieter@returnless.com", "status": "processing"}, ["371141", "948191"]),
        ({"created_after": "2021-01-20 11:52:42", "reference": "ORD000123"}, ["948191"]),
        ({"created_after": "2021-01-20 11:52:43", "reference": "ORD000123"}, []),
        ({"updated_after": "2021-01-21 21:30:00", "reference": "ORD000123"}, []),
    ],
)
def test_returns_can_be_filtered(filters: dict[str, str], found: list[str]) -> None:
    assert ids(ReturnlessSandbox(count=20), **filters) == found


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/requests", {"emailaddresss": "klant.peter@gmail.com"}),
        ("/shipments", {"status": "processing"}),
        ("/returns", {"page": "2"}),
        ("/returns", {"created_after": "2022-02-01T00:00:00"}),
    ],
)
def test_unknown_parameters_are_refused(path: str, query: dict[str, str]) -> None:
    assert call(ReturnlessSandbox(count=0), path, **query).status == 400


def test_time_filters_can_exclude_their_own_second() -> None:
    sandbox = ReturnlessSandbox(count=2, exclusive_bounds=True)
    assert ids(sandbox, created_after="2021-01-20 11:52:42") == ["371141"]


def test_updated_after_finds_changes_of_the_status_only() -> None:
    sandbox = ReturnlessSandbox(count=20, now=lambda: NOON)
    sandbox.edit("371141", files=["https://files.example.com/1"])
    sandbox.set_status("948191", "received")
    assert ids(sandbox, updated_after="2026-01-01 12:00:00") == ["948191"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/returns/371141", {"status": "approved"}),
        ("/returns/371141", {}),
        ("/requests/948191", {"status": "received"}),
        ("/requests/948191", {"free_shipping": "True"}),
        ("/requests/948191", {"status": "approved", "free_shipping": "1"}),
    ],
)
def test_refused_update_has_a_false_result(path: str, query: dict[str, str]) -> None:
    assert body(ReturnlessSandbox(count=2), path, "PUT", **query)["result"] is False


def test_change_of_status_is_stamped_and_noted() -> None:
    sandbox = ReturnlessSandbox(count=2, now=lambda: NOON)
    sandbox.set_status("371141", "re-check")
    record = body(sandbox, "/returns/371141")
    assert (record["status"], record["updated_at"]) == ("re-check", "2026-01-01 12:00:00")
    assert record["return_notes"][-1]["message"] == "The status has been changed from Processing to Re-check"


def test_return_may_grow_from_a_request() -> None:
    sandbox = ReturnlessSandbox(count=2)
    request = sandbox.add_request(customer_email="ada@example.com")
    return_id = sandbox.add_return(request=request)
    grown = sandbox.records[return_id]
    assert (f"request:{grown['request_id']}", grown["customer_email"]) == (request, "ada@example.com")
    assert sandbox.records[request]["status"] == "label_created"
    assert request not in sandbox.return_ids


@pytest.mark.parametrize("path", ["/requests/1", "/returns/481049", "/shipments/NONE", "/other"])
def test_what_does_not_exist_is_not_found(path: str) -> None:
    assert call(ReturnlessSandbox(count=2), path).status == 404


def test_times_are_printed_and_filters_read_in_its_zone() -> None:
    sandbox = ReturnlessSandbox(count=2, timezone="Europe/Amsterdam", now=lambda: NOON)
    new = sandbox.add_return()
    assert body(sandbox, f"/returns/{new}")["return_date"] == "2026-01-01 13:00:00"
    assert ids(sandbox, created_after="2026-01-01 13:00:00") == [new]


def test_failed_webhook_is_retried_ten_times_in_three_hours() -> None:
    waited: list[float] = []
    sandbox = ReturnlessSandbox(count=2, pause=waited.append)
    delivery = sandbox.deliver_webhook("http://127.0.0.1:1/", "371141")
    assert (len(delivery.attempts), delivery.attempts[-1].after, sum(waited)) == (11, timedelta(hours=3), 10_800)
    assert not delivery.acknowledged


def test_batch_is_of_what_was_added_and_sent_once() -> None:
    sandbox = ReturnlessSandbox(count=2, pause=lambda _: None)
    new = [sandbox.add_return() for _ in range(3)]
    assert [one.return_id for one in sandbox.deliver_batch("http://127.0.0.1:1/")] == new
    assert sandbox.deliver_batch("http://127.0.0.1:1/") == ()
