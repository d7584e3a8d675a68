"""ReturnMate's webhooks. Everything here is beyond the ReturnMate API Reference, which documents none.

Two pages of the vendor do, and differ: the help centre's "Webhooks Reference" (2024-12-31: 23 event names, a secret
that the merchant enters) and returnmate.io's "Webhooks & REST API" (undated: the signature). Neither shows a payload.
So a delivery is a hint only: it says which RMA to read again. Both pages were read on 2026-11-21.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from returns_hub import (
    HttpAnswer,
    Receipt,
    ReturnHint,
    Secret,
    UnknownEvent,
    WebhookRequest,
    body_digest,
)
from returns_hub.wire import Record, decode_object, parse_id, sign_body, verify_signed_body

SIGNATURE_HEADER: Final = "X-Webhook-Signature"

EVENTS: Final = frozenset(
    {
        "rma.created",
        "rma.updated",
        "rma.status_changed",
        "rma.approved",
        "rma.rejected",
        "rma.received",
        "rma.inspected",
        "rma.completed",
        "rma.cancelled",
        "shipment.created",
        "shipment.in_transit",
        "shipment.delivered",
        "shipment.exception",
        "warranty.created",
        "warranty.approved",
        "warranty.resolved",
        "refund.initiated",
        "refund.completed",
        "refund.failed",
        "credit.issued",
        "inspection.started",
        "inspection.completed",
        "inspection.issue_found",
        # returnmate.io, TradeMate.
        "trade_return.created",
        "trade_return.status_changed",
        "trade_return.credit_requested",
        "trade_return.resolved",
    }
)

_ANSWER: Final = HttpAnswer(status=200)


def verify(request: WebhookRequest, secrets: Iterable[Secret], *, header: str) -> None:
    """Returns if the delivery is signed with one of the live secrets: hex HMAC-SHA256 over the raw body.

    Raises:
        WebhookRejected: and nothing else, whatever came in.
    """
    verify_signed_body(request, header, secrets, prefix="sha256=")


def sign(request: WebhookRequest, secrets: Iterable[Secret], *, header: str) -> WebhookRequest:
    """The request, signed with the first live secret."""
    return sign_body(request, header, secrets)


def read(request: WebhookRequest) -> Receipt:
    """The receipt of a verified delivery: a hint, or an event that cannot be interpreted. Never an error."""
    body = decode_object(request.body)
    name = Record(body).text("event", "type", "event_type")
    held = body.get("data", body.get("payload"))
    data: Mapping[str, Any] = held if isinstance(held, dict) else {}
    return_id = _return_id(name or "", body, data)
    event: ReturnHint | UnknownEvent = UnknownEvent(name=name, body=request.body)
    if name in EVENTS and return_id is not None:
        event = ReturnHint(name=name, return_id=return_id, raw=body)
    dedupe_key = _event_id(body, return_id=return_id if data else None) or body_digest(request.body)
    return Receipt(events=(event,), answer=_ANSWER, dedupe_key=dedupe_key)


def _return_id(name: str, body: Mapping[str, Any], data: Mapping[str, Any]) -> str | None:
    """The RMA's id, where it is recognisable as that; a plain ``id`` may be anything's."""
    for holder in (data, body):
        rma = holder.get("rma")
        found = parse_id(holder.get("rma_id")) or (parse_id(rma.get("id")) if isinstance(rma, dict) else None)
        if found is None and "rma_number" in holder:
            found = parse_id(holder.get("id"))
        if found is not None:
            return found
    return parse_id(data.get("id")) if name.startswith("rma.") else None


def _event_id(body: Mapping[str, Any], *, return_id: str | None) -> str | None:
    """The event's own id, for the dedupe key.

    A plain ``id`` counts only beside an RMA's id that is another: taken for the event's, the id of an RMA would make
    every later delivery about it a duplicate.
    """
    event_id = parse_id(body.get("event_id"))
    if event_id is not None or return_id is None:
        return event_id
    plain = parse_id(body.get("id"))
    return plain if plain != return_id else None
