"""What the simulated account holds, and the changes that can be made to it."""

from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta

from attrs import define, field

from returns_hub import parse_time
from returns_hub_returnless_v2.sandbox.seed import EXAMPLE_ID, Json, example, generated, status, timestamp

_IMPORTED = "2025-03-03T03:03:03+00:00"


@define
class Account:
    """Records by id. A change gives a record a later ``updated_at`` than every record had before."""

    now: Callable[[], datetime]
    records: dict[str, Json] = field(factory=dict)
    intents: dict[str, Json] = field(factory=dict)
    """The record whose order an intent is about, by the intent's id."""
    _last: datetime | None = None

    def seed(self, count: int, seed: int, *, test_records: int, same_created: int) -> None:
        """Fill it: so many generated records, the example of the wire reference as the newest, and test records."""
        for record in (*generated(count - 1, seed), example()):
            self.records[record["id"]] = record
        for record in list(self.records.values())[:same_created]:
            record["created_at"] = _IMPORTED
        for number in range(test_records):
            test = {**example(), "id": f"returnorder_test{number:021d}", "is_test_record": True}
            self.records[test["id"]] = test
        self._last = max(parse_time(record["updated_at"]) for record in self.records.values())

    def copy_example(self, return_id: str) -> None:
        """A new record with all that the example has."""
        at = self.tick()
        record = {**deepcopy(self.records[EXAMPLE_ID]), "id": return_id, "created_at": at, "updated_at": at}
        record["includes"]["shipments"][0]["id"] = f"shipment_of_{return_id}"
        self.records[return_id] = record

    def intend(self, order_number: str, answer: str) -> str | None:
        """The id of a new intent to return an order, None where the customer's answer is not that of the order."""
        for record in self.records.values():
            included = record["includes"]
            known = (included["customer"]["email"], included["customer_address"]["postal_code"])
            if included["sales_order"]["order_number"] == order_number and answer in known:
                intent_id = f"intent_{len(self.intents) + 1}"
                self.intents[intent_id] = record
                return intent_id
        return None

    def file(self, body: Json) -> str:
        """Make a request out of an intent; its id."""
        ordered, at = self.intents[body["return_order_intent_id"]], self.tick()
        number = len(self.records)
        items = [
            {
                "id": f"returnorderitem_{number}_{line}",
                "quantity": item["quantity"],
                "product": {},
                "return_reason": {"id": item["return_reason_id"]},
            }
            for line, item in enumerate(body["items"])
        ]
        record = {
            **deepcopy(ordered),
            "id": f"returnorder_new{number:022d}",
            "return_number": f"RENL9{number:06d}",
            "state": "request",
            "status": status("requeststatus_Zk4R8"),
            "created_at": at,
            "updated_at": at,
        }
        record["includes"] |= {"return_order_items": items, "shipments": [], "notes": []}
        self.records[record["id"]] = record
        return str(record["id"])

    def tick(self) -> str:
        """A time that is later than every time before."""
        moment = self.now().replace(microsecond=0)
        self._last = moment if self._last is None else max(moment, self._last + timedelta(seconds=1))
        return timestamp(self._last)

    def set_status(self, record: Json, status_id: str) -> None:
        """Move a record to a status."""
        record["status"] = status(status_id)
        record["updated_at"] = self.tick()

    def shipments(self) -> list[Json]:
        """Every shipment, with the return that it belongs to."""
        return [
            {"return_order_id": record["id"], "created_at": record["created_at"], "updated_at": record["created_at"]}
            | shipment
            for record in self.records.values()
            for shipment in record["includes"]["shipments"]
        ]
