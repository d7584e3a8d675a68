"""Returns in Starlette: uvicorn shop_starlette:app"""

from starlette.applications import Starlette

from my_shop import return_changed
from returns_hub import Hub, ReturnCreated, ReturnStatusChanged
from returns_hub.contrib.starlette import lifespan, mount

hub = Hub.from_config()


@hub.on(ReturnCreated, ReturnStatusChanged, name="my-shop")
def tell_shop(event: ReturnCreated | ReturnStatusChanged) -> None:
    stored = hub.get_return(event.account, event.return_id)
    if stored:
        return_changed(stored.ret)


app = Starlette(lifespan=lifespan(hub))
mount(app, hub, "/returns")
