"""How these tests drive the adapter: by hand, with replies that stand in the test."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from returns_hub import Reply, Request, Secret
from returns_hub_returnmate import ReturnMate

DOCUMENTS = Path(__file__).parent / "documents"


@pytest.fixture
def adapter() -> ReturnMate:
    return ReturnMate(api_key=Secret("rm_test_key"), currency="AUD")


@pytest.fixture(scope="session")
def make() -> Callable[..., ReturnMate]:
    """An adapter with other options."""
    return lambda **options: ReturnMate(**{"api_key": Secret("rm_test_key"), **options})


@pytest.fixture(scope="session")
def document() -> Callable[[str], bytes]:
    """A JSON example of the API reference, byte for byte."""
    return lambda name: (DOCUMENTS / name).read_bytes()


@pytest.fixture(scope="session")
def answer() -> Callable[..., Reply]:
    """A JSON reply: the status, then the whole body."""
    return lambda status, body: Reply(status=status, body=json.dumps(body).encode())


@pytest.fixture(scope="session")
def rows(answer: Callable[..., Reply]) -> Callable[..., Reply]:
    """A page of these rows, with this ``meta``."""
    return lambda *data, **meta: answer(200, {"success": True, "data": list(data), "meta": meta})


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
