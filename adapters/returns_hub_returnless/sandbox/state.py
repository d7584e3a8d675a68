"""The simulator's records: requests and returns as a listing shows them, with the times that no listing shows."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from attrs import define, field

Json: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["requests", "returns"]

# Returnless V1 API, Request statuses and Return statuses, in their order.
REQUEST_STATUSES: Final = (
    "concept",
    "open",
    "expired",
    "on_hold",
    "cancelled",
    "approved",
    "approved_without_shipment",
    "rejected",
    "customer_viewed",
    "label_created",
)
RETURN_STATUSES: Final = (
    "processing",
    "received",
    "complete",
    "checked",
    "re-check",
    "completed",
    "declined",
    "delivered",
    "exception",
    "exchanged",
    "pending_payment",
    "closed",
)
# Shown by the documentation's examples and defined nowhere; the last of each is made up.
UNDOCUMENTED_STATUSES: Final[Mapping[Kind, tuple[str, ...]]] = MappingProxyType(
    {"requests": ("processing", "completed", "received", "in_limbo"), "returns": ("approved", "in_limbo")}
)
ID_KEYS: Final[Mapping[Kind, str]] = MappingProxyType({"requests": "request_id", "returns": "return_id"})
DATE_KEYS: Final[Mapping[Kind, str]] = MappingProxyType({"requests": "request_date", "returns": "return_date"})


@define(kw_only=True, eq=False)
class Record:
    """A request or a return as a listing shows it, and what no listing shows.

    ``changed_at`` is when the status last changed, ``updated_at`` when anything did. ``kept_lines`` are the lines of the order that the
    customer keeps, ``further_parcels`` the parcels after the first, ``single`` the fields that differ when the record is read by its id.
    """

    kind: Kind
    wire: Json
    created_at: datetime
    changed_at: datetime
    updated_at: datetime
    kept_lines: Sequence[Json] = ()
    further_parcels: Sequence[Json] = ()
    single: Json = field(factory=dict)

    @property
    def id(self) -> str:
        """The return id; for a request, ``request:`` and its id, since the two kinds share numbers."""
        own = str(self.wire[ID_KEYS[self.kind]])
        return own if self.kind == "returns" else f"request:{own}"


class RecordStore:
    """All records by id, and of each kind in order of creation. Not safe for threads: its user takes a lock."""

    def __init__(self, *, zone: tzinfo, now: Callable[[], datetime]) -> None:
        self.by_id: dict[str, Record] = {}
        self._by_creation: Mapping[Kind, list[Record]] = {"requests": [], "returns": []}
        self._zone = zone
        self._now = now

    def insert(self, record: Record) -> Record:
        """Add a record, after those of the same second."""
        self.by_id[record.id] = record
        insort(self._by_creation[record.kind], record, key=attrgetter("created_at"))
        return record

    def find(self, kind: Kind, record_id: str) -> Record | None:
        """The record of a kind with this id on the wire."""
        return self.by_id.get(record_id if kind == "returns" else f"request:{record_id}")

    def __iter__(self) -> Iterator[Record]:
        """Requests first, and each kind oldest first."""
        for records in self._by_creation.values():
            yield from records

    def created_after(self, kind: Kind, bound: datetime | None, *, exclusive: bool) -> Sequence[Record]:
        """The records of a kind, oldest first. By binary search: a page costs what is read for it."""
        records = self._by_creation[kind]
        if bound is None:
            return records
        cut = bisect_right if exclusive else bisect_left
        return records[cut(records, bound, key=attrgetter("created_at")) :]

    def set_status(self, record: Record, status: str) -> None:
        """Change the status and note that, as the documentation's examples do; nothing where it is the same."""
        before = record.wire["status"]
        if before == status:
            return
        text = f"The status has been changed from {title(before)} to {title(status)}"
        record.wire["return_notes"].append(note(text, format_time(self._now(), self._zone)))
        record.wire["status"] = status
        self._touch(record)
        record.changed_at = record.updated_at

    def edit(self, record: Record, fields: Mapping[str, Any]) -> None:
        """Change any field but the status."""
        self._touch(record)
        record.wire.update(fields)

    def _touch(self, record: Record) -> None:
        record.updated_at = self._now().replace(microsecond=0)
        record.single = {}
        if record.kind == "returns":
            record.wire["updated_at"] = format_time(self._now(), self._zone)


def without(record: Mapping[str, Any], name: str) -> Json:
    """A copy without one field."""
    return {key: value for key, value in record.items() if key != name}


def title(status: str) -> str:
    """A status as notes spell it."""
    return status.replace("_", " ").capitalize()


def note(message: str, stamp: str) -> Json:
    """A note of the vendor's own staff."""
    return {"message": message, "name": "Returnless Support", "quote_id": 408516, "created_at": stamp}


def format_time(moment: datetime, zone: tzinfo) -> str:
    """A time without its zone, as every example of the documentation has it."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
