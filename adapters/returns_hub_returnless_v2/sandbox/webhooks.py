"""The calls that the Returnless V2 simulator makes itself: webhooks and order look-ups (Returnless support, articles 990 and 994)."""

import base64
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from returns_hub import Secret
from returns_hub.testing import SignedRequest, change_values
from returns_hub.wire import sign_hmac_sha256_hex
from returns_hub_returnless_v2.webhooks import SIGNATURE_HEADER

# Returnless support, article 991, and the vendor's connector; the names of shipment events are not known.
EVENTS: Final = (
    *("return.created", "return.status_changed", "return.notes.added", "return.product.marked_as_received"),
)


def build_delivery(
    event: str, wire: Mapping[str, Any], *, secret: str, changes: Mapping[str, Any] = MappingProxyType({})
) -> tuple[Mapping[str, str], bytes]:
    """The headers and the body of a delivery about a record. PHP escapes slashes; undocumented: the key of the name.

    ``changes`` are other values of the body.
    """
    data = {name: wire[name] for name in ("id", "return_number", "state", "status", "is_test_record", "updated_at")}
    payload = change_values({"event": event, "data": data}, changes)
    body = json.dumps(payload, ensure_ascii=False).replace("/", "\\/").encode()
    return {"Content-Type": "application/json", SIGNATURE_HEADER: sign_hmac_sha256_hex(body, [Secret(secret)])}, body


def build_order_lookup(platform_url: str, order_number: str, *, user: str, password: str) -> SignedRequest:
    """How a shop is asked for an order. Trailing slashes of a configured address are removed (article 990)."""
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {credentials}"}
    body = json.dumps({"order_number": order_number}).encode()
    return SignedRequest(method="POST", url=platform_url.rstrip("/"), headers=headers, body=body)
