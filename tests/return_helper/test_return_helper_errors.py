"""From an envelope, or from what came instead of one, to the error that says what the caller can do."""

import json
from decimal import Decimal
from typing import Any

import pytest

from returns_hub import (
    AuthenticationFailed,
    Conflict,
    NotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    Reply,
    UnexpectedReply,
    ValidationFailed,
)
from returns_hub_return_helper.protocol import find_record

HTML = b"<html><head><title>502 Bad Gateway</title></head></html>"

# Return Helper API, Getting started, "Response Structure", byte for byte.
SUCCESS = b"""{
  "apiBalances": [
    {
      "apiBalanceId": 7,
      "currencyCode": "usd",
      "balance": 2044.233
    }
  ],
  "correlationId": "0HM9VIKSKH2CB:00000002",
  "meta": {
    "status": 200,
    "data": {},
    "errorCode": null,
    "error": {}
  },
  "totalNumberOfRecords": 1
}"""
FAILURE = b"""{
  "correlationId": "0HM9VIKSKH2CF:00000002",
  "meta": {
    "status": 400,
    "data": {},
    "errorCode": "VALIDATION_FAILED",
    "error": {
      "warehouseId": "The value 'invalid' is not valid."
    }
  }
}"""


def failure(adapter: Any, reply: Reply) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        adapter.check(reply)
    return caught.value


def test_seeds_success_is_the_whole_envelope(adapter: Any) -> None:
    envelope = adapter.check(Reply(status=200, body=SUCCESS))
    assert envelope["apiBalances"] == [{"apiBalanceId": 7, "currencyCode": "usd", "balance": Decimal("2044.233")}]
    assert envelope["totalNumberOfRecords"] == 1


def test_seeds_failure_is_a_validation_failure_with_its_field(adapter: Any) -> None:
    error = failure(adapter, Reply(status=200, body=FAILURE))
    assert isinstance(error, ValidationFailed)
    assert error.fields == {"warehouseId": "The value 'invalid' is not valid."}
    assert (error.vendor_code, error.request_id, error.http_status) == (
        "VALIDATION_FAILED",
        "0HM9VIKSKH2CF:00000002",
        200,
    )


def test_text_of_the_failure_names_the_field_and_not_its_value(adapter: Any) -> None:
    error = failure(adapter, Reply(status=200, body=FAILURE))
    assert "fields: warehouseId" in str(error)
    assert "invalid" not in f"{error!r} {error.args}".replace("VALIDATION", "")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, UnexpectedReply),
        (400, ValidationFailed),
        (401, AuthenticationFailed),
        (403, PermissionDenied),
        (404, NotFound),
        (405, ValidationFailed),
        (409, Conflict),
        (415, ValidationFailed),
        (429, RateLimited),
        (500, ProviderUnavailable),
        (502, ProviderUnavailable),
        (503, ProviderUnavailable),
        (504, ProviderUnavailable),
    ],
)
@pytest.mark.parametrize("body", [b"", HTML, b'{"meta": {"sta', b"[]", b"{}", b'{"meta": {"status": 200}}'])
def test_http_status_decides_whatever_the_body_is(adapter: Any, status: int, kind: type, body: bytes) -> None:
    error = failure(adapter, Reply(status=status, body=body))
    assert (type(error), error.http_status) == (kind, status)


@pytest.mark.parametrize("status", [401, 403, 409, 500])
def test_envelope_under_a_real_http_status_gives_code_and_correlation(adapter: Any, answer: Any, status: int) -> None:
    body = {"correlationId": "c-1", "meta": {"status": status, "errorCode": "SOMETHING", "error": {}}}
    error = failure(adapter, answer(status, body))
    assert (error.vendor_code, error.request_id, error.http_status) == ("SOMETHING", "c-1", status)


def test_validation_failure_under_http_400_keeps_its_fields(adapter: Any) -> None:
    error = failure(adapter, Reply(status=400, body=FAILURE))
    assert isinstance(error, ValidationFailed)
    assert error.fields == {"warehouseId": "The value 'invalid' is not valid."}


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("VALIDATION_FAILED", 400, ValidationFailed),
        ("VALIDATION_FAILED", "400", ValidationFailed),
        ("VALIDATION_FAILED", None, ValidationFailed),
        ("VALIDATION_FAILED", 200, ValidationFailed),
        ("TRACKING_ALREADY_EXIST", 400, Conflict),
        ("SOMETHING_NEW", 400, ValidationFailed),
        ("SOMETHING_NEW", 401, AuthenticationFailed),
        ("SOMETHING_NEW", 403, PermissionDenied),
        ("SOMETHING_NEW", 404, NotFound),
        ("SOMETHING_NEW", 409, Conflict),
        ("SOMETHING_NEW", 429, RateLimited),
        ("SOMETHING_NEW", 500, ProviderUnavailable),
        ("SOMETHING_NEW", 200, UnexpectedReply),
        ("SOMETHING_NEW", 300, UnexpectedReply),
        ("SOMETHING_NEW", "soon", UnexpectedReply),
    ],
)
def test_soft_failure_is_recognised_by_status_and_code(
    adapter: Any, bad: Any, code: str, status: object, kind: type
) -> None:
    error = failure(adapter, bad(code, status))
    assert (type(error), error.vendor_code, error.request_id) == (kind, code, "0HM9VIKSKH2CF:00000002")


@pytest.mark.parametrize("status", [400, 0, 201, "400", None, True, [], {}, "200 OK", -200])
def test_any_status_but_200_is_a_failure(adapter: Any, bad: Any, status: object) -> None:
    assert isinstance(failure(adapter, bad(None, status)), ProviderError)


@pytest.mark.parametrize("status", [200, "200"])
def test_status_may_be_text_as_the_older_table_types_it(adapter: Any, bad: Any, status: object) -> None:
    assert adapter.check(bad(None, status))["meta"]["status"] == status


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{}", b"[]", b"null", b'"maintenance"', b'{"data": []}', b'{"meta": null}', b'{"meta": []}', HTML],
)
def test_body_without_meta_is_a_failure(adapter: Any, body: bytes) -> None:
    error = failure(adapter, Reply(status=200, body=body))
    assert (type(error), error.http_status) == (UnexpectedReply, 200)


def test_no_content_is_a_failure(adapter: Any) -> None:
    assert type(failure(adapter, Reply(status=204))) is UnexpectedReply


@pytest.mark.parametrize("body", [b"\xff\xfe", b"NaN", b"[" * 100_000, b'{"a": Infinity}', b'{"meta": {"status": 20'])
def test_unreadable_success_is_an_unexpected_reply(adapter: Any, body: bytes) -> None:
    error = failure(adapter, Reply(status=200, body=body))
    assert (type(error), error.__cause__, error.__context__) == (UnexpectedReply, None, None)


@pytest.mark.parametrize(
    ("problem", "fields"),
    [
        (None, {}),
        ([], {}),
        ("text", {}),
        ({}, {}),
        ({"rma": "a, b"}, {"rma": "a, b"}),
        ({"rma": ["a", "b"], "count": 3, "inner": {"x": "y"}}, {"rma": "a, b", "count": "", "inner": ""}),
    ],
)
def test_fields_are_named_only_by_an_object(adapter: Any, answer: Any, problem: object, fields: object) -> None:
    body = {"meta": {"status": 400, "errorCode": "VALIDATION_FAILED", "error": problem}}
    error = failure(adapter, answer(200, body))
    assert isinstance(error, ValidationFailed)
    assert error.fields == fields


def test_error_that_is_a_text_is_its_message_and_out_of_the_text(adapter: Any, answer: Any) -> None:
    error = failure(adapter, answer(200, {"meta": {"status": 500, "errorCode": "X", "error": "of jane@example.com"}}))
    assert error.vendor_message == "of jane@example.com"
    assert "jane" not in f"{error} {error!r} {error.args}"


@pytest.mark.parametrize("code", [7, True, [1], {"a": 1}, "x" * 500])
@pytest.mark.parametrize("correlation", [None, 5, "c-1", [], {}])
def test_code_and_correlation_of_any_type_are_survived(
    adapter: Any, answer: Any, code: object, correlation: object
) -> None:
    body = {"correlationId": correlation, "meta": {"status": 400, "errorCode": code, "error": {}}}
    assert isinstance(failure(adapter, answer(200, body)), ValidationFailed)


@pytest.mark.parametrize(
    ("retryable", "status"), [(False, 409), (False, 401), (False, 403), (True, 503), (True, 429), (False, 400)]
)
def test_waiting_helps_only_where_the_vendor_fails(adapter: Any, retryable: bool, status: int) -> None:
    assert failure(adapter, Reply(status=status)).retryable is retryable


@pytest.mark.parametrize("payload", [{}, {"data": None}, {"data": []}, {"data": "text"}])
def test_record_that_is_none_names_its_place(payload: Any) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        find_record(payload, "data")
    assert caught.value.where == "data"


def test_record_is_the_object() -> None:
    assert find_record(json.loads('{"data": {"a": 1}}'), "data") == {"a": 1}
