"""The deliveries of the ReturnMate simulator.

Header and signature are those of the page "Webhooks & REST API" of the ReturnMate website; the body is undocumented.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from returns_hub import format_time
from returns_hub.testing import change_values


def build_delivery(
    event: str, rma: Mapping[str, Any], *, event_id: str, secret: str, at: datetime, changes: Mapping[str, Any]
) -> tuple[Mapping[str, str], bytes]:
    """The headers and the body of a delivery about an RMA, signed with a secret; ``changes`` are other values of the body."""
    payload = {"id": event_id, "event": event, "created_at": format_time(at), "data": dict(rma)}
    body = json.dumps(change_values(payload, changes)).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"Content-Type": "application/json", "X-Webhook-Signature": signature}, body
