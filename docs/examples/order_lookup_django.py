"""Order look-up and webhook for Django: path("", include("order_lookup_django")) in your urls.py"""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from my_shop import find_order, return_changed
from returns_hub import HttpAnswer, ReturnHint, ReturnsHubError, WebhookRejected, WebhookRequest, connect

log = logging.getLogger(__name__)
client = connect(
    "returnless",
    user=os.environ["RETURNLESS_USER"],
    password=os.environ["RETURNLESS_PASSWORD"],
    signing_keys=[os.environ["RETURNLESS_SIGNING_KEY"]],
)
after_the_answer = ThreadPoolExecutor(max_workers=1)


def look_up_order(request: WSGIRequest, number: str) -> HttpResponse:
    try:
        return response(client.answer_order_lookup(incoming(request), find_order))
    except WebhookRejected as error:
        return refuse(error)


def receive_webhook(request: WSGIRequest, return_id: str) -> HttpResponse:
    try:
        receipt = client.receive(incoming(request))
    except WebhookRejected as error:
        return refuse(error)
    for event in receipt.events:
        if isinstance(event, ReturnHint) and event.return_id:
            # Not here: webhooks come in bursts, the API is slow to be asked, and the vendor is waiting for 201.
            after_the_answer.submit(read_again, event.return_id)
    return response(receipt.answer)


def read_again(return_id: str) -> None:
    try:
        ret = client.get_return(return_id)
    except ReturnsHubError as error:
        log.warning("return %s was not read; the next sync finds it: %s", return_id, error)
    else:
        return_changed(ret)


def incoming(request: WSGIRequest) -> WebhookRequest:
    """Under ASGI it is WebhookRequest.from_asgi(request.scope, ...)."""
    return WebhookRequest.from_wsgi(request.environ, request.body, received_at=datetime.now(UTC))


def response(answer: HttpAnswer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))


def refuse(error: WebhookRejected) -> HttpResponse:
    log.warning("refused: %s", error)
    return HttpResponse(status=401)


# A path, because an order number may hold a slash, and because one may follow it.
urlpatterns = [
    path("orders/<path:number>", look_up_order),
    path("webhooks/<path:return_id>", csrf_exempt(receive_webhook)),
]
