"""The lifespan of a Starlette application that has a hub."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from returns_hub import AsyncHub, Event, Hub, ReturnUpdated, StoreError
from returns_hub.contrib.starlette import lifespan, mount
from returns_hub.testing import serve


@pytest.mark.parametrize("kind", [Hub, AsyncHub])
def test_an_application_may_have_a_lifespan_of_its_own(kind: Any, configured: Path) -> None:
    hub, steps = kind.from_config(), []

    @asynccontextmanager
    async def own(app: Starlette) -> AsyncIterator[dict[str, int]]:
        async with lifespan(hub)(app):
            steps.append({each.name for each in threading.enumerate()} & {"returns-hub-watcher"})
            yield {"pool": 1}
        steps.append({each.name for each in threading.enumerate()} & {"returns-hub-watcher"})

    with serve(Starlette(lifespan=own), lifespan=True):
        pass
    assert steps == [{"returns-hub-watcher"}, set()]


@pytest.mark.parametrize("kind", [Hub, AsyncHub])
def test_another_process_may_do_the_work(kind: Any, configured: Path, vendor: Any) -> None:
    hub = kind.from_config()
    app = Starlette(lifespan=lifespan(hub, work=False))
    mount(app, hub, "/here")
    with serve(app, lifespan=True) as running:
        assert vendor.deliver_webhook(f"{running.url}/here/webhooks/acme-nl/", "371141").acknowledged
        assert "returns-hub-watcher" not in {each.name for each in threading.enumerate()}
    told: list[Event] = []
    with Hub.from_config() as worker:
        worker.on(name="shop", since="beginning")(told.append)
        assert (worker.process(), worker.dispatch()) == (1, 1)
    assert not isinstance(told[0], ReturnUpdated)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("kind", [Hub, AsyncHub])
async def test_a_store_that_cannot_be_opened_ends_the_start(kind: Any, configured: Path) -> None:
    (configured / "returns.db").write_bytes(b"not a database at all, but long enough for a header" * 100)
    with pytest.raises(StoreError, match="is a file, but not a database of SQLite"):
        await lifespan(kind.from_config())(Starlette()).__aenter__()
