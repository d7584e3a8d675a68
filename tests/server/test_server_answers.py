"""What the application answers to whom, over real HTTP, and what it has stored by then."""

import base64
import json
import logging
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag
from typing import Any
from urllib.parse import quote

import pytest

from returns_hub import Hub, Order
from returns_hub.hub import Health
from returns_hub.server import create_app

UPDATED = b'{"event": "rma.updated", "data": {"rma_id": "rma_1"}}'
MEBIBYTE = 1 << 20
ORDER = Order(number="A/1", id="9", created_at=datetime(2026, 9, 5, tzinfo=UTC), email="ada@example.com")

Sign = Callable[[str, bytes], str]


def stored(hub: Hub) -> list[tuple[str, bytes]]:
    """The account and the body of each delivery in the inbox."""
    return [(delivery.account, delivery.body) for delivery in hub.deliveries()]


def test_a_delivery_is_stored_to_the_byte_and_answered_as_its_vendor_wants(caller: Any, hub: Hub) -> None:
    body = b'{ "event":"rma.updated" , "data": {"rma_id": "rma_1"}, "\\u00e4": 1.50 }\n'
    reply = caller.deliver(body)
    assert (reply.status, reply.body, stored(hub)) == (200, b"", [("mate", body)])


@pytest.mark.parametrize("after", ["", "/"])
def test_a_vendor_may_append_the_returns_id_and_a_slash(caller: Any, hub: Hub, after: str) -> None:
    assert (caller.hint("371141", after=after).status, stored(hub)) == (201, [("less", b"{}")])


@pytest.mark.parametrize("path", ["/webhooks/mate/", "/webhooks/mate/whatever/else"])
def test_a_path_may_go_on_behind_the_account(caller: Any, hub: Hub, path: str) -> None:
    assert (caller.deliver(path=path).status, stored(hub)) == (200, [("mate", UPDATED)])


def test_a_duplicate_is_answered_with_success_and_counted(caller: Any, hub: Hub) -> None:
    assert [caller.deliver().status for _ in range(3)] == [200, 200, 200]
    (delivery,) = hub.deliveries()
    assert delivery.duplicates == 2


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Webhook-Signature", "")],
        [("X-Webhook-Signature", "no hexadecimal number")],
        [("X-Webhook-Signature", "0" * 64)],
        [("X-Webhook-Signature", "é" * 64)],
    ],
    ids=["none", "empty", "malformed", "wrong", "not ascii"],
)
def test_a_stranger_is_refused_and_learns_nothing(caller: Any, hub: Hub, headers: Any) -> None:
    reply = caller.send("POST", "/webhooks/mate", UPDATED, headers)
    assert (reply.status, reply.body, stored(hub)) == (401, b"", [])


def test_two_signatures_are_refused_though_one_is_right(caller: Any, hub: Hub, signature: Sign) -> None:
    right = ("X-Webhook-Signature", signature("mate", UPDATED))
    reply = caller.send("POST", "/webhooks/mate", UPDATED, [right, ("x-webhook-signature", "0" * 64)])
    assert (reply.status, stored(hub)) == (401, [])


def test_the_signature_of_another_account_is_refused(caller: Any, hub: Hub, signature: Sign) -> None:
    reply = caller.send("POST", "/webhooks/mate", UPDATED, [("X-Webhook-Signature", signature("less", UPDATED))])
    assert (reply.status, stored(hub)) == (401, [])


def test_an_account_without_a_secret_refuses_every_delivery(caller: Any, hub: Hub) -> None:
    assert (caller.deliver(path="/webhooks/unset").status, stored(hub)) == (401, [])


@pytest.mark.parametrize("path", ["/webhooks/nobody", "/webhooks/nobody/1", "/webhooks/", "/webhooks", "/", "/x"])
def test_what_is_not_there_is_404(caller: Any, path: str) -> None:
    assert caller.send("POST", path, UPDATED).status == 404


def test_an_account_with_wrong_options_is_tried_again_later_by_its_vendor(caller: Any) -> None:
    reply = caller.deliver(path="/webhooks/broken")
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_another_method_is_answered_with_the_right_one(caller: Any, method: str) -> None:
    reply = caller.send(method, "/webhooks/mate")
    assert (reply.status, reply.headers["allow"], reply.body) == (405, "POST", b"")


@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_an_order_is_looked_up_with_get_only(caller: Any, shop: Any, method: str) -> None:
    reply = caller.send(method, "/orders/less/1")
    assert (reply.status, reply.headers["allow"], shop.asked) == (405, "GET", [])


def test_a_body_of_a_mebibyte_is_taken(caller: Any, hub: Hub) -> None:
    body = b'{"event": "rma.updated", "data": {"rma_id": "rma_1"}}'.ljust(MEBIBYTE)
    assert (caller.deliver(body).status, stored(hub)) == (200, [("mate", body)])


def test_a_larger_body_is_refused_when_it_is_announced(caller: Any, hub: Hub) -> None:
    assert (caller.deliver(b" " * (MEBIBYTE + 1)).status, stored(hub)) == (413, [])


def test_a_larger_body_is_refused_when_it_is_not_announced(caller: Any, hub: Hub) -> None:
    reply = caller.send("POST", "/webhooks/mate", iter([b" " * 65536] * 64))
    assert (reply.status, reply.headers["connection"], stored(hub)) == (413, "close", [])


def test_a_length_of_a_thousand_digits_is_refused(caller: Any) -> None:
    assert caller.send("POST", "/webhooks/mate", b"{}", [("Content-Length", "9" * 1000)]).status in (400, 413)


def test_a_body_in_chunks_is_one_body(caller: Any, hub: Hub, signature: Sign) -> None:
    signed = [("X-Webhook-Signature", signature("mate", UPDATED))]
    parts = iter([UPDATED[start : start + 7] for start in range(0, len(UPDATED), 7)])
    assert (caller.send("POST", "/webhooks/mate", parts, signed).status, stored(hub)) == (200, [("mate", UPDATED)])


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "x"])
def test_an_encoded_body_is_refused_unread(caller: Any, hub: Hub, signature: Sign, encoding: str) -> None:
    headers = [("X-Webhook-Signature", signature("mate", UPDATED)), ("Content-Encoding", encoding)]
    reply = caller.send("POST", "/webhooks/mate", UPDATED, headers)
    assert (reply.status, reply.headers["accept-encoding"], stored(hub)) == (415, "identity", [])


@pytest.mark.parametrize("encoding", ["", "identity", "utf-8", "UTF-8"])
def test_a_charset_that_stands_for_an_encoding_does_no_harm(
    caller: Any, hub: Hub, signature: Sign, encoding: str
) -> None:
    headers = [("X-Webhook-Signature", signature("mate", UPDATED)), ("Content-Encoding", encoding)]
    assert (caller.send("POST", "/webhooks/mate", UPDATED, headers).status, stored(hub)) == (200, [("mate", UPDATED)])


@pytest.mark.parametrize(
    "body", [b"Content-Length: 2\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"]
)
def test_a_body_that_an_upgrade_passes_over_is_not_acknowledged(
    caller: Any, hub: Hub, signature: Sign, body: bytes
) -> None:
    # Of this vendor's deliveries only the id is signed: an empty body would be taken.
    head = (
        b"POST /webhooks/less/1 HTTP/1.1\r\nHost: x\r\nReturnless-Signature: %s\r\n" % signature("less", b"1").encode()
    )
    answer = caller.raw(head + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" + body)
    assert (answer[:12], stored(hub)) == (b"HTTP/1.1 400", [])


@pytest.mark.parametrize(
    "lengths",
    [
        b"Content-Length: 2\r\nContent-Length: 3",
        b"Content-Length: -2",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked",
    ],
    ids=["two", "negative", "and chunks"],
)
def test_contradictory_lengths_are_refused(caller: Any, hub: Hub, signature: Sign, lengths: bytes) -> None:
    head = b"POST /webhooks/mate HTTP/1.1\r\nHost: x\r\nX-Webhook-Signature: %s\r\n%s\r\n\r\n{}"
    answer = caller.raw(head % (signature("mate", b"{}").encode(), lengths))
    assert (answer[:12], stored(hub)) == (b"HTTP/1.1 400", [])


def test_a_body_that_ends_early_is_not_stored(caller: Any, hub: Hub, signature: Sign) -> None:
    head = b"POST /webhooks/less/1 HTTP/1.1\r\nHost: x\r\nReturnless-Signature: %s\r\nContent-Length: 10\r\n\r\n{}"
    # Nothing of the body is signed here: only its length says that something is missing.
    caller.raw(head % signature("less", b"1").encode(), patience=0.2)
    assert stored(hub) == []


def test_pipelined_requests_are_answered_in_their_order(caller: Any, hub: Hub, signature: Sign) -> None:
    right = b"POST /webhooks/less/1 HTTP/1.1\r\nHost: x\r\nReturnless-Signature: %s\r\nContent-Length: 2\r\n\r\n{}"
    wrong = b"POST /webhooks/less/2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    answer = caller.raw(
        right % signature("less", b"1").encode() + wrong + b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        patience=20,
    )
    statuses = [line.split()[1] for line in answer.splitlines() if line.startswith(b"HTTP/1.1 ")]
    assert (statuses, stored(hub)) == ([b"201", b"401", b"404"], [("less", b"{}")])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b'{"event": 1, "data": []}',
        b'{"event": "rma.updated", "data": {"rma_id": {"a": 1}}}',
        b'{"event": "rma.updated"',
        b'{"a": 1e999999}',
        b"NaN",
        b'{"event": "\\ud800"}',
        b"9" * 5000,
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_whatever_is_signed_is_stored_and_answered_with_success(caller: Any, hub: Hub, body: bytes) -> None:
    assert (caller.deliver(body).status, stored(hub)) == (200, [("mate", body)])


def test_a_store_that_is_locked_is_no_success(caller: Any, hub: Hub, store_path: Path) -> None:
    caller.deliver()
    other = UPDATED.replace(b"rma_1", b"rma_2")
    with closing(sqlite3.connect(store_path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        reply = caller.deliver(other)
        assert (reply.status, reply.headers["retry-after"], reply.body) == (503, "5", b"")
        connection.execute("ROLLBACK")
    assert (caller.deliver(other).status, sorted(stored(hub))) == (200, [("mate", UPDATED), ("mate", other)])


def test_a_store_that_cannot_be_opened_is_no_success(caller: Any, store_path: Path) -> None:
    store_path.mkdir()
    assert caller.deliver().status == 503


def test_an_order_is_looked_up(caller: Any, shop: Any) -> None:
    shop.orders["A/1"] = ORDER
    reply = caller.look_up("A%2F1", typed="A/1")
    assert (reply.status, reply.json["result"]["id"], shop.asked) == (200, "A/1", ["A/1"])


@pytest.mark.parametrize("typed", ["#1001", "ORD 12", "A+B", "Größe-1", "000123"])
def test_an_order_number_arrives_as_it_was_typed(caller: Any, shop: Any, typed: str) -> None:
    caller.look_up(quote(typed, safe=""), typed=typed)
    assert shop.asked == [typed]


def test_an_unknown_order_is_404_in_the_vendors_envelope(caller: Any) -> None:
    reply = caller.look_up("ORD1")
    assert (reply.status, reply.json) == (404, {"return_code": 404, "return_message": "Order is not found."})


def test_nothing_is_looked_up_for_a_stranger(caller: Any, shop: Any) -> None:
    reply = caller.send("GET", "/orders/less/ORD1", headers=[("Returnless-Signature", "0" * 64)])
    assert (reply.status, reply.body, shop.asked) == (401, b"", [])


def test_a_look_up_without_a_number_is_404(caller: Any, shop: Any) -> None:
    assert (caller.send("GET", "/orders/less").status, shop.asked) == (404, [])


@pytest.mark.parametrize("path", ["/orders/basic", "/orders/basic/"])
def test_a_vendor_may_look_an_order_up_by_post_with_basic_credentials(caller: Any, shop: Any, path: str) -> None:
    shop.orders["1000042"] = ORDER
    body = b'{"order_number": "1000042"}'
    signed = [("Authorization", "Basic " + base64.b64encode(b"shop:pass-canary-1").decode())]
    reply = caller.send("POST", path, body, signed)
    assert (reply.status, reply.json, shop.asked) == (200, {"order_number": "A/1"}, ["1000042"])
    assert caller.send("POST", path, b'{"order_number": "2"}', signed).status == 404
    refused = caller.send("POST", path, body, [("Authorization", "Basic " + base64.b64encode(b"shop:x").decode())])
    assert (refused.status, refused.body, shop.asked) == (401, b"", ["1000042", "2"])
    wrong = caller.send("GET", path, headers=signed)
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("account", ["nobody", "mate"])
def test_an_account_that_answers_no_look_ups_is_404(caller: Any, account: str) -> None:
    assert caller.look_up("ORD1", account=account).status == 404


def test_a_platform_that_fails_is_500_and_its_exception_is_logged_without_its_text(
    caller: Any, shop: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def find_order(number: str) -> Order:
        raise LookupError(f"no row for {number} of ada@example.com")

    monkeypatch.setattr(shop, "find_order", find_order)
    reply = caller.look_up("ORD-canary")
    assert (reply.status, reply.body) == (500, b"")
    assert "less: failed: LookupError at server/test_server_answers.py:" in caplog.text
    assert ("canary" in caplog.text, "ada@example.com" in caplog.text) == (False, False)


def test_without_any_logging_configured_what_the_platform_raises_is_on_standard_error(store_path: Path) -> None:
    # As under uvicorn's own configuration, which has loggers of its own only.
    program = """
import hashlib, hmac, sys
from datetime import UTC, datetime
from returns_hub import Account, Hub, Return, Status
from returns_hub.merge import observed
from returns_hub.server import create_app
from returns_hub.testing import call_platform, serve

def find_order(number):
    raise LookupError(f"no order of jane@example.com: {number}")

def send_mail(event):
    raise ValueError("jane@example.com has no mailbox")

options = {"user": "u", "password": "p", "signing_keys": ["key"]}
account = Account(name="less", provider="returnless", orders="__main__:find_order", options=options)
with Hub([account], store=sys.argv[1]) as hub, serve(create_app(hub)) as server:
    hub.on(name="shop", since="beginning")(send_mail)
    ret = Return(provider="memory", id="rma_1", status=Status.REQUESTED)
    hub._resources.store().apply("acme", [observed(ret, seen_at=datetime(2026, 3, 1, tzinfo=UTC))])
    hub.dispatch()
    signed = hmac.new(b"key", b"ORD1", hashlib.sha256).hexdigest()
    print(call_platform("GET", server.url + "/orders/less/ORD1", {"returnless-signature": signed}).status)
"""
    command = [sys.executable, "-c", program, f"sqlite:///{store_path}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = ran.stderr.splitlines()
    assert ran.stdout == "500\n"
    assert [line for line in lines if "shop failed" in line or "less: failed" in line] == [
        f"consumer shop failed at event 1 (return.created), attempt 1: ValueError at <string>:{line_of(program, 'no mailbox')}"
        " in send_mail; " + lines[0].rpartition("; ")[2],
        f"less: failed: LookupError at <string>:{line_of(program, 'no order')} in find_order",
    ]
    assert lines.count("Traceback (most recent call last):") == 2
    assert "jane" not in ran.stderr


def line_of(program: str, words: str) -> int:
    return next(number for number, line in enumerate(program.splitlines(), 1) if words in line)


def test_a_platform_that_hangs_holds_up_no_delivery(caller: Any, shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, release = Flag(), Flag()

    def find_order(number: str) -> None:
        asked.set()
        release.wait(10)

    monkeypatch.setattr(shop, "find_order", find_order)
    with ThreadPoolExecutor(1) as threads:
        looking_up = threads.submit(caller.look_up, "ORD1")
        asked.wait(10)
        delivered, healthy = caller.deliver().status, caller.send("GET", "/healthz").status
        release.set()
        assert (delivered, healthy, looking_up.result().status) == (200, 200, 404)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def lines_of_requests(log: pytest.LogCaptureFixture, count: int) -> list[logging.LogRecord]:
    """The lines of so many requests; each is written behind its answer."""
    ends = time.monotonic() + 20
    while True:
        lines = [record for record in log.records if record.name == "returns_hub.server"]
        if len(lines) >= count or time.monotonic() > ends:
            return lines
        time.sleep(0.01)


def test_a_request_is_one_line_of_the_log(caller: Any, hub: Hub, log: pytest.LogCaptureFixture) -> None:
    caller.hint("371141")
    (record,) = lines_of_requests(log, 1)
    told = {name: getattr(record, name) for name in ("method", "route", "account", "status", "reason")}
    assert told == {"method": "POST", "route": "/webhooks/{account}", "account": "less", "status": 201, "reason": ""}
    assert record.levelno == logging.INFO


def test_the_reason_of_a_refusal_is_in_the_log_only(caller: Any, log: pytest.LogCaptureFixture) -> None:
    reply = caller.send("POST", "/webhooks/mate", UPDATED, [("X-Webhook-Signature", "0" * 64)])
    (record,) = lines_of_requests(log, 1)
    line = record.getMessage()
    assert (reply.body, "account=mate status=401" in line, "reason=wrong_signature" in line) == (b"", True, True)


def test_the_log_has_no_number_no_signature_and_no_body(
    caller: Any, log: pytest.LogCaptureFixture, signature: Sign
) -> None:
    caller.hint("return-canary")
    caller.look_up("order-canary")
    caller.deliver(b'{"event": "rma.updated", "body": "body-canary"}')
    caller.send("POST", "/webhooks/account-canary", b"{}")
    assert [record.getMessage().count("status=") for record in lines_of_requests(log, 4)] == [1, 1, 1, 1]
    for word in ("canary", signature("less", b"return-canary"), signature("less", b"order-canary")):
        assert word not in log.text


def test_a_process_that_answers_is_alive_whatever_becomes_of_its_store(caller: Any, store_path: Path) -> None:
    store_path.mkdir()
    statuses = [caller.send("GET", path).status for path in ("/livez", "/readyz", "/healthz")]
    assert statuses == [200, 503, 503]


def test_a_process_is_ready_while_it_could_store_a_delivery(caller: Any, hub: Hub, store_path: Path) -> None:
    assert caller.send("GET", "/readyz").status == 200
    # As many requests as deliveries: the answer of a second ago is given again.
    with closing(sqlite3.connect(store_path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        while caller.send("GET", "/readyz").status == 200:
            pass
        connection.execute("ROLLBACK")
    while caller.send("GET", "/readyz").status != 200:
        pass
    assert stored(hub) == []


def test_health_names_every_consumer(caller: Any, hub: Hub) -> None:
    hub.on(name="shop")(print)
    hub.dispatch()
    assert caller.send("GET", "/healthz").json["consumers"] == [
        {
            "name": "shop",
            "cursor": 0,
            "lag": 0,
            "failing": 0,
            "dead": 0,
            "oldest_pending_s": None,
            "error": None,
        }
    ]


def test_a_find_order_that_hangs_holds_up_no_other_account(
    hub: Hub, shop: Any, serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = Flag()
    monkeypatch.setattr(shop, "find_order", lambda _: released.wait(60) and None)
    with serving(create_app(hub, lookup_timeout=0.2)) as caller, ThreadPoolExecutor(10) as threads:
        hanging = list(threads.map(lambda number: caller.look_up(str(number)).status, range(10)))
        assert (hanging, caller.deliver().status) == ([503] * 10, 200)
        released.set()
        while caller.look_up("1").status != 404:
            pass


def test_health_is_json_that_names_every_account(caller: Any) -> None:
    reply = caller.send("GET", "/healthz")
    assert (reply.status, reply.headers["content-type"], reply.json["ok"]) == (200, "application/json", True)


def test_health_has_no_secret(caller: Any) -> None:
    caller.deliver()
    assert b"canary" not in caller.send("GET", "/healthz").body


def test_health_can_be_asked_with_head(caller: Any) -> None:
    reply = caller.send("HEAD", "/healthz")
    assert (reply.status, reply.body) == (200, b"")


def test_health_asks_the_store_at_most_once_a_second(caller: Any, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    found = hub.health()

    def health(hub: Hub) -> Health:
        asked.append(hub)
        return found

    monkeypatch.setattr(Hub, "health", health)
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: caller.send("GET", "/healthz").status, range(20))) == {200}
    assert len(asked) == 1


def test_health_of_a_store_that_hangs_is_503(caller: Any, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    released = Flag()
    monkeypatch.setattr("returns_hub.server.app._HEALTH_SECONDS", 0.05)
    monkeypatch.setattr(Hub, "health", lambda hub: released.wait(60))
    reply = caller.send("GET", "/healthz")
    released.set()
    assert (reply.status, reply.json) == (503, {"ok": False})


def test_health_is_503_while_the_store_cannot_be_read(caller: Any, store_path: Path) -> None:
    store_path.mkdir()
    reply = caller.send("GET", "/healthz")
    assert (reply.status, json.loads(reply.body)["ok"]) == (503, False)
