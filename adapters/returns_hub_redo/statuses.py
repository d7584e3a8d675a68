"""What Redo's words mean here: statuses of returns and shipments, outcomes of items, kinds of compensation."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from returns_hub import (
    Attention,
    Disposition,
    Facts,
    ResolutionKind,
    ReturnKind,
    ShipmentStatus,
    Status,
    StatusTable,
)

_SCHEMA: Final = "OpenAPI schema of Redo's API v2.2, ReturnStatus"
_SHIPMENTS: Final = "OpenAPI schema of Redo's API v2.2, ShipmentStatus"
_BY_SHIPMENTS: Final = "a flag and no step: how far the return has come is read from its shipments"

RETURN_STATUSES: Final = StatusTable(
    name="Redo return status",
    source=_SCHEMA,
    rows=MappingProxyType(
        {
            "pre_shipment": Facts(
                status=Status.REQUESTED,
                attention=frozenset({Attention.WAITING_MERCHANT}),
                source=_SCHEMA,
                why="the merchant must authorise it before anything is shipped",
            ),
            "open": Facts(
                status=Status.APPROVED,
                source=_SCHEMA,
                why="approved and not shipped; ready_to_ship once a shipment has a label, a QR code or a tracking number",
            ),
            "in_transit": Facts(status=Status.IN_TRANSIT, source=_SCHEMA),
            "delivered": Facts(
                status=Status.IN_TRANSIT,
                shipment=ShipmentStatus.DELIVERED,
                source=_SCHEMA,
                why="the parcel has arrived and nobody has booked it in; delivered_means_received makes it received",
            ),
            "needs_review": Facts(attention=frozenset({Attention.REVIEW}), source=_SCHEMA, why=_BY_SHIPMENTS),
            "in_review": Facts(attention=frozenset({Attention.REVIEW}), source=_SCHEMA, why=_BY_SHIPMENTS),
            "flagged": Facts(
                attention=frozenset({Attention.WAITING_MERCHANT, Attention.EXCEPTION}),
                source=_SCHEMA,
                why="a problem that the merchant must solve; " + _BY_SHIPMENTS,
            ),
            "complete": Facts(
                status=Status.CLOSED,
                source=_SCHEMA,
                why="what the customer gets is done; setting the word by hand pays nothing, and cannot be told apart",
            ),
            "rejected": Facts(status=Status.REJECTED, source=_SCHEMA),
            "deleted": Facts(
                status=Status.CANCELLED, source=_SCHEMA, why="the return was reset; its record stays readable"
            ),
            "pending": Facts(
                status=Status.UNKNOWN,
                source="sample of an older guide",
                why="no schema has the word, and nothing defines it",
            ),
        }
    ),
)

FLAGS: Final = tuple(word for word, facts in RETURN_STATUSES.rows.items() if facts.status is None)
"""The words that say nothing of how far a return has come."""

SHIPMENT_STATUSES: Final = StatusTable(
    name="Redo shipment status",
    source=_SHIPMENTS,
    unknown=Facts(shipment=ShipmentStatus.UNKNOWN),
    rows=MappingProxyType(
        {
            "unknown": Facts(shipment=ShipmentStatus.UNKNOWN, source=_SHIPMENTS),
            "pre_transit": Facts(shipment=ShipmentStatus.PRE_TRANSIT, source=_SHIPMENTS),
            "in_transit": Facts(shipment=ShipmentStatus.IN_TRANSIT, source=_SHIPMENTS),
            "out_for_delivery": Facts(shipment=ShipmentStatus.OUT_FOR_DELIVERY, source=_SHIPMENTS),
            "available_for_pickup": Facts(shipment=ShipmentStatus.AVAILABLE_FOR_PICKUP, source=_SHIPMENTS),
            "delivered": Facts(shipment=ShipmentStatus.DELIVERED, source=_SHIPMENTS),
            "return_to_sender": Facts(shipment=ShipmentStatus.RETURN_TO_SENDER, source=_SHIPMENTS),
            "cancelled": Facts(shipment=ShipmentStatus.CANCELLED, source=_SHIPMENTS),
            "expired": Facts(
                shipment=ShipmentStatus.EXPIRED, source=_SHIPMENTS, why="the tracking was given up, not the label"
            ),
            "error": Facts(
                shipment=ShipmentStatus.EXCEPTION,
                attention=frozenset({Attention.CARRIER_EXCEPTION}),
                source=_SHIPMENTS,
            ),
            "failure": Facts(
                shipment=ShipmentStatus.EXCEPTION,
                attention=frozenset({Attention.CARRIER_EXCEPTION}),
                source=_SHIPMENTS,
            ),
        }
    ),
)

MOVING: Final = frozenset(
    {
        ShipmentStatus.IN_TRANSIT,
        ShipmentStatus.OUT_FOR_DELIVERY,
        ShipmentStatus.AVAILABLE_FOR_PICKUP,
        ShipmentStatus.DELIVERED,
    }
)
"""The statuses of a shipment that has left the customer."""

KINDS: Final[Mapping[str, ReturnKind]] = MappingProxyType(
    {"return": ReturnKind.CUSTOMER, "claim": ReturnKind.CUSTOMER, "warranty": ReturnKind.WARRANTY}
)

# Free text of each merchant: the two words of the schema's examples are certain.
OUTCOMES: Final[Mapping[str, Disposition]] = MappingProxyType(
    {"restock": Disposition.RESTOCK, "dispose": Disposition.DISPOSE}
)

REFUND_TYPES: Final[Mapping[str, ResolutionKind]] = MappingProxyType(
    {
        "original_payment": ResolutionKind.REFUND,
        "store_credit": ResolutionKind.STORE_CREDIT,
        "repair": ResolutionKind.REPAIR,
    }
)

COMPENSATION_METHODS: Final[Mapping[str, ResolutionKind]] = MappingProxyType(
    {
        "refund": ResolutionKind.REFUND,
        "store_credit": ResolutionKind.STORE_CREDIT,
        "exchange": ResolutionKind.EXCHANGE,
    }
)

WORD_BY_STATUS: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.APPROVED: "open",
        Status.CLOSED: "complete",
        Status.REJECTED: "rejected",
        Status.CANCELLED: "deleted",
    }
)
"""The word that sets a status. ``flagged`` can be set as well, as ``raw_status``."""


def account_status_table(*, delivered_means_received: bool) -> StatusTable:
    """The table of one account."""
    if not delivered_means_received:
        return RETURN_STATUSES.extended({})
    received = Facts(
        status=Status.RECEIVED,
        shipment=ShipmentStatus.DELIVERED,
        source=_SCHEMA,
        why="delivered_means_received is set: this shop takes an arrived parcel for a received one",
    )
    return RETURN_STATUSES.extended({"delivered": received})
