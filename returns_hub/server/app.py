"""The application: ``POST /webhooks/{account}/...``, ``GET /orders/{account}/{number}`` or ``POST /orders/{account}``, and what monitoring asks."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeAlias

from attrs import define, field
from starlette.applications import Starlette
from starlette.routing import Route

from returns_hub import registry
from returns_hub.convert import dump
from returns_hub.errors import StoreError
from returns_hub.hub import AsyncHub, Health, Hub
from returns_hub.json_codec import encode_json
from returns_hub.logs import log_event
from returns_hub.operation import HttpAnswer
from returns_hub.server.bodies import DEFAULT_BODY_TIMEOUT, MAX_BODY_BYTES, BodyReader, RequestRefused
from returns_hub.server.endpoint import Endpoint, RequestContext
from returns_hub.server.lookups import DEFAULT_LOOKUP_TIMEOUT, OrderLookups

_WEBHOOKS: Final = "/webhooks/{account}"
_ORDERS: Final = "/orders/{account}"
_LIVE: Final = "/livez"
_READY: Final = "/readyz"
_HEALTH: Final = "/healthz"
# How long an answer is cached, and how long the store has for it.
_FRESH_SECONDS: Final = 1.0
_HEALTH_SECONDS: Final = 5.0

Ask: TypeAlias = Callable[[], Awaitable[object]]


def create_app(
    hub: Hub | AsyncHub,
    *,
    max_body: int = MAX_BODY_BYTES,
    body_timeout: float = DEFAULT_BODY_TIMEOUT,
    lookup_timeout: float = DEFAULT_LOOKUP_TIMEOUT,
) -> Starlette:
    """The ASGI application that receives for every account of the hub, to be run or to be mounted in another.

    A delivery is answered with success once it is durable, and processed later: by ``hub.working()`` here, or by
    another process. ``max_body`` is in bytes and ``body_timeout`` in seconds; a sender that trickles is cut off
    earlier. It opens nothing and closes nothing, and needs no lifespan. It runs on asyncio.

    Of an :class:`~returns_hub.AsyncHub` every call is awaited. Of a :class:`~returns_hub.Hub` the platform's ``find_order``
    runs in a thread. A look-up that takes longer than ``lookup_timeout`` seconds is answered 503, and so are those of an
    account of which eight are running.

    ``/livez`` is 200 while the process answers; ``/readyz`` while a delivery could be stored; ``/healthz`` is as ready, and
    its JSON has the backlog, the accounts and the consumers.
    """
    lookups = OrderLookups(hub, lookup_timeout)
    app = Starlette(routes=_routes(hub, BodyReader(max_body, body_timeout), lookups))
    # To a vendor a redirect to the path with or without a slash is a failure.
    app.router.redirect_slashes = False
    return app


def _routes(hub: Hub | AsyncHub, reader: BodyReader, lookups: OrderLookups) -> list[Route]:
    receive = hub.receive if isinstance(hub, AsyncHub) else hub.receive_async

    async def health() -> object:
        await hub.check_receiving()
        return await hub.health() if isinstance(hub, AsyncHub) else await asyncio.to_thread(hub.health)

    async def live(_: RequestContext) -> HttpAnswer:
        return _json(200, {"ok": True})

    async def take_delivery(context: RequestContext) -> HttpAnswer:
        account = _account(hub, context)
        async with context.body(reader) as body:
            return await receive(account, context.request(body))

    async def answer_look_up(context: RequestContext) -> HttpAnswer:
        account = _account(hub, context)
        if hub.accounts[account].orders is None:
            raise RequestRefused(404, "no_orders")
        method = registry.adapter_class(hub.accounts[account].provider).order_lookup_method
        if context.scope["method"] != method:
            raise RequestRefused(405, "wrong_method", (("Allow", method),))
        if method == "GET" and "number" not in context.scope["path_params"]:
            raise RequestRefused(404, "no_number")
        async with context.body(reader) as body:
            return await lookups.answer(account, context.request(body))

    webhooks = Endpoint(_WEBHOOKS, ("POST",), take_delivery, hub.record_refusal)
    refused_look_up = partial(hub.record_refusal, route="orders")
    # The part behind the account is read undecoded, from the URL: what is signed may hold a slash.
    return [
        Route(_WEBHOOKS, webhooks),
        Route(_WEBHOOKS + "/{rest:path}", webhooks),
        Route(_ORDERS, Endpoint(_ORDERS, None, answer_look_up, refused_look_up)),
        Route(_ORDERS + "/{number:path}", Endpoint(_ORDERS + "/{number}", None, answer_look_up, refused_look_up)),
        Route(_LIVE, Endpoint(_LIVE, ("GET", "HEAD"), live)),
        Route(_READY, Endpoint(_READY, ("GET", "HEAD"), _CachedHealth(hub.check_receiving))),
        Route(_HEALTH, Endpoint(_HEALTH, ("GET", "HEAD"), _CachedHealth(health))),
    ]


def _account(hub: Hub | AsyncHub, context: RequestContext) -> str:
    """The account that the path names."""
    name: str = context.scope["path_params"]["account"]
    if name not in hub.accounts:
        raise RequestRefused(404, "unknown_account")
    context.account = name
    return name


@define
class _CachedHealth:
    """The result of ``ask`` as an answer, cached for a second; never asked twice at a time."""

    ask: Ask
    _answer: HttpAnswer | None = field(default=None, init=False)
    _until: float = field(default=0.0, init=False)
    _asking: "asyncio.Task[object] | None" = field(default=None, init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    async def __call__(self, context: RequestContext) -> HttpAnswer:
        """200 where all is well, 503 where it is not, with JSON."""
        clock = asyncio.get_running_loop().time
        async with self._turn:
            if self._answer is None or clock() >= self._until:
                self._answer = await self._found()
                self._until = clock() + _FRESH_SECONDS
        if self._answer.status != 200:
            context.reason = "not_well"
        return self._answer

    async def _found(self) -> HttpAnswer:
        # One that never comes back holds a thread, and another one would hold another.
        if self._asking is None:
            self._asking = asyncio.ensure_future(self.ask())
        done, _ = await asyncio.wait([self._asking], timeout=_HEALTH_SECONDS)
        if not done:
            log_event("health.failed", "health: the store does not answer within %.0f s", _HEALTH_SECONDS)
            return _json(503, {"ok": False})
        asked, self._asking = self._asking, None
        try:
            found = asked.result()
        except StoreError as error:
            log_event("health.failed", "health: %s", error)
            return _json(503, {"ok": False})
        if isinstance(found, Health):
            return _json(200 if found.ok else 503, dump(found))
        return _json(200, {"ok": True})


def _json(status: int, value: object) -> HttpAnswer:
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return HttpAnswer(status=status, headers=headers, body=encode_json(value).encode())
