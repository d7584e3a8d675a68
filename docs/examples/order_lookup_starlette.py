"""Order look-up and webhook for Starlette and FastAPI: uvicorn order_lookup_starlette:app

FastAPI is Starlette: FastAPI(routes=routes, lifespan=lifespan, exception_handlers=exception_handlers) does the same.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from my_shop import find_order, return_changed
from returns_hub import (
    AsyncClient,
    HttpAnswer,
    ReturnHint,
    ReturnsHubError,
    WebhookRejected,
    WebhookRequest,
    connect_async,
)

MAX_BODY_BYTES = 1 << 20
log = logging.getLogger(__name__)
one_at_a_time = asyncio.Lock()


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[dict[str, AsyncClient]]:
    async with connect_async(
        "returnless",
        user=os.environ["RETURNLESS_USER"],
        password=os.environ["RETURNLESS_PASSWORD"],
        signing_keys=[os.environ["RETURNLESS_SIGNING_KEY"]],
    ) as client:
        yield {"client": client}


async def look_up_order(request: Request) -> Response:
    return response(await request.state.client.answer_order_lookup(await incoming(request), find_order))


async def receive_webhook(request: Request) -> Response:
    client = request.state.client
    receipt = await client.receive(await incoming(request))
    return_ids = [event.return_id for event in receipt.events if isinstance(event, ReturnHint) and event.return_id]
    # Read again after the answer: webhooks come in bursts, the API is slow to be asked, and the vendor is waiting for 201.
    return response(receipt.answer, BackgroundTask(read_again, client, return_ids))


async def read_again(client: AsyncClient, return_ids: Iterable[str]) -> None:
    for return_id in return_ids:
        try:
            async with one_at_a_time:
                ret = await client.get_return(return_id)
        except ReturnsHubError as error:
            log.warning("return %s was not read; the next sync finds it: %s", return_id, error)
        else:
            return_changed(ret)


async def incoming(request: Request) -> WebhookRequest:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413)
    return WebhookRequest.from_asgi(request.scope, body, received_at=datetime.now(UTC))


def response(answer: HttpAnswer, background: BackgroundTask | None = None) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers), background=background)


def refuse(_: Request, error: Exception) -> Response:
    log.warning("refused: %s", error)
    return Response(status_code=401)


# A path, because an order number may hold a slash, and because one may follow it.
routes = [
    Route("/orders/{number:path}", look_up_order),
    Route("/webhooks/{return_id:path}", receive_webhook, methods=["POST"]),
]
exception_handlers = {WebhookRejected: refuse}
app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=exception_handlers)
