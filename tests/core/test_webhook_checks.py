"""The checks that every signature scheme shares.

The signatures were computed with `openssl dgst -sha256 -hmac`, not with the code under test.
"""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import (
    Secret,
    UnknownEvent,
    WebhookRejected,
    WebhookRequest,
    body_digest,
    single_header,
    verify_hmac_sha256_hex,
)
from returns_hub.wire import verify_hmac_sha256_base64

BODY = b'{"event":"rma.approved","id":"evt_1"}'
SIGNATURE = "84fce87ed7d6fd96d0e901d6a72667c0dba70c24de96c8dfae98ddc5046034a7"
OTHER_SIGNATURE = "731ec7b9a84766b862703d56996e21338c1d69d0337c704b1415e50edfe51188"


def a_delivery(*signatures: str) -> WebhookRequest:
    return WebhookRequest(
        method="POST",
        url="https://shop.example/webhooks/acme",
        headers=[("X-Webhook-Signature", signature) for signature in signatures],
        body=BODY,
        received_at=datetime(2026, 11, 21, tzinfo=UTC),
    )


def test_the_right_signature_passes() -> None:
    verify_hmac_sha256_hex(BODY, SIGNATURE, [Secret("demo-secret-1")])


def test_upper_case_digits_pass() -> None:
    verify_hmac_sha256_hex(BODY, SIGNATURE.upper(), [Secret("demo-secret-1")])


def test_any_live_secret_passes() -> None:
    verify_hmac_sha256_hex(BODY, OTHER_SIGNATURE, [Secret("demo-secret-1"), Secret("demo-secret-2")])


@pytest.mark.parametrize(
    ("body", "signature", "secrets", "reason"),
    [
        (BODY, SIGNATURE, [], "not_configured"),
        (BODY, SIGNATURE, [Secret("")], "not_configured"),
        (BODY, "", [Secret("demo-secret-1")], "malformed_signature"),
        (BODY, SIGNATURE[:-1], [Secret("demo-secret-1")], "malformed_signature"),
        (BODY, SIGNATURE + "\n", [Secret("demo-secret-1")], "malformed_signature"),
        (BODY, "é" * 64, [Secret("demo-secret-1")], "malformed_signature"),
        (BODY, OTHER_SIGNATURE, [Secret("demo-secret-1")], "wrong_signature"),
        (BODY + b" ", SIGNATURE, [Secret("demo-secret-1")], "wrong_signature"),
    ],
)
def test_anything_else_is_rejected_with_its_reason(
    body: bytes, signature: str, secrets: list[Secret], reason: str
) -> None:
    with pytest.raises(WebhookRejected) as caught:
        verify_hmac_sha256_hex(body, signature, secrets)
    assert caught.value.reason == reason


@given(st.text())
def test_no_text_gets_past_as_another_exception(signature: str) -> None:
    with pytest.raises(WebhookRejected):
        verify_hmac_sha256_hex(BODY, signature, [Secret("demo-secret-1")])


@pytest.mark.parametrize(
    ("signatures", "reason"),
    [((), "missing_signature"), ((" ",), "missing_signature"), (("a", "b"), "duplicate_signature")],
)
def test_the_signature_header_comes_exactly_once(signatures: tuple[str, ...], reason: str) -> None:
    with pytest.raises(WebhookRejected) as caught:
        single_header(a_delivery(*signatures), "X-Webhook-Signature")
    assert caught.value.reason == reason


def test_the_digest_of_a_body_is_sha_256() -> None:
    assert body_digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_an_unknown_event_can_be_a_key_whatever_ids_it_has() -> None:
    event = UnknownEvent(name="rma.new", body=b"{}", ids={"rmaId": "1"})
    assert {event: 1}[UnknownEvent(name="rma.new", body=b"{}", ids={"rmaId": "1"})] == 1


# RFC 4231, test case 2.
KEY, TEXT = b"Jefe", b"what do ya want for nothing?"
BASE64 = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="


@pytest.mark.parametrize("keys", [[KEY], [b"another", KEY], [KEY, b"another"], [b"", KEY]])
def test_base64_under_any_live_key_passes(keys: list[bytes]) -> None:
    verify_hmac_sha256_base64(TEXT, BASE64, keys)


@pytest.mark.parametrize(
    ("signature", "keys", "reason"),
    [
        (BASE64, [], "not_configured"),
        (BASE64, [b""], "not_configured"),
        ("no signature", [], "not_configured"),
        (BASE64, [b"another"], "wrong_signature"),
        (BASE64.replace("W", "X", 1), [KEY], "wrong_signature"),
        (BASE64.rstrip("="), [KEY], "malformed_signature"),
        ("", [KEY], "malformed_signature"),
        ("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", [KEY], "malformed_signature"),
    ],
)
def test_other_base64_is_rejected_with_its_reason(signature: str, keys: list[bytes], reason: str) -> None:
    with pytest.raises(WebhookRejected) as refused:
        verify_hmac_sha256_base64(TEXT, signature, keys)
    assert refused.value.reason == reason


def test_an_account_without_a_secret_says_so_whatever_the_signature_is() -> None:
    with pytest.raises(WebhookRejected) as refused:
        verify_hmac_sha256_hex(TEXT, "no signature", [])
    assert refused.value.reason == "not_configured"
