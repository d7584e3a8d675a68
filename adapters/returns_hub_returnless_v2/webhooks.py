"""Returnless V2's webhooks: signed over the raw body, and believed for nothing but the id of the return.

Source: Returnless support, articles 991 and 994. The signature is documented; the key that names the event is not.
"""

from collections.abc import Iterator
from typing import Final

from returns_hub import HttpAnswer, Receipt, ReturnHint, UnknownEvent, WebhookRequest, body_digest
from returns_hub.wire import Record, decode_object

SIGNATURE_HEADER: Final = "X-Signature"
_NAMES: Final = ("event", "type", "topic", "event_type")
_PREFIX: Final = "returnorder_"
# Any 2XX acknowledges.
_ANSWER: Final = HttpAnswer(status=200)


def read(request: WebhookRequest, *, include_test_records: bool) -> Receipt:
    """The receipt of a verified delivery: a hint to read one return again. Never an error.

    The key is a digest of the bytes: notes and parcels leave ``updated_at`` as it was, so nothing else tells two of them apart.
    """
    body = decode_object(request.body)
    record = Record(body)
    data = record.record("data")
    name = record.text(*_NAMES) or record.record("meta").text(*_NAMES)
    key = body_digest(request.body)
    if data.flag("is_test_record") and not include_test_records:
        return Receipt(events=(), answer=_ANSWER, dedupe_key=key)
    ids = list(_ids(data))
    return_id = next((each for each in ids if each.startswith(_PREFIX)), None) or next(iter(ids), None)
    if return_id is None:
        return Receipt(events=(UnknownEvent(name=name, body=request.body),), answer=_ANSWER, dedupe_key=key)
    hint = ReturnHint(name=name or "unknown", return_id=return_id, raw=body)
    return Receipt(events=(hint,), answer=_ANSWER, dedupe_key=key)


def _ids(data: Record) -> Iterator[str]:
    """What may be the id of the return, the surest first."""
    resource = data.record("resource") if isinstance(data.raw.get("resource"), dict) else Record({})
    for found in (data.optional_id("return_order_id"), resource.optional_id("id"), data.optional_id("id")):
        if found is not None:
            yield found
