"""A shop of one order and a place for its returns: what stands for your platform in the order look-up recipes."""

from datetime import UTC, datetime
from decimal import Decimal

from returns_hub import Address, Order, OrderLine, Return

ORDERS = {
    "ORD000212": Order(
        number="ORD000212",
        id="124212",
        created_at=datetime(2026, 9, 5, 10, 46, 27, tzinfo=UTC),
        email="customer@example.com",
        billing_address=Address(
            first_name="Ada",
            last_name="Sample",
            line1="Voorbeeldstraat",
            house_number="14",
            city="Eindhoven",
            country="NL",
        ),
        lines=[
            OrderLine(
                id="153397",
                product_id="1007",
                sku="sample-0001",
                name="Sample Suitcase blue",
                title="Sample Suitcase",
                quantity=Decimal(1),
                price_with_tax=Decimal("175.00"),
            )
        ],
    )
}
RETURNS: dict[str, Return] = {}


def find_order(number: str) -> Order | None:
    """The order that a customer means, in the database of a real shop."""
    return ORDERS.get(number)


def return_changed(ret: Return) -> None:
    """Called for every return that was read again."""
    RETURNS[ret.id] = ret
