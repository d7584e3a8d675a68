"""Both drivers, over real HTTP: every test here runs through each of them."""

import logging
import re
import threading
import traceback
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import stamina

from returns_hub import (
    Adapter,
    AuthenticationFailed,
    ConfigurationError,
    NotFound,
    Operation,
    PluginError,
    ProviderError,
    ProviderUnavailable,
    QuotaExhausted,
    Rate,
    RateLimited,
    RateLimitHeaders,
    ReplyTooLarge,
    Request,
    Secret,
    TransportFailed,
    UnexpectedReply,
    ValidationFailed,
    __version__,
    once_per_reply,
)
from returns_hub.rate_limits import RateLimiter
from returns_hub.retry import Backoff
from returns_hub.transport import Transport
from returns_hub.transport.call import _host_and_environment
from returns_hub.wire import prepare

CANARY = "canary-5f2b9d"


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("returns_hub.transport.call.CALL_BACKOFF", Backoff(first=0.0, maximum=0.0))


def ask(adapter: Adapter, path: str = "/things", **fields: Any) -> Operation[Any]:
    reply = yield Request(method="GET", path=path, **fields)
    return adapter.check(reply)


def write(adapter: Adapter, path: str = "/things", **fields: Any) -> Operation[Any]:
    reply = yield Request(method="POST", path=path, **{"json": {"a": 1}, **fields})
    return adapter.check(reply)


def write_twice(adapter: Adapter) -> Operation[Any]:
    first = yield Request(method="POST", path="/first")
    adapter.check(first)
    second = yield Request(method="POST", path="/second")
    return adapter.check(second)


def write_then_read(adapter: Adapter) -> Operation[Any]:
    first = yield Request(method="POST", path="/first")
    adapter.check(first)
    second = yield Request(method="GET", path="/second")
    return adapter.check(second)


def failure(run: Callable[..., Any], operation: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        run(operation)
    return caught.value


# What goes out


def test_base_path_is_kept_once(vendor: Any, acme: Any, open_driver: Any) -> None:
    open_driver(acme(), vendor.url)(ask(acme(), "/rmas"))
    assert vendor.requests[0].target == "/v1/rmas"


def test_query_is_percent_encoded_with_brackets_as_the_vendor_writes_them(
    vendor: Any, acme: Any, open_driver: Any
) -> None:
    query = (
        ("order_number", "#1001"),
        ("customer_email", "a+b@x.com"),
        ("q", "a b"),
        ("status[]", "pending"),
        ("status[]", "approved"),
    )
    open_driver(acme(), vendor.url)(ask(acme(), query=query))
    assert vendor.requests[0].target == (
        "/v1/things?order_number=%231001&customer_email=a%2Bb%40x.com&q=a%20b&status[]=pending&status[]=approved"
    )


def test_encoded_path_arrives_as_the_adapter_wrote_it(vendor: Any, acme: Any, open_driver: Any) -> None:
    open_driver(acme(), vendor.url)(ask(acme(), "/a%2Fb/%23%3F%25/%2B+/x%40y//z%7e"))
    assert vendor.requests[0].target == "/v1/a%2Fb/%23%3F%25/%2B+/x%40y//z%7e"


@pytest.mark.parametrize("path", ["/rmas/..", "/rmas/%2E%2e/x", "/./x", "/rmas/%2e"])
def test_dot_segments_are_refused_before_anything_is_sent(path: str, vendor: Any, acme: Any, open_driver: Any) -> None:
    error = failure(open_driver(acme(), vendor.url), write(acme(), path))
    assert isinstance(error, NotFound)
    assert (error.maybe_applied, vendor.requests) == (False, [])


@pytest.mark.parametrize("path", ["rmas", "/a b", "/a?b=1", "/a#b", "/ü", "/a\r\nX: y"])
def test_unencoded_path_is_the_plugins_fault(path: str, vendor: Any, acme: Any, open_driver: Any) -> None:
    with pytest.raises(PluginError, match="acme ask: the adapter yielded a path"):
        open_driver(acme(), vendor.url)(ask(acme(), path))


def test_standard_headers(vendor: Any, acme: Any, open_driver: Any) -> None:
    open_driver(acme(), vendor.url)(ask(acme()))
    headers = vendor.requests[0].headers
    assert headers["accept"] == "application/json"
    assert headers["authorization"] == "Bearer k"
    assert "content-type" not in headers
    assert re.fullmatch(
        rf"returns-hub/{re.escape(__version__)} \(Platform=\S+/\S+; Runtime=3\.\d+\.\S+; Language=Python\)",
        headers["user-agent"],
    )


def test_adapter_may_ask_for_something_other_than_json(vendor: Any, acme: Any, open_driver: Any) -> None:
    open_driver(acme(), vendor.url)(ask(acme(), headers={"accept": "application/pdf"}))
    assert vendor.requests[0].headers["accept"] == "application/pdf"


def test_body_is_json_and_decimals_are_exact_numbers(vendor: Any, acme: Any, open_driver: Any) -> None:
    body = {
        "amount": Decimal("450.00"),
        "tiny": Decimal("1E-7"),
        "items": [{"sku": "ü"}],
        "internal": True,
        "none": None,
    }
    open_driver(acme(), vendor.url)(write(acme(), json=body))
    assert vendor.requests[0].body.decode() == (
        '{"amount":450.00,"tiny":1E-7,"items":[{"sku":"\\u00fc"}],"internal":true,"none":null}'
    )
    assert vendor.requests[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize("value", [Decimal("NaN"), float("inf")])
def test_number_that_json_cannot_take_is_refused(value: Any, vendor: Any, acme: Any, open_driver: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        open_driver(acme(), vendor.url)(write(acme(), json={"n": value}))
    assert vendor.requests == []


def test_absolute_url_on_another_host_goes_without_credentials(
    vendor: Any, start_vendor: Any, acme: Any, open_driver: Any
) -> None:
    other = start_vendor()
    open_driver(acme(keys=True), vendor.url)(write(acme(), url=f"{other.url}/label.pdf?sig=a%2Bb", query={"x": "1"}))
    assert other.requests[0].target == "/label.pdf?sig=a%2Bb&x=1"
    assert {"authorization", "idempotency-key"}.isdisjoint(other.requests[0].headers)


def test_absolute_url_on_the_own_host_goes_with_credentials(vendor: Any, acme: Any, open_driver: Any) -> None:
    open_driver(acme(), vendor.url)(ask(acme(), url=f"{vendor.url}/elsewhere"))
    assert vendor.requests[0].headers["authorization"] == "Bearer k"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "https://", "//x/y", "https://u:p@x/", "https://x:port/", "x"])
def test_address_that_is_no_plain_url_is_refused(url: str, vendor: Any, acme: Any, open_driver: Any) -> None:
    assert isinstance(failure(open_driver(acme(), vendor.url), ask(acme(), url=url)), UnexpectedReply)


def test_line_break_in_a_credential_is_refused_before_anything_is_sent(
    vendor: Any, acme: Any, open_driver: Any
) -> None:
    with pytest.raises(ConfigurationError, match="acme: the header Authorization") as caught:
        open_driver(acme(f"{CANARY}\r\nX-Evil: 1"), vendor.url)(ask(acme()))
    assert CANARY not in full_text(caught.value)
    assert vendor.requests == []


def test_line_break_in_a_callers_idempotency_key_is_refused(vendor: Any, acme: Any, open_driver: Any) -> None:
    with pytest.raises(ConfigurationError, match="Idempotency-Key"):
        open_driver(acme(keys=True), vendor.url)(write(acme()), idempotency_key="a\nb")


# What operations may do


def test_operation_gets_the_reply_and_its_result_is_returned(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(data={"id": "r1"})
    assert open_driver(acme(), vendor.url)(ask(acme())) == {"id": "r1"}


def test_operation_may_take_a_failure_for_an_answer(vendor: Any, acme: Any, open_driver: Any) -> None:
    def exists() -> Operation[bool]:
        reply = yield Request(method="GET", path="/maybe")
        try:
            acme().check(reply)
        except NotFound:
            return False
        return True

    vendor.will(404)
    assert open_driver(acme(), vendor.url)(exists()) is False


def test_operation_that_yields_something_else_is_the_plugins_fault(vendor: Any, acme: Any, open_driver: Any) -> None:
    def broken() -> Any:
        yield "GET /things"

    with pytest.raises(PluginError, match="acme broken: the adapter yielded str, not Request"):
        open_driver(acme(), vendor.url)(broken())


def test_run_wants_the_operation_itself(vendor: Any, acme: Any, open_driver: Any) -> None:
    with pytest.raises(TypeError, match="when it is called"):
        open_driver(acme(), vendor.url)(acme().get_return)


def test_adapter_that_trips_over_a_reply_makes_it_an_unexpected_reply(vendor: Any, acme: Any, open_driver: Any) -> None:
    def trips() -> Operation[Any]:
        reply = yield Request(method="GET", path="/things")
        return reply.json()["personal datum"]

    error = failure(open_driver(acme(), vendor.url), trips())
    assert isinstance(error, UnexpectedReply)
    assert re.fullmatch(r"transport/test_drivers\.py:\d+ in trips", error.where)
    assert "personal datum" not in full_text(error).replace('reply.json()["personal datum"]', "")


def test_mistake_of_the_caller_passes_unchanged(vendor: Any, acme: Any, open_driver: Any) -> None:
    def refuses() -> Operation[None]:
        if vendor:
            raise ValueError("exactly one of the two")
        yield Request(method="GET", path="/")

    with pytest.raises(ValueError, match="exactly one"):
        open_driver(acme(), vendor.url)(refuses())


def test_closed_transport_says_so(vendor: Any, acme: Any, driver: str, open_driver: Any) -> None:
    transport = Transport(acme(), base_url=vendor.url)
    transport.close()
    transport.close()
    with pytest.raises(RuntimeError, match="closed"):
        transport.run(ask(acme()))


# What is sent again


@pytest.mark.parametrize("status", [429, 500, 503])
def test_read_is_repeated_after(status: int, vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(status)
    vendor.will(data={"ok": 1})
    assert open_driver(acme(), vendor.url)(ask(acme())) == {"ok": 1}
    assert len(vendor.requests) == 2


@pytest.mark.parametrize(
    "broken",
    [
        {"hang_up": "before_reading"},
        {"hang_up": "after_reading"},
        {"body": b'{"ok"', "length": 100},
        {"raw": b"no HTTP at all\r\n\r\n"},
        {"body": b"\x1f\x8b\x08\x00cut", "headers": {"Content-Encoding": "gzip"}},
    ],
    ids=["unread", "no reply", "cut off", "garbage", "broken gzip"],
)
def test_read_is_repeated_after_a_reply_that_is(broken: Any, vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(**broken)
    vendor.will(data={"ok": 1})
    assert open_driver(acme(), vendor.url)(ask(acme())) == {"ok": 1}


NOT_JSON: dict[str, dict[str, Any]] = {
    "page of a proxy": {"body": b"<html>Bad gateway</html>", "headers": {"Content-Type": "text/html"}},
    "cut body": {"body": b'{"ok": [1, 2'},
    "empty": {"body": b""},
}


@pytest.mark.parametrize("kind", NOT_JSON)
def test_read_is_repeated_after_a_reply_that_is_no_json(kind: str, vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(**NOT_JSON[kind])
    vendor.will(data={"ok": 1})
    assert open_driver(acme(), vendor.url)(ask(acme())) == {"ok": 1}


@pytest.mark.parametrize("kind", NOT_JSON)
def test_write_with_a_key_is_repeated_after_a_reply_that_is_no_json(
    kind: str, vendor: Any, acme: Any, open_driver: Any
) -> None:
    vendor.will(**NOT_JSON[kind])
    vendor.will(data={"ok": 1})
    assert open_driver(acme(keys=True), vendor.url)(write(acme())) == {"ok": 1}
    assert len({received.headers["idempotency-key"] for received in vendor.requests}) == 1


def test_read_that_is_never_json_says_so_and_how_often(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(body=b"<html>", always=True)
    error = failure(open_driver(acme(), vendor.url, attempts=3), ask(acme()))
    assert isinstance(error, UnexpectedReply)
    assert (error.message, error.attempts, error.retryable) == ("the reply is not JSON", 3, True)


def test_json_that_is_not_what_was_expected_is_not_repeated(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(418, data={"teapot": True}, always=True)
    error = failure(open_driver(acme(), vendor.url), ask(acme()))
    assert (type(error), error.attempts, error.retryable) == (UnexpectedReply, 1, False)


def test_reply_in_another_form_that_was_asked_for_is_not_repeated(vendor: Any, acme: Any, open_driver: Any) -> None:
    def label() -> Operation[bytes]:
        reply = yield Request(method="GET", path="/label", headers={"Accept": "application/pdf"})
        return reply.body

    vendor.will(body=b"%PDF-1.7")
    assert open_driver(acme(), vendor.url)(label()) == b"%PDF-1.7"
    assert len(vendor.requests) == 1


def test_reply_is_checked_once(vendor: Any, acme: Any, open_driver: Any) -> None:
    checked: list[int] = []
    kind = type(acme())

    class Counting(kind):  # type: ignore[misc,valid-type]
        @once_per_reply
        def check(self, reply: Any) -> Any:
            checked.append(reply.status)
            return kind.check(self, reply)

    adapter = Counting(api_key=acme().api_key)
    vendor.will(503)
    vendor.will(404)
    failure(open_driver(adapter, vendor.url), ask(adapter))
    assert checked == [503, 404]


def test_attempts_are_limited_and_reported(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(503, always=True)
    error = failure(open_driver(acme(), vendor.url, attempts=3), ask(acme()))
    assert isinstance(error, ProviderUnavailable)
    assert (error.attempts, len(vendor.requests)) == (3, 3)
    assert str(error) == "acme ask: The vendor is failing (5xx) (HTTP 503, 3 attempts)"


def test_who_refused_the_credentials_is_named_with_its_environment(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(401)
    error = failure(open_driver(acme(), vendor.url), prepare(acme(), "/others"))
    assert str(error).endswith("(HTTP 401, asked at 127.0.0.1)")
    urls = [acme().base_urls["production"], "https://proxy.example/v1"]
    host = urlsplit(urls[0]).hostname
    assert [_host_and_environment(acme(), url) for url in urls] == [f"{host} (production)", "proxy.example"]


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthenticationFailed), (404, NotFound), (422, ValidationFailed), (400, UnexpectedReply)]
)
def test_refusal_is_not_repeated(
    status: int, kind: type[ProviderError], vendor: Any, acme: Any, open_driver: Any
) -> None:
    vendor.will(status, headers={"X-Request-Id": "req-7"})
    error = failure(open_driver(acme(), vendor.url), ask(acme()))
    assert type(error) is kind
    assert (error.provider, error.operation, error.attempts) == ("acme", "ask", 1)
    assert (error.request_id, error.http_status, error.maybe_applied) == ("req-7", status, False)


def test_refused_connection_is_tried_again_even_for_a_write(closed_port: int, acme: Any, open_driver: Any) -> None:
    error = failure(open_driver(acme(), f"http://127.0.0.1:{closed_port}", attempts=3), write(acme()))
    assert isinstance(error, TransportFailed)
    assert (error.attempts, error.maybe_applied) == (3, False)


def test_write_is_repeated_after_429_because_it_was_refused(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(429)
    assert open_driver(acme(), vendor.url)(write(acme())) == {}
    assert len(vendor.requests) == 2


@pytest.mark.parametrize(
    "broken",
    [
        {"status": 503},
        {"hang_up": "after_reading"},
        {"hang_up": "before_reading"},
        {"body": b"{", "length": 9},
        {"status": 302, "headers": {"Location": "/x"}},
        {"body": b"<html>"},
        {"body": b""},
        {"body": b"x" * 2000},
        {"status": 418},
    ],
    ids=["5xx", "no reply", "unread", "cut off", "redirect", "not JSON", "empty", "too large", "undocumented"],
)
def test_write_whose_outcome_is_unknown_is_sent_once_and_says_so(
    broken: Any, vendor: Any, acme: Any, open_driver: Any
) -> None:
    vendor.will(**broken)
    error = failure(open_driver(acme(), vendor.url, max_reply_bytes=1000), write(acme()))
    assert (error.maybe_applied, error.attempts) == (True, 1)
    assert len(vendor.requests) <= 1


@pytest.mark.parametrize("status", [401, 404, 422])
def test_refused_write_was_not_applied(status: int, vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(status)
    assert failure(open_driver(acme(), vendor.url), write(acme())).maybe_applied is False


def test_replayable_write_is_repeated(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(hang_up="after_reading")
    assert open_driver(acme(), vendor.url)(write(acme(), replayable=True)) == {}
    assert len(vendor.requests) == 2


def test_doubt_about_an_earlier_attempt_stays(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(hang_up="after_reading")
    vendor.will(422)
    error = failure(open_driver(acme(), vendor.url), write(acme(), replayable=True))
    assert isinstance(error, ValidationFailed)
    assert error.maybe_applied is True


def test_write_that_was_done_is_reported_when_a_later_request_fails(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will()
    vendor.will(404)
    error = failure(open_driver(acme(), vendor.url), write_then_read(acme()))
    assert isinstance(error, NotFound)
    assert error.maybe_applied is True


def test_idempotency_key_is_kept_over_retries(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(hang_up="after_reading")
    vendor.will(500)
    open_driver(acme(keys=True), vendor.url)(write(acme()))
    keys = [received.headers["idempotency-key"] for received in vendor.requests]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", keys[0])


def test_later_writes_of_an_operation_have_keys_of_their_own(vendor: Any, acme: Any, open_driver: Any) -> None:
    open_driver(acme(keys=True), vendor.url)(write_twice(acme()), idempotency_key="intent")
    assert [received.headers["idempotency-key"] for received in vendor.requests] == ["intent", "intent-2"]


def test_reads_and_keyless_vendors_are_sent_no_key(vendor: Any, acme: Any, open_driver: Any) -> None:
    open_driver(acme(keys=True), vendor.url)(ask(acme()), idempotency_key="intent")
    open_driver(acme(), vendor.url)(write(acme()), idempotency_key="intent")
    assert [received.headers.get("idempotency-key") for received in vendor.requests] == [None, None]


def test_outage_is_not_multiplied(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(503, always=True)
    run = open_driver(acme(), vendor.url)
    for _ in range(100):
        failure(run, ask(acme()))
    # A hundred requests, a fifth of them again, the ten saved up, and what time adds.
    assert 100 < len(vendor.requests) <= 135


@pytest.mark.parametrize("state", ["testing", "inactive"])
def test_switches_of_the_retry_library_do_no_harm(state: str, vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(503, always=True)
    run = open_driver(acme(), vendor.url)
    try:
        if state == "testing":
            stamina.set_testing(True)
        else:
            stamina.set_active(False)
        error = failure(run, ask(acme()))
    finally:
        stamina.set_testing(False)
        stamina.set_active(True)
    assert isinstance(error, ProviderUnavailable)
    assert error.attempts == 1


# When


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {"Retry-After": "30"}),
        (503, {"Date": "Mon, 01 Jan 2024 00:00:00 GMT", "Retry-After": "Mon, 01 Jan 2024 00:00:30 GMT"}),
        # The instant is that of ReturnMate's reference; the vendor's clock stands half a minute before it.
        (429, {"Date": "Sun, 31 Dec 2023 23:59:30 GMT", "X-RateLimit-Reset": "1704067200"}),
    ],
    ids=["seconds", "date, by the vendor's clock", "reset"],
)
def test_wait_that_the_vendor_names_is_slept(
    status: int, headers: Any, vendor: Any, acme: Any, open_driver: Any, fake_time: Any
) -> None:
    vendor.will(status, headers=headers)
    run = open_driver(acme(), vendor.url, limiter=RateLimiter(None, clock=fake_time))
    assert run(ask(acme())) == {}
    assert fake_time.slept == [30.0]


def test_exhausted_window_delays_the_next_request(vendor: Any, acme: Any, open_driver: Any, fake_time: Any) -> None:
    vendor.will(headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"})
    run = open_driver(acme(), vendor.url, limiter=RateLimiter(None, clock=fake_time))
    run(ask(acme()))
    assert fake_time.slept == []
    run(ask(acme()))
    assert fake_time.slept == [30.0]


def test_other_hosts_do_not_slow_the_account_down(vendor: Any, start_vendor: Any, acme: Any, open_driver: Any) -> None:
    other = start_vendor()
    other.will(headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "60"})
    run = open_driver(acme(), vendor.url, deadline=5)
    run(ask(acme(), url=other.url))
    assert run(ask(acme())) == {}


def test_published_rate_is_kept(vendor: Any, acme: Any, open_driver: Any, fake_time: Any) -> None:
    run = open_driver(acme(), vendor.url, limiter=RateLimiter(Rate(2, 60.0), clock=fake_time))
    for _ in range(4):
        run(ask(acme()))
    assert fake_time.slept == [30.0, 30.0, 30.0]


def test_rate_is_lowered_by_what_the_vendor_answers(vendor: Any, acme: Any, open_driver: Any, fake_time: Any) -> None:
    vendor.will(headers={"X-RateLimit-Limit": "2"})
    run = open_driver(acme(), vendor.url, limiter=RateLimiter(Rate(6, 60.0), clock=fake_time))
    for _ in range(3):
        run(ask(acme()))
    assert fake_time.slept == [10.0, 30.0]


def test_requests_that_write_may_have_a_rate_of_their_own(
    vendor: Any, acme: Any, open_driver: Any, fake_time: Any
) -> None:
    run = open_driver(
        acme(),
        vendor.url,
        limiter=RateLimiter(Rate(6, 60.0), clock=fake_time),
        write_limiter=RateLimiter(Rate(1, 60.0), clock=fake_time),
    )
    run(write(acme()))
    for _ in range(3):
        run(ask(acme()))
    assert fake_time.slept == [10.0, 10.0]
    vendor.will(headers={"Retry-After": "45"}, status=429)
    run(write(acme()))
    # What is left of the minute, what the vendor says, and what is left of the minute after the refused one.
    assert fake_time.slept[2:] == [40.0, 45.0, 15.0]
    run(ask(acme()))
    assert len(fake_time.slept) == 5


def test_rate_limit_is_read_from_the_headers_that_the_adapter_names(
    vendor: Any, acme: Any, open_driver: Any, fake_time: Any
) -> None:
    class ShipAcme(type(acme())):  # type: ignore[misc]
        rate_limit_headers = RateLimitHeaders(retry_after=("X-Retry-After",), remaining=("X-Remaining-Calls",))

    adapter = ShipAcme(api_key=Secret("k"))
    vendor.will(429, headers={"X-Retry-After": "25", "Retry-After": "99"})
    run = open_driver(adapter, vendor.url, limiter=RateLimiter(None, clock=fake_time))
    run(ask(adapter))
    assert fake_time.slept == [25.0]
    vendor.will(headers={"X-Remaining-Calls": "0", "RateLimit-Reset": "7"})
    run(ask(adapter))
    run(ask(adapter))
    assert fake_time.slept == [25.0, 7.0]


def test_rate_that_leaves_no_room_before_the_deadline_fails_at_once(
    vendor: Any, acme: Any, open_driver: Any, fake_time: Any
) -> None:
    run = open_driver(acme(), vendor.url, limiter=RateLimiter(Rate(1, 3600.0), clock=fake_time), deadline=60)
    run(ask(acme()))
    error = failure(run, ask(acme()))
    assert isinstance(error, RateLimited)
    assert (error.retry_after, error.attempts, len(vendor.requests)) == (3600.0, 0, 1)
    assert fake_time.slept == []


def test_wait_past_the_deadline_is_not_slept(vendor: Any, acme: Any, open_driver: Any, fake_time: Any) -> None:
    vendor.will(429, headers={"Retry-After": "100"})
    error = failure(open_driver(acme(per_day=10_000), vendor.url, deadline=60), ask(acme()))
    assert type(error) is RateLimited
    assert (error.retry_after, fake_time.slept) == (100.0, [])


def test_long_wait_at_a_vendor_with_a_daily_allowance_is_the_quota(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(429, headers={"Retry-After": "7200", "X-Request-Id": "req-9"})
    error = failure(open_driver(acme(per_day=10_000), vendor.url), ask(acme()))
    assert isinstance(error, QuotaExhausted)
    assert (error.retry_after, error.retryable, error.http_status, error.request_id) == (7200.0, False, 429, "req-9")
    assert len(vendor.requests) == 1


def test_long_wait_elsewhere_is_a_rate_limit(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(429, headers={"Date": "Mon, 01 Jan 2024 00:00:00 GMT", "Retry-After": "Mon, 01 Jan 2024 02:00:00 GMT"})
    error = failure(open_driver(acme(), vendor.url, deadline=86400), ask(acme()))
    assert type(error) is RateLimited
    assert error.retry_after == 7200.0


def test_long_wait_that_one_call_was_given_does_not_delay_the_others(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(429, headers={"Retry-After": "7200"})
    run = open_driver(acme(), vendor.url)
    failure(run, ask(acme()))
    assert run(ask(acme())) == {}


# Time and size


def test_read_that_is_not_answered_in_time(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(delay=1.0)
    error = failure(open_driver(acme(), vendor.url, timeout=0.2, attempts=1), ask(acme()))
    assert isinstance(error, TransportFailed)
    assert error.message == "no complete reply within 0.2 s"
    assert error.maybe_applied is False


def test_write_that_timed_out_after_it_was_sent_is_sent_once(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(delay=1.0)
    error = failure(open_driver(acme(), vendor.url, timeout=0.2), write(acme()))
    assert isinstance(error, TransportFailed)
    assert (error.maybe_applied, error.attempts, len(vendor.requests)) == (True, 1, 1)


def test_write_that_timed_out_before_it_was_sent_is_tried_again(deaf_port: int, acme: Any, open_driver: Any) -> None:
    run = open_driver(acme(), f"http://127.0.0.1:{deaf_port}", timeout=0.2, attempts=2)
    error = failure(run, write(acme()))
    assert isinstance(error, TransportFailed)
    assert (error.maybe_applied, error.attempts) == (False, 2)


def test_write_cut_off_by_the_deadline_may_have_been_applied(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(delay=1.0)
    error = failure(open_driver(acme(), vendor.url, deadline=0.2), write(acme()))
    assert isinstance(error, TransportFailed)
    assert error.maybe_applied is True


def test_reply_that_trickles_in_is_given_up(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(body=b"x" * 200, drip=0.02)
    error = failure(open_driver(acme(), vendor.url, timeout=0.5, attempts=1), ask(acme()))
    assert isinstance(error, TransportFailed)


def test_deadline_bounds_the_whole_call(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(delay=0.3, hang_up="after_reading", always=True)
    error = failure(open_driver(acme(), vendor.url, deadline=0.7, attempts=50), ask(acme()))
    assert isinstance(error, TransportFailed)


def test_reply_above_the_limit_is_not_read(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(body=b" " * 1001)
    error = failure(open_driver(acme(), vendor.url, max_reply_bytes=1000), ask(acme()))
    assert isinstance(error, ReplyTooLarge)
    assert (error.message, error.limit) == ("the reply is larger than 1000 bytes", 1000)
    assert (error.retryable, len(vendor.requests)) == (False, 1)


def test_reply_that_unpacks_above_the_limit_is_not_read(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(body=b" " * 10_000_000, zipped=True)
    error = failure(open_driver(acme(), vendor.url, max_reply_bytes=100_000), ask(acme()))
    assert error.message == "the reply is larger than 100000 bytes"


def test_compressed_reply_is_decompress(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(data={"ok": "yes" * 100}, zipped=True)
    assert open_driver(acme(), vendor.url)(ask(acme())) == {"ok": "yes" * 100}


def test_compression_that_was_not_asked_for(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(headers={"Content-Encoding": "br"})
    assert isinstance(failure(open_driver(acme(), vendor.url), ask(acme())), UnexpectedReply)


def test_reply_is_read_without_the_secrets_that_the_adapter_declares(
    vendor: Any, acme: Any, open_driver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(acme()), "secret_paths", ("giftCards[].code",))
    vendor.will(data={"return": {"id": "r1", "giftCards": [{"code": CANARY, "amount": "5.00"}]}})
    told = open_driver(acme(), vendor.url)(ask(acme()))
    assert told == {"return": {"id": "r1", "giftCards": [{"code": "REDACTED", "amount": "5.00"}]}}


def test_form_is_sent_as_a_form(vendor: Any, acme: Any, open_driver: Any) -> None:
    form = (("grant_type", "client_credentials"), ("scope", "a b"), ("scope", "ä&="))
    open_driver(acme(), vendor.url)(write(acme(), json=None, form=form))
    (request,) = vendor.requests
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.body == b"grant_type=client_credentials&scope=a+b&scope=%C3%A4%26%3D"


def test_form_beside_json_is_the_plugins_fault(vendor: Any, acme: Any, open_driver: Any) -> None:
    with pytest.raises(PluginError, match="JSON and a form"):
        open_driver(acme(), vendor.url)(write(acme(), form=(("a", "b"),)))
    assert vendor.requests == []


def test_look_up_table_is_loaded_once_and_again_when_it_is_old(
    vendor: Any, acme: Any, open_driver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        vendor.will(data={"table": number})
    run = open_driver(acme(), vendor.url)
    assert [run(ask(acme(), max_age=3600.0)) for _ in range(3)] == [{"table": 0}] * 3
    assert run(ask(acme(), max_age=0.0)) == {"table": 1}
    assert run(ask(acme(), max_age=3600.0)) == {"table": 1}
    # Another request, and one that allows no age, are asked.
    assert run(ask(acme(), path="/others", max_age=3600.0)) == {"table": 2}
    run(ask(acme()))
    assert len(vendor.requests) == 4


def test_account_works_without_a_look_up_table_and_does_not_ask_for_it_every_time(
    vendor: Any, acme: Any, open_driver: Any
) -> None:
    vendor.will(404)
    run = open_driver(acme(), vendor.url)
    assert [run(prepare(acme(), "/statuses")) for _ in range(3)] == [None] * 3
    assert len(vendor.requests) == 1


def test_failure_of_a_look_up_table_is_not_kept(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(503)
    vendor.will(data={"table": 1})
    run = open_driver(acme(), vendor.url, attempts=1)
    assert isinstance(failure(run, prepare(acme(), "/statuses")), ProviderUnavailable)
    assert run(prepare(acme(), "/statuses")) == {"table": 1}
    vendor.will(401)
    assert isinstance(failure(run, prepare(acme(), "/others")), AuthenticationFailed)


def test_empty_reply_is_a_reply(vendor: Any, acme: Any, open_driver: Any) -> None:
    def delete() -> Operation[int]:
        reply = yield Request(method="DELETE", path="/things/1", replayable=True)
        return len(reply.body)

    vendor.will(204, body=b"")
    assert open_driver(acme(), vendor.url)(delete()) == 0


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(status: int, vendor: Any, start_vendor: Any, acme: Any, open_driver: Any) -> None:
    other = start_vendor()
    vendor.will(status, headers={"Location": f"http://localhost:{other.port}/{CANARY}"})
    error = failure(open_driver(acme(), vendor.url), ask(acme()))
    assert isinstance(error, UnexpectedReply)
    assert error.message == "the vendor redirects to another host, which is not followed; check base_url"
    assert other.requests == []
    assert CANARY not in full_text(error)


def test_redirect_within_the_host_is_not_followed(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(301, headers={"Location": "/v2/things"})
    error = failure(open_driver(acme(), vendor.url), ask(acme()))
    assert (
        error.message
        == "the vendor redirects to another address on the same host, which is not followed; check base_url"
    )
    assert len(vendor.requests) == 1


# What may be seen


def full_text(error: BaseException) -> str:
    """All that a careless application could log of an error: the traceback with the local variables of every frame."""
    formatted = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    chain: list[str] = []
    link: BaseException | None = error
    while link is not None:
        chain += [str(link), repr(link), repr(link.args), repr(vars(link))]
        link = link.__cause__ or link.__context__
    return formatted + "".join(chain)


FAILURES: dict[str, dict[str, Any]] = {
    "401": {"status": 401},
    "429": {"status": 429, "headers": {"Retry-After": "600"}},
    "HTML 500": {"status": 500, "body": b"<html>"},
    "redirect": {"status": 302, "headers": {"Location": f"https://x.test/?k={CANARY}"}},
    "bad redirect": {"status": 302, "headers": {"Location": f"http://[{CANARY}"}},
    "not JSON": {"body": CANARY.encode()},
    "cut off": {"body": CANARY.encode(), "length": 999},
    "garbage": {"raw": f"{CANARY} {CANARY}\r\n\r\n".encode()},
    "bad header": {"raw": f"HTTP/1.1 200 OK\r\n{CANARY}\r\n\r\n".encode()},
    "no reply": {"hang_up": "after_reading"},
    "unread": {"hang_up": "before_reading"},
    "slow": {"delay": 0.5},
    "too large": {"body": CANARY.encode() * 1000},
    "bad gzip": {"body": CANARY.encode(), "headers": {"Content-Encoding": "gzip"}},
}


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("operation", [ask, write])
def test_credentials_and_query_values_are_nowhere(
    kind: str, operation: Any, vendor: Any, acme: Any, open_driver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.will(**FAILURES[kind], always=True)
    run = open_driver(acme(CANARY), vendor.url, timeout=0.3, attempts=2, max_reply_bytes=1000)
    error = failure(run, operation(acme(CANARY), query={"customer_email": CANARY}))
    assert CANARY not in full_text(error)
    assert CANARY not in "".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)


def test_refused_connection_shows_nothing_either(closed_port: int, acme: Any, open_driver: Any) -> None:
    run = open_driver(acme(CANARY), f"http://127.0.0.1:{closed_port}", attempts=1)
    error = failure(run, ask(acme(CANARY), query={"q": CANARY}))
    assert CANARY not in full_text(error)
    assert str(error).startswith("acme ask: no connection")


def test_cause_is_the_operating_systems_word(closed_port: int, acme: Any, open_driver: Any) -> None:
    error = failure(open_driver(acme(), f"http://127.0.0.1:{closed_port}", attempts=1), ask(acme()))
    assert isinstance(error.__cause__, ConnectionRefusedError)
    assert error.__cause__.__traceback__ is None


def test_traceback_has_only_frames_of_the_driver(vendor: Any, acme: Any, open_driver: Any) -> None:
    vendor.will(404)
    error = failure(open_driver(acme(), vendor.url), ask(acme()))
    assert not [frame.filename for frame in traceback.extract_tb(error.__traceback__) if "httpx" in frame.filename]


def test_log_line_of_a_request(vendor: Any, acme: Any, open_driver: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="returns_hub")
    vendor.will(503)
    vendor.will(headers={"X-Request-Id": "req-1\x1b[31m"})
    open_driver(acme(), vendor.url)(ask(acme(), "/rmas/rma_1", query={"q": "secret"}))
    lines = [
        re.sub(r"\d+ ms", "N ms", record.getMessage())
        for record in caplog.records
        if record.name == "returns_hub.client"
    ]
    assert lines == [
        "acme GET /rmas/rma_1: 503 in N ms, attempt 1, request id -",
        "acme GET /rmas/rma_1: 200 in N ms, attempt 2, request id req-1[31m",
    ]


def test_email_in_a_path_is_not_logged(
    vendor: Any, acme: Any, open_driver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    open_driver(acme(), vendor.url)(ask(acme(), "/customers/jane%40x.com/rmas"))
    assert "acme GET /customers/…/rmas: 200" in caplog.text
    assert "jane" not in caplog.text


def test_request_to_another_host_is_logged_without_its_path(
    vendor: Any, start_vendor: Any, acme: Any, open_driver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    open_driver(acme(), vendor.url)(ask(acme(), url=f"{start_vendor().url}/label/{CANARY}"))
    assert "acme GET http://127.0.0.1/…: 200" in caplog.text
    assert CANARY not in caplog.text


def test_retries_are_not_announced_by_the_retry_library(
    vendor: Any, acme: Any, open_driver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.will(503)
    open_driver(acme(), vendor.url)(ask(acme()))
    assert [record for record in caplog.records if record.name == "stamina"] == []


def test_applications_own_http_is_logged_as_before(
    vendor: Any, acme: Any, open_driver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    open_driver(acme(), vendor.url)(ask(acme()))
    caplog.set_level(logging.INFO)
    httpx.get(vendor.url)
    assert "HTTP Request: GET" in caplog.text


# Threads


def test_threads_may_share_a_transport(vendor: Any, acme: Any) -> None:
    vendor.will(data={"ok": 1}, delay=0.02, always=True)
    transport = Transport(acme(), base_url=vendor.url)
    results: list[Any] = []
    threads = [threading.Thread(target=lambda: results.append(transport.run(ask(acme())))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    transport.close()
    assert results == [{"ok": 1}] * 20


def test_what_an_adapter_was_handling_when_it_raised_is_not_passed_on(vendor: Any, acme: Any, open_driver: Any) -> None:
    def hides() -> Operation[Any]:
        reply = yield Request(method="GET", path="/things")
        try:
            return reply.json()[CANARY]
        except KeyError:
            raise UnexpectedReply(where="data") from None

    error = failure(open_driver(acme(), vendor.url), hides())
    assert error.__context__ is None
