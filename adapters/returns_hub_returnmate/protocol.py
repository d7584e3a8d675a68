"""How ReturnMate is spoken to: base URLs, plans and their limits, the bearer key, the envelope, errors.

Source: ReturnMate API Reference. The permissions that a call needs are its list of permissions; which call needs which is our reading of it.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Literal

from returns_hub import (
    Adapter,
    AuthenticationFailed,
    ConfigurationError,
    Limits,
    NotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    Rate,
    RateLimited,
    Reply,
    ValidationFailed,
)
from returns_hub.wire import Record, body_excerpt, build_error, describe, error_class, json_or_none

# The version is part of the base: the endpoint headings of the reference, "/v1/rmas", repeat it.
BASE_URLS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "production": "https://api.returnmate.io/v1",
        "sandbox": "https://api.sandbox.returnmate.io/v1",
    }
)


class Plan(StrEnum):
    """What the merchant pays ReturnMate for; it decides the rate limit."""

    STARTER = "starter"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"


def to_plan(value: Plan | Literal["starter", "professional", "enterprise"]) -> Plan:
    """The plan by its word."""
    if value in list(Plan):
        return Plan(value)
    raise ConfigurationError(f"returnmate: plan must be one of {', '.join(Plan)}")


# Section "Rate Limits".
LIMITS: Final[Mapping[Plan, Limits]] = MappingProxyType(
    {
        Plan.STARTER: Limits(rate=Rate(60, 60.0), per_day=10_000),
        Plan.PROFESSIONAL: Limits(rate=Rate(120, 60.0), per_day=50_000),
        Plan.ENTERPRISE: Limits(rate=Rate(300, 60.0)),
    }
)


class Permission(StrEnum):
    """What a key may do, as the page for making keys names it (section "API Key Permissions")."""

    RMAS_READ = "rmas:read"
    RMAS_WRITE = "rmas:write"
    SHIPMENTS_READ = "shipments:read"
    SHIPMENTS_WRITE = "shipments:write"
    CUSTOMERS_READ = "customers:read"
    REPORTS_READ = "reports:read"


# Section "Error Codes".
_ERRORS: Final[Mapping[str, type[ProviderError]]] = MappingProxyType(
    {
        "AUTHENTICATION_ERROR": AuthenticationFailed,
        "PERMISSION_DENIED": PermissionDenied,
        "NOT_FOUND": NotFound,
        "VALIDATION_ERROR": ValidationFailed,
        "RATE_LIMITED": RateLimited,
        "SERVER_ERROR": ProviderUnavailable,
    }
)


def parse_payload(reply: Reply) -> Any:
    """What a good reply carries, out of any of the three envelopes of the reference; None for an empty body.

    Raises:
        ProviderError: by the HTTP status first, then by the vendor's code; also for ``success: false`` under HTTP 200.
    """
    if not 200 <= reply.status < 300:
        raise _error(reply, json_or_none(reply))
    if not reply.body.strip():
        return None
    body = reply.json()
    if not isinstance(body, dict):
        return body
    if body.get("success") is False or body.get("error") is not None:
        raise _error(reply, body)
    return body.get("data", body)


def checked(adapter: Adapter, reply: Reply, permission: Permission) -> Any:
    """What :func:`parse_payload` gives; a refusal for want of a permission names the one that the call needs.

    Raises:
        ProviderError: as :func:`parse_payload`.
    """
    try:
        return adapter.check(reply)
    except PermissionDenied as error:
        error.message = f"the API key may not do this: the call needs the permission {permission}"
        raise


def _error(reply: Reply, body: Any) -> ProviderError:
    error = body.get("error") if isinstance(body, dict) else None
    record = Record(error if isinstance(error, dict) else {"message": error})
    code = record.text("code")
    return build_error(
        error_class(reply.status, code, codes=_ERRORS),
        reply,
        code=code,
        message=body_excerpt(reply) if body is None else record.text("message"),
        fields=_fields(record.raw.get("details")),
    )


def _fields(details: object) -> dict[str, str]:
    """``details`` as text by field, under ``details`` where it is no object. The reference never shows its content."""
    if isinstance(details, dict):
        return {name: describe(problem) for name, problem in details.items()}
    sentence = describe(details)
    return {"details": sentence} if sentence else {}
