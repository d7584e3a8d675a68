"""Every scheme by which a delivery proves whose it is, against published vectors and against those of the vendors' references.

None of the expected signatures was made with the code under test.
"""

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from returns_hub import ConfigurationError, Secret, WebhookRejected, WebhookRequest
from returns_hub.wire import (
    standard_webhook_key,
    standard_webhook_signature,
    verify_basic,
    verify_signed_body,
    verify_standard_webhook,
    verify_static,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = Secret("hub-test-secret")
OTHER = Secret("another-secret")

# The bodies and signatures of the references of AfterShip, Loop and Returnless V2: computed outside of this project.
AFTERSHIP = (
    b'{"id":"e1","event":"return.approved","data":{"id":"r1"}}',
    "W6eSawqLgqIpyYSx2JurBBUsSQHaLH8LTLexTmIbAPs=",
)
LOOP = (b'{"topic":"return","url":"https:\\/\\/x.example\\/a"}', "umjxSaaDswaCEBSuJj8UmbEsFItUHlWaeAfLmDnPjqA=")
RETURNLESS = (b'{"data":{"id":"returnorder_x"}}', "c081d783246c76bbc4f771fb5945fe68ee06c54f0e703c705193497206a44360")

# The vector of the Svix libraries (MIT), which the specification's own tests use.
STANDARD_SECRET = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
STANDARD_BODY = b'{"test": 2432232314}'
STANDARD = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
SIGNED_AT = datetime.fromtimestamp(1614265330, UTC)


def delivery(
    body: bytes = b"{}", *headers: tuple[str, str], method: str = "POST", at: datetime = NOON
) -> WebhookRequest:
    url = "https://shop.example/webhooks/acme"
    return WebhookRequest(method=method, url=url, headers=headers, body=body, received_at=at)


def reason(verify: Callable[[], None]) -> str:
    with pytest.raises(WebhookRejected) as refused:
        verify()
    return refused.value.reason


@pytest.mark.parametrize("secrets", [(SECRET,), (OTHER, SECRET), (SECRET, OTHER)])
@pytest.mark.parametrize("vector", [AFTERSHIP, LOOP])
def test_a_body_signed_in_base64_passes_under_any_live_secret(
    vector: tuple[bytes, str], secrets: tuple[Secret, ...]
) -> None:
    body, signature = vector
    verify_signed_body(delivery(body, ("X-Sig", signature)), "x-sig", secrets, encoding="base64")


def test_a_body_signed_in_hex_passes_with_the_prefix_and_without() -> None:
    body, signature = RETURNLESS
    verify_signed_body(delivery(body, ("X-Signature", signature)), "X-Signature", [SECRET])
    prefixed = delivery(body, ("X-Signature", "sha256=" + signature.upper()))
    verify_signed_body(prefixed, "X-Signature", [SECRET], prefix="sha256=")


@pytest.mark.parametrize(
    ("body", "headers", "method", "secrets", "expected"),
    [
        (AFTERSHIP[0], [AFTERSHIP[1]], "POST", (), "not_configured"),
        (AFTERSHIP[0], [], "GET", (Secret(""),), "not_configured"),
        (AFTERSHIP[0], [AFTERSHIP[1]], "GET", (SECRET,), "wrong_method"),
        (AFTERSHIP[0], [], "POST", (SECRET,), "missing_signature"),
        (AFTERSHIP[0], [AFTERSHIP[1]] * 2, "POST", (SECRET,), "duplicate_signature"),
        (AFTERSHIP[0], ["hmac-sha256=" + AFTERSHIP[1]], "POST", (SECRET,), "malformed_signature"),
        (AFTERSHIP[0], [AFTERSHIP[1].rstrip("=")], "POST", (SECRET,), "malformed_signature"),
        (AFTERSHIP[0] + b"\n", [AFTERSHIP[1]], "POST", (SECRET,), "wrong_signature"),
        (AFTERSHIP[0], [AFTERSHIP[1]], "POST", (OTHER,), "wrong_signature"),
        (LOOP[0].replace(b"\\", b""), [LOOP[1]], "POST", (SECRET,), "wrong_signature"),
    ],
)
def test_another_body_header_method_or_secret_is_refused_with_its_reason(
    body: bytes, headers: Sequence[str], method: str, secrets: tuple[Secret, ...], expected: str
) -> None:
    request = delivery(body, *[("X-Sig", value) for value in headers], method=method)
    assert reason(lambda: verify_signed_body(request, "X-Sig", secrets, encoding="base64")) == expected


def test_a_bearer_token_passes_whatever_the_case_of_the_word() -> None:
    for value in ("Bearer hub-test-secret", "bearer  hub-test-secret"):
        verify_static(delivery(b"{}", ("Authorization", value)), "Authorization", [OTHER, SECRET], scheme="Bearer")


def test_a_header_of_a_vendors_own_holds_the_secret_as_it_is() -> None:
    verify_static(delivery(b"{}", ("X-Api-Key", "hub-test-secret")), "x-api-key", [SECRET])


@pytest.mark.parametrize(
    ("headers", "secrets", "expected"),
    [
        (["Bearer hub-test-secret"], (), "not_configured"),
        ([], (SECRET,), "missing_signature"),
        (["Bearer hub-test-secret"] * 2, (SECRET,), "duplicate_signature"),
        (["hub-test-secret"], (SECRET,), "malformed_signature"),
        (["Basic hub-test-secret"], (SECRET,), "malformed_signature"),
        (["Bearer"], (SECRET,), "malformed_signature"),
        (["Bearer hub-test-secre"], (SECRET,), "wrong_signature"),
        (["Bearer hub-test-secret x"], (SECRET,), "wrong_signature"),
        (["Bearer HUB-TEST-SECRET"], (SECRET,), "wrong_signature"),
    ],
)
def test_another_token_is_refused_with_its_reason(
    headers: Sequence[str], secrets: tuple[Secret, ...], expected: str
) -> None:
    request = delivery(b"{}", *[("Authorization", value) for value in headers])
    assert reason(lambda: verify_static(request, "Authorization", secrets, scheme="Bearer")) == expected


def test_basic_credentials_of_rfc_7617_pass() -> None:
    # Section 2 and section 2.1: user and password of the examples.
    for value, user, password in (
        ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"),
        ("basic dGVzdDoxMjPCow==", "test", "123£"),
    ):
        verify_basic(delivery(b"", ("Authorization", value)), Secret(user), [Secret("old"), Secret(password)])


@pytest.mark.parametrize(
    ("value", "user", "expected"),
    [
        ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", None, "not_configured"),
        ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Secret(""), "not_configured"),
        ("", Secret("Aladdin"), "missing_signature"),
        ("Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Secret("Aladdin"), "malformed_signature"),
        ("Basic %%%", Secret("Aladdin"), "malformed_signature"),
        ("Basic " + base64.b64encode(b"Aladdin").decode(), Secret("Aladdin"), "malformed_signature"),
        ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Secret("aladdin"), "wrong_signature"),
        ("Basic " + base64.b64encode(b"Aladdin:open sesam").decode(), Secret("Aladdin"), "wrong_signature"),
    ],
)
def test_other_basic_credentials_are_refused_with_their_reason(value: str, user: Secret | None, expected: str) -> None:
    request = delivery(b"", *([("Authorization", value)] if value else []))
    assert reason(lambda: verify_basic(request, user, [Secret("open sesame")])) == expected


def standard(at: datetime = SIGNED_AT, body: bytes = STANDARD_BODY, **headers: str) -> WebhookRequest:
    sent = {**STANDARD, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return delivery(body, *[(name, value) for name, value in sent.items() if value], at=at)


@pytest.mark.parametrize(
    "request_",
    [
        standard(),
        standard(webhook_signature=f"v1a,AAAA v1,{'A' * 43}= {STANDARD['webhook-signature']}"),
        standard(SIGNED_AT + timedelta(minutes=5)),
        standard(SIGNED_AT - timedelta(minutes=5)),
    ],
)
def test_the_published_vector_of_standard_webhooks_passes(request_: WebhookRequest) -> None:
    verify_standard_webhook(request_, [Secret("whsec_AAAA"), STANDARD_SECRET])


def test_services_that_are_older_than_the_specification_name_the_headers_otherwise() -> None:
    headers = [(name.replace("webhook-", "svix-"), value) for name, value in STANDARD.items()]
    verify_standard_webhook(delivery(STANDARD_BODY, *headers, at=SIGNED_AT), [STANDARD_SECRET], prefix="svix-")


def test_the_signature_for_simulators_is_that_of_the_published_vector() -> None:
    made = standard_webhook_signature(
        standard_webhook_key(STANDARD_SECRET),
        id=STANDARD["webhook-id"],
        timestamp=STANDARD["webhook-timestamp"],
        body=STANDARD_BODY,
    )
    assert made == STANDARD["webhook-signature"]


@pytest.mark.parametrize(
    ("request_", "secrets", "expected"),
    [
        (standard(), (), "not_configured"),
        (standard(), (Secret("whsec_%"), Secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")), "not_configured"),
        (standard(webhook_signature=""), (STANDARD_SECRET,), "missing_signature"),
        (standard(webhook_id=""), (STANDARD_SECRET,), "missing_signature"),
        (standard(webhook_signature="v2,abc"), (STANDARD_SECRET,), "malformed_signature"),
        (
            standard(webhook_signature=STANDARD["webhook-signature"].rstrip("=")),
            (STANDARD_SECRET,),
            "malformed_signature",
        ),
        (standard(webhook_signature="v1,abc"), (STANDARD_SECRET,), "malformed_signature"),
        (standard(webhook_id="msg_2"), (STANDARD_SECRET,), "wrong_signature"),
        (standard(webhook_timestamp="1614265331"), (STANDARD_SECRET,), "wrong_signature"),
        (standard(body=STANDARD_BODY + b" "), (STANDARD_SECRET,), "wrong_signature"),
        (standard(SIGNED_AT + timedelta(minutes=5, seconds=1)), (STANDARD_SECRET,), "stale_timestamp"),
        (standard(SIGNED_AT - timedelta(minutes=5, seconds=1)), (STANDARD_SECRET,), "stale_timestamp"),
    ],
)
def test_another_standard_webhook_is_refused_with_its_reason(
    request_: WebhookRequest, secrets: tuple[Secret, ...], expected: str
) -> None:
    assert reason(lambda: verify_standard_webhook(request_, secrets)) == expected


def test_a_signed_time_that_is_no_number_is_malformed() -> None:
    key = standard_webhook_key(STANDARD_SECRET)
    signature = standard_webhook_signature(key, id="msg_1", timestamp="now", body=STANDARD_BODY)
    request = standard(webhook_id="msg_1", webhook_timestamp="now", webhook_signature=signature)
    assert reason(lambda: verify_standard_webhook(request, [STANDARD_SECRET])) == "malformed_timestamp"


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_%%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "hmac_QUJD"])
def test_a_secret_that_is_none_is_a_configuration_error_and_is_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError, match="must be whsec_ and Base64") as refused:
        standard_webhook_key(Secret(text))
    assert len(text) < 8 or text not in str(refused.value)


@settings(max_examples=25)
@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_that_comes_in_raises_anything_else(value: str, time: str) -> None:
    request = delivery(b"{}", ("Authorization", value), ("webhook-signature", value), ("webhook-timestamp", time))
    for verify in (
        lambda: verify_static(request, "Authorization", [SECRET]),
        lambda: verify_basic(request, SECRET, [SECRET]),
        lambda: verify_standard_webhook(request, [STANDARD_SECRET]),
        lambda: verify_signed_body(request, "Authorization", [SECRET]),
    ):
        reason(verify)
