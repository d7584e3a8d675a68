"""AfterShip's webhooks: Base64 HMAC over the body, in one of two headers, and the whole return in it.

Source: the vendor's webhook pages (overview, specifications, signature), of two generations that differ in details.
"""

from collections.abc import Iterable
from typing import Final

from returns_hub import (
    HttpAnswer,
    Receipt,
    ReturnHint,
    ReturnObserved,
    Secret,
    UnknownEvent,
    WebhookRequest,
    body_digest,
)
from returns_hub.wire import Record, decode_object, parse_id, sign_body, verify_signed_body
from returns_hub_aftership.wire import Reader

SIGNATURE_HEADER: Final = "as-signature-hmac-sha256"
OLD_SIGNATURE_HEADER: Final = "am-webhook-signature"
"""Of organisations made before 25 October 2022; the signature has a prefix there."""
OLD_PREFIX: Final = "hmac-sha256="

_ANSWER: Final = HttpAnswer(status=200)


def verify(request: WebhookRequest, secrets: Iterable[Secret]) -> None:
    """Returns if the delivery is signed with one of the live secrets. Where both headers came, the newer one decides.

    Raises:
        WebhookRejected: and nothing else, whatever came in.
    """
    if request.header(OLD_SIGNATURE_HEADER) and not request.header(SIGNATURE_HEADER):
        verify_signed_body(request, OLD_SIGNATURE_HEADER, secrets, encoding="base64", prefix=OLD_PREFIX)
    else:
        verify_signed_body(request, SIGNATURE_HEADER, secrets, encoding="base64")


def sign(request: WebhookRequest, secrets: Iterable[Secret]) -> WebhookRequest:
    """The request, signed with the first live secret in the newer header."""
    return sign_body(request, SIGNATURE_HEADER, secrets, encoding="base64")


def read(request: WebhookRequest, reader: Reader) -> Receipt:
    """The receipt of a verified delivery. Never an error.

    Every event carries the whole return, so an unknown name counts as much as a known one; the snapshot is believed, not the
    name: ``return.submitted`` of an auto-approved return says ``approved``. A test event is acknowledged and dropped.
    """
    body = decode_object(request.body)
    record = Record(body)
    name, data = record.text("event"), record.record("data")
    key = record.optional_id("id") or body_digest(request.body)
    if record.flag("is_test"):
        return Receipt(events=(), answer=_ANSWER, dedupe_key=key)
    return_id = parse_id(data.raw.get("id"))
    # Webhooks of the company's other products have neither an `event` nor an approval.
    is_return = bool(data.text("approval_status") or data.text("status"))
    if name is None or return_id is None or not is_return:
        ids = {"return": return_id} if return_id else {}
        return Receipt(events=(UnknownEvent(name=name, body=request.body, ids=ids),), answer=_ANSWER, dedupe_key=key)
    occurred_at = record.time("created_at")
    if occurred_at is None:
        return Receipt(events=(ReturnHint(name=name, return_id=return_id, raw=body),), answer=_ANSWER, dedupe_key=key)
    seen = ReturnObserved(name=name, observed=reader.parse_return(data.raw), occurred_at=occurred_at, raw=body)
    return Receipt(events=(seen,), answer=_ANSWER, dedupe_key=key)
