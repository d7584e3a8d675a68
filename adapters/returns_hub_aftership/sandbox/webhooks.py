"""The deliveries of the AfterShip simulator, of both generations (webhook pages: overview, specifications, signature)."""

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from returns_hub import Secret
from returns_hub.testing import change_values
from returns_hub.wire import sign_hmac_sha256_base64
from returns_hub_aftership.sandbox.seed import timestamp
from returns_hub_aftership.webhooks import OLD_PREFIX, OLD_SIGNATURE_HEADER, SIGNATURE_HEADER

# Webhook pages, specifications.
EVENTS: Final = (
    *("return.submitted", "return.approved", "return.rejected", "return.resolved", "return.expired"),
    *("return.shipment.provided", "return.shipments.provided", "return.shipment.recorded", "return.shipment.updated"),
    *("return.receiving.created", "return.restock.created", "return.exchange.order.created"),
    *("return.dropoff.created", "return.dropoff.updated", "return.dropoff.shipment.updated"),
)


def build_delivery(
    event: str,
    wire: Mapping[str, Any],
    *,
    event_id: str,
    secret: str,
    at: datetime,
    old: bool = False,
    is_test: bool = False,
    changes: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[Mapping[str, str], bytes]:
    """The headers and the body of a delivery about a return. ``old`` signs as for organisations made before 25 October 2022.

    ``changes`` are other values of the body.
    """
    payload: dict[str, Any] = {
        "id": event_id,
        "version": "2026-07",
        "event": event,
        "created_at": timestamp(at),
        "modified": {},
        "data": wire,
    }
    if is_test:
        # A consumer's test deliveries had no id.
        payload = {"is_test": True} | {name: value for name, value in payload.items() if name != "id"}
    body = json.dumps(change_values(payload, changes), ensure_ascii=False).encode()
    signature = sign_hmac_sha256_base64(body, [Secret(secret)])
    signed = {OLD_SIGNATURE_HEADER: OLD_PREFIX + signature} if old else {SIGNATURE_HEADER: signature}
    return {"Content-Type": "application/json", "as-webhook-version": "2026-07", **signed}, body
