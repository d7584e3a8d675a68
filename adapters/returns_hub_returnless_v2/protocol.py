"""How Returnless V2 is spoken to: versions, the key, Laravel's errors.

The vendor's reference cannot be read without an account. What is built on here was seen in the vendor's support articles, or ran against the
live API in third parties' code; error bodies are Laravel's defaults.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from returns_hub import ConfigurationError, Limits, ProviderError, Rate, Reply, ValidationFailed
from returns_hub.wire import Record, body_excerpt, build_error, describe, error_class, json_or_none

DEFAULT_VERSION: Final = "2025-01"
READ_ONLY_VERSION: Final = "2023-01"
BASE_URLS: Final[Mapping[str, str]] = MappingProxyType(
    {"production": f"https://api-v2.returnless.com/{DEFAULT_VERSION}"}
)

# Laravel's stock limiter: the vendor publishes nothing.
LIMITS: Final = Limits(rate=Rate(60, 60.0), assumed=True)

_V1_HOST: Final = "api.returnless.com"


def to_version(value: str) -> str:
    """A version of the API.

    Raises:
        ConfigurationError: there is none of this name.
    """
    if value in (DEFAULT_VERSION, READ_ONLY_VERSION):
        return value
    raise ConfigurationError(f"returnless_v2: version must be {DEFAULT_VERSION}, or {READ_ONLY_VERSION} for reading")


def refuse_v1(url: str) -> None:
    """Returns unless the address is that of V1.

    Raises:
        ConfigurationError: it is.
    """
    if urlsplit(url).hostname == _V1_HOST:
        raise ConfigurationError(
            'returnless_v2: api.returnless.com is Returnless V1, with other credentials; use provider = "returnless" for it'
        )


def parse_payload(reply: Reply) -> Any:
    """The decoded body of a good reply; None for an empty one.

    Raises:
        ProviderError: by the HTTP status; ``ValidationFailed`` also for an intent that has failed, which comes under a 2XX.
    """
    if not 200 <= reply.status < 300:
        raise build_failure(reply)
    body = reply.json() if reply.body.strip() else None
    data = body.get("data") if isinstance(body, dict) else None
    # Only an intent has a message beside its status.
    if isinstance(data, dict) and data.get("status") == "failed" and "status_message" in data:
        raise build_error(ValidationFailed, reply, message=Record(data).text("status_message"))
    return body


def build_failure(reply: Reply) -> ProviderError:
    """The error of a reply; the paths of Laravel's ``errors`` are its fields."""
    body = json_or_none(reply)
    record = Record(body if isinstance(body, dict) else {})
    errors = record.raw.get("errors")
    return build_error(
        error_class(reply.status),
        reply,
        message=body_excerpt(reply) if body is None else record.text("message"),
        fields={path: describe(problem) for path, problem in errors.items()} if isinstance(errors, dict) else None,
    )
