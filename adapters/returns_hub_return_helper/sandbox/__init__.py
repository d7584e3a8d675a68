"""A simulator of Return Helper: both APIs, the warehouse and the webhooks."""

from returns_hub_return_helper.sandbox.api import (
    REFUSED_POSTAL_CODE,
    SIGNING_KEY,
    WEBHOOK_URL,
    ReturnHelperSandbox,
)

__all__ = ["REFUSED_POSTAL_CODE", "SIGNING_KEY", "WEBHOOK_URL", "ReturnHelperSandbox"]
