"""Which proxy a host is reached through, by the environment's variables; and what a wrong one comes to."""

import importlib.util
import os
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import ConfigurationError, Operation, Request, TransportFailed, connect, connect_async
from returns_hub.transport import proxies
from returns_hub.transport.proxies import proxy_of
from returns_hub.transport.urls import Origin

CANARY = "canary-c3b7d1"
ACME = Origin("https", "api.acme.test", 443)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def test_without_variables_there_is_none() -> None:
    assert proxy_of(ACME) is None


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({"https_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:3128/"}, "http://proxy:3128/"),
        ({"http_proxy": "http://proxy:3128"}, None),
        ({"all_proxy": "https://user:pw@proxy"}, "https://user:pw@proxy"),
        ({"https_proxy": "http://[::1]:3128"}, "http://[::1]:3128"),
        ({"https_proxy": "http://proxy:1", "no_proxy": "acme.test"}, None),
        ({"https_proxy": "http://proxy:1", "no_proxy": "api.acme.test:443"}, None),
        ({"https_proxy": "http://proxy:1", "no_proxy": "api.acme.test:8443"}, "http://proxy:1"),
        ({"https_proxy": "http://proxy:1", "no_proxy": "*"}, None),
        ({"https_proxy": "http://proxy:1", "no_proxy": "other.test"}, "http://proxy:1"),
    ],
)
def test_variables(variables: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(ACME) == proxy


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_loopback_is_reached_without_one(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "http://proxy:3128")
    assert proxy_of(Origin("http", host, 8080)) is None


WRONG = [
    f"user:{CANARY}@proxy:3128",
    f"http://user:{CANARY}@proxy:port",
    f"http://user:{CANARY}@proxy:99999",
    f"ftp://user:{CANARY}@proxy",
    f"http://user:{CANARY}@",
    f"http://user:{CANARY}@pro xy:3128",
    f" http://user:{CANARY}@proxy:3128",
    f"http://user:{CANARY}@proxy:3128/path",
    " ",
]


def everything_shown(error: BaseException) -> str:
    """The text of an error, and the local variables of every frame below the test's own."""
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack[1:]
    return repr(error) + "".join(f"{frame.name} {frame.locals}" for frame in frames)


@pytest.mark.parametrize("proxy", WRONG)
@pytest.mark.parametrize("opening", [connect, connect_async])
def test_wrong_proxy_is_a_configuration_error_without_the_password(
    opening: Any, proxy: str, installed_acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(
        ConfigurationError, match=r"the proxy that the environment names for https://api\.acme\.test must"
    ) as caught:
        opening("acme", api_key="k")
    assert CANARY not in everything_shown(caught.value)


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_is_a_proxy_or_a_configuration_error(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch, suppress(ConfigurationError):
        patch.setenv("https_proxy", text)
        assert proxy_of(ACME) in (text, None)


def test_socks_names_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"socks5://user:{CANARY}@proxy:1080")
    monkeypatch.setattr(proxies, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'httpx\[socks\]'") as caught:
        proxy_of(ACME)
    assert CANARY not in everything_shown(caught.value)


def test_socks_is_used_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5h://proxy:1080")
    monkeypatch.setattr(proxies, "find_spec", lambda name: importlib.util.find_spec("json"))
    assert proxy_of(ACME) == "socks5h://proxy:1080"


# Over real HTTP


@define
class Proxy:
    status: str = "403 Forbidden"
    port: int = 0
    heads: list[str] = field(factory=list)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy on loopback that answers every CONNECT, and every other request, with what a test sets."""

    told = Proxy()
    listener = socket.create_server(("127.0.0.1", 0))
    told.port = listener.getsockname()[1]

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                told.heads.append(stream.readline().decode("latin-1").strip())
                while stream.readline().strip():
                    pass
                connection.sendall(
                    f"HTTP/1.1 {told.status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode()
                )

    threading.Thread(target=serve, daemon=True).start()
    yield told
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def write(adapter: Any, **fields: Any) -> Operation[Any]:
    reply = yield Request(method="POST", path="/things", json={"a": 1}, **fields)
    return adapter.check(reply)


@pytest.mark.parametrize(("status", "attempts"), [("403 Forbidden", 1), ("407 Login", 1), ("502 Bad Gateway", 2)])
def test_write_whose_proxy_refuses_to_connect_was_not_applied(
    status: str, attempts: int, proxy: Proxy, acme: Any, open_driver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.status = status
    monkeypatch.setenv("https_proxy", f"http://user:{CANARY}@127.0.0.1:{proxy.port}")
    with pytest.raises(TransportFailed, match="the proxy did not open a connection to the vendor") as caught:
        open_driver(acme(), "https://api.acme.test", attempts=2)(write(acme()))
    assert (caught.value.maybe_applied, caught.value.attempts) == (False, attempts)
    assert proxy.heads == ["CONNECT api.acme.test:443 HTTP/1.1"] * attempts
    assert CANARY not in everything_shown(caught.value)


def test_each_host_has_a_proxy_of_its_own_or_none(
    proxy: Proxy, vendor: Any, acme: Any, open_driver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def both() -> Operation[None]:
        yield Request(method="GET", path="/direct")
        yield Request(method="GET", url="http://labels.test/label.pdf")

    proxy.status = "200 OK"
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    open_driver(acme(), vendor.url)(both())
    assert [request.target for request in vendor.requests] == ["/v1/direct"]
    assert proxy.heads == ["GET http://labels.test/label.pdf HTTP/1.1"]
