"""Returns in FastAPI: uvicorn shop_fastapi:app"""

from fastapi import FastAPI

from my_shop import return_changed
from returns_hub import AsyncHub, ReturnCreated, ReturnStatusChanged
from returns_hub.contrib.starlette import lifespan, mount

hub = AsyncHub.from_config()


@hub.on(ReturnCreated, ReturnStatusChanged, name="my-shop")
async def tell_shop(event: ReturnCreated | ReturnStatusChanged) -> None:
    stored = await hub.get_return(event.account, event.return_id)
    if stored:
        return_changed(stored.ret)


app = FastAPI(lifespan=lifespan(hub))
mount(app, hub, "/returns")
