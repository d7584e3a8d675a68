"""The function that finds orders, for vendors that look them up: ``orders = "shop.orders:find_order"`` of an account."""

from datetime import UTC, datetime

from returns_hub import Order


def find_order(number: str) -> Order | None:
    """The order that a customer means, in the database of a real shop."""
    if number != "ORD000212":
        return None
    return Order(
        number=number, id="124212", created_at=datetime(2026, 9, 5, 10, 46, tzinfo=UTC), email="customer@example.com"
    )
