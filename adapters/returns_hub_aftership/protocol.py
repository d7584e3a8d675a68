"""How AfterShip is spoken to: base URLs by version, the key, the envelope, errors.

Source: the Returns API's pages and OpenAPI, version 2026-07. The HTTP status decides; ``meta.code`` goes into the error.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from returns_hub import (
    AuthenticationFailed,
    ConfigurationError,
    Conflict,
    Limits,
    NotFound,
    PermissionDenied,
    ProviderError,
    Rate,
    RateLimited,
    Reply,
    ValidationFailed,
)
from returns_hub.wire import Record, body_excerpt, build_error, error_class, json_or_none

DEFAULT_VERSION: Final = "2026-07"
# The pages "Versioning" and the changelog list these; from 2024-10 on there are writes.
VERSIONS: Final = ("2026-07", "2026-01", "2025-07", "2025-04", "2025-01", "2024-10", "2024-07")
BASE_URLS: Final[Mapping[str, str]] = MappingProxyType(
    {"production": f"https://api.aftership.com/returns/{DEFAULT_VERSION}"}
)

# For each organisation, over all of its keys.
LIMITS: Final = Limits(rate=Rate(10, 1.0))

_STATUSES: Final[Mapping[int, type[ProviderError]]] = MappingProxyType(
    {
        400: ValidationFailed,
        401: AuthenticationFailed,
        403: PermissionDenied,
        404: NotFound,
        409: Conflict,
        422: ValidationFailed,
        429: RateLimited,
    }
)


def to_version(value: str) -> str:
    """A version of the Returns API.

    Raises:
        ConfigurationError: there is none of this name.
    """
    if value in VERSIONS:
        return value
    raise ConfigurationError(f"aftership: version must be one of {', '.join(VERSIONS)}")


def parse_payload(reply: Reply) -> Any:
    """What the envelope of a good reply holds; any 2XX is one, whatever its code says.

    Raises:
        ProviderError: by the HTTP status.
    """
    if 200 <= reply.status < 300:
        body = reply.json() if reply.body.strip() else None
        return body.get("data", body) if isinstance(body, dict) else body
    body = json_or_none(reply)
    meta = Record(body if isinstance(body, dict) else {}).record("meta")
    raise build_error(
        error_class(reply.status, statuses=_STATUSES),
        reply,
        code=meta.text("code"),
        message=body_excerpt(reply) if body is None else meta.text("message"),
        fields={each.text("path") or "": each.text("info") or "" for each in meta.records("errors")},
    )
