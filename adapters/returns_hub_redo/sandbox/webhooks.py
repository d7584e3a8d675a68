"""The deliveries of the Redo simulator (OpenAPI schema of Redo's API v2.2, webhooks)."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from returns_hub import format_time
from returns_hub.testing import change_values


def build_delivery(
    event: str,
    wire: Mapping[str, Any],
    order: Mapping[str, Any],
    *,
    token: str,
    at: datetime,
    changes: Mapping[str, Any],
) -> tuple[Mapping[str, str], bytes]:
    """The headers and the body of a delivery about a return; ``at`` has whole seconds, as in every sample.

    ``changes`` are other values of the body.
    """
    payload = {
        "type": event,
        "at": format_time(at.replace(microsecond=0)),
        "merchantName": "Sample Shop",
        "return": wire,
        "order": order,
    }
    body = json.dumps(change_values(payload, changes)).encode()
    return {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}, body
