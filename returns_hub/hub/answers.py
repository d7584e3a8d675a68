"""What a vendor is answered whose request cannot be taken: the same under every web framework."""

from typing import Final

from returns_hub.errors import (
    ConfigurationError,
    PluginError,
    StoreError,
    UnsupportedOperation,
    WebhookRejected,
    describe_error,
)
from returns_hub.logs import log_event
from returns_hub.operation import HttpAnswer, Pairs

TRY_LATER: Final[Pairs] = (("Retry-After", "5"),)
"""The header of an answer that says: not now, but soon."""


def refuse(error: Exception, *, account: str, route: str) -> tuple[HttpAnswer, str]:
    """The answer to a request that raised this, and the reason in a word, for the log; what is not the sender's fault is logged."""
    if isinstance(error, WebhookRejected):
        return HttpAnswer(status=401), error.reason
    if isinstance(error, UnsupportedOperation):
        return HttpAnswer(status=404), "unsupported"
    if isinstance(error, StoreError | ConfigurationError | PluginError):
        # Their texts hold no data. The vendor sends it again, and by then the cause may be mended.
        message = "%s: cannot be taken now: %s"
        log_event("request.unavailable", message, account, error, account=account, route=route)
        reason = "not_stored" if isinstance(error, StoreError) else "misconfigured"
        return HttpAnswer(status=503, headers=TRY_LATER), reason
    # Whatever it is, its text may repeat what was sent.
    what = describe_error(error)
    log_event("request.failed", "%s: failed: %s", account, what, error=error, account=account, route=route)
    return HttpAnswer(status=500), type(error).__name__
