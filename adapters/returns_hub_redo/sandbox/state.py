"""What the simulated store holds, and the changes that can be made to it."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field

from returns_hub import format_time, parse_time
from returns_hub_redo.sandbox.seed import EXAMPLE_ID, Json, example, generated, totals


@define
class Store:
    """Returns and orders by id. A change gives a return a later ``updatedAt`` than every return had before."""

    now: Callable[[], datetime]
    returns: dict[str, Json] = field(factory=dict)
    orders: dict[str, Json] = field(factory=dict)
    comments: dict[str, list[Json]] = field(factory=dict)
    created: dict[str, tuple[Any, str]] = field(factory=dict)
    """The body and the return id of each idempotency key."""
    _last: datetime | None = None

    def seed(self, count: int, seed: int) -> None:
        """Fill it: so many generated returns, and the example of the wire reference as the newest."""
        for wire, order in (*generated(count - 1, seed), example()):
            self.returns[wire["id"]] = wire
            self.orders[order["id"]] = order
        self._last = max(parse_time(wire["updatedAt"]) for wire in self.returns.values())

    def touch(self, wire: Json) -> None:
        """Note that a return has changed now."""
        moment = self.now().replace(microsecond=0)
        if self._last is not None and moment <= self._last:
            moment = self._last + timedelta(seconds=1)
        self._last = moment
        wire["updatedAt"] = format_time(moment)

    def copy_example(self, return_id: str) -> None:
        """A new return of the example's order, and with all that the example has."""
        wire = {**deepcopy(self.returns[EXAMPLE_ID]), "id": return_id, "createdAt": format_time(self.now())}
        self.returns[return_id] = wire
        self.touch(wire)

    def newest_first(self) -> list[Json]:
        """Every return, in the order of the list."""
        return sorted(self.returns.values(), key=lambda wire: (wire["createdAt"], wire["id"]), reverse=True)

    def set_status(self, return_id: str, word: str) -> None:
        """Move a return to a status. ``open`` resets the items of one that was complete or rejected."""
        wire = self.returns[return_id]
        if word == "open" and wire["status"] in ("complete", "rejected"):
            for item in wire["items"]:
                item["status"] = "open"
        if word == "complete":
            for item in wire["items"]:
                item["status"] = "complete"
        wire["status"] = word
        self.touch(wire)

    def order_by_shop_id(self, shop_id: str) -> Json | None:
        """The order that the shop knows by this id."""
        return next((order for order in self.orders.values() if order["externalId"] == shop_id), None)

    def insert(self, order: Json, data: Mapping[str, Any]) -> Json:
        """A new return of an order."""
        number = len(self.returns)
        moment = self.now().replace(microsecond=0)
        items = [
            {
                "id": f"65e{number:020x}{line:x}",
                "orderItem": {"id": f"{order['externalId']}/{line}", "line_item_id": item["lineItemId"]},
                "quantity": item["quantity"],
                "status": "open",
                "reason": item["reason"],
                "greenReturn": False,
                "refund": {
                    "amount": {"amount": "10.00", "currency": "USD"},
                    "type": "store_credit" if item["compensation"] == "store_credit" else "original_payment",
                },
            }
            for line, item in enumerate(data["items"])
        ]
        is_credit = data["items"][0]["compensation"] == "store_credit"
        amount = f"{10 * len(items)}.00"
        wire: Json = {
            "id": f"65f{number:021x}",
            "type": "return",
            "status": "open",
            "createdAt": format_time(moment),
            "updatedAt": format_time(moment),
            "order": {"id": order["id"], "name": order["name"]},
            "externalOrderIds": [order["externalId"]],
            "externalReturnIds": [],
            "compensationMethods": ["store_credit" if is_credit else "refund"],
            "giftCards": [],
            "destination": {},
            "source": {"mailingAddress": dict(data["shippingAddress"])},
            "items": items,
            "shipments": [],
            "dropoffs": [],
            "totals": totals(store_credit=amount) if is_credit else totals(refund=amount),
            "protection": {},
        }
        self.returns[wire["id"]] = wire
        self.touch(wire)
        return wire


def orders_of(store: Store, rows: Iterable[Json]) -> list[Json]:
    """The orders of these returns, each once: they ride along side by side."""
    ids = dict.fromkeys(wire["order"]["id"] for wire in rows)
    return [store.orders[order_id] for order_id in ids]
