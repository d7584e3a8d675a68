"""From a reply to the error that says what the caller can do. Returnless V1 API documents one: 429, and an empty body."""

import json
from typing import Any

import pytest

from returns_hub import (
    AuthenticationFailed,
    Conflict,
    NotFound,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    Reply,
    ReturnQuery,
    UnexpectedReply,
    ValidationFailed,
)

HTML = b"<html><head><title>502 Bad Gateway</title></head></html>"


def failure(adapter: Any, reply: Reply) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        adapter.check(reply)
    return caught.value


def test_rate_limit_has_an_empty_body(adapter: Any) -> None:
    error = failure(adapter, Reply(status=429, body=b""))
    assert (type(error), error.http_status, error.retryable) == (RateLimited, 429, True)


@pytest.mark.parametrize("body", [b"", HTML, b'{"result": false, "message": "no"}', b"[", b"\xff"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, UnexpectedReply),
        (400, ValidationFailed),
        (401, AuthenticationFailed),
        (403, AuthenticationFailed),
        (404, NotFound),
        (405, ValidationFailed),
        (409, Conflict),
        (410, NotFound),
        (422, ValidationFailed),
        (429, RateLimited),
        (500, ProviderUnavailable),
        (502, ProviderUnavailable),
        (503, ProviderUnavailable),
    ],
)
def test_status_decides_whatever_the_body_is(adapter: Any, status: int, kind: type, body: bytes) -> None:
    error = failure(adapter, Reply(status=status, body=body))
    assert (type(error), error.http_status) == (kind, status)


@pytest.mark.parametrize("body", [b"", HTML, b'[{"return_id": "1"', b"\xff\xfe", b"[" * 100_000])
def test_good_status_without_json_is_unexpected(adapter: Any, body: bytes) -> None:
    error = failure(adapter, Reply(status=200, body=body))
    assert (type(error), error.http_status) == (UnexpectedReply, 200)


def test_message_of_an_error_is_kept_beside_its_text(adapter: Any) -> None:
    error = failure(adapter, Reply(status=400, body=b'{"result": false, "message": "canary"}'))
    assert error.vendor_message == "canary"
    assert "canary" not in f"{error} {error!r} {error.args}"


def test_page_of_a_gateway_is_kept_beside_the_text(adapter: Any) -> None:
    assert failure(adapter, Reply(status=502, body=HTML)).vendor_message == HTML.decode()


def test_hostile_body_hangs_on_no_error(adapter: Any) -> None:
    error = failure(adapter, Reply(status=200, body=b'{"canary'))
    assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.parametrize("nothing", [None, [], {}, ""])
def test_unknown_id_may_come_back_as_nothing(adapter: Any, answer: Any, nothing: object) -> None:
    operation = adapter.get_return("1")
    next(operation)
    with pytest.raises(NotFound):
        operation.send(answer(200, nothing))


@pytest.mark.parametrize(
    "other",
    [
        {"return_id": "2"},
        [{"return_id": "2"}],
        [{"return_id": "2"}, {"return_id": "3"}],
        {"return": "RENL1"},
        {"result": False, "message": "no"},
        {"return_id": {"a": 1}},
        ["1"],
        "1",
        1,
        True,
    ],
)
def test_another_record_than_the_one_asked_for_is_refused(adapter: Any, answer: Any, other: object) -> None:
    operation = adapter.get_return("1")
    next(operation)
    with pytest.raises(UnexpectedReply) as caught:
        operation.send(answer(200, other))
    assert caught.value.where == "return_id"


@pytest.mark.parametrize("body", [{"result": False}, {"rows": []}, "text", 5, True])
def test_list_that_is_none_is_unexpected(adapter: Any, body: object) -> None:
    operation = adapter.list_returns(ReturnQuery())
    next(operation)
    with pytest.raises(UnexpectedReply, match="a list is expected"):
        operation.send(Reply(status=200, body=json.dumps(body).encode()))
