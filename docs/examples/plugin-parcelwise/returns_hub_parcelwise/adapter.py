"""An account at ParcelWise. Every call is GraphQL over one path, with a token that is given first (OAuth 2.0)."""

import base64
from collections.abc import Generator, Mapping
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final

from attrs import evolve, field, frozen

from returns_hub import (
    Adapter,
    AuthenticationFailed,
    Capability,
    Conflict,
    NewReturn,
    NotFound,
    Operation,
    Page,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    Receipt,
    Reply,
    Request,
    Return,
    ReturnQuery,
    Secret,
    Slice,
    Status,
    StatusTable,
    Support,
    Token,
    UnexpectedReply,
    ValidationFailed,
    WebhookRequest,
    once_per_reply,
    to_secret,
    to_secrets,
)
from returns_hub.wire import (
    build_error,
    error_class,
    oauth_token,
    page_size,
    parse_one,
    sign_standard_webhook,
    standard_webhook_key,
    verify_standard_webhook,
)
from returns_hub_parcelwise import webhooks, wire
from returns_hub_parcelwise.statuses import STATUSES

_MAX_PAGE_SIZE: Final = 100
# GraphQL answers 200 to everything; what went wrong stands in `errors[].extensions.code`.
_BY_CODE: Final[Mapping[str, type[ProviderError]]] = MappingProxyType(
    {
        "UNAUTHENTICATED": AuthenticationFailed,
        "FORBIDDEN": PermissionDenied,
        "NOT_FOUND": NotFound,
        "BAD_USER_INPUT": ValidationFailed,
        "CONFLICT": Conflict,
        "THROTTLED": RateLimited,
        "INTERNAL": ProviderUnavailable,
    }
)


@frozen(kw_only=True)
class ParcelWise(Adapter):
    """An account at ParcelWise: an OAuth client, and all webhook secrets that may sign now (``whsec_…``)."""

    client_id: Secret = field(converter=to_secret)
    client_secret: Secret = field(converter=to_secret)
    webhook_secrets: tuple[Secret, ...] = field(default=(), converter=to_secrets)

    provider: ClassVar[str] = "parcelwise"
    display_name: ClassVar[str] = "ParcelWise"
    base_urls: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"production": "https://api.parcelwise.invalid", "sandbox": "https://api.sandbox.parcelwise.invalid"}
    )
    capabilities: ClassVar[Mapping[Capability, Support]] = MappingProxyType(
        dict.fromkeys(Capability, Support.NO)
        | {
            Capability.LIST_RETURNS: Support.YES,
            Capability.GET_RETURN: Support.YES,
            Capability.CREATE_RETURN: Support.PARTIAL,
            Capability.SET_STATUS: Support.PARTIAL,
            Capability.CHANGES: Support.YES,
            Capability.BACKFILL: Support.YES,
            Capability.RECEIVE: Support.YES,
        }
    )
    vocabularies: ClassVar[Mapping[str, StatusTable]] = MappingProxyType({"return": STATUSES})
    idempotency_header: ClassVar[str | None] = "Idempotency-Key"
    uses_tokens: ClassVar[bool] = True

    def __attrs_post_init__(self) -> None:
        for secret in self.webhook_secrets:
            standard_webhook_key(secret)

    def authorize(self, request: Request) -> Request:
        """The request for a token, with the client's own credentials (RFC 6749, section 2.3.1); all others carry the token."""
        credentials = f"{self.client_id.reveal()}:{self.client_secret.reveal()}".encode()
        return evolve(
            request, headers=(*request.headers, ("Authorization", f"Basic {base64.b64encode(credentials).decode()}"))
        )

    def request_token(self, known: Token | None) -> Operation[Token]:
        """A new token: by the refresh token, which ParcelWise takes once, or by the credentials where that is used up."""
        if known is not None and known.refresh is not None:
            form = {"grant_type": "refresh_token", "refresh_token": known.refresh.reveal()}
            with suppress(AuthenticationFailed):
                return (yield from oauth_token(self, "/oauth/token", form))
        return (yield from oauth_token(self, "/oauth/token", {"grant_type": "client_credentials"}))

    @once_per_reply
    def check(self, reply: Reply) -> Any:
        """The JSON of a success; the error that the HTTP status, or the code of a GraphQL error, means."""
        if not 200 <= reply.status < 300:
            raise build_error(error_class(reply.status), reply)
        payload = reply.json()
        if not isinstance(payload, dict):
            raise UnexpectedReply("an object is expected")
        errors = payload.get("errors")
        if errors:
            code = _code(errors)
            raise build_error(error_class(reply.status, code, codes=_BY_CODE), reply, code=code)
        return payload

    def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page, oldest first unless asked otherwise."""
        asked = self.page_size if query.page_size is None else query.page_size
        size = page_size(asked, maximum=_MAX_PAGE_SIZE)
        payload = yield from self._ask(wire.LIST, wire.list_variables(query, cursor, size=size), "returns")
        page = wire.read_page(payload)
        # A status for which ParcelWise has no word is asked for without one: the rest is left out here.
        return evolve(page, items=[ret for ret in page.items if not query.status or ret.status in query.status])

    def get_return(self, return_id: str) -> Operation[Return]:
        """One return, with its lines."""
        payload = yield from self._ask(wire.GET, {"id": return_id}, "return")
        if payload is None:
            raise NotFound("ParcelWise has no such return")
        return parse_one(payload, wire.read_return, where="data.return")

    def create_return(self, new: NewReturn) -> Operation[Return]:
        """Create a return from order, e-mail and lines; ParcelWise has no place for anything else."""
        payload = yield from self._ask(wire.CREATE, {"input": wire.new_return(new)}, "createReturn", writes=True)
        return parse_one(payload, wire.read_return, where="data.createReturn")

    def set_status(
        self, return_id: str, status: Status | None = None, *, note: str | None = None, raw_status: str | None = None
    ) -> Operation[Return]:
        """Move a return; ParcelWise takes no note with it."""
        words = (raw_status,) if raw_status else STATUSES.words_for(status) if status else ()
        if note is not None or not words:
            raise self.unsupported(Capability.SET_STATUS, "it takes one of its states, and no note")
        payload = yield from self._ask(wire.MOVE, {"id": return_id, "state": words[0]}, "moveReturn", writes=True)
        return parse_one(payload, wire.read_return, where="data.moveReturn")

    def changes(self, since: datetime, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of what changed since a moment."""
        return self.list_returns(ReturnQuery(updated_after=since), cursor)

    def backfill(self, since: datetime, until: datetime) -> tuple[Slice, ...]:
        """One slice: the listing itself."""
        query = ReturnQuery(created_after=since, created_before=until)
        return (Slice(key="all", read=lambda cursor: self.list_returns(query, cursor)),)

    def verify_webhook(self, request: WebhookRequest) -> None:
        """Returns if the delivery is signed with a live secret, now (Standard Webhooks)."""
        verify_standard_webhook(request, self.webhook_secrets)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        """The request, signed with the first live secret, now."""
        return sign_standard_webhook(request, self.webhook_secrets)

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        """The return as it then was: the body is signed."""
        return webhooks.read(request)

    def _ask(
        self, document: str, variables: Mapping[str, Any], name: str, *, writes: bool = False
    ) -> Generator[Request, Reply, Any]:
        """What a GraphQL document gives under a name."""
        reply = yield Request(
            method="POST",
            path="/graphql",
            json={"query": document, "variables": dict(variables)},
            writes=writes,
            replayable=not writes,
        )
        return self._data(reply, name)

    def _data(self, reply: Reply, name: str) -> Any:
        data = self.check(reply).get("data")
        if not isinstance(data, dict) or name not in data:
            raise UnexpectedReply("no data", where=f"data.{name}")
        return data[name]


def _code(errors: Any) -> str | None:
    first = errors[0] if isinstance(errors, list) else None
    extensions = first.get("extensions") if isinstance(first, dict) else None
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return code if isinstance(code, str) else None
