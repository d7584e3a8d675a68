"""The application inside a platform's own, for a hub that is awaited and one that is not."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from attrs import evolve
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from returns_hub import Account, AsyncHub, Hub, Order
from returns_hub.server import create_app


@pytest.fixture(params=["starlette", "fastapi"])
def mounted(request: pytest.FixtureRequest, hub: Hub, serving: Any) -> Iterator[Any]:
    """Calls the application where a platform has it: below a path of its own."""
    inner = create_app(hub)
    if request.param == "fastapi":
        app: Any = FastAPI()
        app.mount("/vendors/returns", inner)
    else:
        app = Starlette(routes=[Mount("/vendors/returns", inner)])
    with serving(app) as caller:
        yield evolve(caller, url=caller.url + "/vendors/returns")


def test_a_delivery_arrives_below_a_mount(mounted: Any, hub: Hub) -> None:
    assert (mounted.deliver().status, mounted.hint("371141", after="/").status) == (200, 201)
    assert sorted(delivery.account for delivery in hub.deliveries()) == ["less", "mate"]


def test_an_order_is_looked_up_below_a_mount(mounted: Any, shop: Any) -> None:
    assert (mounted.look_up("A%2F1", typed="A/1").status, shop.asked) == (404, ["A/1"])


def test_health_is_reported_below_a_mount(mounted: Any) -> None:
    assert mounted.send("GET", "/healthz").status == 200


def test_below_a_mount_a_stranger_is_refused(mounted: Any) -> None:
    assert mounted.send("POST", "/webhooks/mate", b"{}").status == 401


@pytest.fixture
def awaited(accounts: list[Account], store_path: Any, serving: Any) -> Iterator[Any]:
    """Calls the application of an awaited hub, which the platform opens and closes with its lifespan."""
    async_hub = AsyncHub(accounts, store=f"sqlite:///{store_path}?timeout=0.2")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with async_hub:
            yield

    app = Starlette(routes=[Mount("/", create_app(async_hub))], lifespan=lifespan)
    with serving(app, lifespan=True) as caller:
        yield caller


def test_an_awaited_hub_receives(awaited: Any, hub: Hub) -> None:
    assert (awaited.deliver().status, awaited.hint().status, awaited.send("GET", "/healthz").status) == (200, 201, 200)
    assert len(list(hub.deliveries())) == 2


def test_an_awaited_hub_refuses(awaited: Any) -> None:
    assert awaited.send("POST", "/webhooks/mate", b"{}").status == 401


def test_an_awaited_hub_awaits_find_order(awaited: Any, shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def find_order(number: str) -> Order | None:
        shop.asked.append(number)
        return None

    monkeypatch.setattr(shop, "find_order", find_order)
    assert (awaited.look_up("ORD1").status, shop.asked) == (404, ["ORD1"])
