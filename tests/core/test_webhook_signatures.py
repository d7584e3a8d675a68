"""What small faults in the signature checks would change, each shown by a delivery that only the right code takes rightly.

The signatures were computed with ``openssl dgst -sha256 -hmac``, not with the code under test.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from returns_hub import (
    Return,
    ReturnHint,
    ReturnObserved,
    Secret,
    UnknownEvent,
    WebhookRejected,
    WebhookRequest,
    single_header,
)
from returns_hub_return_helper import webhooks as return_helper
from returns_hub_returnless import webhooks as returnless
from returns_hub_returnmate import webhooks as returnmate

BODY = b'{"event":"rma.approved","id":"evt_1"}'
SIGNATURE = "84fce87ed7d6fd96d0e901d6a72667c0dba70c24de96c8dfae98ddc5046034a7"  # demo-secret-1
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def delivery(*, method: str = "POST", signature: str = SIGNATURE) -> WebhookRequest:
    return WebhookRequest(
        method=method,
        url="https://shop.example/webhooks/acme",
        headers={"X-Webhook-Signature": signature},
        body=BODY,
        received_at=NOON,
    )


def test_the_signature_header_is_taken_without_the_blanks_around_it() -> None:
    assert single_header(delivery(signature=f" {SIGNATURE}\t"), "x-webhook-signature") == SIGNATURE


@pytest.mark.parametrize(
    ("event", "secret"),
    [
        (ReturnHint(name="n", return_id="r1", raw={"phone": "0411"}), "0411"),
        (
            ReturnObserved(
                name="n", observed=Return(provider="memory", id="r1"), occurred_at=NOON, raw={"phone": "0411"}
            ),
            "0411",
        ),
        (UnknownEvent(name=None, body=b"0411"), "0411"),
    ],
)
def test_what_the_vendor_sent_is_in_no_repr(event: Any, secret: str) -> None:
    assert secret not in repr(event)


def test_deliveries_that_tell_the_same_are_equal_whatever_else_came() -> None:
    ret = Return(provider="memory", id="r1")
    assert ReturnHint(name="n", return_id="r1", raw={"a": 1}) == ReturnHint(name="n", return_id="r1")
    assert ReturnObserved(name="n", observed=ret, occurred_at=NOON, raw={"a": 1}) == ReturnObserved(
        name="n", observed=ret, occurred_at=NOON
    )


def test_a_hint_without_the_vendors_object_has_an_empty_one() -> None:
    assert ReturnHint(name="n", return_id="r1").raw == {}
    assert ReturnObserved(name="n", observed=Return(provider="memory", id="r1"), occurred_at=NOON).raw == {}


def returnmate_reason(request: WebhookRequest, *secrets: Secret) -> str:
    with pytest.raises(WebhookRejected) as caught:
        returnmate.verify(request, secrets, header="X-Webhook-Signature")
    return caught.value.reason


@pytest.mark.parametrize("secrets", [(), (Secret(""),)])
def test_an_account_without_a_secret_is_reported_before_all_else(secrets: tuple[Secret, ...]) -> None:
    assert returnmate_reason(delivery(method="GET", signature=""), *secrets) == "not_configured"


def test_secrets_may_come_from_an_iterator() -> None:
    returnmate.verify(delivery(), iter([Secret("demo-secret-1")]), header="X-Webhook-Signature")


def test_a_method_has_no_case() -> None:
    returnmate.verify(delivery(method="post"), [Secret("demo-secret-1")], header="X-Webhook-Signature")


# Return Helper.

RETURN_HELPER_URL = "https://shop.example/webhooks/acme"
RETURN_HELPER_TIME = "2026-11-21T12:00:00Z"
# The key is the Base64 of "key-1"; what is signed is POST, the address, the time and {}.
RETURN_HELPER_KEY = "a2V5LTE="
RETURN_HELPER_SIGNATURE = "brRKrTw4S4WknxtSMjk2ktFeD8+I72uq/15biCebzyM="


def notification(*headers: tuple[str, str], method: str = "POST") -> WebhookRequest:
    return WebhookRequest(
        method=method, url="http://10.0.0.7/behind-a-proxy", headers=headers, body=b"{}", received_at=NOON
    )


def verify_return_helper(request: WebhookRequest) -> None:
    keys = [Secret(RETURN_HELPER_KEY)]
    return_helper.verify(request, keys=keys, url=RETURN_HELPER_URL, tolerance=timedelta(minutes=15))


SIGNED = ("returnhelper-signature", RETURN_HELPER_SIGNATURE)
TIMED = ("timestamp", RETURN_HELPER_TIME)


@pytest.mark.parametrize("method", ["POST", "post", "Post"])
def test_return_helpers_method_has_no_case(method: str) -> None:
    verify_return_helper(notification(SIGNED, TIMED, method=method))


def test_blanks_around_the_time_are_not_signed() -> None:
    verify_return_helper(notification(SIGNED, ("timestamp", f" {RETURN_HELPER_TIME} ")))


def test_a_time_that_is_empty_twice_is_missing() -> None:
    with pytest.raises(WebhookRejected) as caught:
        verify_return_helper(notification(SIGNED, ("timestamp", ""), ("timestamp", "")))
    assert caught.value.reason == "missing_timestamp"


def test_the_signature_that_is_missed_is_the_one_of_today() -> None:
    with pytest.raises(WebhookRejected, match="returnhelper-signature"):
        verify_return_helper(notification(TIMED))


# Returnless.

RETURNLESS_SIGNATURE = "81950974af2e73c8f1d94de702d15d46f1627eb6c64b9d542ffa4300528b5f32"  # demo-key-1, 371141
LONGEST = "7" * 200
LONGEST_SIGNATURE = "a9a2128ba5489e74b08db49bacd8f7cc073851756803be9d363435aeef43710d"  # demo-key-1
ACCENTS = "%C3%A9" * 150
ACCENTS_SIGNATURE = "4cba51b4a3f339104057b1724a72097c410f2bfc3d66a8edafdc50f2dae16872"  # demo-key-1, é 150 times


def look_up(number: str, signature: str, *, method: str = "GET") -> WebhookRequest:
    return WebhookRequest(
        method=method,
        url=f"https://shop.example/orders/acme/{number}",
        headers={"returnless-signature": signature},
        body=b"",
        received_at=NOON,
    )


KEY = Secret("demo-key-1")


def test_returnless_methods_have_no_case_and_its_keys_may_come_from_an_iterator() -> None:
    returnless.verify_webhook(look_up("371141", RETURNLESS_SIGNATURE, method="post"), iter([KEY]))
    request = look_up("371141", RETURNLESS_SIGNATURE, method="get")
    assert returnless.read_order_number(request, iter([KEY])) == "371141"


def test_a_look_up_without_a_key_is_reported_before_all_else() -> None:
    with pytest.raises(WebhookRejected) as caught:
        returnless.read_order_number(look_up("371141", RETURNLESS_SIGNATURE, method="POST"), [])
    assert caught.value.reason == "not_configured"


def test_the_longest_order_number_has_200_characters_as_it_is_read_and_not_as_it_is_spelt() -> None:
    assert returnless.read_order_number(look_up(LONGEST, LONGEST_SIGNATURE), [KEY]) == LONGEST
    assert returnless.read_order_number(look_up(ACCENTS, ACCENTS_SIGNATURE), [KEY]) == "é" * 150
    with pytest.raises(WebhookRejected) as caught:
        returnless.read_order_number(look_up(f"{LONGEST}7", LONGEST_SIGNATURE), [KEY])
    assert caught.value.reason == "malformed_url"
