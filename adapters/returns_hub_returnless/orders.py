"""The answer to an order look-up, as Returnless V1 API, Order Info API, shows it.

Its tables and its example differ in places; the example wins: quantities are text, the e-mail address stands inside
``customer`` and the time inside ``create_at``.
"""

import json
from collections.abc import Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from returns_hub import Address, HttpAnswer, Order, OrderLine
from returns_hub_returnless.wire import format_local_time

# Returnless V1 API, Expected response.
_HEADERS: Final = (("Content-Type", "application/json; charset=utf-8"),)


def build_answer(order: Order | None, zone: tzinfo) -> HttpAnswer:
    """The documented response; for None, that there is no such order, as the vendor's own connectors word it.

    What an unknown order is to be answered with is not documented.
    """
    if order is None:
        return _answer(404, {"return_code": 404, "return_message": "Order is not found."})
    return _answer(200, {"return_code": 200, "return_message": "Success!", "result": build_order(order, zone)})


def build_order(order: Order, zone: tzinfo) -> dict[str, Any]:
    """The order on the wire: what is required always, anything else where the order tells it. Never null."""
    return _told(
        id=order.number,
        order_id=order.id,
        create_at={"value": _time(order.created_at, zone)},
        payment_method=_nested("name", order.payment_method),
        customer=_told(id=order.customer_id, email=order.email, phone=order.phone),
        billing_address=_billing_address(order.billing_address),
        order_products=[_line(line) for line in order.lines],
    )


def _line(line: OrderLine) -> dict[str, Any]:
    documented = _told(
        product_id=line.product_id,
        quantity=_four(line.quantity),
        order_product_id=line.id,
        name=line.name,
        # Required. The vendor's own connectors send none, so one that is the same as another name does no harm.
        title_name=line.title or line.name or line.sku or line.product_id,
        model=line.sku,
        article_code=line.article_code,
        price=_four(line.price),
        price_inc_tax=_four(_price(line)),
        discount_amount=_four(line.discount),
        total_price=_four(line.total),
        cost=None if line.cost is None else f"{line.cost:.2f}",
        weight=_four(line.weight),
        length=_plain(line.length),
        width=_plain(line.width),
        height=_plain(line.height),
        images=[{"http_path": url} for url in line.images] or None,
        url=line.url,
        categories_ids=list(line.category_ids) or None,
        u_brand=line.brand,
        u_upc=line.barcode,
        force_address=_force_address(line.return_address),
    )
    return {**line.extra, **documented}


def _price(line: OrderLine) -> Decimal:
    """The price that is required: with tax, else the one that is told; a line without any costs nothing."""
    told = (line.price_with_tax, line.price, Decimal(0))
    return next(price for price in told if price is not None)


def _billing_address(address: Address | None) -> dict[str, Any] | None:
    if address is None or address == Address():
        return None
    return _told(
        first_name=address.first_name,
        last_name=address.last_name,
        postcode=address.postal_code,
        country=_nested("code2", address.country),
        city=address.city,
        address1=address.line1,
        address2=address.house_number,
        addition=address.house_number_addition,
    )


def _force_address(address: Address | None) -> dict[str, Any] | None:
    """Where a line is to be sent back to. The names differ from those of the billing address."""
    if address is None or address == Address():
        return None
    person = " ".join(part for part in (address.first_name, address.last_name) if part)
    return _told(
        name=address.name or address.company or person or None,
        address=address.line1,
        house_number=address.house_number,
        postal_code=address.postal_code,
        city=address.city,
        country=address.country,
    )


def _time(moment: datetime, zone: tzinfo) -> str:
    # One without a zone is by the shop's clock already.
    return format_local_time(moment if moment.tzinfo is None else moment.astimezone(zone))


def _four(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:.4f}"


def _plain(number: Decimal | None) -> str | None:
    return None if number is None else f"{Decimal(number):f}"


def _nested(name: str, value: str | None) -> dict[str, str] | None:
    return None if value is None else {name: value}


def _told(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _answer(status: int, body: Mapping[str, Any]) -> HttpAnswer:
    return HttpAnswer(status=status, headers=_HEADERS, body=json.dumps(body).encode())
