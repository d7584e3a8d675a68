"""The deliveries of the ReturnMate simulator.

Header and signature are those of the page "Webhooks & REST API" of the ReturnMate website; the body is undocumented.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from returns_hub import Secret, format_time
from returns_hub.testing import change_values
from returns_hub.wire import sign_hmac_sha256_hex
from returns_hub_returnmate.webhooks import SIGNATURE_HEADER


def build_delivery(
    event: str, rma: Mapping[str, Any], *, event_id: str, secret: str, at: datetime, changes: Mapping[str, Any]
) -> tuple[Mapping[str, str], bytes]:
    """The headers and the body of a delivery about an RMA, signed with a secret; ``changes`` are other values of the body."""
    payload = {"id": event_id, "event": event, "created_at": format_time(at), "data": dict(rma)}
    body = json.dumps(change_values(payload, changes)).encode()
    return {"Content-Type": "application/json", SIGNATURE_HEADER: sign_hmac_sha256_hex(body, [Secret(secret)])}, body
