"""The answer to an order look-up (Returnless V1 API, Order Info API).

Its tables and its example differ in places; the example wins: quantities are text, the e-mail address stands inside
``customer`` and the time inside ``create_at``.
"""

import json
from collections.abc import Mapping
from datetime import tzinfo
from decimal import Decimal
from typing import Any, Final

from returns_hub import Address, HttpAnswer, Order, OrderLine
from returns_hub.wire import without_none
from returns_hub_returnless.wire import format_local_time

_HEADERS: Final = (("Content-Type", "application/json; charset=utf-8"),)


def build_answer(order: Order | None, zone: tzinfo) -> HttpAnswer:
    """The documented response; for None, that there is no such order, as the vendor's own connectors word it.

    What an unknown order is to be answered with is not documented.

    Raises:
        ValueError: the order lacks something that is required, or has a number that is none; the text names the field.
    """
    if order is None:
        return _answer(404, {"return_code": 404, "return_message": "Order is not found."})
    return _answer(200, {"return_code": 200, "return_message": "Success!", "result": build_order(order, zone)})


def build_order(order: Order, zone: tzinfo) -> dict[str, Any]:
    """The order on the wire: what is required always, anything else where the order has it. Never null.

    Raises:
        ValueError: as for :func:`build_answer`.
    """
    required = {"number": order.number, "id": order.id, "email": order.email}
    missing = [name for name, value in required.items() if not value]
    if missing:
        raise ValueError(f"order {order.number}: Returnless requires {' and '.join(missing)}")
    address = order.billing_address or Address()
    return without_none(
        id=order.number,
        order_id=order.id,
        create_at={"value": format_local_time(order.created_at.astimezone(zone))},
        payment_method=_nested("name", order.payment_method),
        customer=without_none(id=order.customer_id, email=order.email, phone=order.phone or address.phone),
        billing_address=_billing_address(address),
        order_products=[_line(line, f"order {order.number}, product {line.product_id}") for line in order.lines],
    )


def _line(line: OrderLine, place: str) -> dict[str, Any]:
    def four(name: str, *, unit: str = ".4f") -> str | None:
        number: Decimal | None = getattr(line, name)
        return None if number is None else format(number, unit)

    # The price without tax is another one, and nothing costs nothing: neither may stand for it.
    if line.price_with_tax is None:
        raise ValueError(f"{place}: Returnless requires price_with_tax")
    if not line.product_id:
        raise ValueError(f"{place}: Returnless requires product_id")
    documented = without_none(
        product_id=line.product_id,
        quantity=four("quantity"),
        order_product_id=line.id,
        name=line.name,
        # Required. The vendor's own connectors send none, so one that is the same as another name does no harm.
        title_name=line.title or line.name or line.sku or line.product_id,
        model=line.sku,
        article_code=line.article_code,
        price=four("price"),
        price_inc_tax=four("price_with_tax"),
        discount_amount=four("discount"),
        total_price=four("total"),
        cost=four("cost", unit=".2f"),
        weight=four("weight"),
        length=four("length", unit="f"),
        width=four("width", unit="f"),
        height=four("height", unit="f"),
        images=[{"http_path": url} for url in line.images] or None,
        url=line.url,
        categories_ids=list(line.category_ids) or None,
        u_brand=line.brand,
        u_upc=line.barcode,
        force_address=_force_address(line.return_address or Address()),
    )
    return {**line.extra, **documented}


def _billing_address(address: Address) -> dict[str, Any] | None:
    """Fills in the return form. It has no fields for a company, a second line or a whole name: they stand beside what is like them."""
    if address == Address():
        return None
    whole_name = None if address.first_name or address.last_name else address.name
    return without_none(
        first_name=address.first_name,
        last_name=_joined(", ", address.last_name or whole_name, address.company),
        postcode=address.postal_code,
        country=_nested("code2", address.country),
        city=address.city,
        address1=address.line1,
        address2=address.house_number,
        addition=_joined(", ", address.house_number_addition, address.line2, address.line3)
        or address.house_number_addition,
    )


def _force_address(address: Address) -> dict[str, Any] | None:
    """Where a line is to be sent back to. The names differ from those of the billing address, and there are fewer."""
    if address == Address():
        return None
    person = _joined(" ", address.first_name, address.last_name)
    number = _joined(" ", address.house_number, address.house_number_addition)
    return without_none(
        name=_joined(", ", address.name or person, address.company),
        address=address.line1,
        house_number=_joined(", ", number, address.line2, address.line3),
        postal_code=address.postal_code,
        city=address.city,
        country=address.country,
    )


def _joined(separator: str, *parts: str | None) -> str | None:
    return separator.join(dict.fromkeys(filter(None, parts))) or None


def _nested(name: str, value: str | None) -> dict[str, str] | None:
    return None if value is None else {name: value}


def _answer(status: int, body: Mapping[str, Any]) -> HttpAnswer:
    return HttpAnswer(status=status, headers=_HEADERS, body=json.dumps(body).encode())
