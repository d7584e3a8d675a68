"""Redo's webhooks: a bearer token of our choice, and the whole return in the body.

Source: OpenAPI schema of Redo's API v2.2, webhooks. The body is not signed: its integrity rests on TLS, and the token proves the sender.
"""

from typing import Final

from returns_hub import HttpAnswer, Receipt, ReturnHint, ReturnObserved, UnknownEvent, WebhookRequest, body_digest
from returns_hub.wire import Record, decode_object, parse_id
from returns_hub_redo.wire import Reader

EVENTS: Final = frozenset({"created", "updated", "backfill"})
_ANSWER: Final = HttpAnswer(status=200)


def read(request: WebhookRequest, reader: Reader) -> Receipt:
    """The receipt of a verified delivery. Never an error.

    Its facts are as of the return's own ``updatedAt``: a replayed delivery has a new ``at``. ``at`` alone is too coarse
    to tell two deliveries of one second apart.
    """
    body = decode_object(request.body)
    record = Record(body)
    name, data, at = record.text("type"), record.record("return"), record.text("at")
    return_id, updated = parse_id(data.raw.get("id")), data.text("updatedAt")
    digest = body_digest(request.body)
    key = f"{return_id}/{at}/{name}/{updated}" if return_id and at and name and updated else digest
    if name not in EVENTS or return_id is None:
        ids = {"return": return_id} if return_id else {}
        event = UnknownEvent(name=name, body=request.body, ids=ids)
        return Receipt(events=(event,), answer=_ANSWER, dedupe_key=key)
    occurred_at = data.time("updatedAt") or record.time("at")
    if occurred_at is None:
        hint = ReturnHint(name=name, return_id=return_id, raw=body)
        return Receipt(events=(hint,), answer=_ANSWER, dedupe_key=key)
    observed = reader.parse_return(data.raw, record.record("order").raw or None)
    seen = ReturnObserved(name=name, observed=observed, occurred_at=occurred_at, raw=body)
    return Receipt(events=(seen,), answer=_ANSWER, dedupe_key=key)
