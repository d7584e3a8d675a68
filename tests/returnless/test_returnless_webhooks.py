"""Deliveries: the return id in the URL is signed, and nothing else.

The signatures were computed with another tool: ``printf 371141 | openssl dgst -sha256 -hmac demo-key-1``, the digests with
``sha256sum``.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from returns_hub import (
    ReturnHint,
    ReturnObserved,
    Secret,
    Status,
    UnknownEvent,
    WebhookRejected,
    WebhookRequest,
)

URL = "https://shop.example/webhooks/acme/371141"
SIGNATURE = "81950974af2e73c8f1d94de702d15d46f1627eb6c64b9d542ffa4300528b5f32"  # demo-key-1, 371141
SEED_SIGNATURE = "2a2ac40fffb71176e5a41b38c705b1a7a7535538b1d7319f54a117d3388dcaa6"  # demo-key-1, 948191
OTHER_ID = "6cca5a5f9ddf6d644477e05cabb8a1a11b9373a2234e346e257f3b7423b5825b"  # demo-key-1, 371142
OTHER_KEY = "d031a07f7d804b9d660ba26e841be2f03c5f0fa289dfc42ffd035c038e627df6"  # demo-key-2, 371141
UNICODE_KEY = "a22132449de51a7ea9ee02df24bff97551d0424fa5a5930628da075ff9ddf380"  # ünïcode ✓, 371141
EMPTY_ID = "13d50164e18f2116c791f4e66c273e2773e8211210b8f854041381bcef693f02"  # demo-key-1, nothing
EMPTY_KEY = "fd3d26f4acb61b820959b478a68e2bc4b0c23378fc7f80912ddc731d02aa7008"  # no key, 371141
TRAILING_BLANK = "003b1a0cd3b32de4163acba39a111b05a428dfe2cfee9c20f2489a33c768ff6f"  # demo-key-1, "371141 "
TRAILING_BREAK = "c4f9271579ec94e9d29cad519d675f43ca0a9d82dcb40b6f85cdb5c2f0af821c"  # demo-key-1, "371141\n"
OF_THE_BODY = "5ec71bda1006ce6125975087a9be774df547f4a9c0719aae2294ca815f99b33f"  # demo-key-1, {}
SLASHED = "2ca9960d8f84e400fe185b2c7d9ff332368bcb64875789360ef063c60d50c32c"  # demo-key-1, ORD/12
# Printed in Returnless V1 API for an order number and for a return id: a placeholder.
PRINTED = "4c7feb66d66873ec79c81cd8beb811f34e4ee37d9d24a407712b58049b08da9f"
UNSIGNED_HASH = "76ee97784af4e745ce433536d574ac55abc361d8643e4af513624738ff74773d"  # sha256 of 371141
SHA1 = "37534b9448a9a18f9161ea002df4a836b7e6c788"
SHA512 = (
    "5b17cbf01770cec2c36e0ee0656ee528f32a32c4a4df88a5ed9bfefdf7f33d39"
    "8880c3247ae2b61bd1b752f7a6977f4dd76a4968d746cbc463a29a6a5b0ef193"
)
BASE64 = "gZUJdK8uc8jx2U3nAtFdRvFifrbGS51UL/pDAFKLXzI="
SEED_DIGEST = "e0be1dd802331980ded230d7c2203457a31d880471ff8615f66cf9db52ab99c7"
EMPTY_DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

RECEIVED_AT = datetime(2026, 11, 21, tzinfo=UTC)


def delivery(
    body: bytes = b"", *, url: str = URL, method: str = "POST", headers: Any = None, signature: str = SIGNATURE
) -> WebhookRequest:
    return WebhookRequest(
        method=method,
        url=url,
        headers={"returnless-signature": signature} if headers is None else headers,
        body=body,
        received_at=RECEIVED_AT,
    )


def rejection(adapter: Any, request: WebhookRequest) -> str:
    with pytest.raises(WebhookRejected) as caught:
        adapter.receive(request)
    return caught.value.reason


def documented_delivery(body: bytes) -> WebhookRequest:
    return delivery(body, url="https://shop.example/webhooks/acme/948191", signature=SEED_SIGNATURE)


def test_documented_delivery_is_a_hint(adapter: Any, document: Any) -> None:
    receipt = adapter.receive(documented_delivery(document("webhook-return-created.json")))
    assert receipt.events == (ReturnHint(name="return_created", return_id="948191"),)
    assert (receipt.answer.status, receipt.answer.body) == (201, b"")
    assert receipt.dedupe_key == f"948191:{SEED_DIGEST}"


@pytest.mark.parametrize(
    "header", ["returnless-signature", "Returnless-Signature", "RETURNLESS-SIGNATURE", "rEtUrNlEsS-sIgNaTuRe"]
)
def test_header_name_has_no_case(adapter: Any, header: str) -> None:
    assert adapter.receive(delivery(headers={header: SIGNATURE})).answer.status == 201


@pytest.mark.parametrize("signature", [SIGNATURE.upper(), f" {SIGNATURE} ", f"{SIGNATURE}\t"])
def test_signature_may_be_spelt_in_these_ways(adapter: Any, signature: str) -> None:
    assert adapter.receive(delivery(signature=signature)).answer.status == 201


@pytest.mark.parametrize(
    "url",
    [
        URL,
        URL + "/",
        URL + "?form=5919",
        URL + "#part",
        "https://shop.example/webhooks/acme/3%371141",
        "https://shop.example/371141",
        "http://localhost:8080/a/b/c/d/371141/",
        "/webhooks/acme/371141",
    ],
)
def test_id_is_the_last_part_of_the_path(adapter: Any, url: str) -> None:
    (event,) = adapter.receive(delivery(url=url)).events
    assert event.return_id == "371141"


@pytest.mark.parametrize("signature", [SIGNATURE, OTHER_KEY, UNICODE_KEY])
def test_every_live_key_is_good(make: Any, signature: str) -> None:
    adapter = make(signing_keys=(Secret("demo-key-2"), Secret("demo-key-1"), Secret("ünïcode ✓")))
    assert adapter.receive(delivery(signature=signature)).answer.status == 201


@pytest.mark.parametrize("keys", [(), (Secret(""),)])
@pytest.mark.parametrize("signature", [SIGNATURE, EMPTY_KEY, ""])
def test_without_a_key_every_delivery_is_refused(make: Any, keys: Any, signature: str) -> None:
    assert rejection(make(signing_keys=keys), delivery(signature=signature)) == "not_configured"


def test_empty_key_beside_a_real_one_signs_nothing(make: Any) -> None:
    adapter = make(signing_keys=(Secret("demo-key-1"), Secret("")))
    assert rejection(adapter, delivery(signature=EMPTY_KEY)) == "wrong_signature"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "", "POST ", "POSTS"])
def test_other_method_is_refused(adapter: Any, method: str) -> None:
    assert rejection(adapter, delivery(method=method)) == "wrong_method"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "missing_signature"),
        ({"returnless-signature": ""}, "missing_signature"),
        ({"returnless-signature": " \t "}, "missing_signature"),
        ({"signature": SIGNATURE}, "missing_signature"),
        ({"x-returnless-signature": SIGNATURE}, "missing_signature"),
        ({"returnless_signature": SIGNATURE}, "missing_signature"),
        ({"returnless-signature ": SIGNATURE}, "missing_signature"),
        ({"Authorization": f"Bearer {SIGNATURE}"}, "missing_signature"),
        ([("returnless-signature", SIGNATURE), ("returnless-signature", SIGNATURE)], "duplicate_signature"),
        ([("returnless-signature", SIGNATURE), ("Returnless-Signature", OTHER_KEY)], "duplicate_signature"),
        ([("returnless-signature", ""), ("Returnless-Signature", SIGNATURE)], "duplicate_signature"),
        ([("returnless-signature", "0" * 64), ("returnless-signature", SIGNATURE)], "duplicate_signature"),
        ({"returnless-signature": SIGNATURE[:-1]}, "malformed_signature"),
        ({"returnless-signature": SIGNATURE + "0"}, "malformed_signature"),
        ({"returnless-signature": SIGNATURE * 2}, "malformed_signature"),
        ({"returnless-signature": SIGNATURE[:32]}, "malformed_signature"),
        ({"returnless-signature": f"{SIGNATURE},{SIGNATURE}"}, "malformed_signature"),
        ({"returnless-signature": f"{SIGNATURE}, {OTHER_KEY}"}, "malformed_signature"),
        ({"returnless-signature": f"sha256={SIGNATURE}"}, "malformed_signature"),
        ({"returnless-signature": f"0x{SIGNATURE}"}, "malformed_signature"),
        ({"returnless-signature": f'"{SIGNATURE}"'}, "malformed_signature"),
        ({"returnless-signature": SHA1}, "malformed_signature"),
        ({"returnless-signature": SHA512}, "malformed_signature"),
        ({"returnless-signature": BASE64}, "malformed_signature"),
        ({"returnless-signature": "g" * 64}, "malformed_signature"),
        ({"returnless-signature": "ü" * 64}, "malformed_signature"),
        ({"returnless-signature": "１" * 64}, "malformed_signature"),
        ({"returnless-signature": "٣" * 64}, "malformed_signature"),
        ({"returnless-signature": "\0" * 64}, "malformed_signature"),
        ({"returnless-signature": "\ud800" * 64}, "malformed_signature"),
        ({"returnless-signature": SIGNATURE[:63] + "\n"}, "malformed_signature"),
        ({"returnless-signature": SIGNATURE[:32] + "\n" + SIGNATURE[32:]}, "malformed_signature"),
        ({"returnless-signature": "None"}, "malformed_signature"),
        ({"returnless-signature": "true"}, "malformed_signature"),
        ({"returnless-signature": "0"}, "malformed_signature"),
        ({"returnless-signature": "a" * 1_000_000}, "malformed_signature"),
        ({"returnless-signature": "0" * 64}, "wrong_signature"),
        ({"returnless-signature": "f" * 64}, "wrong_signature"),
        ({"returnless-signature": SIGNATURE[::-1]}, "wrong_signature"),
        ({"returnless-signature": SIGNATURE[:-1] + "3"}, "wrong_signature"),
        ({"returnless-signature": "9" + SIGNATURE[1:]}, "wrong_signature"),
        ({"returnless-signature": PRINTED}, "wrong_signature"),
        ({"returnless-signature": OTHER_ID}, "wrong_signature"),
        ({"returnless-signature": OTHER_KEY}, "wrong_signature"),
        ({"returnless-signature": UNICODE_KEY}, "wrong_signature"),
        ({"returnless-signature": EMPTY_KEY}, "wrong_signature"),
        ({"returnless-signature": EMPTY_ID}, "wrong_signature"),
        ({"returnless-signature": TRAILING_BLANK}, "wrong_signature"),
        ({"returnless-signature": TRAILING_BREAK}, "wrong_signature"),
        ({"returnless-signature": OF_THE_BODY}, "wrong_signature"),
        ({"returnless-signature": UNSIGNED_HASH}, "wrong_signature"),
    ],
)
def test_signature_that_is_not_one_is_refused(adapter: Any, headers: Any, reason: str) -> None:
    assert rejection(adapter, delivery(b"{}", headers=headers)) == reason


@pytest.mark.parametrize(
    ("url", "signature", "reason"),
    [
        ("", SIGNATURE, "malformed_url"),
        ("https://shop.example", SIGNATURE, "malformed_url"),
        ("https://shop.example/", EMPTY_ID, "malformed_url"),
        ("https://shop.example//", EMPTY_ID, "malformed_url"),
        ("https://shop.example/webhooks/acme/371141//", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/?371141", SIGNATURE, "wrong_signature"),
        ("https://shop.example/webhooks/acme/#371141", SIGNATURE, "wrong_signature"),
        ("https://shop.example/webhooks/371141/acme", SIGNATURE, "wrong_signature"),
        ("https://shop.example/webhooks/acme/371142", SIGNATURE, "wrong_signature"),
        ("https://shop.example/webhooks/acme/0371141", SIGNATURE, "wrong_signature"),
        ("https://shop.example/webhooks/acme/request:371141", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/371141;x", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/371141%20", TRAILING_BLANK, "malformed_url"),
        ("https://shop.example/webhooks/acme/371141%0A", TRAILING_BREAK, "malformed_url"),
        ("https://shop.example/webhooks/acme/371141+", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/371141%00", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/371\n141", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/371\t141", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/371141\r\nX: y", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/371141 ", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/371141\x7f", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/371141/..", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/..%2F371141", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/x%2F371141", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/ORD%2F12", SLASHED, "malformed_url"),
        ("https://shop.example/webhooks/acme/x\\371141", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/%33%37%31%31%34%32", SIGNATURE, "wrong_signature"),
        ("https://shop.example/webhooks/acme/%2533371141", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/%FF", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/%ED%A0%80", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/\ud800", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/３７１１４１", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/٣٧١", SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/" + "1" * 65, SIGNATURE, "malformed_url"),
        ("https://shop.example/webhooks/acme/" + "1" * 1_000_000, SIGNATURE, "malformed_url"),
        ("https://[shop/webhooks/acme/371141", SIGNATURE, "malformed_url"),
        ("https://[::1/371141", SIGNATURE, "malformed_url"),
        ("https://shop\u2100.example/371141", SIGNATURE, "malformed_url"),
    ],
)
def test_url_that_names_no_signed_id_is_refused(adapter: Any, url: str, signature: str, reason: str) -> None:
    assert rejection(adapter, delivery(b"{}", url=url, signature=signature)) == reason


def test_signature_of_another_account_is_refused(make: Any) -> None:
    adapter = make(signing_keys=(Secret("demo-key-2"),))
    assert rejection(adapter, delivery()) == "wrong_signature"


def test_rejection_quotes_nothing_that_came_in(adapter: Any) -> None:
    request = delivery(url="https://shop.example/canary", headers={"returnless-signature": "canary"})
    with pytest.raises(WebhookRejected) as caught:
        adapter.receive(request)
    assert "canary" not in f"{caught.value} {caught.value!r} {caught.value.args}"


def test_signature_of_an_order_look_up_for_the_same_text_only_causes_a_reading(adapter: Any) -> None:
    # Order number 948191 and return 948191 have one signature: whoever saw the look-up can send this.
    receipt = adapter.receive(documented_delivery(b'{"action": "return_created", "status": "completed"}'))
    assert receipt.events == (ReturnHint(name="return_created", return_id="948191"),)


@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"\xff", b"[]", b"null", b"5", b'{"return_id": "371141"}', b"[" * 100_000, b'{"action": null}'],
)
def test_body_that_says_nothing_is_a_hint_all_the_same(adapter: Any, body: bytes) -> None:
    assert adapter.receive(delivery(body)).events == (ReturnHint(name="unnamed", return_id="371141"),)


@pytest.mark.parametrize("return_id", ["948191", "", None, 5, ["371141"]])
def test_body_about_another_return_is_a_hint_about_the_one_in_the_url(
    adapter: Any, answer: Any, return_id: object
) -> None:
    body = answer(200, {"action": "return_created", "return_id": return_id}).body
    assert adapter.receive(delivery(body)).events == (ReturnHint(name="return_created", return_id="371141"),)


@pytest.mark.parametrize(("action", "name"), [("return_updated", "return_updated"), ("", ""), (5, None), ([], None)])
def test_unknown_action_is_kept_and_acknowledged(adapter: Any, answer: Any, action: object, name: str | None) -> None:
    body = answer(200, {"action": action}).body
    receipt = adapter.receive(delivery(body))
    assert (receipt.events, receipt.answer.status) == ((UnknownEvent(name=name, body=body),), 201)


def test_same_delivery_has_the_same_key(adapter: Any) -> None:
    assert adapter.receive(delivery()).dedupe_key == f"371141:{EMPTY_DIGEST}"


def test_same_body_about_another_return_has_another_key(adapter: Any) -> None:
    request = delivery(url="https://shop.example/371142", signature=OTHER_ID)
    assert adapter.receive(request).dedupe_key == f"371142:{EMPTY_DIGEST}"


@pytest.fixture
def trusting(make: Any) -> Any:
    return make(signing_keys=(Secret("demo-key-1"),), trust_unsigned_body=True)


def test_believed_body_is_observed_and_marked(trusting: Any, document: Any) -> None:
    (event,) = trusting.receive(documented_delivery(document("webhook-return-created.json"))).events
    assert isinstance(event, ReturnObserved)
    assert (event.name, event.occurred_at) == ("return_created", datetime(2021, 1, 20, 11, 52, 42, tzinfo=UTC))
    assert (event.observed.id, event.observed.number, event.observed.request_id) == (
        "948191",
        "RENL1641091121",
        "request:481049",
    )
    assert event.observed.raw["unverified"] is True


def test_believed_body_says_that_the_customer_created_the_return(trusting: Any, document: Any) -> None:
    (event,) = trusting.receive(documented_delivery(document("webhook-return-created.json"))).events
    observed = event.observed
    assert (observed.status, observed.status_raw, observed.notes, observed.updated_at) == (
        Status.READY_TO_SHIP,
        "return_created",
        (),
        None,
    )


def test_believed_body_has_only_the_lines_that_come_back(trusting: Any, document: Any) -> None:
    (event,) = trusting.receive(documented_delivery(document("webhook-return-created.json"))).events
    assert [(item.id, item.aliases, item.quantity) for item in event.observed.items] == [
        (None, ("153397",), Decimal("1.0000"))
    ]


@pytest.mark.parametrize(
    "body",
    [
        b'{"action": "return_created", "return_id": "948191"}',
        b'{"action": "return_created"}',
        b'{"action": "return_created", "return_id": {"a": 1}, "returned_products": "none"}',
    ],
)
def test_body_that_cannot_be_believed_is_a_hint(trusting: Any, body: bytes) -> None:
    assert trusting.receive(delivery(body)).events == (ReturnHint(name="return_created", return_id="371141"),)


def test_body_without_a_time_is_observed_when_it_came(trusting: Any) -> None:
    (event,) = trusting.receive(delivery(b'{"action": "return_created", "return_id": "371141"}')).events
    assert event.occurred_at - RECEIVED_AT == timedelta(0)
