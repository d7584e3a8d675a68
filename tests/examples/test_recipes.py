"""Each recipe of examples/, called over HTTP by the simulator of the vendor as the vendor would."""

import http.client
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from returns_hub import HttpAnswer, Order
from returns_hub_returnless.sandbox import ReturnlessSandbox

# openssl dgst -sha256 -hmac demo-key-1
SIGNATURE = "8917e9d0bf4370c478396b4ab60f1cbae36ae9c83d84396e175353a71a0b5e74"  # of ORD000212
OTHER_KEY = "ff8c2e9176545651c3b4ee6e52f9774d2314a62f0113ec12b64d76c5f92585fe"  # of ORD000212, with demo-key-2
RETURN_SIGNATURE = "81950974af2e73c8f1d94de702d15d46f1627eb6c64b9d542ffa4300528b5f32"  # of 371141

# The shape of Returnless V1 API, Expected response, filled with the order of docs/examples/my_shop.py.
DOCUMENTED = {
    "return_code": 200,
    "return_message": "Success!",
    "result": {
        "id": "ORD000212",
        "order_id": "124212",
        "create_at": {"value": "2026-09-05 10:46:27"},
        "customer": {"email": "customer@example.com"},
        "billing_address": {
            "first_name": "Ada",
            "last_name": "Sample",
            "country": {"code2": "NL"},
            "city": "Eindhoven",
            "address1": "Voorbeeldstraat",
            "address2": "14",
        },
        "order_products": [
            {
                "product_id": "1007",
                "quantity": "1.0000",
                "order_product_id": "153397",
                "name": "Sample Suitcase blue",
                "title_name": "Sample Suitcase",
                "model": "sample-0001",
                "price_inc_tax": "175.0000",
            }
        ],
    },
}
NOT_FOUND = {"return_code": 404, "return_message": "Order is not found."}


def call(method: str, url: str, *signatures: str, body: bytes = b"") -> HttpAnswer:
    """A call with these signatures, each in a header of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=120)
    connection.putrequest(method, parts.path)
    for signature in signatures:
        connection.putheader("Returnless-Signature", signature)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    reply = connection.getresponse()
    answer = HttpAnswer(status=reply.status, headers=reply.getheaders(), body=reply.read())
    connection.close()
    return answer


def content_type(answer: HttpAnswer) -> str:
    return {name.lower(): value for name, value in answer.headers}["content-type"]


def test_a_known_order_is_answered_as_documented(platform: Any, vendor: ReturnlessSandbox) -> None:
    answer = vendor.call_order_lookup(f"{platform.url}/orders/", "ORD000212")
    assert answer
    assert (answer.status, content_type(answer), json.loads(answer.body)) == (
        200,
        "application/json; charset=utf-8",
        DOCUMENTED,
    )


def test_an_unknown_order_is_404_in_the_vendors_envelope(platform: Any, vendor: ReturnlessSandbox) -> None:
    answer = vendor.call_order_lookup(f"{platform.url}/orders/", "ORD000213")
    assert answer
    assert (answer.status, json.loads(answer.body), platform.asked) == (404, NOT_FOUND, ["ORD000213"])


def test_a_slash_may_follow_the_order_number(platform: Any) -> None:
    answer = call("GET", f"{platform.url}/orders/ORD000212/", SIGNATURE)
    assert (answer.status, platform.asked) == (200, ["ORD000212"])


@pytest.mark.parametrize("number", ["#1001", "ORD 12", "A+B", "50%25", "Größe-1", "000123", "?x=1"])
def test_an_order_number_arrives_as_it_was_typed(platform: Any, vendor: ReturnlessSandbox, number: str) -> None:
    vendor.call_order_lookup(f"{platform.url}/orders/", number)
    assert platform.asked == [number]


@pytest.mark.parametrize("platform", ["starlette", "fastapi", "flask"], indirect=True)
def test_a_slash_in_an_order_number_survives_where_the_server_tells_the_url(
    platform: Any, vendor: ReturnlessSandbox
) -> None:
    vendor.call_order_lookup(f"{platform.url}/orders/", "2026/12")
    assert platform.asked == ["2026/12"]


@pytest.mark.parametrize(
    "signatures",
    [(), ("",), ("nonsense",), (OTHER_KEY,), (RETURN_SIGNATURE,), (SIGNATURE, SIGNATURE), (OTHER_KEY, SIGNATURE)],
    ids=["none", "empty", "malformed", "other key", "other text", "twice", "wrong and right"],
)
def test_nothing_is_looked_up_for_a_stranger(platform: Any, signatures: tuple[str, ...]) -> None:
    answer = call("GET", f"{platform.url}/orders/ORD000212", *signatures)
    assert (answer.status, answer.body, platform.asked) == (401, b"", [])


def test_a_webhook_is_acknowledged_and_the_return_read_again(platform: Any, vendor: ReturnlessSandbox) -> None:
    vendor.set_status("371141", "received")
    delivery = vendor.deliver_webhook(f"{platform.url}/webhooks/", "371141")
    assert ([attempt.status for attempt in delivery.attempts], platform.reread().status_raw) == ([201], "received")


def test_a_slash_may_follow_the_return_id(platform: Any) -> None:
    answer = call("POST", f"{platform.url}/webhooks/371141/", RETURN_SIGNATURE)
    assert (answer.status, platform.reread().id) == (201, "371141")


def test_the_body_of_a_webhook_is_not_believed(platform: Any) -> None:
    body = b'{"action": "return_created", "return_id": "371141", "customer_email": "thief@example.com"}'
    call("POST", f"{platform.url}/webhooks/371141", RETURN_SIGNATURE, body=body)
    assert platform.reread().customer.email == "pieter@returnless.com"


@pytest.mark.parametrize(
    "signatures",
    [(), (OTHER_KEY,), (RETURN_SIGNATURE, RETURN_SIGNATURE)],
    ids=["none", "other text", "twice"],
)
def test_a_webhook_of_a_stranger_is_refused(
    platform: Any, vendor: ReturnlessSandbox, signatures: tuple[str, ...]
) -> None:
    answer = call("POST", f"{platform.url}/webhooks/371141", *signatures)
    assert (answer.status, vendor.requests) == (401, ())


def test_an_acknowledgement_does_not_wait_for_the_vendor(platform: Any, vendor: ReturnlessSandbox) -> None:
    with vendor.lock:  # its API answers nobody else meanwhile
        delivery = vendor.deliver_webhook(f"{platform.url}/webhooks/", "371141")
        assert (delivery.acknowledged, platform.told.empty()) == (True, True)
    assert platform.reread().id == "371141"


def test_a_return_that_cannot_be_read_does_not_stop_the_next(platform: Any, vendor: ReturnlessSandbox) -> None:
    vendor.faults.answer_with(HttpAnswer(status=404), path="/returns/371141")
    vendor.deliver_webhook(f"{platform.url}/webhooks/", "371141")
    vendor.deliver_webhook(f"{platform.url}/webhooks/", "948191")
    assert platform.reread().id == "948191"


# Django has a limit of its own, DATA_UPLOAD_MAX_MEMORY_SIZE.
@pytest.mark.parametrize("platform", ["starlette", "fastapi", "flask"], indirect=True)
def test_a_body_of_more_than_a_mebibyte_is_refused(platform: Any) -> None:
    answer = call("POST", f"{platform.url}/webhooks/371141", RETURN_SIGNATURE, body=b" " * ((1 << 20) + 1))
    assert answer.status == 413


def test_the_shop_of_the_examples_finds_its_order(recipe: Callable[[str], Any]) -> None:
    found: Order = recipe("my_shop").find_order("ORD000212")
    assert found.created_at == datetime(2026, 9, 5, 10, 46, 27, tzinfo=UTC)
