from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from returns_hub.testing import Simulator, serve
from returns_hub_returnmate.sandbox import ReturnMateSandbox

Browse = Callable[[Simulator], httpx.Client]


@pytest.fixture
def browse() -> Iterator[Browse]:
    """Serves a simulator and gives a plain HTTP client of it, without credentials."""
    with ExitStack() as stack:

        def start(simulator: Simulator) -> httpx.Client:
            running = stack.enter_context(serve(simulator))
            return stack.enter_context(httpx.Client(base_url=running.url + simulator.base_path, timeout=120))

        yield start


@pytest.fixture
def http(browse: Browse) -> Callable[..., httpx.Client]:
    """A client with the key of a ReturnMate simulator that is made with the given arguments."""

    def start(simulator: ReturnMateSandbox | None = None, **arguments: object) -> httpx.Client:
        sandbox = simulator or ReturnMateSandbox(**{"count": 20, **arguments})  # type: ignore[arg-type]  # by name
        client = browse(sandbox)
        client.headers["authorization"] = f"Bearer {sandbox.options['api_key']}"
        return client

    return start


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
