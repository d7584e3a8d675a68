"""How Return Helper is spoken to: base URLs, credentials on the wire, the envelope of a reply, and its errors.

Sources: Return Helper API, Introduction and Getting started ("Response Structure").
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from attrs import Factory, evolve, field, frozen

from returns_hub import (
    Adapter,
    ConfigurationError,
    Conflict,
    Limits,
    NotFound,
    Operation,
    ProviderError,
    Rate,
    Reply,
    Request,
    Secret,
    UnexpectedReply,
    ValidationFailed,
    once_per_reply,
    to_secret,
    to_secrets,
)
from returns_hub.wire import build_error, check_header_value, error_class, get, json_or_none, page_size, parse_id
from returns_hub_return_helper import webhooks
from returns_hub_return_helper.pagination import MAX_PAGE_SIZE
from returns_hub_return_helper.statuses import account_words
from returns_hub_return_helper.wire import Parser

_MAX_TOLERANCE: Final = 7 * 24 * 60
_URL: Final = re.compile(r"[!-~]+\Z")
_CODES: Final[Mapping[str, type[ProviderError]]] = {
    "VALIDATION_FAILED": ValidationFailed,
    # "in use by another active record": the values are good, the vendor's present state forbids them.
    "TRACKING_ALREADY_EXIST": Conflict,
}


@frozen(kw_only=True)
class ReturnHelperProtocol(Adapter):
    """The options that every call needs, which :class:`ReturnHelper` explains, and how the vendor is spoken to."""

    api_key: Secret = field(converter=to_secret, validator=check_header_value)
    api_token: Secret = field(converter=to_secret, validator=check_header_value)
    signing_keys: tuple[Secret, ...] = field(default=(), converter=to_secrets)
    # It may hold user information and a token.
    webhook_url: str | None = field(default=None, repr=False)
    webhook_tolerance: int = 15
    shipment_status_map: Mapping[str, Any] = field(factory=dict, hash=False, repr=False)
    _parser: Parser = field(
        init=False,
        repr=False,
        eq=False,
        default=Factory(lambda self: Parser(account_words(self.shipment_status_map)), takes_self=True),
    )

    provider: ClassVar[str] = "return_helper"
    display_name: ClassVar[str] = "Return Helper"
    # Introduction, "Base URLs". The table prints China's as `.../user/`; Getting started and List return inventories have paths that
    # begin with `/api` behind such a root.
    base_urls: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "production": "https://api.returnhelpercentre.com/v1/user/api",
            "sandbox": "https://api.returnshelper.com/uat/user/api",
            "china": "https://api.returnhelperchina.com/user/api",
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
    # List return inventories: polling for state changes "is unsupported and will produce stale data under load".
    polls_open_returns: ClassVar[bool] = False

    def __attrs_post_init__(self) -> None:
        for key in self.signing_keys:
            webhooks.decode_signing_key(key)
        if self.webhook_url is not None and not _is_http_url(self.webhook_url):
            raise ConfigurationError(
                "return_helper: webhook_url is the whole address that is registered with the vendor, from https:// on"
            )
        if not 1 <= self.webhook_tolerance <= _MAX_TOLERANCE:
            raise ConfigurationError(
                f"return_helper: webhook_tolerance is a number of minutes, 1 to {_MAX_TOLERANCE} (a week)"
            )

    @property
    def limits(self) -> Limits:
        """Five requests a second, the pause in the vendor's own sample (List return inventories); it publishes no limit."""
        return Limits(rate=Rate(5, 1.0), assumed=True)

    def authorize(self, request: Request) -> Request:
        """The request with key and token in the two headers of the Introduction ("Authentication")."""
        credentials = (("x-rr-apikey", self.api_key.reveal()), ("x-rr-apitoken", self.api_token.reveal()))
        return evolve(request, headers=(*request.headers, *credentials))

    @once_per_reply
    def check(self, reply: Reply) -> Any:
        """The whole decoded envelope of a good reply; its payload lies beside ``meta``, at a place of each call's own.

        Most failures come under HTTP 200 and are reported in ``meta``. The error keeps the vendor's code, and the correlation
        id as ``request_id``.

        Raises:
            ProviderError: the subclass that says what the caller can do. ``ValidationFailed.fields`` has the vendor's
                names of the fields. ``Conflict`` is also how a repeated idempotency key may be answered: what the first
                attempt did is then not known.
        """
        if not 200 <= reply.status < 300:
            raise _failure(reply, reply.status, json_or_none(reply))
        try:
            body = reply.json()
        except UnexpectedReply as error:
            problem, where = error.message, ""
        else:
            meta = body.get("meta") if isinstance(body, dict) else None
            if isinstance(meta, dict):
                status = _parse_status(meta.get("status"))
                if status == 200 and not meta.get("errorCode"):
                    return body
                raise _failure(reply, status, body)
            problem, where = "the reply does not say whether the request was done", "meta"
        raise UnexpectedReply(problem, where=where, http_status=reply.status)

    def read(
        self, path: str, query: Iterable[tuple[str, str]] = (), *, base: str | None = None
    ) -> Operation[Mapping[str, Any]]:
        """The envelope of a GET. ``path`` begins behind the ``/api`` of the base URL; ``base="public"`` is the Public API."""
        envelope: Mapping[str, Any] = self.check((yield get(path, query, base=base)))
        return envelope

    def write(self, path: str, json: Mapping[str, Any]) -> Operation[Mapping[str, Any]]:
        """The envelope of a POST. It carries an idempotency key, under which the vendor does it once however often it comes."""
        reply = yield Request(method="POST", path=path, json=json)
        envelope: Mapping[str, Any] = self.check(reply)
        return envelope

    def rows_per_page(self, asked: int | None = None) -> int:
        """How many rows of a list to ask for: as many as were asked for, or as the account's ``page_size`` says, and at most 50.

        Raises:
            ValueError: less than one.
        """
        return page_size(self.page_size if asked is None else asked, maximum=MAX_PAGE_SIZE)

    def find(self, path: str, name: str, value: str) -> Operation[Mapping[str, Any]]:
        """The envelope of a read by id.

        Raises:
            NotFound: the vendor does not have the id, which it reports as a value that it refuses.
        """
        try:
            return (yield from self.read(path, [(name, value)]))
        except ValidationFailed as error:
            if set(error.fields) != {name}:
                raise
            refused = error
        raise NotFound(http_status=refused.http_status, vendor_code=refused.vendor_code, request_id=refused.request_id)


def find_record(payload: Mapping[str, Any], key: str) -> Mapping[str, Any]:
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
    details = meta if isinstance(meta, dict) else {}
    code, problem = parse_id(details.get("errorCode")), details.get("error")
    return build_error(
        error_class(status, code, codes=_CODES),
        reply,
        code=code,
        message=problem if isinstance(problem, str) else None,
        fields=_parse_fields(problem),
        request_id=parse_id(envelope.get("correlationId")),
    )


def _parse_fields(problem: object) -> dict[str, str]:
    """What is wrong, by the vendor's name of the field; several sentences about one are joined. Anything else is only named."""
    if not isinstance(problem, dict):
        return {}
    listed = {name: texts if isinstance(texts, list) else [texts] for name, texts in problem.items()}
    return {name: ", ".join(text for text in texts if isinstance(text, str)) for name, texts in listed.items()}


def _parse_status(value: object) -> int | None:
    """A status: a number in every sample, typed as text in a table of the legacy documentation."""
    if type(value) is int:
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{3}", value, re.ASCII) else None


def _is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(_URL.match(url)) and parts.scheme in ("http", "https") and bool(parts.netloc)
