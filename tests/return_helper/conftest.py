"""How these tests drive the adapter: by hand, with replies that stand in the test; or over HTTP, against the simulator."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from returns_hub import Client, Reply, Request, Secret
from returns_hub.accounts import build_adapter
from returns_hub.testing import serve
from returns_hub.testing.drivers import open_with
from returns_hub_return_helper import ReturnHelper
from returns_hub_return_helper.sandbox import ReturnHelperSandbox


@pytest.fixture
def adapter() -> ReturnHelper:
    return ReturnHelper(api_key=Secret("rr-key"), api_token=Secret("rr-token"))


@pytest.fixture(scope="session")
def make() -> Callable[..., ReturnHelper]:
    """An adapter with other options."""
    return lambda **options: ReturnHelper(**{"api_key": Secret("rr-key"), "api_token": Secret("rr-token"), **options})


@pytest.fixture(scope="session")
def answer() -> Callable[..., Reply]:
    """A JSON reply: the status, the whole body, and headers."""

    def answer(status: int, body: object, **headers: str) -> Reply:
        return Reply(status=status, headers=headers, body=json.dumps(body).encode())

    return answer


@pytest.fixture(scope="session")
def good(answer: Callable[..., Reply]) -> Callable[..., Reply]:
    """A good reply: the payload beside the ``meta`` of Return Helper API, Getting started; ``headers`` are those of the reply."""

    def good(headers: dict[str, str] | None = None, /, **payload: object) -> Reply:
        meta = {"status": 200, "data": {}, "errorCode": None, "error": {}}
        return answer(200, {**payload, "correlationId": "0HM9VIKSKH2CB:00000002", "meta": meta}, **(headers or {}))

    return good


@pytest.fixture(scope="session")
def bad(answer: Callable[..., Reply]) -> Callable[..., Reply]:
    """A failure under HTTP 200: the code, and what is wrong by field."""

    def bad(code: object, status: object = 400, **fields: object) -> Reply:
        meta = {"status": status, "data": {}, "errorCode": code, "error": fields}
        return answer(200, {"correlationId": "0HM9VIKSKH2CF:00000002", "meta": meta})

    return bad


@pytest.fixture(scope="session")
def finish() -> Callable[..., Any]:
    """What an operation returns when it is answered so; it must ask for exactly as many replies."""

    def finish(operation: Any, *replies: Reply) -> Any:
        next(operation)
        for reply in replies[:-1]:
            operation.send(reply)
        with pytest.raises(StopIteration) as stop:
            operation.send(replies[-1])
        return stop.value.value

    return finish


@pytest.fixture(scope="session")
def requests() -> Callable[..., list[Request]]:
    """The requests an operation sends while it is answered so; it may want more replies."""

    def requests(operation: Any, *replies: Reply) -> list[Request]:
        sent = [next(operation)]
        for reply in replies:
            try:
                sent.append(operation.send(reply))
            except StopIteration:
                break
        return sent

    return requests


@pytest.fixture
def simulator() -> ReturnHelperSandbox:
    """The vendor, with its seeded returns."""
    return ReturnHelperSandbox(count=40)


@pytest.fixture
def client(simulator: ReturnHelperSandbox) -> Iterator[Client]:
    """A client of the simulator, over HTTP."""
    with (
        serve(simulator) as running,
        open_with(
            build_adapter(ReturnHelper, simulator.options), **simulator.base_urls(running.url), attempts=3
        ) as client,
    ):
        yield client
