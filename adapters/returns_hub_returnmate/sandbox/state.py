"""What the simulated ReturnMate shop holds: RMAs, shipments, timelines."""

import itertools
import random
import string
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any, TypeAlias

from attrs import define, frozen

from returns_hub import format_time, parse_time
from returns_hub_returnmate.sandbox.seed import CARRIERS, Draft, Vocabulary, build_drafts

Json: TypeAlias = dict[str, Any]


@define(kw_only=True)
class Rma:
    """One RMA: its detail as the API answers it, and what no endpoint answers."""

    wire: Json
    created: datetime
    refunded: Decimal


@frozen(kw_only=True)
class Selection:
    """The filters and the order of one listing."""

    statuses: frozenset[str] = frozenset()
    created_after: datetime | None = None
    created_before: datetime | None = None
    email: str | None = None
    order_number: str | None = None
    descending: bool = True


class Shop:
    """The records of one shop. It has no lock: the simulator's is held around every call.

    ``exclusive_bounds``: ``created_after`` and ``created_before`` leave out the moment itself.
    """

    def __init__(
        self, *, count: int, seed: int, vocabulary: Vocabulary, exclusive_bounds: bool, now: Callable[[], datetime]
    ) -> None:
        self.rmas: dict[str, Rma] = {}
        self.shipments: dict[str, Json] = {}
        self.vocabulary = vocabulary
        self.ids = itertools.count(1)
        self._exclusive_bounds = exclusive_bounds
        self._now = now
        self._random = random.Random(seed)  # noqa: S311  test data, not keys
        self._by_time: list[tuple[datetime, int, str]] = []
        self._selected: dict[Selection, Sequence[Json]] = {}
        self._numbers = itertools.count(1)
        for draft in build_drafts(count, self._random, vocabulary):
            self._populate(draft)

    @property
    def oldest_first(self) -> Mapping[str, Json]:
        """Every RMA by id, oldest first, as its detail is answered."""
        return {rma_id: self.rmas[rma_id].wire for _, _, rma_id in self._by_time}

    def insert(
        self,
        *,
        created: datetime,
        status: str,
        order_number: str,
        customer: Json,
        items: list[Json],
        refunded: Decimal = Decimal(0),
        rma_id: str | None = None,
    ) -> Rma:
        """A new RMA."""
        serial = next(self._numbers)
        if rma_id in self.rmas:
            raise ValueError(f"there is an RMA {rma_id} already")
        if rma_id is None:
            rma_id = "rma_" + "".join(self._random.choices(string.ascii_lowercase + string.digits, k=8))
        # 1234 is rma_abc123's (API Reference, List RMAs); the others go round it.
        number = 1234 if rma_id == "rma_abc123" else serial + (serial >= 1234)
        wire = {
            "id": rma_id,
            "rma_number": f"RMA-{created.year}-{number:06d}",
            "status": status,
            "order_number": order_number,
            "customer": customer,
            "items": items,
            "created_at": format_time(created),
            "shipments": [],
            "timeline": [],
        }
        rma = self.rmas[rma_id] = Rma(wire=wire, created=created, refunded=refunded)
        insort(self._by_time, (created, serial, rma_id))
        self.add_timeline_entry(rma, "system", "Return requested", at=created)
        self._selected.clear()
        return rma

    def ship(self, rma: Rma, carrier: str, service: str, *, at: datetime) -> Json:
        """A new shipment of an RMA, with a label."""
        number = next(self.ids)
        parcel = {
            "id": f"shp_{number:06d}",
            "rma_id": rma.wire["id"],
            "carrier": carrier,
            "service": service,
            "direction": "return",
            "status": "created",
            "tracking_number": f"SAMPLE{number:010d}",
            "label_url": f"https://labels.example.com/{number:06d}.pdf",
            "created_at": format_time(at.replace(microsecond=0)),
        }
        self.shipments[parcel["id"]] = parcel
        rma.wire["shipments"].append(parcel)
        self.add_timeline_entry(rma, "document", f"Label {parcel['tracking_number']}", at=at)
        return parcel

    def set_status(self, rma_id: str, word: str) -> None:
        """Move an RMA to a status."""
        self.rmas[rma_id].wire["status"] = word
        self.add_timeline_entry(self.rmas[rma_id], "status", f"Status changed to {word}")
        self._selected.clear()

    def delete(self, rma_id: str) -> None:
        """Forget an RMA and its shipments."""
        rma = self.rmas.pop(rma_id)
        self._by_time = [entry for entry in self._by_time if entry[2] != rma_id]
        for shipment in rma.wire["shipments"]:
            del self.shipments[shipment["id"]]
        self._selected.clear()

    def add_timeline_entry(self, rma: Rma, kind: str, content: str, *, at: datetime | None = None, **more: Any) -> Json:
        """A new line of the timeline.

        The help centre shows the kinds status, note, email, system and document; their keys are undocumented.
        """
        moment = (at or self._now()).replace(microsecond=0)
        entry = {"type": kind, "content": content, **more, "created_at": format_time(moment)}
        rma.wire["timeline"].append(entry)
        return entry

    def select(self, wanted: Selection) -> Sequence[Json]:
        """The RMAs that match, in order; kept until something changes, so that a page costs what is on it."""
        if wanted not in self._selected:
            if len(self._selected) >= 50:
                self._selected.clear()
            candidates = (self.rmas[rma_id].wire for rma_id in self._created_between(wanted))
            rows = [
                rma
                for rma in candidates
                if (not wanted.statuses or rma["status"] in wanted.statuses)
                and (wanted.email is None or email_of(rma) == wanted.email)
                and (wanted.order_number is None or rma["order_number"] == wanted.order_number)
            ]
            self._selected[wanted] = rows[::-1] if wanted.descending else rows
        return self._selected[wanted]

    def _created_between(self, wanted: Selection) -> list[str]:
        first, last = 0, len(self._by_time)
        moment = itemgetter(0)
        if wanted.created_after is not None:
            cut = bisect_right if self._exclusive_bounds else bisect_left
            first = cut(self._by_time, wanted.created_after, key=moment)
        if wanted.created_before is not None:
            cut = bisect_left if self._exclusive_bounds else bisect_right
            last = cut(self._by_time, wanted.created_before, key=moment)
        return [rma_id for _, _, rma_id in self._by_time[first:last]]

    def name_of(self, email: str) -> str | None:
        """The name under which the customer is known already, if at all."""
        known = (rma.wire["customer"] for rma in self.rmas.values())
        return next((customer["name"] for customer in known if customer["email"] == email), None)

    def _populate(self, draft: Draft) -> None:
        rma = self.insert(
            created=draft.created,
            status=draft.status,
            order_number=draft.order_number,
            customer=dict(draft.customer),
            items=[dict(item) for item in draft.items],
            refunded=draft.refunded,
            rma_id=draft.rma_id,
        )
        if draft.status != self.vocabulary.new:
            self.add_timeline_entry(
                rma, "status", f"Status changed to {draft.status}", at=draft.created + timedelta(hours=5)
            )
        if draft.status in self.vocabulary.shipped:
            carrier, service = self._random.choice(CARRIERS)
            parcel = self.ship(rma, carrier, service, at=draft.created + timedelta(hours=6))
            parcel["status"] = "delivered" if draft.status == self.vocabulary.done else "in_transit"


def email_of(rma: Json) -> str:
    """The address of the customer, as it is compared."""
    return str(rma["customer"]["email"] or "").casefold()


def scans_of(parcel: Json) -> list[Json]:
    """The carrier's scans of a shipment, by its status."""
    made = parse_time(parcel["created_at"])
    scans = [
        {
            "timestamp": format_time(made + timedelta(hours=20)),
            "status": "in_transit",
            "description": "Lodged",
            "location": "Sampleton",
        },
        {
            "timestamp": format_time(made + timedelta(hours=70)),
            "status": "delivered",
            "description": "Delivered",
            "location": "Exampleville",
        },
    ]
    return scans[: {"created": 0, "in_transit": 1}.get(parcel["status"], 2)]
