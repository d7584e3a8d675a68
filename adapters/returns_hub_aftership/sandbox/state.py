"""What the simulated organisation holds, and what its calls do to it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from attrs import define, field

from returns_hub import parse_time
from returns_hub_aftership.sandbox.seed import Json, example, generated, timestamp

APPROVABLE = ("submitted",)
RESOLVABLE = ("approved", "expired")
REJECTABLE = ("submitted", "approved", "expired")


@define
class Organisation:
    """Returns by id. Labels that were asked for come with :meth:`make_labels`."""

    now: Callable[[], datetime]
    returns: dict[str, Json] = field(factory=dict)
    waiting_labels: list[str] = field(factory=list)
    _made: int = 0

    def seed(self, count: int, seed: int, *, example_created: datetime) -> None:
        """Fill it: so many generated returns, and the example of the wire reference as the newest."""
        for wire in (*generated(count - 1, seed, until=example_created), example(example_created)):
            self.returns[wire["id"]] = wire

    def newest_first(self) -> list[Json]:
        """Every return, in the order of the list."""
        return sorted(self.returns.values(), key=lambda wire: (wire["created_at"], wire["id"]), reverse=True)

    def approve(self, wire: Json, *, label: bool) -> None:
        """Approve a return; its label comes later."""
        wire.update(approval_status="approved", shipping_status="no_label", approved_at=timestamp(self.now()))
        if label:
            self.waiting_labels.append(wire["id"])

    def make_labels(self, *, fail: bool = False) -> None:
        """Make the labels that were asked for, or fail to."""
        for return_id in self.waiting_labels:
            wire = self.returns[return_id]
            if fail:
                wire["exceptions"] = [*wire.get("exceptions", []), "generate_label_failed"]
                continue
            self._made += 1
            wire["shipping_status"] = "pending"
            wire.setdefault("shipments", []).append(
                {
                    "id": f"{0x77000000000000000000000000000000 + self._made:032x}",
                    "tracking_number": f"94009{self._made:017d}",
                    "slug": "usps",
                    "tracking_status": "Pending",
                    "source": "merchant_generate",
                    "label": {"url": f"https://example.com/labels/made-{self._made}.pdf"},
                }
            )
        self.waiting_labels.clear()

    def receive(self, wire: Json, counts: Mapping[str, int]) -> str | None:
        """Book items in; the code of the error, None if it is done."""
        rows = {key: row for item in wire["return_items"] for key, row in _receivable(item)}
        for key, count in counts.items():
            if key not in rows:
                return "42225"
            if rows[key].get("received_quantity", 0) + count > rows[key]["return_quantity"]:
                return "42213"
        for key, count in counts.items():
            rows[key]["received_quantity"] = rows[key].get("received_quantity", 0) + count
        for item in wire["return_items"]:
            children = item.get("bundled_items") or []
            if children and all(child["received_quantity"] >= child["return_quantity"] for child in children):
                item["received_quantity"] = item["return_quantity"]
        at = timestamp(self.now())
        received = [{"external_id": key, "quantity": count, "gradings": []} for key, count in counts.items()]
        wire.setdefault("receivings", []).append({"id": f"{len(rows):032x}", "received_at": at, "items": received})
        open_rows = [row for row in rows.values() if row.get("received_quantity", 0) < row["return_quantity"]]
        wire["shipping_status"] = "partially_received" if open_rows else "received"
        return None

    def insert(self, body: Mapping[str, Any]) -> Json:
        """A new return."""
        self._made += 1
        wire: Json = {
            "id": f"{0x9E000000000000000000000000000000 + self._made:032x}",
            "rma_number": f"NEW{self._made:06d}",
            "approval_status": "submitted",
            "shipping_status": None,
            "exceptions": [],
            "outcomes": ["refund"],
            "refund_destination": body["refund_destination"],
            "created_at": timestamp(self.now()),
            "order": {**body["order"], "order_name": f"#{body['order']['external_id'][-5:]}"},
            "return_items": [
                {
                    "id": item["external_order_item_id"],
                    "external_order_item_id": item["external_order_item_id"],
                    "intended_return_quantity": item["intended_return_quantity"],
                    "return_quantity": item["intended_return_quantity"],
                    "received_quantity": 0,
                    "return_reason": item["return_reason"],
                    "green_return": False,
                }
                for item in body["return_items"]
            ],
            "shipments": [],
        }
        self.returns[wire["id"]] = wire
        return wire

    def created_between(self, start: datetime, end: datetime) -> list[Json]:
        """The returns of a window, both ends included, newest first."""
        return [wire for wire in self.newest_first() if start <= parse_time(wire["created_at"]) <= end]


def _receivable(item: Json) -> list[tuple[str, Json]]:
    """What of an item is booked in, by the id that says so: the parts of a bundle, else the item."""
    if item.get("green_return"):
        return []
    children = item.get("bundled_items") or []
    return [(child["external_id"], child) for child in children] or [(item["external_order_item_id"], item)]
