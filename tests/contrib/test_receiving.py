"""Each framework's shop, called over HTTP by the simulator of the vendor as the vendor would, with events dispatched of what changed."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

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


STRANGERS = [
    (),
    ("",),
    ("nonsense",),
    (OTHER_KEY,),
    (RETURN_SIGNATURE,),
    (SIGNATURE, SIGNATURE),
    (OTHER_KEY, SIGNATURE),
]


def test_a_delivery_ends_with_an_event_dispatched_to_the_shop(platform: Any, vendor: Any) -> None:
    vendor.set_status("371141", "received")
    delivery = vendor.deliver_webhook(f"{platform.url}/webhooks/acme-nl/", "371141")
    assert [attempt.status for attempt in delivery.attempts] == [201]
    told = platform.told.get(timeout=120)
    assert (told.id, told.status_raw) == ("371141", "received")


def test_a_known_order_is_answered_as_documented(platform: Any, vendor: Any) -> None:
    answer = vendor.call_order_lookup(f"{platform.url}/orders/acme-nl/", "ORD000212")
    headers = {name.lower(): value for name, value in answer.headers}
    assert (answer.status, headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert json.loads(answer.body) == DOCUMENTED


def test_an_unknown_order_is_404_in_the_vendors_envelope(platform: Any, vendor: Any) -> None:
    answer = vendor.call_order_lookup(f"{platform.url}/orders/acme-nl/", "ORD000213")
    assert (answer.status, json.loads(answer.body), platform.asked) == (404, NOT_FOUND, ["ORD000213"])


def test_an_order_number_arrives_as_it_was_typed(platform: Any, vendor: Any) -> None:
    numbers = ["#1001", "ORD 12", "A+B", "50%25", "Größe-1", "000123", "?x=1"]
    for number in numbers:
        vendor.call_order_lookup(f"{platform.url}/orders/acme-nl/", number)
    assert platform.asked == numbers
    assert platform.call("GET", "/orders/acme-nl/ORD000212/", SIGNATURE).status == 200  # a slash may follow
    assert platform.asked == [*numbers, "ORD000212"]


@pytest.mark.parametrize("platform", ["starlette", "fastapi", "flask"], indirect=True)
def test_a_slash_in_an_order_number_survives_where_the_server_tells_the_url(platform: Any, vendor: Any) -> None:
    vendor.call_order_lookup(f"{platform.url}/orders/acme-nl/", "2026/12")
    assert platform.asked == ["2026/12"]


def test_nothing_is_looked_up_or_stored_for_a_stranger(platform: Any, vendor: Any) -> None:
    answers = [platform.call("GET", "/orders/acme-nl/ORD000212", *signatures) for signatures in STRANGERS]
    strangers = [(), (SIGNATURE,), (RETURN_SIGNATURE, RETURN_SIGNATURE)]
    answers += [platform.call("POST", "/webhooks/acme-nl/371141", *signatures) for signatures in strangers]
    assert {(answer.status, answer.body) for answer in answers} == {(401, b"")}
    assert (platform.asked, vendor.requests) == ([], ())


def test_every_address_of_an_account_is_there(platform: Any) -> None:
    paths = ["/webhooks/acme-nl", "/webhooks/acme-nl/", "/webhooks/acme-au"]
    assert [platform.call("POST", path, RETURN_SIGNATURE).status for path in paths] == [401, 401, 401]
    assert platform.call("POST", "/webhooks/acme-nl/371141/", RETURN_SIGNATURE).status == 201


def test_what_is_not_there_is_404_and_another_method_405(platform: Any) -> None:
    assert platform.call("POST", "/webhooks/acme-uk/1", RETURN_SIGNATURE).status == 404
    paths = ["/orders/acme-uk/1", "/orders/acme-au/1"]
    assert [platform.call("GET", path, RETURN_SIGNATURE).status for path in paths] == [404, 404]
    assert platform.call("GET", "/webhooks/acme-nl/1").status == 405
    assert platform.call("POST", "/orders/acme-nl/1").status == 405


def test_a_body_of_more_than_a_mebibyte_is_refused_before_it_is_read(platform: Any) -> None:
    answer = platform.call("POST", "/webhooks/acme-nl/371141", RETURN_SIGNATURE, length=(1 << 20) + 1)
    assert answer.status == 413


def test_what_cannot_be_stored_is_no_success(platform: Any, configured: Path) -> None:
    assert platform.call("POST", "/webhooks/acme-nl/371141", RETURN_SIGNATURE).status == 201  # there are tables now
    with closing(sqlite3.connect(configured / "returns.db", isolation_level=None, timeout=120)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        answer = platform.call("POST", "/webhooks/acme-nl/371141", RETURN_SIGNATURE, body=b"{}")
        connection.execute("ROLLBACK")
    assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "5")


def test_health_is_reported(platform: Any) -> None:
    answer = platform.call("GET", "/healthz")
    assert answer.status == 200
    assert [each["account"] for each in json.loads(answer.body)["accounts"]] == ["acme-nl", "acme-au"]


def test_a_find_order_that_raises_is_500_and_tells_nothing(
    platform: Any, example: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(number: str) -> None:
        raise ValueError("jane@example.com")

    monkeypatch.setattr(example("my_shop"), "find_order", fail)
    answer = platform.call("GET", "/orders/acme-nl/ORD000212", SIGNATURE)
    assert (answer.status, b"jane" in answer.body) == (500, False)
