"""The calls that the simulator makes itself: webhooks with their retries, and order look-ups."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from attrs import evolve, frozen

from returns_hub import Secret
from returns_hub.testing import SignedRequest, call_platform, change_values
from returns_hub_returnless.sandbox.state import Record, without
from returns_hub_returnless.webhooks import SIGNATURE_HEADER, sign

RETRIES: Final = 10  # Returnless V1 API, Failures and retries: "10 times in 3 hours"
RETRY_INTERVAL: Final = timedelta(hours=3) / RETRIES  # undocumented: that they are spread evenly

_FIELDS: Final = (
    *("return_id", "return", "reference", "order_id", "order_date", "return_date", "form"),
    *("customer_id", "customer_email", "request_id", "shipping_description"),
    *("tracking_number", "tracking_status_id", "tracking_status", "tracking_url", "shipping_label_link"),
    *("billing_address", "returned_products", "return_questions"),
)


@frozen
class Attempt:
    """One delivery of a webhook. ``after`` counts from the first one, by the vendor's clock; ``status`` None: no answer."""

    after: timedelta
    status: int | None


@frozen
class Delivery:
    """A webhook and every attempt to deliver it, until it was acknowledged or dropped for good."""

    return_id: str
    attempts: tuple[Attempt, ...]

    @property
    def acknowledged(self) -> bool:
        """True if the last answer was 201: anything else is a failure (Returnless V1 API, Failures and retries)."""
        return self.attempts[-1].status == 201


EVENT: Final = "return_created"


def build_webhook(
    record: Record, signing_key: str, changes: Mapping[str, Any] = MappingProxyType({})
) -> tuple[Mapping[str, str], bytes]:
    """The headers and the body of the webhook about a return (Returnless V1 API, New Return webhook).

    The signature covers the id in the URL and not a byte of the body. Every line of the order is in it, those that the
    customer keeps with a quantity of zero. ``changes`` are other values of the body.
    """
    payload = {"action": EVENT} | {name: record.wire[name] for name in _FIELDS}
    returned = [without(line, "return_item_id") for line in record.wire["returned_products"]]
    payload["returned_products"] = [*returned, *record.kept_lines]
    headers = {"Content-Type": "application/json", SIGNATURE_HEADER: sign(record.id, [Secret(signing_key)])}
    return headers, json.dumps(change_values(payload, changes)).encode()


def deliver(
    webhook_url: str,
    messages: Mapping[str, tuple[Mapping[str, str], bytes]],
    *,
    timeout: float,
    pause: Callable[[float], object],
) -> tuple[Delivery, ...]:
    """Deliver messages by return id, until each is acknowledged or dropped after the last retry.

    Undocumented: that what failed is tried again together, and in the old order.
    """
    deliveries = {return_id: Delivery(return_id, ()) for return_id in messages}
    for retry in range(1 + RETRIES):
        waiting = [one for one in deliveries.values() if not one.attempts or not one.acknowledged]
        if not waiting:
            break
        if retry:
            pause(RETRY_INTERVAL.total_seconds())
        for one in waiting:
            headers, body = messages[one.return_id]
            url = webhook_url + quote(one.return_id, safe="")
            answer = call_platform("POST", url, headers, body, timeout=timeout)
            attempt = Attempt(after=retry * RETRY_INTERVAL, status=answer.status if answer else None)
            deliveries[one.return_id] = evolve(one, attempts=(*one.attempts, attempt))
    return tuple(deliveries.values())


def build_order_lookup(platform_url: str, order_number: str, signing_key: str) -> SignedRequest:
    """How a shop is asked for an order when a customer clicks "Find Order" (Returnless V1 API, Order Info API).

    The number is joined to the URL as it is, percent-encoded. Redirects are not followed (undocumented).
    """
    headers = {SIGNATURE_HEADER: sign(order_number, [Secret(signing_key)])}
    return SignedRequest(method="GET", url=platform_url + quote(order_number, safe=""), headers=headers)
