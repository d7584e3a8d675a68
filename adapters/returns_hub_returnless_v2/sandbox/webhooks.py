"""The calls that the Returnless V2 simulator makes itself: webhooks and order look-ups (Returnless support, articles 990 and 994)."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from returns_hub import HttpAnswer, Secret
from returns_hub.testing import call_platform
from returns_hub.wire import sign_hmac_sha256_hex
from returns_hub_returnless_v2.webhooks import SIGNATURE_HEADER


def build_delivery(event: str, wire: Mapping[str, Any], *, secret: str) -> tuple[Mapping[str, str], bytes]:
    """The headers and the body of a delivery about a record. PHP escapes slashes; undocumented: the key of the name."""
    told = {name: wire[name] for name in ("id", "return_number", "state", "status", "is_test_record", "updated_at")}
    body = json.dumps({"event": event, "data": told}, ensure_ascii=False).replace("/", "\\/").encode()
    return {"Content-Type": "application/json", SIGNATURE_HEADER: sign_hmac_sha256_hex(body, [Secret(secret)])}, body


def look_up_order(platform_url: str, order_number: str, *, user: str, password: str) -> HttpAnswer | None:
    """Ask a shop for an order; None: no answer. Trailing slashes of a configured address are removed (article 990)."""
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {credentials}"}
    return call_platform("POST", platform_url.rstrip("/"), headers, json.dumps({"order_number": order_number}).encode())
