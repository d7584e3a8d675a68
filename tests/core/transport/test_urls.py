"""Where requests go, read strictly: no two parsers may read another host out of one address."""

from urllib.parse import quote, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import ConfigurationError
from returns_hub.transport.urls import Origin, parse_base_url, parse_url, redact_path, with_query


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://api.acme.test/v1", Origin("https", "api.acme.test", 443)),
        ("HTTPS://API.Acme.Test", Origin("https", "api.acme.test", 443)),
        ("http://127.0.0.1:8080/x?y=1", Origin("http", "127.0.0.1", 8080)),
        ("http://[::1]:80/", Origin("http", "[::1]", 80)),
        ("https://x.test:443/#top", Origin("https", "x.test", 443)),
    ],
)
def test_origin_of_an_address(text: str, origin: Origin) -> None:
    url = parse_url(text)
    assert url is not None
    assert url.origin == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "//x/y",
        "ftp://x/y",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://u:p@x/",
        "https://x@y/",
        "https://x:port/",
        "https://x:0/",
        "https://x:65536/",
        "https://api.acme.test\\@evil.test/",
        "https://api.acme.test\t.evil.test/",
        "https://ex ample/",
        "https://x/a b",
        "https://x/\r\nHost: y",
        None,
        7,
    ],
)
def test_what_is_no_plain_address(text: object) -> None:
    assert parse_url(text) is None


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40), st.sampled_from(["https://", "http://x", ""]))
def test_http_library_reads_the_same_host(text: str, prefix: str) -> None:
    url = parse_url(prefix + text)
    if url is None:
        return
    other = httpx.URL(url.text)
    port = other.port or {"http": 80, "https": 443}[other.scheme]
    assert (other.scheme, other.raw_host.decode(), port) == (
        url.origin.scheme,
        url.origin.host.strip("[]"),
        url.origin.port,
    )
    assert urlsplit(url.text).hostname == url.origin.host.strip("[]")


def test_base_url_has_no_slash_at_the_end() -> None:
    assert parse_base_url("https://api.acme.test/v1//").text == "https://api.acme.test/v1"


@pytest.mark.parametrize("text", ["https://x.test?x=1", "https://x.test/#a", "x.test", "https://u:secret@x.test"])
def test_what_is_no_base_url_is_not_quoted(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_base_url(text)
    assert str(caught.value) == "base_url must look like https://host/path, without a query or credentials"


def test_query_is_added_to_one_that_is_there() -> None:
    assert with_query("https://x/a?sig=a%2Bb", (("x", "1"),)) == "https://x/a?sig=a%2Bb&x=1"


def test_segment_with_an_email_address_is_not_logged() -> None:
    assert redact_path("/customers/jane%40x.com/rmas") == "/customers/…/rmas"


@given(st.text(min_size=1).filter(lambda text: text not in (".", "..")))
def test_any_quoted_identifier_stays_as_it_is(identifier: str) -> None:
    try:
        path = "/rmas/" + quote(identifier, safe="")
    except UnicodeEncodeError:  # a lone surrogate has no encoding
        return
    url = httpx.URL("https://api.returnmate.io/v1" + path)
    assert url.raw_path == b"/v1" + path.encode()
