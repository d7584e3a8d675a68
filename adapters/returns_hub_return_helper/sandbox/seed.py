"""The seeded past of the simulated Return Helper: returns of every kind over years, in the order in which they happened."""

import heapq
import json
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from attrs import frozen

from returns_hub_return_helper.sandbox.records import Inventory, Resend, Shipment
from returns_hub_return_helper.sandbox.state import NewLine, NewParcel, State
from returns_hub_return_helper.sandbox.tables import LABEL_CANCELED, RESEND_SERVICES, RETURN_SERVICES, SPLIT, WAREHOUSES

OLDEST: Final = datetime(2020, 1, 2, tzinfo=UTC)
NEWEST: Final = datetime(2024, 12, 30, tzinfo=UTC)

FIRST_NAMES: Final = ("Ada", "Ben", "Chloé", "Dinh", "Ewa", "Finn", "Grace", "Hugo", "Ines", "Jörg", "Kiri", "Li")
LAST_NAMES: Final = ("Sample", "Example", "Tester", "Placeholder", "Fictional", "Specimen", "Demo", "Muster")
THINGS: Final = ("Headphones", "Rain Jacket", "Desk Lamp", "Running Shoes", "Kettle", "Phone Case", "Board Game")

# How far a return has come, and how often.
STAGES: Final[Mapping[str, int]] = {
    "no-label": 4,
    "queued": 3,
    "failed": 4,
    "canceled": 4,
    "ready": 20,
    "arrived": 45,
    "several": 10,
    "unannounced": 10,
}
# What has become of an inventory, and how often; "dispose" stands for the account's word.
HANDLINGS: Final[Mapping[tuple[str, str], int]] = {
    ("tbc", "pending"): 20,
    ("ohd", "pending"): 15,
    ("dispose", "pending"): 5,
    ("dispose", "inProgress"): 4,
    ("dispose", "completed"): 15,
    ("rtn", "pending"): 4,
    ("rtn", "inProgress"): 5,
    ("rtn", "completed"): 8,
    ("rsd", "pending"): 4,
    ("rsd", "completed"): 8,
    ("oth", "pending"): 3,
    ("oth", "completed"): 2,
    ("rst", "completed"): 7,
}


@frozen(kw_only=True)
class _Step:
    """Something that happens at a moment; ``order`` keeps steps of one moment apart."""

    at: datetime
    order: int
    stage: str
    shipment: Shipment | None = None

    def __lt__(self, other: "_Step") -> bool:
        return (self.at, self.order) < (other.at, other.order)


def seed_returns(seeder: "Seeder", count: int, oldest: datetime) -> None:
    """``count`` returns since a moment, arrivals days or weeks later; the same arguments write the same history."""
    stages = seeder.rng.choices(list(STAGES), weights=list(STAGES.values()), k=count)
    moments = _moments(seeder.rng, count, oldest, seeder.newest)
    steps = [
        _Step(at=at, order=index, stage=stage) for index, (at, stage) in enumerate(zip(moments, stages, strict=True))
    ]
    heapq.heapify(steps)
    while steps:
        for later in seeder.play(heapq.heappop(steps)):
            heapq.heappush(steps, later)


@frozen
class Seeder:
    """What makes returns up; the last moment of the history is ``newest``."""

    state: State
    rng: random.Random
    newest: datetime
    dispose_code: str

    def play(self, step: _Step) -> Iterator[_Step]:
        """Write one step down; the one that follows from it."""
        if step.shipment is not None:
            self._arrive(step.shipment, step.stage, step.at)
            return
        shipment = self.state.announce(self.parcel(announced=step.stage != "unannounced"), step.at)
        if step.stage == "unannounced":
            self._arrive(shipment, step.stage, step.at)
            return
        self._label(shipment, step.stage, step.at)
        if step.stage in ("arrived", "several"):
            at = _instant(self.rng, step.at + timedelta(hours=self.rng.randrange(24, 24 * 30)))
            yield _Step(at=min(at, self.newest), order=step.order, stage=step.stage, shipment=shipment)

    def parcel(self, *, announced: bool = True) -> NewParcel:
        """A made-up return."""
        rng = self.rng
        service = RETURN_SERVICES[rng.choice(list(RETURN_SERVICES))]
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
        thing, order = rng.choice(THINGS), rng.randrange(10_000, 99_999)
        warehouse = WAREHOUSES[service.warehouse_id]
        weight, value = Decimal(rng.randrange(50, 3000)), Decimal(rng.randrange(500, 20_000)) / 100
        return NewParcel(
            title=f"{thing} #{order}",
            order_number=f"#{order}" if announced else None,
            service=service.code,
            warehouse_id=service.warehouse_id,
            address={
                "country": service.countries[0],
                "contactName": f"{first} {last}",
                "phone": "1234567890",
                "email": f"{first}.{last}{order}@example.com".lower(),
                "fax": None,
                "street1": f"{order % 97 + 1} Sample Street",
                "street2": "",
                "street3": None,
                "state": warehouse.state,
                "city": warehouse.city,
                "postalCode": warehouse.postal_code,
            },
            lines=[NewLine(description=thing, weight=weight, value=value)],
            weight=weight,
            dimensions=(Decimal("30.0"), Decimal("20.0"), Decimal("10.5")),
            custom_fields={"customerId": f"buyer{order}"} if order % 3 == 0 else {},
            remarks=None if announced else "Created by Warehouse",  # as in the vendor's sample
            announced=announced,
        )

    def _label(self, shipment: Shipment, stage: str, at: datetime) -> None:
        if stage == "no-label":
            return
        label = self.state.queue_label(shipment, at)
        if stage == "failed":
            self.state.fail_label(shipment, label, carrier_error("Invalid address."), "fail")
        elif stage != "queued":
            self.state.make_label(shipment, label)
        if stage == "canceled":
            label.status, shipment.status = "canceled", LABEL_CANCELED

    def _arrive(self, shipment: Shipment, stage: str, at: datetime) -> None:
        packages = self.rng.randrange(2, 5) if stage == "several" else 1
        for inventory in self.state.arrive(shipment, packages, self.rng.randrange(3), at):
            ((handling, status),) = self.rng.choices(list(HANDLINGS), weights=list(HANDLINGS.values()))
            self._handle(inventory, handling, status, min(at + timedelta(hours=30), self.newest))

    def _handle(self, inventory: Inventory, handling: str, status: str, at: datetime) -> None:
        if handling == "tbc":
            return
        self.state.move(inventory, self.dispose_code if handling == "dispose" else handling, status, at)
        if self.rng.random() < 0.3:
            inventory.sku = f"SKU-{self.rng.randrange(1000):04d}"
        if handling == "rtn":
            recall = self.state.add_recall([inventory], at)
            recall.status = {"inProgress": "in-progress"}.get(status, status)
            (entry,) = recall.entries
            entry.status = {"pending": "in-progress", "inProgress": "in-transit", "completed": "picked-up"}[status]
            if status == "completed":
                entry.pick_up = "self-pick-up"
        elif handling == "rsd":
            self.resend(inventory, status, at)
        elif handling == "ohd" and self.rng.random() < 0.3:
            self.state.add_service(inventory.line_item, self.rng.choice(("repack", "prd-inspec", SPLIT)), None, 2, at)

    def resend(self, inventory: Inventory, status: str, at: datetime) -> Resend:
        """An inventory is sent on to a buyer."""
        service = next(one for one in RESEND_SERVICES if one.warehouse_id == inventory.warehouse_id)
        resend = Resend(
            id=self.state.new_id("resend"),
            number=self.state.number("RSD", at),
            inventories=[inventory],
            shipping={
                "shipmentServiceType": service.code,
                "shipmentCountryCode": service.countries[0],
                "shipmentName": "Kiri Demo",
                "shipmentPhone": "1234567890",
                "shipmentEmail": "kiri.demo@example.com",
                "shipmentStreet1": "2 Example Road",
                "shipmentStreet2": "",
                "shipmentState": "NA",
                "shipmentCity": "Sampleton",
                "shipmentPostalCode": "07001",
            },
            description=None,
            remarks=None,
            cost=service.fee,
            created=at,
            modified=at,
            status=status,
        )
        if status == "completed":
            resend.tracking_number = f"RESEND{resend.id:08d}"
        self.state.resends[resend.id] = resend
        return resend


def carrier_error(message: str) -> str:
    """A failure as carriers' errors come: JSON in a string, encoded twice (a sample of ``labelGenerated``)."""
    return json.dumps(json.dumps({"errors": [{"code": "400", "message": message}]}))


def _instant(rng: random.Random, moment: datetime) -> datetime:
    """Within the second of ``moment``, with none to six digits."""
    unit = 10 ** rng.randrange(7)
    return moment.replace(microsecond=rng.randrange(10**6) // unit * unit)


def _moments(rng: random.Random, count: int, oldest: datetime, newest: datetime) -> list[datetime]:
    """Oldest first, with no to six digits of a second; every ninth is the last instant of its day, the next the first."""
    span = int((newest - oldest).total_seconds())
    moments = [_instant(rng, oldest + timedelta(seconds=rng.randrange(span))) for _ in range(count)]
    for index in range(0, count - 1, 9):
        midnight = moments[index].replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        if oldest < midnight < newest:
            moments[index], moments[index + 1] = midnight - timedelta(microseconds=1000), midnight
    return sorted(moments)
