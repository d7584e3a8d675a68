"""How Returnless V1 wraps what it says: credentials, replies, errors, the answer to an update."""

import base64
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from returns_hub import (
    AuthenticationFailed,
    ConfigurationError,
    NotFound,
    ProviderError,
    Reply,
    Secret,
    UnexpectedReply,
    ValidationFailed,
)
from returns_hub.wire import (
    ERROR_BY_STATUS,
    body_excerpt,
    build_error,
    error_class,
    json_or_none,
    parse_id,
    parse_list,
)

BASE_URLS: Final[Mapping[str, str]] = MappingProxyType({"production": "https://api.returnless.com"})

# Whether wrong credentials bring 401 or 403 is not documented: both mean them here.
_ERRORS: Final[Mapping[int, type[ProviderError]]] = {**ERROR_BY_STATUS, 403: AuthenticationFailed}

_V2_HOST: Final = "api-v2.returnless.com"


def refuse_v2(url: str) -> None:
    """Returns unless this is the address of Returnless V2.

    Raises:
        ConfigurationError: it is.
    """
    if urlsplit(url).hostname == _V2_HOST:
        raise ConfigurationError(
            f"returnless: {_V2_HOST} is Returnless V2, which has other accounts and keys: use the provider returnless_v2"
        )


def build_authorization(user: str, password: Secret) -> tuple[str, str]:
    """The header with user and password by HTTP Basic, in UTF-8 (Returnless V1 API, Authentication)."""
    token = base64.b64encode(f"{user}:{password.reveal()}".encode()).decode()
    return "Authorization", f"Basic {token}"


def parse_payload(reply: Reply) -> Any:
    """The decoded body of a good reply; the status decides first, since a 429 has nothing to decode (Returnless V1 API, Rate limiting).

    Raises:
        ProviderError: the subclass that says what the caller can do.
    """
    if 200 <= reply.status < 300:
        return reply.json()
    # No error body is documented: `message`, as in the reply to a PUT, or the body itself.
    body = json_or_none(reply)
    message = body.get("message") if isinstance(body, dict) else None
    raise build_error(
        error_class(reply.status, statuses=_ERRORS),
        reply,
        message=message if isinstance(message, str) else body_excerpt(reply),
    )


def parse_single(data: object, key: str, wanted: str) -> Mapping[str, Any]:
    """The one record that was requested by id: an object, or a list of one, as Returnless V1 API shows it for a shipment.

    Raises:
        NotFound: nothing came; what an unknown id brings is not documented.
        UnexpectedReply: another record came.
    """
    if _is_empty(data):
        raise NotFound
    try:
        rows = parse_list(data, where=key)
    except UnexpectedReply:
        rows = [data]
    for row in rows:
        if isinstance(row, dict) and parse_id(row.get(key)) == wanted:
            return row
    raise UnexpectedReply("the record that came is not the one that was asked for", where=key)


def check_updated(data: object) -> None:
    """Returns if the reply to a PUT says that it was done; its sentence is not looked at.

    Raises:
        NotFound: the reply is empty.
        ValidationFailed: the vendor refused the update.
        UnexpectedReply: it says neither.
    """
    if _is_empty(data):
        raise NotFound
    result = data.get("result") if isinstance(data, dict) else None
    if result is True:
        return
    if result is False:
        message = data.get("message") if isinstance(data, dict) else None
        raise ValidationFailed(
            "the vendor refused the update", vendor_message=message if isinstance(message, str) else None
        )
    raise UnexpectedReply("the reply does not say whether the update was done", where="result")


def sent_at(reply: Reply) -> datetime | None:
    """When the vendor sent a reply, by the vendor's own clock; None where the reply does not say."""
    with suppress(ValueError, TypeError, OverflowError):
        return parsedate_to_datetime(reply.header("date") or "").astimezone(UTC)
    return None


def _is_empty(data: object) -> bool:
    return data is None or data is False or data == "" or data in ([], {})
