"""The recipes of examples/, each started on loopback, and the simulator of the vendor that calls them."""

import importlib
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler
from wsgiref.simple_server import make_server as make_plain_server

import pytest
from attrs import define, field
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from fastapi import FastAPI
from werkzeug.serving import make_server

from returns_hub import Order, Return
from returns_hub.testing import serve
from returns_hub_returnless import Returnless
from returns_hub_returnless.sandbox import ReturnlessSandbox

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
KEY = "demo-key-1"

# As a project's settings would be, of which a recipe needs nothing.
settings.configure(ALLOWED_HOSTS=["127.0.0.1"], LOGGING_CONFIG=None, ROOT_URLCONF=None)


@define
class Platform:
    """A recipe that is running, and what it did: which orders it looked up, which returns it was told of."""

    url: str = ""
    asked: list[str] = field(factory=list)
    told: "queue.SimpleQueue[Return]" = field(factory=queue.SimpleQueue)
    orders: dict[str, Order] = field(factory=dict)

    def find_order(self, number: str) -> Order | None:
        self.asked.append(number)
        return self.orders.get(number)

    def reread(self) -> Return:
        """The next return that was read again."""
        return self.told.get(timeout=120)


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReturnlessSandbox]:
    """Returnless, where every new client finds it; no time passes between its retries."""
    simulator = ReturnlessSandbox(count=5, signing_key=KEY, pause=lambda seconds: None)
    with serve(simulator) as running:
        monkeypatch.setattr(Returnless, "base_urls", {"production": running.url})
        monkeypatch.setenv("RETURNLESS_USER", simulator.options["user"])
        monkeypatch.setenv("RETURNLESS_PASSWORD", simulator.options["password"])
        monkeypatch.setenv("RETURNLESS_SIGNING_KEY", KEY)
        yield simulator


@pytest.fixture
def wsgi_server() -> Callable[..., AbstractContextManager[int]]:
    """Serves a WSGI application in a thread and gives its port: ``plain`` by the standard library, else by Werkzeug."""

    def start(app: Any, *, plain: bool = False) -> AbstractContextManager[int]:
        if plain:
            return in_thread(make_plain_server("127.0.0.1", 0, app, handler_class=Quiet))
        return in_thread(make_server("127.0.0.1", 0, app, threaded=True))

    return start


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Imports an example, or gives the one that is imported."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    for path in EXAMPLES.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    return importlib.import_module


@contextmanager
def starlette(module: Any) -> Iterator[str]:
    with serve(module.app, lifespan=True) as running:
        yield running.url


@contextmanager
def fastapi(module: Any) -> Iterator[str]:
    app = FastAPI(routes=module.routes, lifespan=module.lifespan, exception_handlers=module.exception_handlers)
    with serve(app, lifespan=True) as running:
        yield running.url


@contextmanager
def flask(module: Any) -> Iterator[str]:
    with in_thread(make_server("127.0.0.1", 0, module.app, threaded=True)) as port, module.client:
        yield f"http://127.0.0.1:{port}"
        module.after_the_answer.shutdown()


@contextmanager
def django(module: Any) -> Iterator[str]:
    settings.ROOT_URLCONF = module
    server = make_plain_server("127.0.0.1", 0, WSGIHandler(), handler_class=Quiet)
    with in_thread(server) as port, module.client:
        yield f"http://127.0.0.1:{port}"
        module.after_the_answer.shutdown()


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


RECIPES = {
    "starlette": ("order_lookup_starlette", starlette),
    "fastapi": ("order_lookup_starlette", fastapi),
    "flask": ("order_lookup_flask", flask),
    "django": ("order_lookup_django", django),
}


@pytest.fixture(params=RECIPES)
def platform(
    request: pytest.FixtureRequest,
    vendor: ReturnlessSandbox,
    recipe: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Platform]:
    """Each recipe in turn, with its shop's order in it."""
    name, start = RECIPES[request.param]
    shop = recipe("my_shop")
    platform = Platform(orders=dict(shop.ORDERS))
    monkeypatch.setattr(shop, "find_order", platform.find_order)
    monkeypatch.setattr(shop, "return_changed", platform.told.put)
    with start(recipe(name)) as url:
        platform.url = url
        yield platform
