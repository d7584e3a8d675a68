"""What changed, as typed events.

An event exists only because stored state changed: a webhook, a poll and a backfill of the same fact
give one event. ``changes`` maps what changed to its value before and after, JSON-ready as :func:`returns_hub.dump`
writes it; a key is a field of the return, or ``shipments[ID].status`` for a part of it. Each type of event declares the
keys, where they are always the same, and the values.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Final, NotRequired, TypeAlias, TypedDict, TypeVar

from attrs import field, frozen

_T = TypeVar("_T")


class Origin(StrEnum):
    """By what way a fact reached us."""

    WEBHOOK = "webhook"
    POLL = "poll"
    BACKFILL = "backfill"
    REPLAY = "replay"
    LOCAL = "local"


Changes: TypeAlias = Mapping[str, Any]
"""By the name of what changed, a pair: its value before, and after. Each type of event says what the values are."""

TextChange: TypeAlias = tuple[str | None, str | None]
ListChange: TypeAlias = tuple[list[_T] | None, list[_T] | None]
ObjectChange: TypeAlias = tuple[dict[str, Any] | None, dict[str, Any] | None]


class CreatedChanges(TypedDict):
    """How a return stands that was not known; ``request_id`` where it grew from a request."""

    status: TextChange
    status_raw: TextChange
    request_id: NotRequired[TextChange]


class StatusChanges(TypedDict, total=False):
    """The neutral status, the vendor's word for it, or both."""

    status: TextChange
    status_raw: TextChange


class AttentionChanges(TypedDict):
    """What somebody has to look at."""

    attention: ListChange[str]


class NotesChanges(TypedDict):
    """All notes, each as :func:`returns_hub.dump` writes it."""

    notes: ListChange[dict[str, Any]]


@frozen(kw_only=True)
class Event:
    """One change of one return, or of how an account's vendor can be reached.

    ``id`` is stable: the same change has the same id for every consumer. ``sequence`` is its place in the store's
    stream, 0 until it is stored. ``occurred_at`` is the vendor's time of the fact, or when we learnt it where the
    vendor gives none; ``recorded_at`` is ours. ``delivery_id`` is that of the webhook delivery that caused it, None for what
    was read, written or concluded otherwise.
    """

    type: ClassVar[str] = "event"

    id: str
    account: str
    return_id: str
    occurred_at: datetime
    recorded_at: datetime
    origin: Origin
    # Old and new values may be a customer's.
    changes: Changes = field(factory=dict, hash=False, repr=False)
    sequence: int = 0
    delivery_id: int | None = None


@frozen(kw_only=True)
class ReturnCreated(Event):
    """A return is known now that was not before."""

    type: ClassVar[str] = "return.created"

    changes: CreatedChanges = field(hash=False, repr=False)


@frozen(kw_only=True)
class ReturnStatusChanged(Event):
    """``status`` or ``status_raw`` of a return changed."""

    type: ClassVar[str] = "return.status_changed"

    changes: StatusChanges = field(hash=False, repr=False)


@frozen(kw_only=True)
class ReturnAttentionChanged(Event):
    """What somebody has to look at changed."""

    type: ClassVar[str] = "return.attention_changed"

    changes: AttentionChanges = field(hash=False, repr=False)


@frozen(kw_only=True)
class ReturnUpdated(Event):
    """Some other field of a return, or of one of its items, changed: its customer, address or timeline."""

    type: ClassVar[str] = "return.updated"


@frozen(kw_only=True)
class ReturnNotesChanged(Event):
    """A note on a return appeared or changed."""

    type: ClassVar[str] = "return.notes_changed"

    changes: NotesChanges = field(hash=False, repr=False)


@frozen(kw_only=True)
class LabelReady(Event):
    """A shipment's label can be fetched."""

    type: ClassVar[str] = "label.ready"

    changes: Mapping[str, TextChange] = field(hash=False, repr=False)


@frozen(kw_only=True)
class LabelFailed(Event):
    """A shipment's label could not be made."""

    type: ClassVar[str] = "label.failed"

    changes: Mapping[str, TextChange] = field(hash=False, repr=False)


@frozen(kw_only=True)
class ShipmentUpdated(Event):
    """A shipment appeared, or its status, carrier or tracking number changed."""

    type: ClassVar[str] = "shipment.updated"


@frozen(kw_only=True)
class ItemAdded(Event):
    """A return has an item that was not known: a line, or an inventory of a warehouse."""

    type: ClassVar[str] = "item.added"


@frozen(kw_only=True)
class ItemReceived(Event):
    """More of an item has arrived than was known."""

    type: ClassVar[str] = "item.received"

    changes: Mapping[str, TextChange] = field(hash=False, repr=False)


@frozen(kw_only=True)
class ItemDispositionChanged(Event):
    """What becomes of an item, or how far that has come, changed."""

    type: ClassVar[str] = "item.disposition_changed"

    changes: Mapping[str, TextChange] = field(hash=False, repr=False)


@frozen(kw_only=True)
class ItemImagesChanged(Event):
    """Pictures of an item appeared or went."""

    type: ClassVar[str] = "item.images_changed"

    changes: Mapping[str, ListChange[str]] = field(hash=False, repr=False)


@frozen(kw_only=True)
class ItemNotesChanged(Event):
    """A note on an item, such as a remark of the warehouse, appeared or changed."""

    type: ClassVar[str] = "item.notes_changed"

    changes: Mapping[str, ListChange[dict[str, Any]]] = field(hash=False, repr=False)


@frozen(kw_only=True)
class ItemServicesChanged(Event):
    """A value-added service on an item was ordered, came further or has a result: ``items[ID].services[ID].status``."""

    type: ClassVar[str] = "item.services_changed"

    changes: Mapping[str, TextChange] = field(hash=False, repr=False)


@frozen(kw_only=True)
class ItemMeasured(Event):
    """A warehouse weighed or measured an item."""

    type: ClassVar[str] = "item.measured"

    changes: Mapping[str, ObjectChange] = field(hash=False, repr=False)


@frozen(kw_only=True)
class ItemExtraChanged(Event):
    """A further field of the vendor on an item, such as a serial number, appeared or changed."""

    type: ClassVar[str] = "item.extra_changed"

    changes: Mapping[str, ObjectChange] = field(hash=False, repr=False)


@frozen(kw_only=True)
class ResolutionChanged(Event):
    """What the customer gets, or how far that has come, changed."""

    type: ClassVar[str] = "resolution.changed"

    changes: Mapping[str, ListChange[dict[str, Any]]] = field(hash=False, repr=False)


@frozen(kw_only=True)
class ReturnErased(Event):
    """A return was erased, with all that was stored of it: erase what you have of it too. It has no ``changes``."""

    type: ClassVar[str] = "return.erased"


@frozen(kw_only=True)
class EventUnmapped(Event):
    """The vendor sent something that has no place in the model yet."""

    type: ClassVar[str] = "event.unmapped"


@frozen(kw_only=True)
class ConnectionDegraded(Event):
    """Several syncs of an account in a row have failed. It is about no return: ``return_id`` is empty."""

    type: ClassVar[str] = "connection.degraded"


@frozen(kw_only=True)
class ConnectionRecovered(Event):
    """A sync of an account has succeeded again after ``connection.degraded``; ``return_id`` is empty."""

    type: ClassVar[str] = "connection.recovered"


EVENT_TYPES: Final[Mapping[str, type[Event]]] = MappingProxyType(
    {
        kind.type: kind
        for kind in (
            ReturnCreated,
            ReturnStatusChanged,
            ReturnAttentionChanged,
            ReturnUpdated,
            ReturnNotesChanged,
            LabelReady,
            LabelFailed,
            ShipmentUpdated,
            ItemAdded,
            ItemReceived,
            ItemDispositionChanged,
            ItemImagesChanged,
            ItemNotesChanged,
            ItemServicesChanged,
            ItemMeasured,
            ItemExtraChanged,
            ResolutionChanged,
            ReturnErased,
            EventUnmapped,
            ConnectionDegraded,
            ConnectionRecovered,
        )
    }
)
