"""Receive for every account of returns-hub.toml in Django: path("", include("webhooks_django")) in your urls.py

Another process does the work, and calls tell_shop: returns-hub work --hub webhooks_django:hub, or a management command
of yours that waits inside hub.working().
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import TypeAlias

from django.core.exceptions import RequestDataTooBig
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from my_shop import return_changed
from returns_hub import (
    ConfigurationError,
    HttpAnswer,
    Hub,
    ReturnCreated,
    ReturnStatusChanged,
    StoreError,
    UnsupportedOperation,
    WebhookRejected,
    WebhookRequest,
)

Handle: TypeAlias = Callable[[str, WebhookRequest], HttpAnswer]

MAX_BODY = 1 << 20
log = logging.getLogger(__name__)
hub = Hub.from_config()


# The name is where the hub keeps how far this handler has come; it may be called again with an event after a crash.
@hub.on(ReturnCreated, ReturnStatusChanged, name="my-shop")
def tell_shop(event: ReturnCreated | ReturnStatusChanged) -> None:
    stored = hub.get_return(event.account, event.return_id)
    if stored is not None:
        return_changed(stored.ret)


def answered_by(handle: Handle) -> Callable[..., HttpResponse]:
    """A view that hands the request to the hub and its answer, or what its refusal means, to the vendor."""

    @wraps(handle)
    def view(request: WSGIRequest, account: str, rest: str = "") -> HttpResponse:
        if account not in hub.accounts:
            return HttpResponse(status=404)
        try:
            answer = handle(account, incoming(request))
        except WebhookRejected as error:
            log.warning("refused: %s", error.reason)
            return HttpResponse(status=401)
        except UnsupportedOperation:
            return HttpResponse(status=404)
        except (StoreError, ConfigurationError) as error:
            log.warning("cannot be taken now: %s", error)
            return HttpResponse(status=503, headers={"Retry-After": "5"})
        return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))

    return view


def find_order(account: str, request: WebhookRequest) -> HttpAnswer:
    if hub.accounts[account].orders is None:
        return HttpAnswer(status=404)
    return hub.answer_order_lookup(account, request)


def incoming(request: WSGIRequest) -> WebhookRequest:
    """Under ASGI it is WebhookRequest.from_asgi(request.scope, ...)."""
    body = request.body
    # Django takes a body that comes in chunks, without a length, for none. Some servers know its end.
    if not request.environ.get("CONTENT_LENGTH") and request.environ.get("wsgi.input_terminated"):
        body = request.environ["wsgi.input"].read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise RequestDataTooBig
    return WebhookRequest.from_wsgi(request.environ, body, received_at=datetime.now(UTC))


# When hub.receive returns, the delivery is durable. Before, the vendor must not hear of success.
receive_webhook = csrf_exempt(require_POST(answered_by(hub.receive)))
look_up_order = require_GET(answered_by(find_order))

# Paths, because an order number may hold a slash, and because one may follow a number or an id.
urlpatterns = [
    path("webhooks/<str:account>", receive_webhook),
    path("webhooks/<str:account>/", receive_webhook),
    path("webhooks/<str:account>/<path:rest>", receive_webhook),
    path("orders/<str:account>/<path:rest>", look_up_order),
]
