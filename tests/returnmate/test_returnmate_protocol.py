"""From an envelope, or from what came instead of one, to the error that says what the caller can do."""

from typing import Any

import pytest

from returns_hub import (
    AuthenticationFailed,
    Conflict,
    NewLabel,
    NewReturn,
    NotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    Reply,
    ReturnQuery,
    ShipmentQuery,
    UnexpectedReply,
    ValidationFailed,
)

HTML = b"<html><head><title>502 Bad Gateway</title></head></html>"


def failure(adapter: Any, reply: Reply) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        adapter.check(reply)
    return caught.value


def an_error(code: object, **more: object) -> dict[str, object]:
    return {"success": False, "error": {"code": code, "message": "a sentence", **more}}


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AUTHENTICATION_ERROR", 401, AuthenticationFailed),
        ("PERMISSION_DENIED", 403, PermissionDenied),
        ("NOT_FOUND", 404, NotFound),
        ("VALIDATION_ERROR", 400, ValidationFailed),
        ("RATE_LIMITED", 429, RateLimited),
        ("SERVER_ERROR", 500, ProviderUnavailable),
    ],
)
def test_documented_code_under_its_status(adapter: Any, answer: Any, code: str, status: int, kind: type) -> None:
    error = failure(adapter, answer(status, an_error(code)))
    assert (type(error), error.http_status, error.vendor_code, error.vendor_message) == (
        kind,
        status,
        code,
        "a sentence",
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AUTHENTICATION_ERROR", AuthenticationFailed),
        ("PERMISSION_DENIED", PermissionDenied),
        ("NOT_FOUND", NotFound),
        ("VALIDATION_ERROR", ValidationFailed),
        ("RATE_LIMITED", RateLimited),
        ("SERVER_ERROR", ProviderUnavailable),
        ("SOMETHING_NEW", UnexpectedReply),
        (None, UnexpectedReply),
    ],
)
def test_code_decides_under_a_success_status(adapter: Any, answer: Any, code: str | None, kind: type) -> None:
    error = failure(adapter, answer(200, an_error(code)))
    assert (type(error), error.http_status, error.vendor_code) == (kind, 200, code)


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
        (410, NotFound),
        (418, ValidationFailed),
        (422, ValidationFailed),
        (429, RateLimited),
        (500, ProviderUnavailable),
        (502, ProviderUnavailable),
        (503, ProviderUnavailable),
        (504, ProviderUnavailable),
    ],
)
@pytest.mark.parametrize("body", [b"", HTML, b'{"success": false', b"[]", b'{"error": {"code": "SOMETHING_NEW"}}'])
def test_status_decides_whatever_the_body_is(adapter: Any, status: int, kind: type, body: bytes) -> None:
    assert type(failure(adapter, Reply(status=status, body=body))) is kind


def test_status_decides_before_a_code_that_contradicts_it(adapter: Any, answer: Any) -> None:
    assert type(failure(adapter, answer(503, an_error("NOT_FOUND")))) is ProviderUnavailable


def test_code_decides_where_the_status_says_little(adapter: Any, answer: Any) -> None:
    assert type(failure(adapter, answer(418, an_error("RATE_LIMITED")))) is RateLimited


def test_html_is_kept_as_an_attribute_and_out_of_the_text(adapter: Any) -> None:
    error = failure(adapter, Reply(status=502, body=HTML))
    assert error.vendor_message == "<html><head><title>502 Bad Gateway</title></head></html>"
    assert str(error) == "The vendor is failing (5xx) (HTTP 502)"


def test_vendors_sentence_is_out_of_the_text(adapter: Any, answer: Any) -> None:
    error = failure(adapter, answer(400, an_error("VALIDATION_ERROR", message="bad mail jane@example.com")))
    assert "jane" not in f"{error} {error!r} {error.args}"
    assert error.vendor_message == "bad mail jane@example.com"


def test_rate_limit_needs_no_headers(adapter: Any, answer: Any) -> None:
    error = failure(adapter, answer(429, an_error("RATE_LIMITED")))
    assert (error.retryable, getattr(error, "retry_after", 0)) == (True, None)


@pytest.mark.parametrize(
    ("details", "fields"),
    [
        (None, {}),
        ([], {}),
        (["is short", "is ill-formed"], {"details": "is short, is ill-formed"}),
        ("text", {"details": "text"}),
        ({}, {}),
        ({"order_number": "is ill-formed"}, {"order_number": "is ill-formed"}),
        ({"items": [{"sku": "unknown"}], "count": 3}, {"items": '[{"sku":"unknown"}]', "count": "3"}),
    ],
)
def test_details_of_any_shape_are_kept_as_text(adapter: Any, answer: Any, details: object, fields: object) -> None:
    error = failure(adapter, answer(400, an_error("VALIDATION_ERROR", details=details)))
    assert isinstance(error, ValidationFailed)
    assert error.fields == fields


def test_absent_details_name_no_fields(adapter: Any, answer: Any) -> None:
    error = failure(adapter, answer(422, an_error("VALIDATION_ERROR")))
    assert isinstance(error, ValidationFailed)
    assert error.fields == {}


@pytest.mark.parametrize("body", [{"success": False}, {"error": "no"}, {"error": {}}, {"success": True, "error": [1]}])
def test_error_of_any_shape_is_an_error(adapter: Any, answer: Any, body: object) -> None:
    assert type(failure(adapter, answer(200, body))) is UnexpectedReply


def test_error_that_is_a_text_is_its_message(adapter: Any, answer: Any) -> None:
    assert failure(adapter, answer(200, {"error": "maintenance"})).vendor_message == "maintenance"


@pytest.mark.parametrize("body", [{"success": True, "data": [1]}, {"data": [1]}, [1], {"data": [1], "error": None}])
def test_success_in_any_envelope_is_its_data(adapter: Any, answer: Any, body: object) -> None:
    assert adapter.check(answer(200, body)) == [1]


def test_bare_success_is_the_whole_body(adapter: Any, answer: Any) -> None:
    assert adapter.check(answer(200, {"total_returns": 5})) == {"total_returns": 5}


@pytest.mark.parametrize("reply", [Reply(status=204), Reply(status=200), Reply(status=201, body=b" \r\n")])
def test_empty_success_is_none(adapter: Any, reply: Reply) -> None:
    assert adapter.check(reply) is None


@pytest.mark.parametrize("body", [HTML, b'{"success": true, "da', b"\xff\xfe", b"NaN", b"[" * 100_000, b"1" * 10_000])
def test_unreadable_success_is_an_unexpected_reply(adapter: Any, body: bytes) -> None:
    error = failure(adapter, Reply(status=200, body=body))
    assert (type(error), error.http_status) == (UnexpectedReply, 200)


def test_unreadable_reply_is_not_carried_along(adapter: Any) -> None:
    error = failure(adapter, Reply(status=200, body=b'{"name": "Jane Doe", '))
    assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.parametrize(
    "operation",
    [
        lambda adapter: adapter.get_return("rma_1"),
        lambda adapter: adapter.get_shipment("shp_1"),
        lambda adapter: adapter.customer_stats("a@b.c"),
        lambda adapter: adapter.reports_summary(),
    ],
)
@pytest.mark.parametrize("body", [b"", b'{"data": null}', b'{"data": "text"}'])
def test_read_of_nothing_is_an_unexpected_reply(adapter: Any, finish: Any, operation: Any, body: bytes) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        finish(operation(adapter), Reply(status=200, body=body))
    assert caught.value.where == "data"


def test_wrong_type_in_a_read_is_reported_with_the_return(adapter: Any, answer: Any, finish: Any) -> None:
    ret = finish(adapter.get_return("rma_1"), answer(200, {"data": {"id": "rma_1", "created_at": "soon"}}))
    assert (ret.created_at, ret.unreadable) == (None, ("created_at",))


def test_numbers_of_a_report_may_be_text(adapter: Any, answer: Any, finish: Any) -> None:
    assert finish(adapter.customer_stats("a@b.c"), answer(200, {"total_returns": "5"})).total_returns == 5


@pytest.mark.parametrize(
    ("operation", "permission"),
    [
        (lambda adapter: adapter.list_returns(ReturnQuery()), "rmas:read"),
        (lambda adapter: adapter.get_return("rma_1"), "rmas:read"),
        (lambda adapter: adapter.create_return(NewReturn(order_number="#1001")), "rmas:write"),
        (lambda adapter: adapter.set_status("rma_1", raw_status="approved"), "rmas:write"),
        (lambda adapter: adapter.add_note("rma_1", "text"), "rmas:write"),
        (lambda adapter: adapter.list_shipments(ShipmentQuery()), "shipments:read"),
        (lambda adapter: adapter.get_shipment("shp_1"), "shipments:read"),
        (lambda adapter: adapter.track("shp_1"), "shipments:read"),
        (lambda adapter: adapter.create_label("rma_1", NewLabel()), "shipments:write"),
        (lambda adapter: adapter.list_customer_returns("a@b.c"), "customers:read"),
        (lambda adapter: adapter.customer_stats("a@b.c"), "customers:read"),
        (lambda adapter: adapter.reports_summary(), "reports:read"),
        (lambda adapter: adapter.reports_reasons(), "reports:read"),
        (lambda adapter: adapter.reports_carriers(), "reports:read"),
    ],
)
def test_refusal_for_want_of_a_permission_names_it(
    adapter: Any, answer: Any, finish: Any, operation: Any, permission: str
) -> None:
    with pytest.raises(PermissionDenied) as caught:
        finish(operation(adapter), answer(403, an_error("PERMISSION_DENIED")))
    assert caught.value.message == f"the API key may not do this: the call needs the permission {permission}"
