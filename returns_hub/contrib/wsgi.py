"""What the views of WSGI frameworks have in common: a request of a vendor in, the answer out."""

from collections.abc import Callable
from typing import Any, Final

from returns_hub.convert import dump
from returns_hub.errors import StoreError
from returns_hub.hub import Hub
from returns_hub.hub.answers import refuse
from returns_hub.hub.refusals import Route
from returns_hub.json_codec import encode_json
from returns_hub.logs import log_event
from returns_hub.operation import HttpAnswer, WebhookRequest

MAX_BODY_BYTES: Final = 1 << 20
"""Bytes; no vendor's delivery comes near it."""

_ROUTES: Final[dict[Route, str]] = {"webhooks": "/webhooks/{account}", "orders": "/orders/{account}/{number}"}


def answer(hub: Hub, route: Route, account: str, request: Callable[[], WebhookRequest]) -> HttpAnswer:
    """The answer to a delivery, which is success once it is stored durably, or to a vendor that looks an order up."""
    if account not in hub.accounts:
        return refuse_request(hub, route, account, 404, "unknown_account")
    if route == "orders" and hub.accounts[account].orders is None:
        return refuse_request(hub, route, account, 404, "no_orders")
    try:
        incoming = request()
        return hub.receive(account, incoming) if route == "webhooks" else hub.answer_order_lookup(account, incoming)
    except Exception as error:  # noqa: BLE001 - each has its answer
        refusal, reason = refuse(error, account=account, route=_ROUTES[route])
    _record(route, account, refusal.status, reason)
    return refusal


def refuse_request(hub: Hub, route: Route, account: str, status: int, reason: str) -> HttpAnswer:
    """The answer to a request that does not come to the hub; it is counted with those that the hub refuses."""
    hub.record_refusal(account, reason, route=route)
    _record(route, account if account in hub.accounts else "", status, reason)
    return HttpAnswer(status=status)


def health(hub: Hub) -> HttpAnswer:
    """The backlog, the accounts and the consumers as JSON; 503 if the store cannot be read."""
    found, status = {"ok": False}, 503
    try:
        found, status = dump(hub.health()), 200
    except StoreError as error:
        log_event("health.failed", "health: %s", error)
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return HttpAnswer(status=status, headers=headers, body=encode_json(found).encode())


def _record(route: Route, account: str, status: int, reason: str) -> None:
    """One line of the log, with the template of the path: no number and no id."""
    details: dict[str, Any] = {"route": _ROUTES[route], "account": account, "status": status, "reason": reason}
    line = " ".join(f"{name}={value}" for name, value in details.items() if value != "")
    log_event("request.refused", "%s", line, **details)
