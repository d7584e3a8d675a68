"""The application: ``POST /webhooks/{account}/...``, ``GET /orders/{account}/{number}``, ``GET /healthz``."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from attrs import define, field
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from returns_hub.convert import dump
from returns_hub.errors import StoreError
from returns_hub.hub import AsyncHub, Health, Hub
from returns_hub.json_codec import encode_json
from returns_hub.operation import HttpAnswer, WebhookRequest
from returns_hub.server.bodies import DEFAULT_BODY_TIMEOUT, MAX_BODY_BYTES, BodyReader, RequestRefused
from returns_hub.server.endpoint import Endpoint, RequestContext

_WEBHOOKS: Final = "/webhooks/{account}"
_ORDERS: Final = "/orders/{account}"
_HEALTH: Final = "/healthz"
# How long a state of health is told again, and how long it may take to be found.
_FRESH_SECONDS: Final = 1.0
_HEALTH_SECONDS: Final = 5.0

_log = logging.getLogger("returns_hub.server")

Call: TypeAlias = Callable[[str, WebhookRequest], Awaitable[HttpAnswer]]
Ask: TypeAlias = Callable[[], Awaitable[Health]]


def create_app(
    hub: Hub | AsyncHub, *, max_body: int = MAX_BODY_BYTES, body_timeout: float = DEFAULT_BODY_TIMEOUT
) -> Starlette:
    """The ASGI application that receives for every account of the hub, to be run or to be mounted in another.

    A delivery is answered with success once it is durable, and processed later: by ``hub.working()`` here, or by
    another process. ``max_body`` is in bytes and ``body_timeout`` in seconds; a sender that trickles is cut off
    earlier. It opens nothing and closes nothing, and needs no lifespan. It runs on asyncio.

    Of an :class:`~returns_hub.AsyncHub` every call is awaited. Of a :class:`~returns_hub.Hub` the platform's ``find_order``
    runs in a thread.
    """
    app = Starlette(routes=_routes(hub, BodyReader(max_body, body_timeout)))
    # To a vendor a redirect to the path with or without a slash is a failure.
    app.router.redirect_slashes = False
    return app


def _routes(hub: Hub | AsyncHub, intake: BodyReader) -> list[Route]:
    receive, look_up, health = _calls(hub)

    async def take_delivery(exchange: RequestContext) -> HttpAnswer:
        account = _account(hub, exchange)
        async with exchange.request(intake) as request:
            return await receive(account, request)

    async def answer_look_up(exchange: RequestContext) -> HttpAnswer:
        account = _account(hub, exchange)
        if hub.accounts[account].orders is None:
            raise RequestRefused(404, "no_orders")
        async with exchange.request(intake) as request:
            return await look_up(account, request)

    # The part behind the account is read undecoded, from the URL: what is signed may hold a slash.
    return [
        Route(_WEBHOOKS, Endpoint(_WEBHOOKS, ("POST",), take_delivery)),
        Route(_WEBHOOKS + "/{rest:path}", Endpoint(_WEBHOOKS, ("POST",), take_delivery)),
        Route(_ORDERS + "/{number:path}", Endpoint(_ORDERS + "/{number}", ("GET",), answer_look_up)),
        Route(_HEALTH, Endpoint(_HEALTH, ("GET", "HEAD"), _CachedHealth(health))),
    ]


def _calls(hub: Hub | AsyncHub) -> tuple[Call, Call, Ask]:
    """What the routes ask of the hub, each to be awaited."""
    if isinstance(hub, AsyncHub):
        return hub.receive, hub.answer_order_lookup, hub.health

    async def look_up(account: str, request: WebhookRequest) -> HttpAnswer:
        return await run_in_threadpool(hub.answer_order_lookup, account, request)

    async def health() -> Health:
        # Not in the threads of the look-ups: those may all be waiting for the platform.
        return await asyncio.to_thread(hub.health)

    return hub.receive_async, look_up, health


def _account(hub: Hub | AsyncHub, exchange: RequestContext) -> str:
    """The account that the path names."""
    name: str = exchange.scope["path_params"]["account"]
    if name not in hub.accounts:
        raise RequestRefused(404, "unknown_account")
    exchange.account = name
    return name


@define
class _CachedHealth:
    """The hub's health, asked at most once a second however often somebody asks us."""

    ask: Ask
    _answer: HttpAnswer | None = field(default=None, init=False)
    _until: float = field(default=0.0, init=False)
    _asking: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    async def __call__(self, exchange: RequestContext) -> HttpAnswer:
        """200 where all is well, 503 where it is not, with JSON."""
        clock = asyncio.get_running_loop().time
        async with self._asking:
            if self._answer is None or clock() >= self._until:
                self._answer = await self._found()
                self._until = clock() + _FRESH_SECONDS
        if self._answer.status != 200:
            exchange.reason = "not_well"
        return self._answer

    async def _found(self) -> HttpAnswer:
        try:
            health = await asyncio.wait_for(self.ask(), _HEALTH_SECONDS)
        except StoreError as error:
            _log.warning("health: %s", error)
        except TimeoutError:
            _log.warning("health: the store does not answer within %.0f s", _HEALTH_SECONDS)
        else:
            return _json(200 if health.ok else 503, dump(health))
        return _json(503, {"ok": False})


def _json(status: int, value: object) -> HttpAnswer:
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return HttpAnswer(status=status, headers=headers, body=encode_json(value).encode())
