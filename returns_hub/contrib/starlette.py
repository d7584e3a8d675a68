"""A hub in a Starlette or FastAPI application: :func:`mount` receives, :func:`lifespan` works. Needs the extras ``server`` and ``store``."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager

from starlette.applications import Starlette

from returns_hub.cli.signals import DEFAULT_GRACE
from returns_hub.hub import AsyncHub, Hub
from returns_hub.server import create_app


def mount(app: Starlette, hub: Hub | AsyncHub, path: str = "/returns") -> None:
    """Receive for every account of the hub below a path of the application.

    Vendors post to ``PATH/webhooks/ACCOUNT`` and ask ``PATH/orders/ACCOUNT/NUMBER``; ``PATH/livez``, ``PATH/readyz`` and
    ``PATH/healthz`` are for monitoring. For other limits mount :func:`returns_hub.server.create_app` yourself.
    """
    app.mount(path, create_app(hub), name="returns_hub")


def lifespan(
    hub: Hub | AsyncHub, *, work: bool = True, concurrency: int = 4, grace: float | None = DEFAULT_GRACE
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """The lifespan of an application that has the hub: it works in the background meanwhile, and is closed at the end.

    With ``work=False`` another process works: ``returns-hub work``. ``concurrency`` and ``grace`` are those of
    :meth:`Hub.working`. An application with a lifespan of its own enters this one in it:
    ``async with lifespan(hub)(app): ...``.
    """

    @asynccontextmanager
    async def run(_: Starlette) -> AsyncIterator[None]:
        if isinstance(hub, AsyncHub):
            async with AsyncExitStack() as awaited:
                await awaited.enter_async_context(hub)
                if work:
                    await awaited.enter_async_context(hub.working(concurrency=concurrency, grace=grace))
                yield
            return
        # What blocks is opened and closed in threads.
        blocking = ExitStack()
        blocking.enter_context(hub)
        try:
            if work:
                await asyncio.to_thread(blocking.enter_context, hub.working(concurrency=concurrency, grace=grace))
            yield
        finally:
            await asyncio.to_thread(blocking.close)

    return run
