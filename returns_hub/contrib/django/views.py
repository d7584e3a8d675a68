"""The views that vendors call, and one for monitoring."""

from datetime import UTC, datetime
from functools import partial
from typing import Final

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST, require_safe

from returns_hub.contrib import wsgi
from returns_hub.contrib.django import hub
from returns_hub.hub.refusals import Route
from returns_hub.operation import HttpAnswer, WebhookRequest

_MAX_LENGTH_DIGITS: Final = 18


# Signatures take the place of tokens. What is stored is durable before it is answered, whatever ATOMIC_REQUESTS says.
@csrf_exempt
@require_POST
@transaction.non_atomic_requests
def receive(request: HttpRequest, account: str, **_: str) -> HttpResponse:
    """Store a vendor's delivery."""
    return _answer(request, "webhooks", account)


@csrf_exempt
@require_GET
@transaction.non_atomic_requests
def look_up_order(request: HttpRequest, account: str, **_: str) -> HttpResponse:
    """Answer a vendor that looks an order up."""
    return _answer(request, "orders", account)


@require_safe
def health(_: HttpRequest) -> HttpResponse:
    """The backlog, the accounts and the consumers as JSON."""
    return _response(wsgi.health(hub))


def _answer(request: HttpRequest, route: Route, account: str) -> HttpResponse:
    length = request.META.get("CONTENT_LENGTH") or ""
    refused = partial(wsgi.refuse_request, hub, route, account)
    if length and not (length.isascii() and length.isdigit()):
        return _response(refused(400, "malformed_length"))
    # What is announced as too large is not read, and what comes in chunks is read to the limit.
    if len(length) > _MAX_LENGTH_DIGITS or int(length or 0) > wsgi.MAX_BODY_BYTES:
        return _response(refused(413, "too_large"))
    body = _body(request, announced=bool(length))
    if len(body) > wsgi.MAX_BODY_BYTES:
        return _response(refused(413, "too_large"))
    if length and len(body) != int(length):
        return _response(refused(400, "wrong_length"))
    return _response(wsgi.answer(hub, route, account, lambda: _incoming(request, body)))


def _body(request: HttpRequest, *, announced: bool) -> bytes:
    environ = request.META
    # Django takes a body that comes in chunks, without a length, for none. Some servers know its end.
    if not announced and environ.get("wsgi.input_terminated"):
        return bytes(environ["wsgi.input"].read(wsgi.MAX_BODY_BYTES + 1))
    return bytes(request.body)


def _incoming(request: HttpRequest, body: bytes) -> WebhookRequest:
    scope, now = getattr(request, "scope", None), datetime.now(UTC)
    if scope is not None:
        return WebhookRequest.from_asgi(scope, body, received_at=now)
    return WebhookRequest.from_wsgi(request.META, body, received_at=now)


def _response(answer: HttpAnswer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))
