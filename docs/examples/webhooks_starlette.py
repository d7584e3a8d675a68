"""Receive for every account of returns-hub.toml inside your own Starlette or FastAPI: uvicorn webhooks_starlette:app

FastAPI is Starlette: FastAPI(routes=routes, lifespan=lifespan) does the same.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount

from my_shop import return_changed
from returns_hub import Hub, ReturnCreated, ReturnStatusChanged
from returns_hub.server import create_app

hub = Hub.from_config()


# The name is where the hub keeps how far this handler has come; it may be called again with an event after a crash.
@hub.on(ReturnCreated, ReturnStatusChanged, name="my-shop")
def tell_shop(event: ReturnCreated | ReturnStatusChanged) -> None:
    stored = hub.get_return(event.account, event.return_id)
    if stored is not None:
        return_changed(stored.ret)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    # Deliveries are processed and handlers called in threads of this process, until it ends.
    with hub, hub.working():
        yield


# Vendors post to /returns/webhooks/ACCOUNT and ask /returns/orders/ACCOUNT/NUMBER; /returns/healthz is for you.
routes = [Mount("/returns", create_app(hub))]
app = Starlette(routes=routes, lifespan=lifespan)
