"""How a client reaches its vendor, where the usual way will not do."""

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from returns_hub import Client, ConfigurationError, Operation, Request, TransportFailed, __version__, connect
from returns_hub.transport import TransportOptions

CANARY = "canary-77d20a"

pytestmark = pytest.mark.usefixtures("installed_acme")


def ask(client: Client, **fields: Any) -> Operation[Any]:
    reply = yield Request(method="GET", path="/things", **fields)
    return client.adapter.check(reply)


def test_platform_is_named_in_front_of_the_user_agent(vendor: Any) -> None:
    with connect("acme", api_key="k", base_url=vendor.url, app="my-shop/2.1 (Sydney)") as client:
        client.run(ask(client))
    assert vendor.requests[0].headers["user-agent"].startswith(f"my-shop/2.1 (Sydney) returns-hub/{__version__} (")


@pytest.mark.parametrize("app", ["", " shop", "shop\r\nX: y", "schön", "a" * 101, 5])
def test_name_that_no_header_can_carry_is_refused(app: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'app must look like "my-shop/2\.1"'):
        connect("acme", api_key="k", app=app)


def test_configured_proxy_replaces_that_of_the_environment(vendor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with connect("acme", api_key="k", base_url="http://api.acme.test/v1", proxy=vendor.url) as client:
        assert client.run(ask(client)) == {}
    assert [request.target for request in vendor.requests] == ["http://api.acme.test/v1/things"]


@pytest.mark.parametrize("proxy", [f"user:{CANARY}@proxy", f"ftp://{CANARY}@proxy", "", 5])
def test_wrong_proxy_is_named_and_not_shown(proxy: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^proxy must") as caught:
        connect("acme", api_key="k", proxy=proxy)
    assert CANARY not in str(caught.value)


def test_password_of_a_proxy_is_not_shown() -> None:
    assert CANARY not in repr(TransportOptions(proxy=f"http://user:{CANARY}@proxy:3128"))


def test_transport_of_ones_own(vendor: Any) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json={"ok": 1})

    with connect("acme", api_key="k", transport_factory=lambda: httpx.MockTransport(answer)) as client:
        assert client.run(ask(client)) == {"ok": 1}
    assert seen == ["https://api.acme.test/v1/things"]


@pytest.mark.parametrize("name", ["ca_bundle", "client_certificate", "client_key"])
def test_file_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must name a file in PEM format that is there"):
        connect("acme", api_key="k", **{name: str(tmp_path / "nowhere.pem")})


def test_file_that_is_no_certificate_is_a_configuration_error(tmp_path: Path) -> None:
    path = tmp_path / "bad.pem"
    path.write_text("no certificate", "utf-8")
    with (
        connect("acme", api_key="k", ca_bundle=path) as client,
        pytest.raises(ConfigurationError, match="ca_bundle, client_certificate or client_key cannot be used"),
    ):
        client.run(ask(client))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    command = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def tls_vendor(certificate: tuple[Path, Path]) -> Iterator[str]:
    """The address of a server that asks for a client certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate[0])
    context.load_cert_chain(*certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    server = HTTPServer(("127.0.0.1", 0), Answers)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_authorities_and_certificate_of_ones_own(tls_vendor: str, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    files = {"ca_bundle": cert, "client_certificate": cert, "client_key": key}
    with connect("acme", api_key="k", base_url=tls_vendor, **files) as client:
        assert client.run(ask(client)) == {}


def test_server_that_nobody_vouches_for_is_not_talked_to(tls_vendor: str) -> None:
    with (
        connect("acme", api_key="k", base_url=tls_vendor) as client,
        pytest.raises(TransportFailed, match="no connection") as caught,
    ):
        client.run(ask(client))
    assert (caught.value.retryable, caught.value.attempts) == (False, 1)
