"""What passes between an adapter and whatever drives it."""

from datetime import UTC, datetime

import pytest

from returns_hub import Reply, Request, UnexpectedReply, WebhookRequest


def test_a_body_is_decoded_once() -> None:
    reply = Reply(status=200, body=b'{"id": "rma_abc123"}')
    assert reply.json() is reply.json()


def test_a_bad_body_is_refused_every_time() -> None:
    reply = Reply(status=200, body=b"<html>")
    with pytest.raises(UnexpectedReply):
        reply.json()
    with pytest.raises(UnexpectedReply):
        reply.json()


def test_header_names_have_no_case() -> None:
    reply = Reply(status=429, headers={"X-RateLimit-Reset": "1704067200"})
    assert reply.header("x-ratelimit-reset") == "1704067200"


def test_duplicate_headers_are_visible() -> None:
    request = WebhookRequest(
        method="POST",
        url="https://shop.example/webhooks/acme",
        headers=[("X-Webhook-Signature", "a"), ("x-webhook-signature", "b")],
        received_at=datetime(2026, 11, 21, tzinfo=UTC),
    )
    assert request.header("X-Webhook-Signature") == ("a", "b")


def test_neither_body_nor_headers_nor_query_are_shown() -> None:
    request = Request(
        method="GET",
        path="/rmas",
        query={"customer_email": "canary"},
        json={"email": "canary"},
        headers={"Authorization": "canary"},
        idempotency_key="canary",
    )
    reply = Reply(status=200, headers={"Set-Cookie": "canary"}, body=b'"canary"')
    reply.json()
    assert "canary" not in f"{request!r} {reply!r}"


@pytest.mark.parametrize(("method", "is_write"), [("GET", False), ("HEAD", False), ("POST", True), ("PATCH", True)])
def test_what_counts_as_a_write(method: str, is_write: bool) -> None:
    assert Request(method=method, path="/rmas").is_write is is_write
