"""What may not reach a cassette, in every place where it could stand."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from vcr.request import Request  # type: ignore[import-untyped]  # vcrpy ships no types

from returns_hub.testing.cassettes import Redactor

SECRET = "CANARY-5f0d1c"
REDACTOR = Redactor()


def request_with(
    *, uri: str = "https://api.vendor.com/v1/rmas", body: Any = None, headers: dict[str, str] | None = None
) -> str:
    """Everything that would be written of a request, as one text."""
    redacted = REDACTOR.request(Request("POST", uri, body, headers or {}))
    return repr((redacted.uri, redacted.body, dict(redacted.headers)))


def response_with(*, body: bytes = b"", headers: dict[str, str] | None = None) -> str:
    """Everything that would be written of a response, as one text."""
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {name: [value] for name, value in (headers or {}).items()},
        "body": {"string": body},
    }
    return repr(REDACTOR.response(response))


@pytest.mark.parametrize(
    "name",
    ["Authorization", "Proxy-Authorization", "X-Api-Key", "x-rr-apikey", "x-rr-apitoken", "Cookie", "X-Unheard-Of"],
)
def test_a_telling_request_header_is_left_out(name: str) -> None:
    assert SECRET not in request_with(headers={name: SECRET})


@pytest.mark.parametrize("name", ["Set-Cookie", "X-Webhook-Signature", "X-Session-Token", "Server", "Date"])
def test_a_telling_response_header_is_left_out(name: str) -> None:
    assert SECRET not in response_with(headers={name: SECRET})


def test_a_secret_header_is_left_out_even_where_it_is_to_be_kept() -> None:
    headers = Redactor(keep_headers=frozenset({"x-api-key"})).headers({"X-Api-Key": SECRET}, usual=frozenset())
    assert headers == {}


def test_the_headers_that_a_replay_needs_are_kept() -> None:
    kept = REDACTOR.headers({"Content-Type": "application/json", "Accept": "*/*"}, usual={"content-type"})
    assert kept == {"content-type": "application/json"}


@pytest.mark.parametrize(
    "key",
    [
        "api_key",
        "apiKey",
        "X-Api-Key",
        "token",
        "access_token",
        "refreshToken",
        "password",
        "passwd",
        "client_secret",
        "webhook_secret",
        "signature",
        "sig",
        "authorization",
        "auth",
        "session_id",
        "cookie",
        "private_key",
        "signing_key",
        "credentials",
        "jwt",
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_a_secret_key_in_json_is_masked(key: str, nested: bool) -> None:
    body = {"outer": [{"inner": {key: SECRET}}]} if nested else {key: SECRET}
    assert SECRET not in response_with(body=json.dumps(body).encode())


@pytest.mark.parametrize("value", [[SECRET], {"user": SECRET}, [{"deep": [SECRET]}]])
def test_everything_under_a_secret_key_is_masked(value: Any) -> None:
    assert SECRET not in response_with(body=json.dumps({"credentials": value}).encode())


@pytest.mark.parametrize(
    "payload", [{"payload": json.dumps({"token": SECRET})}, {"log": [json.dumps([{"sig": SECRET}])]}]
)
def test_json_within_a_text_is_masked(payload: Any) -> None:
    assert SECRET not in response_with(body=json.dumps(payload).encode())


def test_a_telling_key_is_replaced() -> None:
    assert "vendor" not in repr(REDACTOR.value({"by_customer": {"ada@vendor.com": 3}}))


def test_a_telling_reason_phrase_is_replaced() -> None:
    response = {"status": {"code": 200, "message": "for ada@vendor.com"}, "headers": {}, "body": {"string": b""}}
    assert "vendor" not in repr(REDACTOR.response(response))


def test_a_secret_number_is_masked() -> None:
    assert REDACTOR.value({"token": 123456}) == {"token": 0}


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "application/problem+json", "text/plain", ""],
)
def test_json_is_recognised_whatever_its_content_type_says(content_type: str) -> None:
    body = json.dumps({"token": SECRET}).encode()
    assert SECRET not in request_with(body=body, headers={"content-type": content_type})


@pytest.mark.parametrize("body", [f"user=x&password={SECRET}", f"password={SECRET}&a%5Bb%5D=%20"])
@pytest.mark.parametrize("encode", [str, str.encode])
def test_a_secret_field_of_a_form_is_masked(body: str, encode: Any) -> None:
    assert SECRET not in request_with(body=encode(body))


@pytest.mark.parametrize("body", [f'{{"token": "{SECRET}"}}', f'{{"token": "{SECRET}"}}'.encode()])
def test_bodies_are_masked_as_text_and_as_bytes(body: str | bytes) -> None:
    assert SECRET not in request_with(body=body)


def test_a_body_that_nobody_can_read_is_masked_whole() -> None:
    assert REDACTOR.body(b"\x1f\x8b\xff") == b"REDACTED"


@pytest.mark.parametrize("name", ["api_key", "token", "sig", "X-Amz-Signature", "password"])
def test_a_secret_query_parameter_is_masked(name: str) -> None:
    assert SECRET not in request_with(uri=f"https://api.vendor.com/v1/rmas?page=1&{name}={SECRET}")


def test_user_and_password_of_a_url_are_left_out() -> None:
    assert SECRET not in request_with(uri=f"https://user:{SECRET}@api.vendor.com/v1/rmas")


def test_a_loopback_address_becomes_a_name() -> None:
    assert REDACTOR.url("http://127.0.0.1:40123/v1/rmas?page=1") == "http://sandbox.invalid/v1/rmas?page=1"


@pytest.mark.parametrize(
    "url",
    [
        f"https://labels.vendor.com/a.pdf?token={SECRET}",
        f"https://labels.vendor.com/a.pdf?scid=1&hash={SECRET}&position=0",
        f"https://labels.vendor.com/a.pdf?page=1&X-Amz-Signature={SECRET}&x=",
        f"https://user:{SECRET}@labels.vendor.com/a.pdf",
        f"https://labels.vendor.com/{SECRET}{SECRET}{SECRET}/a.pdf",
    ],
)
def test_a_link_that_opens_something_is_masked(url: str) -> None:
    assert SECRET not in response_with(body=json.dumps({"label_url": url}).encode())


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcDEF123456",
        "basic dXNlcjpwYXNz",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "whsec_abcdefghijklmnop",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_a_token_in_free_text_is_masked(text: str) -> None:
    assert "REDACTED" in REDACTOR.text(f"seen {text} in a log")


@pytest.mark.parametrize(
    "text",
    [
        "ada@vendor.com.au",
        "ada.o'hara+returns@sub.vendor.de",
        "<ada@vendor.com>",
        "ada@vendor.xn--p1ai",
        "адa@vendor.рф",
    ],
)
def test_an_e_mail_address_in_free_text_is_replaced(text: str) -> None:
    assert "vendor" not in REDACTOR.text(f"wrote to {text}.")


def test_an_international_phone_number_in_free_text_is_replaced() -> None:
    assert "412 345" not in REDACTOR.text("called +61 412 345 678 twice")


@pytest.mark.parametrize(
    "text",
    [
        "2024-12-30T10:30:00+00:00",
        "PROD-001",
        "RMA-2024-001234",
        "#1001",
        "rma_abc123",
        "Author: staff",
        "customer@example.com",
        "https://labels.example.com/000001.pdf?page=1",
        "1.000+2.000",
    ],
)
def test_what_tells_nothing_stays(text: str) -> None:
    assert REDACTOR.text(text) == text


@pytest.mark.parametrize(
    "payload",
    [
        {"email": "ada@vendor.com"},
        {"customer_email": "ada@vendor.com"},
        {"first_name": "Ada"},
        {"lastName": "Lovelace"},
        {"customerName": "Ada Lovelace"},
        {"customer": {"name": "Ada Lovelace"}},
        {"name": "Ada Lovelace", "email": None},
        {"shipFrom": {"company": "Ada Ltd"}},
        {"author": {"name": "Ada"}},
        {"phone": "0412 345 678"},
        {"phoneNumber": 412345678},
        {"mobile": ["0412 345 678"]},
        {"address1": "1 Sample Street"},
        {"street": "1 Sample Street"},
        {"postal_code": "2000"},
        {"zipCode": "2000"},
        {"city": "Sydney"},
        {"address": {"line1": "1 Sample Street"}},
        {"houseNumber": "12"},
    ],
)
def test_a_personal_value_is_replaced(payload: dict[str, Any]) -> None:
    assert REDACTOR.value({"data": [payload]}) != {"data": [payload]}


@pytest.mark.parametrize(
    "payload",
    [
        {"name": "Blue shirt", "sku": "PROD-001"},
        {"status": "pending", "state": "open", "country": "AU"},
        {"author_id": None, "internal": True, "quantity": 1},
        {"product_name": "Blue shirt"},
        {"customer": {"email": "customer@example.com", "name": None}},
        {"author": "staff"},
    ],
)
def test_a_value_that_is_not_personal_stays(payload: dict[str, Any]) -> None:
    assert REDACTOR.value(payload) == payload


def test_the_same_person_is_the_same_placeholder_everywhere() -> None:
    in_query = REDACTOR.url("https://api.vendor.com/rmas?customer_email=ada%2Bx%40vendor.com")
    in_json = REDACTOR.value({"email": "Ada+x@vendor.com"})["email"]
    assert in_query.endswith(in_json.replace("@", "%40"))


def test_a_person_in_a_path_is_replaced() -> None:
    assert "vendor.de" not in REDACTOR.url("https://api.vendor.com/customers/ada%40vendor.de/stats")


def test_what_a_document_made_up_stays() -> None:
    payload = {"customer": {"name": "John Smith"}}
    assert Redactor(fictitious=frozenset({"John Smith"})).value(payload) == payload


@pytest.mark.parametrize(
    "body", [b'{"total": 450.00,  "big": 1e400, "id": 12345678901234567890}', b"", b"<html>", b"[1]"]
)
def test_a_body_without_findings_keeps_its_bytes(body: bytes) -> None:
    assert REDACTOR.body(body) == body


def test_a_redacted_body_keeps_its_numbers() -> None:
    assert REDACTOR.body(b'{"token": "x", "total": 450.00}') == b'{"token":"REDACTED","total":450.00}'


PEOPLE = st.fixed_dictionaries(
    {},
    optional={
        "email": st.emails(),
        "phone": st.from_regex(r"\+[1-9]\d{9}", fullmatch=True),
        "first_name": st.text(),
        "address": st.text(),
        "api_key": st.text(),
        "notes": st.text(),
    },
)


@given(st.lists(st.recursive(PEOPLE, lambda inner: st.dictionaries(st.text(), inner), max_leaves=4)))
def test_redacting_twice_changes_nothing_more(payload: Any) -> None:
    once = REDACTOR.value(payload)
    assert REDACTOR.value(once) == once


@given(st.text() | st.emails().map("to {} or so".format) | st.text(alphabet="a0@.-_+ CO:/[?="))
@example("https://[")
@example("0@0.0.AA.0.0.0.0.0.0.AA")
def test_redacting_a_text_twice_changes_nothing_more(text: str) -> None:
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once


@given(st.binary())
def test_any_body_can_be_redacted(body: bytes) -> None:
    assert isinstance(REDACTOR.body(body), bytes)
