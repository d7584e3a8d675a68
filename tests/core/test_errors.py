"""Errors: named by what the caller can do, and silent about what was sent."""

import inspect
import json
import re

import pytest

from returns_hub import errors
from returns_hub.errors import (
    ProviderError,
    RateLimited,
    ReturnsHubError,
    UnexpectedReply,
    ValidationFailed,
    describe_error,
    describe_traceback,
    error_location,
)


def test_every_error_descends_from_the_one_root() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]
    assert [kind for kind in kinds if not issubclass(kind, ReturnsHubError)] == []


@pytest.mark.parametrize(
    ("kind", "retryable"),
    [
        (errors.AuthenticationFailed, False),
        (errors.PermissionDenied, False),
        (errors.NotFound, False),
        (errors.ValidationFailed, False),
        (errors.Conflict, False),
        (errors.RateLimited, True),
        (errors.QuotaExhausted, False),
        (errors.ProviderUnavailable, True),
        (errors.UnexpectedReply, False),
        (errors.TransportFailed, True),
    ],
)
def test_retryable_is_decided_per_kind(kind: type[ProviderError], retryable: bool) -> None:
    assert kind().retryable is retryable


def test_the_text_says_who_what_and_how_it_ended() -> None:
    error = RateLimited(http_status=429, vendor_code="RATE_LIMITED", request_id="req-1", retry_after=30)
    error.provider, error.operation, error.attempts = "returnmate", "list_returns", 3
    assert str(error) == (
        "returnmate list_returns: The vendor refused the call because too many came "
        "(HTTP 429, RATE_LIMITED, request req-1, 3 attempts, wait 30 s)"
    )


def test_a_write_in_doubt_says_so() -> None:
    error = errors.TransportFailed("no reply within 30 s")
    error.maybe_applied = True
    assert str(error) == "no reply within 30 s (may have been applied)"


def test_the_vendors_sentence_stays_out_of_text_repr_and_arguments() -> None:
    error = ValidationFailed(
        http_status=400, vendor_code="VALIDATION_ERROR", vendor_message="canary", fields={"order_number": "canary"}
    )
    assert "canary" not in f"{error} {error!r} {error.args}"
    assert error.vendor_message == "canary"


def test_field_names_are_reported() -> None:
    error = ValidationFailed("refused", fields={"order_number": "Invalid order number format"})
    assert str(error) == "refused (fields: order_number)"


def test_vendor_text_cannot_break_the_line() -> None:
    assert str(ProviderError("x", vendor_code="A\nB\x1b[31m" + "C" * 100)) == "x (A B [31m" + "C" * 52 + ")"


def test_where_comes_first() -> None:
    assert str(UnexpectedReply("odd", where="data[3].created_at", http_status=200)) == (
        "odd (at data[3].created_at, HTTP 200)"
    )


def test_the_reason_is_ours_or_a_type_and_a_place() -> None:
    assert describe_error(errors.StoreError("the mirror\nis read-only")) == "StoreError: the mirror is read-only"
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 // 0
    line = caught.value.__traceback__.tb_lineno if caught.value.__traceback__ else 0
    assert describe_error(caught.value) == (
        f"ZeroDivisionError at core/test_errors.py:{line} in test_the_reason_is_ours_or_a_type_and_a_place"
    )
    assert error_location(ValueError("canary")) == "an unknown place"


def test_the_place_is_the_platforms_own_where_a_library_raised() -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads("{")
    assert re.fullmatch(
        r"core/test_errors\.py:\d+ in test_the_place_is_the_platforms_own_where_a_library_raised",
        error_location(caught.value),
    )


def test_a_traceback_has_the_causes_and_none_of_their_texts() -> None:
    def look_up() -> None:
        try:
            raise KeyError("jane@example.com")
        except KeyError as error:
            raise LookupError("no order of jane@example.com") from error

    with pytest.raises(LookupError) as caught:
        look_up()
    caught.value.add_note("her secret-canary")
    lines = describe_traceback(caught.value).splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "Traceback (most recent call last):",
        "KeyError",
        "Traceback (most recent call last):",
        "LookupError",
    ]
    assert "in look_up" in lines[1]


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert describe_traceback(first).count("Traceback") == 2
