"""The shops of docs/examples, each started on loopback, and the simulator of the vendor that calls them."""

import http.client
import importlib
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler
from wsgiref.simple_server import make_server as make_plain_server

import django
import pytest
from attrs import define, field
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.urls import include, path
from django.utils.functional import empty
from werkzeug.serving import make_server

from returns_hub import HttpAnswer, Hub, Order, Return, ReturnCreated, ReturnStatusChanged
from returns_hub.testing import serve
from returns_hub_returnless.sandbox import ReturnlessSandbox

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
KEY = "demo-key-1"
CONFIGURATION = """
store = "sqlite:///returns.db?timeout=0.2"

[accounts.acme-nl]
provider = "returnless"
base_url = "{url}"
user = "{user}"
password = "{password}"
signing_keys = ["demo-key-1"]
orders = "my_shop:find_order"
rate_limit = "none"

[accounts.acme-au]
provider = "returnmate"
api_key = "k"
"""

urls = ModuleType("urls")

# As a project's settings would be; RETURNS_HUB is each test's own.
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    LOGGING_CONFIG=None,
    ROOT_URLCONF=urls,
    INSTALLED_APPS=["returns_hub.contrib.django"],
    MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware", "django.middleware.common.CommonMiddleware"],
)
django.setup()
vars(urls)["urlpatterns"] = [path("returns/", include("returns_hub.contrib.django.urls"))]

WsgiServer: TypeAlias = Callable[..., AbstractContextManager[int]]


@define
class Platform:
    """A shop that is running, and what it did: which orders it looked up, of which returns it got events."""

    url: str
    asked: list[str] = field(factory=list)
    told: "queue.SimpleQueue[Return]" = field(factory=queue.SimpleQueue)
    orders: dict[str, Order] = field(factory=dict)

    def find_order(self, number: str) -> Order | None:
        self.asked.append(number)
        return self.orders.get(number)

    def call(
        self, method: str, path: str, *signatures: str, body: bytes = b"", length: int | None = None
    ) -> HttpAnswer:
        """A call with these signatures, each in a header of its own; ``length`` is announced in place of the body's."""
        parts = urlsplit(self.url)
        with closing(http.client.HTTPConnection(parts.netloc, timeout=120)) as connection:
            connection.putrequest(method, parts.path + path)
            for signature in signatures:
                connection.putheader("Returnless-Signature", signature)
            connection.putheader("Content-Length", str(len(body) if length is None else length))
            connection.endheaders(body)
            reply = connection.getresponse()
            headers = [(name.lower(), value) for name, value in reply.getheaders()]
            return HttpAnswer(status=reply.status, headers=headers, body=reply.read())


@pytest.fixture
def vendor() -> Iterator[Any]:
    """Returnless; no time passes between its retries."""
    simulator: Any = ReturnlessSandbox(count=5, signing_key=KEY, pause=lambda seconds: None)
    with serve(simulator) as running:
        simulator.url = running.url
        yield simulator


@pytest.fixture
def configured(vendor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory, the current one, with the configuration of a shop."""
    (tmp_path / "returns-hub.toml").write_text(CONFIGURATION.format(url=vendor.url, **vendor.options), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Imports an example anew, or gives the one that is imported."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    for each in EXAMPLES.glob("*.py"):
        monkeypatch.delitem(sys.modules, each.stem, raising=False)
    return importlib.import_module


@pytest.fixture
def django_hub(configured: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub of the project that this process is."""
    from returns_hub.contrib.django import hub
    from returns_hub.contrib.django.conf import configured_hub

    monkeypatch.setattr(settings, "RETURNS_HUB", configured / "returns-hub.toml", raising=False)
    configured_hub.cache_clear()
    monkeypatch.setattr(hub, "_wrapped", empty)
    with configured_hub() as opened:
        yield opened
    configured_hub.cache_clear()


@contextmanager
def asgi(module: Any, _: pytest.FixtureRequest) -> Iterator[str]:
    with serve(module.app, lifespan=True) as running:
        yield running.url


@contextmanager
def flask(module: Any, _: pytest.FixtureRequest) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, module.app, threaded=True)
    with in_thread(server) as port, module.hub, module.hub.working():
        yield f"http://127.0.0.1:{port}"


@contextmanager
def django_project(shop: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    hub: Hub = request.getfixturevalue("django_hub")

    @hub.on(ReturnCreated, ReturnStatusChanged, name="my-shop")
    def tell_shop(event: ReturnCreated | ReturnStatusChanged) -> None:
        stored = hub.get_return(event.account, event.return_id)
        assert stored
        shop.return_changed(stored.ret)

    server = make_plain_server("127.0.0.1", 0, WSGIHandler(), handler_class=Quiet)
    with in_thread(server) as port, hub.working():
        yield f"http://127.0.0.1:{port}"


SHOPS: dict[str, tuple[str, Callable[..., AbstractContextManager[str]]]] = {
    "starlette": ("shop_starlette", asgi),
    "fastapi": ("shop_fastapi", asgi),
    "flask": ("shop_flask", flask),
    "django": ("my_shop", django_project),
}


@pytest.fixture(params=SHOPS)
def platform(
    request: pytest.FixtureRequest,
    configured: Path,
    example: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Platform]:
    """Each framework's shop in turn, with its order in it."""
    name, start = SHOPS[request.param]
    shop = example("my_shop")
    platform = Platform("", orders=dict(shop.ORDERS))
    monkeypatch.setattr(shop, "find_order", platform.find_order)
    monkeypatch.setattr(shop, "return_changed", platform.told.put)
    with ExitStack() as stack:
        platform.url = stack.enter_context(start(example(name), request)) + "/returns"
        yield platform


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...


@contextmanager
def in_thread(server: Any) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
