"""A delivery as a web framework hands it over: nothing that a signature may cover is changed on the way."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import WebhookRequest

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "scheme": "https",
    "path": "/orders/2026/12 a+b",
    "raw_path": b"/orders/2026%2F12%20a+b",
    "query_string": b"x=%31",
    "headers": [(b"host", b"shop.example"), (b"signature", b"a"), (b"signature", b"b")],
}
ENVIRON: dict[str, Any] = {
    "REQUEST_METHOD": "POST",
    "SCRIPT_NAME": "/shop",
    "PATH_INFO": "/orders/12 a+b",
    "QUERY_STRING": "x=%31",
    "CONTENT_TYPE": "application/json",
    "HTTP_HOST": "shop.example",
    "HTTP_RETURNLESS_SIGNATURE": "a,b",
    "SERVER_NAME": "127.0.0.1",
    "wsgi.url_scheme": "https",
}


def asgi(**changes: Any) -> WebhookRequest:
    return WebhookRequest.from_asgi({**SCOPE, **changes}, b"{}", received_at=NOW)


def wsgi(**changes: Any) -> WebhookRequest:
    return WebhookRequest.from_wsgi({**ENVIRON, **changes}, b"{}", received_at=NOW)


def test_an_asgi_request_is_taken_over_whole() -> None:
    assert asgi() == WebhookRequest(
        method="POST",
        url="https://shop.example/orders/2026%2F12%20a+b?x=%31",
        headers=[("host", "shop.example"), ("signature", "a"), ("signature", "b")],
        body=b"{}",
        received_at=NOW,
    )


def test_an_asgi_server_without_the_raw_path_has_its_path_encoded() -> None:
    assert asgi(raw_path=None, query_string=b"").url == "https://shop.example/orders/2026/12%20a+b"


def test_octets_that_no_url_may_hold_are_encoded() -> None:
    assert (
        asgi(raw_path="/orders/Größe".encode(), query_string=b"").url == "https://shop.example/orders/Gr%C3%B6%C3%9Fe"
    )


def test_a_wsgi_request_is_taken_over_whole() -> None:
    request = wsgi(REQUEST_URI="/shop/orders/2026%2F12%20a+b?x=%31")
    assert request == WebhookRequest(
        method="POST",
        url="https://shop.example/shop/orders/2026%2F12%20a+b?x=%31",
        headers=[("Content-Type", "application/json"), ("Host", "shop.example"), ("Returnless-Signature", "a,b")],
        body=b"{}",
        received_at=NOW,
    )


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({"RAW_URI": "/orders/2026%2F12"}, "https://shop.example/orders/2026%2F12"),
        ({"REQUEST_URI": "http://shop.example/orders/12"}, "http://shop.example/orders/12"),
        ({}, "https://shop.example/shop/orders/12%20a+b?x=%31"),
        ({"QUERY_STRING": "", "SCRIPT_NAME": ""}, "https://shop.example/orders/12%20a+b"),
        ({"REQUEST_URI": "/orders/12", "HTTP_HOST": ""}, "https://127.0.0.1/orders/12"),
        # As PEP 3333 has a text that is not ASCII, and as Django leaves it.
        ({"REQUEST_URI": "/Gr\xc3\xb6\xc3\x9fe"}, "https://shop.example/Gr%C3%B6%C3%9Fe"),
        ({"PATH_INFO": "/Größe", "SCRIPT_NAME": "", "QUERY_STRING": ""}, "https://shop.example/Gr%C3%B6%C3%9Fe"),
    ],
)
def test_the_url_of_a_wsgi_request_is_given_as_nearly_as_the_server_gives_it(changes: dict[str, Any], url: str) -> None:
    assert wsgi(**changes).url == url


@given(st.binary(max_size=40))
def test_any_asgi_path_is_taken(path: bytes) -> None:
    assert asgi(raw_path=b"/" + path).url.isascii()


@given(st.text(max_size=40))
def test_any_wsgi_path_is_taken(path: str) -> None:
    assert wsgi(PATH_INFO=path).url.isascii()
