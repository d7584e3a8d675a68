"""Deliveries, signed as the Standard Webhooks specification says: https://www.standardwebhooks.com/"""

from typing import Final

from returns_hub import (
    HttpAnswer,
    Receipt,
    ReturnObserved,
    UnexpectedReply,
    UnknownEvent,
    VendorEvent,
    WebhookRequest,
    body_digest,
)
from returns_hub.wire import Record, decode_object
from returns_hub_parcelwise.wire import read_return

ID_HEADER: Final = "webhook-id"
SIGNATURE_HEADER: Final = "webhook-signature"


def read(request: WebhookRequest) -> Receipt:
    """What a verified delivery says: the return as it then was."""
    names = request.header(ID_HEADER)
    key = names[0] if names else body_digest(request.body)
    return Receipt(events=(_event(request.body),), answer=HttpAnswer(status=204), dedupe_key=key)


def _event(body: bytes) -> VendorEvent:
    record = Record(decode_object(body))
    name, at, data = record.text("type"), record.time("timestamp"), record.record("data").raw
    try:
        ret = read_return(data)
    except UnexpectedReply:
        return UnknownEvent(name=name, body=body)
    if name is None or at is None:
        return UnknownEvent(name=name, body=body)
    return ReturnObserved(name=name, observed=ret, occurred_at=at, raw=data)
