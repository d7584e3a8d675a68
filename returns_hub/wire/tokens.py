"""Asking for an access token as RFC 6749 says."""

from collections.abc import Mapping
from typing import Final

from returns_hub.adapter import Adapter, Token
from returns_hub.errors import AuthenticationFailed, UnexpectedReply
from returns_hub.operation import Operation, Request
from returns_hub.secret import Secret
from returns_hub.wire.records import Record
from returns_hub.wire.replies import build_error, json_or_none

# RFC 6749, section 5.2: with HTTP 400, or 401.
_REFUSALS: Final = frozenset({"invalid_client", "invalid_grant", "unauthorized_client"})


def oauth_token(
    adapter: Adapter, path: str, form: Mapping[str, str], *, base: str | None = None, replayable: bool = True
) -> Operation[Token]:
    """The token that a vendor gives for a form: ``grant_type`` and what belongs to it.

    ``base`` names the root where tokens are given (``Adapter.extra_base_urls``). A refresh token that is good once only is asked
    with ``replayable=False``.

    Raises:
        AuthenticationFailed: the vendor refuses the credentials or the grant.
        ProviderError: it gives no token for another reason.
    """
    request = Request(
        method="POST", path=path, base=base, form=tuple(form.items()), writes=not replayable, replayable=replayable
    )
    reply = yield request
    body = json_or_none(reply) if reply.status in (400, 401) else None
    code = Record(body).text("error") if isinstance(body, dict) else None
    if code in _REFUSALS:
        raise build_error(AuthenticationFailed, reply, code=code)
    payload = adapter.check(reply)
    record = Record(payload if isinstance(payload, dict) else {})
    access, refresh, expires_in = record.text("access_token"), record.text("refresh_token"), record.number("expires_in")
    if access is None:
        raise UnexpectedReply("a token is expected", where="access_token")
    return Token(
        access=Secret(access),
        refresh=Secret(refresh) if refresh else None,
        expires_in=None if expires_in is None else float(expires_in),
    )
