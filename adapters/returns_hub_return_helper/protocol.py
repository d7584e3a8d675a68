"""What every call of Return Helper shares: the account's options, its credentials on the wire, and the envelope of a reply.

Sources: the vendor's introduction and getting-started pages (seeds 000 and 001, read on 2026-11-21), and, where a comment
says so, its older documentation.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from returns_hub import (
    Adapter,
    AuthenticationFailed,
    ConfigurationError,
    Conflict,
    Limits,
    NotFound,
    Operation,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    Rate,
    RateLimited,
    Reply,
    Request,
    Secret,
    UnexpectedReply,
    ValidationFailed,
    once_per_reply,
    to_secret,
    to_secrets,
)
from returns_hub_return_helper import webhooks
from returns_hub_return_helper.statuses import Words, new_words

# A line break in a header value would be refused by the HTTP library, which quotes the value in its error.
_HEADER_SAFE: Final = re.compile(r"[!-~]+\Z")
_MAX_TOLERANCE: Final = 7 * 24 * 60

# By the HTTP status, and for most failures, which come under HTTP 200, by the status in the envelope.
_STATUSES: Final[Mapping[int, type[ProviderError]]] = {
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}
_CODES: Final[Mapping[str, type[ProviderError]]] = {
    "VALIDATION_FAILED": ValidationFailed,
    # "in use by another active record": the values are good, the vendor's present state forbids them.
    "TRACKING_ALREADY_EXIST": Conflict,
}


@frozen(kw_only=True)
class ReturnHelperProtocol(Adapter):
    """The options that every call needs, which :class:`ReturnHelper` explains, and how the vendor is spoken to."""

    api_key: Secret = field(converter=to_secret)
    api_token: Secret = field(converter=to_secret)
    signing_keys: tuple[Secret, ...] = field(default=(), converter=to_secrets)
    # It may hold user information and a token.
    webhook_url: str | None = field(default=None, repr=False)
    webhook_tolerance: int = 15
    _words: Words = field(init=False, factory=new_words, repr=False, eq=False)

    provider: ClassVar[str] = "return_helper"
    display_name: ClassVar[str] = "Return Helper"
    # Return Helper API, Introduction, "Base URLs". Whether China's lacks the `/api` of the others by mistake is not documented.
    base_urls: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "production": "https://api.returnhelpercentre.com/v1/user/api",
            "sandbox": "https://api.returnshelper.com/uat/user/api",
            "china": "https://api.returnhelperchina.com/user/",
        }
    )
    extra_base_urls: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType(
        {
            "public": MappingProxyType(
                {
                    "production": "https://api.returnhelpercentre.com/v1/public/api",
                    "sandbox": "https://api.returnshelper.com/uat/public/api",
                }
            )
        }
    )
    idempotency_header: ClassVar[str | None] = "x-returnhelper-idempotency-key"
    # Return Helper API, List return inventories: polling for state changes "is unsupported and will produce stale data under load".
    polls_open_returns: ClassVar[bool] = False

    def __attrs_post_init__(self) -> None:
        for name, secret in (("api_key", self.api_key), ("api_token", self.api_token)):
            if not _HEADER_SAFE.match(secret.reveal()):
                raise ConfigurationError(f"return_helper: {name} is empty, or holds a blank or a character no key has")
        for key in self.signing_keys:
            webhooks.signing_key(key)
        if self.webhook_url is not None and not _is_address(self.webhook_url):
            raise ConfigurationError(
                "return_helper: webhook_url is the whole address that is registered with the vendor, from https:// on"
            )
        if not 1 <= self.webhook_tolerance <= _MAX_TOLERANCE:
            raise ConfigurationError(
                f"return_helper: webhook_tolerance is a number of minutes, 1 to {_MAX_TOLERANCE} (a week)"
            )

    @property
    def limits(self) -> Limits:
        """Five requests a second, the pace of the vendor's own sample (Return Helper API, List return inventories); it publishes no limit."""
        return Limits(rate=Rate(5, 1.0))

    def authorize(self, request: Request) -> Request:
        """The request with key and token in the two headers of Return Helper API, Introduction."""
        credentials = (("x-rr-apikey", self.api_key.reveal()), ("x-rr-apitoken", self.api_token.reveal()))
        return evolve(request, headers=(*request.headers, *credentials))

    @once_per_reply
    def check(self, reply: Reply) -> Any:
        """The whole decoded envelope of a good reply; its payload lies beside ``meta``, at a place of each call's own.

        Most failures come under HTTP 200 and are told by ``meta``. The error keeps the vendor's code, and the correlation
        id as ``request_id``.

        Raises:
            ProviderError: the subclass that says what the caller can do. ``ValidationFailed.fields`` has the vendor's
                names of the fields. ``Conflict`` is also how a repeated idempotency key may be answered: what the first
                attempt did is then not known.
        """
        if not 200 <= reply.status < 300:
            raise _failure(reply, reply.status, _json_or_none(reply))
        try:
            body = reply.json()
        except UnexpectedReply as error:
            problem, where = error.message, ""
        else:
            meta = body.get("meta") if isinstance(body, dict) else None
            if isinstance(meta, dict):
                status = _whole(meta.get("status"))
                if status == 200 and not meta.get("errorCode"):
                    return body
                raise _failure(reply, status, body)
            problem, where = "the reply does not say whether the request was done", "meta"
        raise UnexpectedReply(problem, where=where, http_status=reply.status)

    def read(
        self, path: str, query: Iterable[tuple[str, str]] = (), *, base: str | None = None
    ) -> Operation[Mapping[str, Any]]:
        """The envelope of a GET. ``path`` begins behind the ``/api`` of the base URL; ``base="public"`` is the Public API."""
        reply = yield Request(method="GET", path=path, query=query, base=base, replayable=True)
        envelope: Mapping[str, Any] = self.check(reply)
        return envelope

    def write(self, path: str, json: Mapping[str, Any]) -> Operation[Mapping[str, Any]]:
        """The envelope of a POST. It carries an idempotency key, under which the vendor does it once however often it comes."""
        reply = yield Request(method="POST", path=path, json=json)
        envelope: Mapping[str, Any] = self.check(reply)
        return envelope


def rows(payload: Mapping[str, Any], key: str) -> list[Any]:
    """The list at a key of an envelope or of another object; empty where it is null.

    Raises:
        UnexpectedReply: there is no such key, or something else than a list.
    """
    found = payload.get(key, "")
    if found is None:
        return []
    if isinstance(found, list):
        return found
    raise UnexpectedReply("a list is expected", where=key)


def record(payload: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object at a key of an envelope or of another object.

    Raises:
        UnexpectedReply: there is none.
    """
    found = payload.get(key)
    if isinstance(found, dict):
        return found
    raise UnexpectedReply("an object is expected", where=key)


def _failure(reply: Reply, status: int | None, body: object) -> ProviderError:
    """The error for a reply. ``status`` decides, and among the refusals the vendor's code: the HTTP one, or the envelope's."""
    envelope = body if isinstance(body, dict) else {}
    meta = envelope.get("meta")
    told = meta if isinstance(meta, dict) else {}
    code, problem = _word(told.get("errorCode")), told.get("error")
    request_id = _word(envelope.get("correlationId"))
    kind = _error_class(status, code)
    message = problem if isinstance(problem, str) else None
    if kind is ValidationFailed:
        return ValidationFailed(
            fields=_fields(problem),
            http_status=reply.status,
            vendor_code=code,
            vendor_message=message,
            request_id=request_id,
        )
    return kind(http_status=reply.status, vendor_code=code, vendor_message=message, request_id=request_id)


def _error_class(status: int | None, code: str | None) -> type[ProviderError]:
    if status is not None and status in _STATUSES:
        return _STATUSES[status]
    if status is not None and status >= 500:
        return ProviderUnavailable
    # A code that is not documented, under a status that blames the request: the vendor did not do it.
    by_class = ValidationFailed if status is not None and status >= 400 else UnexpectedReply
    return _CODES.get(code or "", by_class)


def _fields(problem: object) -> dict[str, str]:
    """What is wrong, by the vendor's name of the field; several sentences about one are joined. Anything else is only named."""
    if not isinstance(problem, dict):
        return {}
    return {name: _sentences(told) for name, told in problem.items()}


def _sentences(told: object) -> str:
    parts = told if isinstance(told, list) else [told]
    return ", ".join(part for part in parts if isinstance(part, str))


def _json_or_none(reply: Reply) -> Any:
    """The decoded body of an error reply; None where a gateway answered in HTML or not at all."""
    try:
        return reply.json()
    except UnexpectedReply:
        return None


def _whole(value: object) -> int | None:
    """A status: a number in every sample, typed as text in the vendor's older table."""
    if type(value) is int:
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{3}", value, re.ASCII) else None


def _word(value: object) -> str | None:
    if type(value) is int:
        return str(value) if value.bit_length() < 64 else None
    return value if isinstance(value, str) and value else None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(_HEADER_SAFE.match(url)) and parts.scheme in ("http", "https") and bool(parts.netloc)
