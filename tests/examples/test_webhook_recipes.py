"""Each recipe that receives for all accounts of a configuration: started, called over HTTP, and told of what changed."""

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from io import BytesIO
from pathlib import Path
from threading import Event as Flag
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest
from attrs import define, field
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from fastapi import FastAPI

from returns_hub.testing import serve
from returns_hub_returnless.sandbox import ReturnlessSandbox

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SCRIPT = Path(sys.executable).parent / "returns-hub"

WsgiServer: TypeAlias = Callable[..., AbstractContextManager[int]]

# openssl dgst -sha256 -hmac demo-key-1
SIGNATURE = "8917e9d0bf4370c478396b4ab60f1cbae36ae9c83d84396e175353a71a0b5e74"  # of ORD000212
RETURN_SIGNATURE = "81950974af2e73c8f1d94de702d15d46f1627eb6c64b9d542ffa4300528b5f32"  # of 371141

CONFIGURATION = """
store = "sqlite:///returns.db?timeout=0.2"

[accounts.acme-nl]
provider = "returnless"
user = "{user}"
password = "{password}"
signing_keys = ["demo-key-1"]
orders = "my_shop:find_order"
rate_limit = "none"

[accounts.acme-au]
provider = "returnmate"
api_key = "k"
"""


@define
class Platform:
    """A recipe that is running, and what it did."""

    url: str
    told: "list[tuple[str, str | None]]" = field(factory=list)
    wake: Flag = field(factory=Flag)

    def call(self, method: str, path: str, *signatures: str, body: bytes = b"") -> tuple[int, bytes, dict[str, str]]:
        """A call with these signatures, each in a header of its own."""
        parts = urlsplit(self.url)
        with closing(http.client.HTTPConnection(parts.netloc, timeout=120)) as connection:
            connection.putrequest(method, parts.path + path)
            for signature in signatures:
                connection.putheader("Returnless-Signature", signature)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            reply = connection.getresponse()
            return reply.status, reply.read(), {name.lower(): value for name, value in reply.getheaders()}


@contextmanager
def starlette(module: Any, _: WsgiServer) -> Iterator[str]:
    with serve(module.app, lifespan=True) as running:
        yield running.url + "/returns"


@contextmanager
def fastapi(module: Any, _: WsgiServer) -> Iterator[str]:
    with serve(FastAPI(routes=module.routes, lifespan=module.lifespan), lifespan=True) as running:
        yield running.url + "/returns"


@contextmanager
def flask(module: Any, wsgi_server: WsgiServer) -> Iterator[str]:
    with wsgi_server(module.app) as port, module.hub, module.hub.working():
        yield f"http://127.0.0.1:{port}"


@contextmanager
def django(module: Any, wsgi_server: WsgiServer) -> Iterator[str]:
    settings.ROOT_URLCONF = module
    with wsgi_server(WSGIHandler(), plain=True) as port, module.hub, module.hub.working():
        yield f"http://127.0.0.1:{port}"


RECIPES = {
    "starlette": ("webhooks_starlette", starlette),
    "fastapi": ("webhooks_starlette", fastapi),
    "flask": ("webhooks_flask", flask),
    "django": ("webhooks_django", django),
}


@pytest.fixture(params=RECIPES)
def platform(
    request: pytest.FixtureRequest,
    vendor: ReturnlessSandbox,
    recipe: Callable[[str], Any],
    wsgi_server: WsgiServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Platform]:
    """Each recipe in turn, in a directory with its configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "returns-hub.toml").write_text(CONFIGURATION.format_map(vendor.options), "utf-8")
    name, start = RECIPES[request.param]
    platform = Platform("")

    def told(ret: Any) -> None:
        platform.told.append((ret.id, ret.status_raw))
        platform.wake.set()

    monkeypatch.setattr(recipe("my_shop"), "return_changed", told)
    with ExitStack() as stack:
        platform.url = stack.enter_context(start(recipe(name), wsgi_server))
        yield platform


def test_a_delivery_ends_with_the_platform_being_told(platform: Platform, vendor: ReturnlessSandbox) -> None:
    vendor.set_status("371141", "received")
    delivery = vendor.deliver_webhook(f"{platform.url}/webhooks/acme-nl/", "371141")
    assert [attempt.status for attempt in delivery.attempts] == [201]
    assert platform.wake.wait(120)
    assert platform.told == [("371141", "received")]


def test_a_slash_may_follow(platform: Platform) -> None:
    assert platform.call("POST", "/webhooks/acme-nl/371141/", RETURN_SIGNATURE)[0] == 201


@pytest.mark.parametrize(
    "signatures", [(), (SIGNATURE,), (RETURN_SIGNATURE, RETURN_SIGNATURE)], ids=["none", "other", "two"]
)
def test_a_stranger_is_refused(platform: Platform, signatures: tuple[str, ...]) -> None:
    assert platform.call("POST", "/webhooks/acme-nl/371141", *signatures)[:2] == (401, b"")


@pytest.mark.parametrize("path", ["/webhooks/acme-nl", "/webhooks/acme-nl/", "/webhooks/acme-au"])
def test_the_bare_address_of_an_account_is_there(platform: Platform, path: str) -> None:
    assert platform.call("POST", path, RETURN_SIGNATURE)[0] == 401


@pytest.mark.parametrize("path", ["/webhooks/acme-uk/1", "/orders/acme-uk/1", "/orders/acme-au/1"])
def test_an_account_that_is_not_there_or_is_not_asked_is_404(platform: Platform, path: str) -> None:
    method = "POST" if path.startswith("/webhooks") else "GET"
    assert platform.call(method, path, RETURN_SIGNATURE)[0] == 404


def test_an_order_is_looked_up(platform: Platform) -> None:
    status, body, _ = platform.call("GET", "/orders/acme-nl/ORD000212", SIGNATURE)
    assert (status, json.loads(body)["result"]["order_id"]) == (200, "124212")


def test_no_order_is_looked_up_for_a_stranger(platform: Platform) -> None:
    assert platform.call("GET", "/orders/acme-nl/ORD000212", RETURN_SIGNATURE)[:2] == (401, b"")


@pytest.mark.parametrize(("method", "path"), [("GET", "/webhooks/acme-nl/1"), ("POST", "/orders/acme-nl/1")])
def test_another_method_is_405(platform: Platform, method: str, path: str) -> None:
    assert platform.call(method, path)[0] == 405


def test_what_cannot_be_stored_is_no_success(platform: Platform, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "returns.db", isolation_level=None, timeout=120)) as connection:
        platform.call("POST", "/webhooks/acme-nl/371141", RETURN_SIGNATURE)  # there are tables now
        connection.execute("BEGIN IMMEDIATE")
        status, _, headers = platform.call("POST", "/webhooks/acme-nl/371141", RETURN_SIGNATURE, body=b"{}")
        connection.execute("ROLLBACK")
    assert (status, headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(("terminated", "stored"), [(True, [b"{}"]), (False, [])])
def test_django_stores_a_body_in_chunks_or_refuses_it(
    terminated: bool, stored: list[bytes], recipe: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "returns-hub.toml").write_text(CONFIGURATION.format(user="u", password="p"), "utf-8")
    module = recipe("webhooks_django")
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/webhooks/acme-nl/371141",
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "HTTP_RETURNLESS_SIGNATURE": RETURN_SIGNATURE,
        "wsgi.input": BytesIO(b"{}"),
        "wsgi.input_terminated": terminated,
        "wsgi.url_scheme": "http",
    }
    with module.hub:
        answer = module.receive_webhook(WSGIRequest(environ), account="acme-nl", rest="371141")
        assert (answer.status_code, [each.body for each in module.hub.deliveries()]) == (
            201 if terminated else 401,
            stored,
        )


@pytest.mark.parametrize("name", ["webhooks_flask", "webhooks_django"])
def test_the_work_is_done_by_the_command_that_the_recipe_names(name: str, tmp_path: Path) -> None:
    (tmp_path / "returns-hub.toml").write_text(CONFIGURATION.format(user="u", password="p"), "utf-8")
    process = subprocess.Popen(
        [SCRIPT, "work", "--hub", f"{name}:hub"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "Working for 2 accounts; Ctrl-C ends it.\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    process.stdout.close()
