"""The events of a webhook delivery, and the checks that every signature scheme shares. No I/O, no clock."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from returns_hub.errors import WebhookRejected
from returns_hub.model import Return
from returns_hub.operation import HttpAnswer, WebhookRequest
from returns_hub.secret import Secret

_HEX_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}\Z")
_BASE64_SHA256: Final = re.compile(r"[A-Za-z0-9+/]{43}=\Z")


@frozen(kw_only=True)
class ReturnHint:
    """Something happened to a return; read it again to learn what. Nothing else in the delivery is trusted.

    ``return_id`` is None where the vendor names only a part of it, in ``aliases``: ``shipment:ID``, or ``item:ID`` with an
    item's id or alias.
    """

    name: str
    return_id: str | None
    aliases: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class ReturnObserved:
    """A delivery whose signed body itself asserts facts about a return, as of ``occurred_at`` by the vendor's clock.

    Where the vendor names no return, ``observed.id`` is ``""`` and its shipments and items identify it: the
    return that has a shipment of that id, or an item of that id or alias.
    """

    name: str
    observed: Return
    occurred_at: datetime
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class UnknownEvent:
    """A valid delivery that the adapter cannot interpret; ``body`` is what came. Never an error, never lost.

    ``ids`` are the identifiers that could be read from it, by the vendor's names.
    """

    name: str | None
    body: bytes = field(repr=False)
    ids: Mapping[str, str] = field(factory=dict, hash=False)


VendorEvent: TypeAlias = ReturnHint | ReturnObserved | UnknownEvent


@frozen(kw_only=True)
class Receipt:
    """A verified delivery: its events, what to answer, and the key by which its duplicates are recognised."""

    events: tuple[VendorEvent, ...]
    answer: HttpAnswer
    dedupe_key: str


def body_digest(body: bytes) -> str:
    """SHA-256 of the exact bytes, in hex: the dedupe key of a delivery that carries none."""
    return hashlib.sha256(body).hexdigest()


def single_header(request: WebhookRequest, name: str) -> str:
    """The one value of a signature header.

    Raises:
        WebhookRejected: ``missing_signature`` or ``duplicate_signature``.
    """
    values = request.header(name)
    if len(values) > 1:
        raise WebhookRejected("duplicate_signature", f"the header {name} came {len(values)} times")
    value = "".join(values).strip()
    if not value:
        raise WebhookRejected("missing_signature", f"the header {name} is missing")
    return value


def verify_hmac_sha256_hex(message: bytes, signature: str, secrets: Iterable[Secret]) -> None:
    """Returns if ``signature`` is the hexadecimal HMAC-SHA256 of ``message`` under one of the live secrets.

    Every secret is tried, in constant time, whichever matches. Upper-case digits are accepted.

    Raises:
        WebhookRejected: ``not_configured`` without a secret, ``malformed_signature``, ``wrong_signature``.
    """
    keys = [secret.reveal().encode() for secret in secrets if secret]
    if keys and not _HEX_SHA256.match(signature):
        raise WebhookRejected("malformed_signature", "the signature is not 64 hexadecimal digits")
    _verify_hmac_sha256(message, signature.lower().encode(), keys, binascii.hexlify)


def verify_hmac_sha256_base64(message: bytes, signature: str, keys: Iterable[bytes]) -> None:
    """Returns if ``signature`` is the Base64 of the HMAC-SHA256 of ``message`` under one of the live keys.

    Keys are bytes: a vendor may show them as text, or as Base64 of their own.

    Raises:
        WebhookRejected: ``not_configured`` without a key, ``malformed_signature``, ``wrong_signature``.
    """
    keys = [key for key in keys if key]
    if keys and not _BASE64_SHA256.match(signature):
        raise WebhookRejected("malformed_signature", "the signature is not the Base64 of 32 bytes")
    _verify_hmac_sha256(message, signature.encode(), keys, base64.b64encode)


def _verify_hmac_sha256(
    message: bytes, signature: bytes, keys: Sequence[bytes], encode: Callable[[bytes], bytes]
) -> None:
    """Compares in constant time with what every key gives, whichever matches."""
    if not keys:
        raise WebhookRejected("not_configured", "no webhook secret is configured for this account")
    matches = [hmac.compare_digest(encode(hmac.new(key, message, hashlib.sha256).digest()), signature) for key in keys]
    if not any(matches):
        raise WebhookRejected("wrong_signature", "the signature does not match")
