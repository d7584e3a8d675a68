"""Deliveries, signed as the Standard Webhooks specification says: https://www.standardwebhooks.com/"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final

from returns_hub import (
    ConfigurationError,
    HttpAnswer,
    Receipt,
    ReturnObserved,
    Secret,
    UnexpectedReply,
    UnknownEvent,
    VendorEvent,
    WebhookRejected,
    WebhookRequest,
    body_digest,
    single_header,
)
from returns_hub.wire import Record, decode_object
from returns_hub_parcelwise.wire import read_return

ID_HEADER: Final = "webhook-id"
TIME_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"
TOLERANCE_SECONDS: Final = 300

_VERSION: Final = "v1,"
_SIGNATURE: Final = re.compile(r"v1,[A-Za-z0-9+/]{43}=\Z")


def check_secrets(secrets: Iterable[Secret]) -> None:
    """Returns if every secret is one.

    Raises:
        ConfigurationError: one is not ``whsec_`` and Base64.
    """
    for secret in secrets:
        if _key(secret) is None:
            raise ConfigurationError("webhook_secrets must each be whsec_ and Base64")


def verify(request: WebhookRequest, secrets: Iterable[Secret]) -> None:
    """Returns if the delivery is signed with a live secret, and is no older than five minutes, nor from the future.

    The header may hold several signatures, separated by blanks: one for each secret that the vendor signs with.

    Raises:
        WebhookRejected: it is not.
    """
    keys = [key for key in map(_key, secrets) if key]
    if not keys:
        raise WebhookRejected("not_configured", "no webhook secret is configured for this account")
    given = single_header(request, SIGNATURE_HEADER).split()
    if not all(_SIGNATURE.match(one) for one in given):
        raise WebhookRejected("malformed_signature", "a signature is not v1 and Base64")
    name, told = single_header(request, ID_HEADER), single_header(request, TIME_HEADER)
    expected = [sign(key, name, told, request.body) for key in keys]
    matches = [hmac.compare_digest(one, other) for one in expected for other in given]
    if not any(matches):
        raise WebhookRejected("wrong_signature", "the signature does not match")
    if not told.isascii() or not told.isdigit() or len(told) > 12:
        raise WebhookRejected("malformed_timestamp", "the signed time is not a number of seconds")
    if abs(request.received_at.timestamp() - int(told)) > TOLERANCE_SECONDS:
        raise WebhookRejected("stale_timestamp", "the signed time is more than five minutes away")


def sign(key: bytes, name: str, told: str, body: bytes) -> str:
    """The signature of a delivery under one key."""
    message = f"{name}.{told}.".encode() + body
    return _VERSION + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def read(request: WebhookRequest) -> Receipt:
    """What a verified delivery tells: the return as it then was."""
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


def _key(secret: Secret) -> bytes | None:
    text = secret.reveal()
    if not text.startswith("whsec_"):
        return None
    try:
        return base64.b64decode(text.removeprefix("whsec_"), validate=True) or None
    except (binascii.Error, ValueError):
        return None
