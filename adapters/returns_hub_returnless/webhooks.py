"""What Returnless sends: the New Return webhook, and how that and an order look-up are verified (Returnless V1 API).

Both are signed alike: ``returnless-signature`` is the hex HMAC-SHA256 of the last part of the URL, the return id or the
order number, under the API key of a return form. The body is not signed, nor the time, nor which of the two calls it is. So
a signature once seen is good for ever, with any body, and for either call about the same text. A delivery therefore is
believed in one thing only: that this return may be read again.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote, unquote_plus, urlsplit

from attrs import evolve

from returns_hub import (
    HttpAnswer,
    Receipt,
    ReturnHint,
    ReturnObserved,
    Secret,
    Status,
    UnexpectedReply,
    UnknownEvent,
    WebhookRejected,
    WebhookRequest,
    body_digest,
    single_header,
    verify_hmac_sha256_hex,
)
from returns_hub.wire import decode_object, sign_hmac_sha256_hex, with_headers
from returns_hub_returnless.statuses import WEBHOOK_ACTIONS
from returns_hub_returnless.wire import RecordParser

SIGNATURE_HEADER: Final = "returnless-signature"
RETURN_CREATED: Final = "return_created"
UNVERIFIED: Final = "unverified"
"""The key that ``raw`` of a return has, beside the vendor's own, where an unsigned body was believed."""

# Returnless V1 API, Failures and retries: anything but 201 is a failure, and the content is ignored.
_ANSWER: Final = HttpAnswer(status=201)
_NO_ACTION: Final = "unnamed"
_RETURN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_MAX_ORDER_NUMBER_LENGTH: Final = 200
_MAX_PATH_PARTS: Final = 8
# A URL with a blank or a control character was tampered with; parsers drop some of them without a word.
_IN_URL: Final = re.compile(r"[^\x00-\x20\x7f]{1,2000}\Z")


def verify_webhook(request: WebhookRequest, keys: Iterable[Secret]) -> None:
    """Returns if the return id in the URL is signed with one of the live keys.

    Raises:
        WebhookRejected: and nothing else, whatever came in.
    """
    keys = _configured(keys)
    if request.method.upper() != "POST":
        raise WebhookRejected("wrong_method", "a delivery is a POST")
    return_id = _return_id(request)
    verify_hmac_sha256_hex(return_id.encode(), single_header(request, SIGNATURE_HEADER), keys)


def sign(text: str, keys: Iterable[Secret]) -> str:
    """The value of the header for a return id or an order number, under the first live key."""
    return sign_hmac_sha256_hex(text.encode(), keys)


def sign_webhook(request: WebhookRequest, keys: Iterable[Secret]) -> WebhookRequest:
    """The request, with the return id in its URL signed with the first live key."""
    return with_headers(request, (SIGNATURE_HEADER, sign(_return_id(request), keys)))


def read_webhook(request: WebhookRequest, parser: RecordParser, *, trust_body: bool) -> Receipt:
    """The event of a verified delivery. Never an error: the id is signed, whatever the body is."""
    digest = body_digest(request.body)
    try:
        return_id = _return_id(request)
    except WebhookRejected:
        unknown = UnknownEvent(name=None, body=request.body)
        return Receipt(events=(unknown,), answer=_ANSWER, dedupe_key=digest)
    event = _event(request, return_id, parser, trust_body=trust_body)
    return Receipt(events=(event,), answer=_ANSWER, dedupe_key=f"{return_id}:{digest}")


def read_order_number(request: WebhookRequest, keys: Iterable[Secret]) -> str:
    """The order number that the URL of a look-up ends in: the end of its path that is signed with one of the live keys.

    A number may hold slashes, which a proxy may have decoded on the way: so it is the last part of the path, or the last few.

    Raises:
        WebhookRejected: and nothing else, whatever came in.
    """
    keys = _configured(keys)
    if request.method.upper() != "GET":
        raise WebhookRejected("wrong_method", "an order look-up is a GET")
    last, *longer = _path_ends(request.url)
    readings = _readings(last)
    signature = single_header(request, SIGNATURE_HEADER)
    for end in longer:
        with suppress(WebhookRejected):
            readings += _readings(end)
    for number in readings:
        if _is_signed(number, signature, keys):
            return number
    raise WebhookRejected("wrong_signature", "the signature does not match")


def _event(
    request: WebhookRequest, return_id: str, parser: RecordParser, *, trust_body: bool
) -> ReturnHint | ReturnObserved | UnknownEvent:
    body = decode_object(request.body)
    action = body.get("action")
    if action is not None and action != RETURN_CREATED:
        return UnknownEvent(name=action if isinstance(action, str) else None, body=request.body)
    if trust_body and action == RETURN_CREATED:
        observed = _observed(request, return_id, body, parser)
        if observed is not None:
            return observed
    return ReturnHint(name=action or _NO_ACTION, return_id=return_id, raw=body)


def _observed(
    request: WebhookRequest, return_id: str, body: Mapping[str, Any], parser: RecordParser
) -> ReturnObserved | None:
    """What the body says of the return; None where it is about another one, or has no id."""
    try:
        ret = evolve(parser, observed_at=request.received_at).parse_return({**body, UNVERIFIED: True})
    except UnexpectedReply:
        return None
    if ret.id != return_id:
        return None
    if ret.status_raw is None:
        # The body has no status; that a customer created the return is one.
        facts = WEBHOOK_ACTIONS.look_up(RETURN_CREATED)
        ret = evolve(ret, status=facts.status or Status.UNKNOWN, status_raw=RETURN_CREATED)
    return ReturnObserved(
        name=RETURN_CREATED, observed=ret, occurred_at=ret.created_at or request.received_at, raw=body
    )


def _configured(keys: Iterable[Secret]) -> tuple[Secret, ...]:
    keys = tuple(keys)
    if not any(keys):
        raise WebhookRejected("not_configured", "no signing key is configured for this account")
    return keys


def _return_id(request: WebhookRequest) -> str:
    return_id = _readings(_path_ends(request.url)[0])[0]
    if not _RETURN_ID.match(return_id):
        raise WebhookRejected("malformed_url", "the URL does not end in a return id")
    return return_id


def _path_ends(url: str) -> list[str]:
    """The last part of the path as it stands, the last two, and so on; a slash may follow it."""
    try:
        path = urlsplit(url).path if _IN_URL.match(url) else ""
    except ValueError:
        path = ""
    parts = path.removesuffix("/").split("/")[-_MAX_PATH_PARTS:]
    if not parts[-1]:
        raise WebhookRejected("malformed_url", "the URL has no path, or is none")
    return ["/".join(parts[index:]) for index in reversed(range(len(parts)))]


def _readings(end: str) -> list[str]:
    """What the end of a URL may stand for, likeliest first.

    It is percent-decoded. That the vendor encodes what it appends is not documented: it may stand there as it is, or
    with ``+`` for a blank. Some proxies encode once more what they pass on.
    """
    with suppress(UnicodeError):
        decoded = unquote(end, errors="strict")
        readings = [decoded, end, unquote_plus(end, errors="strict"), unquote(decoded, errors="replace")]
        "".join(readings).encode()
        if len(readings[0]) <= _MAX_ORDER_NUMBER_LENGTH:
            return list(dict.fromkeys(readings))
    raise WebhookRejected("malformed_url", "the last part of the URL is too long, or not UTF-8")


def _is_signed(text: str, signature: str, keys: Iterable[Secret]) -> bool:
    try:
        verify_hmac_sha256_hex(text.encode(), signature, keys)
    except WebhookRejected as rejection:
        if rejection.reason != "wrong_signature":
            raise
        return False
    return True
