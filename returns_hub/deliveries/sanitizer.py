"""What is stored of a request: the body as it came, and of headers and URL only what cannot be a secret. No I/O."""

import functools
import hashlib
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from returns_hub.operation import Pairs, WebhookRequest
from returns_hub.store.delivery_writer import NewDelivery
from returns_hub.webhooks import Receipt, ReturnHint, ReturnObserved, VendorEvent, body_digest

HARMLESS: Final = frozenset({"action", "event", "id", "language", "length", "timestamp", "topic", "type", "version"})
"""A header or a query value is kept if the last word of its name is one of these."""

DIGEST_HEADER: Final = "Returns-Hub-Body-SHA256"
"""The header of ours that holds the digest of what came, where secrets were taken out of the body. No vendor's is kept by that name."""

_KEPT_HEADERS: Final = frozenset({"date", "user-agent"})
_SECRET_WORDS: Final = ("auth", "client", "cookie", "cred", "key", "pass", "secret", "session", "sign", "token", "user")
_MAX_URL_LENGTH: Final = 4000
# One of which nothing is left out, as nearly all are.
_HARMLESS_URL: Final = re.compile(r"https?://[\w.:-]+/[\w./%~+,;=-]*\Z", re.ASCII)
_MAX_QUERY_FIELDS: Final = 100
_MAX_KEY_LENGTH: Final = 255


def sanitize_delivery(account: str, request: WebhookRequest, receipt: Receipt) -> NewDelivery:
    """The delivery as it is stored. It was verified before, so no signature is needed any more.

    Where the body held secrets, it is kept without them, and the digest of what came is a header.
    """
    headers, body = _sanitize_pairs(request.headers), request.body
    if receipt.kept_body is not None:
        headers, body = (*headers, (DIGEST_HEADER, body_digest(body))), receipt.kept_body
    return NewDelivery(
        account=account,
        dedupe_key=_index_key(receipt.dedupe_key),
        subject=_index_key(next(filter(None, map(_subject, receipt.events)), "")),
        request=WebhookRequest(
            method=request.method,
            url=_sanitize_url(request.url),
            headers=headers,
            body=body,
            received_at=request.received_at,
        ),
    )


def _index_key(key: str) -> str:
    """The key, or the digest of one that the database cannot index."""
    is_plain = len(key) <= _MAX_KEY_LENGTH and key.isprintable() and key.encode(errors="ignore").decode() == key
    return key if is_plain else hashlib.sha256(key.encode(errors="replace")).hexdigest()


def _subject(event: VendorEvent) -> str:
    """What an event is about: a return, or where it names none a part of it."""
    if isinstance(event, ReturnHint):
        return event.return_id or next(iter(event.aliases), "")
    if isinstance(event, ReturnObserved):
        ret = event.observed
        parts = [f"shipment:{shipment.id}" for shipment in ret.shipments]
        parts += [f"item:{key}" for item in ret.items for key in (item.id, *item.aliases) if key]
        return ret.id or next(iter(parts), "")
    return ""


def _sanitize_pairs(pairs: Iterable[tuple[str, str]]) -> Pairs:
    return tuple([(name, value) for name, value in pairs if _is_harmless(name)])


@functools.lru_cache(maxsize=256)
def _is_harmless(name: str) -> bool:
    lowered = name.lower()
    if lowered in _KEPT_HEADERS:
        return True
    last = lowered.replace("_", "-").rpartition("-")[2]
    return last in HARMLESS and not any(word in lowered for word in _SECRET_WORDS)


def _sanitize_url(url: str) -> str:
    """The URL without user, password and fragment, and of its query only what is harmless."""
    if len(url) <= _MAX_URL_LENGTH and _HARMLESS_URL.match(url):
        return url
    try:
        parts = urlsplit(url[:_MAX_URL_LENGTH])
        query = urlencode(_sanitize_pairs(parse_qsl(parts.query, max_num_fields=_MAX_QUERY_FIELDS)))
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))
