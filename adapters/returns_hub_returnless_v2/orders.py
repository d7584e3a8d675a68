"""The order look-up of Returnless V2: a POST with the number in its body, over HTTP Basic.

Source: Returnless support, article 990, of which only the beginning can be read; the shape of the answer is that of the vendor's own
connector for Magento (``magento2_v2`` 1.0.3).
"""

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from returns_hub import Address, HttpAnswer, Order, OrderLine, WebhookRejected, WebhookRequest
from returns_hub.wire import Record, decode_object, without_none

_HEADERS: Final = (("Content-Type", "application/json; charset=utf-8"),)
_CENT: Final = Decimal(1)


def read_number(request: WebhookRequest) -> str:
    """The order number that a verified look-up asks for.

    Raises:
        WebhookRejected: its body holds none.
    """
    number = Record(decode_object(request.body)).text("order_number")
    if number is None:
        raise WebhookRejected("no_number", "the body of the look-up has no order_number")
    return number


def build_answer(order: Order | None) -> HttpAnswer:
    """The order as the vendor's connector answers it; 404 and ``{}`` where there is none.

    Raises:
        ValueError: the order lacks something that is required.
    """
    if order is None:
        return HttpAnswer(status=404, headers=_HEADERS, body=b"{}")
    missing = [name for name in ("number", "id", "email") if not getattr(order, name)]
    if missing:
        raise ValueError(f"order {order.number}: Returnless requires {' and '.join(missing)}")
    body = json.dumps(build_order(order), ensure_ascii=False).encode()
    return HttpAnswer(status=200, headers=_HEADERS, body=body)


def build_order(order: Order) -> dict[str, Any]:
    """The order on the wire: amounts in hundredths, without tax."""
    address = order.billing_address or Address()
    name = address.name or " ".join(filter(None, (address.first_name, address.last_name))) or None
    return without_none(
        order_number=order.number,
        order_id=order.id,
        order_date=order.created_at.isoformat(),
        customer=without_none(
            customer_id=order.customer_id,
            email=order.email,
            name=name,
            address=without_none(
                country=address.country,
                telephone=order.phone or address.phone,
                street=address.line1,
                house_number=address.house_number,
                suffix=address.house_number_addition,
                city=address.city,
                postal_code=address.postal_code,
                state=address.state,
            ),
        ),
        sales_order_items=[_line(line) for line in order.lines],
    )


def _line(line: OrderLine) -> dict[str, Any]:
    return without_none(
        sales_order_item_id=line.id or line.product_id,
        product_id=line.product_id,
        name=line.name or line.title,
        sku=line.sku or line.article_code,
        quantity=int(line.quantity),
        item_price=_hundredths(line.price),
        item_discount=_hundredths(line.discount),
        item_cost=_hundredths(line.cost),
        barcode=line.barcode,
        image_src=next(iter(line.images), None),
        url=line.url,
        brand=line.brand,
    )


def _hundredths(amount: Decimal | None) -> int | None:
    return None if amount is None else int((amount * 100).quantize(_CENT, rounding=ROUND_HALF_UP))
