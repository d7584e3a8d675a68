"""How Redo is spoken to: base URL, bearer token, limits, problem details, scopes.

Source: OpenAPI schema of Redo's API v2.2, and the guides of its developer documentation; where they differ, the schema counts.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from returns_hub import Limits, PermissionDenied, Rate, Reply
from returns_hub.wire import Record, body_excerpt, build_error, describe, error_class, json_or_none

BASE_URLS: Final[Mapping[str, str]] = MappingProxyType({"production": "https://api.getredo.com/v2.2"})

# Guide "Rate limits": they exist for each account, and are not published. This is a guess, and lowered by what comes back.
LIMITS: Final = Limits(rate=Rate(5, 1.0), assumed=True)

_NO_SCOPE: Final = "com.getredo.api:scope/forbidden"
_BLANK: Final = "about:blank"  # RFC 7807, section 4.2


def parse_payload(reply: Reply) -> Any:
    """The decoded body of a good reply; None for an empty one, as after a status was set.

    Raises:
        ProviderError: by the HTTP status. ``vendor_code`` is the problem's type (RFC 7807).
    """
    if 200 <= reply.status < 300:
        return reply.json() if reply.body.strip() else None
    body = json_or_none(reply)
    problem = Record(body if isinstance(body, dict) else {})
    code, detail = problem.text("type"), problem.text("detail", "title")
    error = build_error(
        error_class(reply.status),
        reply,
        code=None if code == _BLANK else code,
        message=detail or (body_excerpt(reply) if body is None else None),
    )
    if isinstance(error, PermissionDenied) and code == _NO_SCOPE:
        error.message = f"the API token lacks a scope: {describe(detail)}"
    raise error
