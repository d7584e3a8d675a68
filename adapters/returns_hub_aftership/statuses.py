"""What AfterShip's words mean here: approval and shipping together, exceptions, tracking, drop-offs, outcomes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from returns_hub import Attention, Facts, LabelStatus, ResolutionKind, ShipmentStatus, Status, StatusTable

_RETURNS: Final = "OpenAPI of the Returns API 2026-07"
_OLD: Final = "webhook specifications, payload version 2022-02-22"
_TRACKING: Final = "AfterShip, tracking statuses"
_NOT_BOOKED: Final = "the carrier has delivered it and nobody has booked it in"


def fold(word: str) -> str:
    """The word as it is compared: ``approved`` goes on with the shipping status, the other steps of an approval do not."""
    approval, slash, _ = word.partition("/")
    return word if slash and approval == "approved" else approval


def joined(approval: str | None, shipping: str | None) -> str | None:
    """``approval_status/shipping_status``, or the first alone."""
    return f"{approval}/{shipping}" if approval and shipping else approval


RETURN_STATUSES: Final = StatusTable(
    name="AfterShip return status",
    source=_RETURNS,
    fold=fold,
    rows=MappingProxyType(
        {
            "submitted": Facts(
                status=Status.REQUESTED, attention=frozenset({Attention.WAITING_MERCHANT}), source=_RETURNS
            ),
            "approved": Facts(
                status=Status.APPROVED,
                source=_RETURNS,
                why="no shipping status beside it: an older version, or a short webhook body",
            ),
            "approved/no_label": Facts(status=Status.APPROVED, label=LabelStatus.NONE, source=_RETURNS),
            "approved/void": Facts(status=Status.APPROVED, label=LabelStatus.VOID, source=_RETURNS),
            "approved/pending": Facts(
                status=Status.READY_TO_SHIP,
                label=LabelStatus.READY,
                shipment=ShipmentStatus.PRE_TRANSIT,
                source=_RETURNS,
                why="a label is there, and no scan yet",
            ),
            "approved/in_transit": Facts(status=Status.IN_TRANSIT, shipment=ShipmentStatus.IN_TRANSIT, source=_RETURNS),
            "approved/dropped": Facts(status=Status.IN_TRANSIT, source=_RETURNS, why="handed over at a drop-off point"),
            "approved/partially_dropped": Facts(
                status=Status.IN_TRANSIT, source=_RETURNS, why="some of it was handed over at a drop-off point"
            ),
            "approved/delivered": Facts(
                status=Status.IN_TRANSIT, shipment=ShipmentStatus.DELIVERED, source=_RETURNS, why=_NOT_BOOKED
            ),
            "approved/partially_received": Facts(
                status=Status.IN_TRANSIT,
                source=_RETURNS,
                why="received means all of it here; the items show how many have come",
            ),
            "approved/received": Facts(
                status=Status.RECEIVED,
                source=_RETURNS,
                why="inspected once every unit that was received has a grading",
            ),
            "done": Facts(
                status=Status.CLOSED,
                source=_RETURNS,
                why="the end of its life at the vendor; whether money has moved is told apart, and may follow",
            ),
            "rejected": Facts(status=Status.REJECTED, source=_RETURNS),
            "expired": Facts(
                status=Status.EXPIRED,
                label=LabelStatus.VOID,
                source=_RETURNS,
                why="nothing was shipped in time, and unused labels are void; it may still go to done or rejected",
            ),
            "shipped": Facts(status=Status.IN_TRANSIT, source=_OLD, why="the one status word of older webhooks"),
            "received": Facts(status=Status.RECEIVED, source=_OLD, why="the one status word of older webhooks"),
        }
    ),
)

APPROVAL_WORDS: Final = ("submitted", "approved", "done", "rejected", "expired")
"""What the listing can be filtered by; anything else is an error there."""

APPROVAL_BY_STATUS: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.REQUESTED: "submitted",
        Status.APPROVED: "approved",
        Status.READY_TO_SHIP: "approved",
        Status.IN_TRANSIT: "approved",
        Status.RECEIVED: "approved",
        Status.INSPECTED: "approved",
        Status.CLOSED: "done",
        Status.RESOLVED: "done",
        Status.REJECTED: "rejected",
        Status.EXPIRED: "expired",
    }
)

EXCEPTIONS: Final = StatusTable(
    name="AfterShip exception",
    source=_RETURNS,
    unknown=Facts(attention=frozenset({Attention.OTHER})),
    rows=MappingProxyType(
        {
            "generate_label_failed": Facts(
                label=LabelStatus.FAILED, attention=frozenset({Attention.LABEL_FAILED}), source=_RETURNS
            ),
            "refund_failed": Facts(attention=frozenset({Attention.EXCEPTION}), source=_RETURNS),
            "charge_failed": Facts(attention=frozenset({Attention.EXCEPTION, Attention.PAYMENT_DUE}), source=_RETURNS),
            "exchange_failed": Facts(attention=frozenset({Attention.EXCEPTION}), source=_RETURNS),
            "restock_failed": Facts(attention=frozenset({Attention.EXCEPTION}), source=_RETURNS),
            "flagged": Facts(attention=frozenset({Attention.REVIEW}), source=_RETURNS),
        }
    ),
)

_CARRIER: Final = frozenset({Attention.CARRIER_EXCEPTION})

TRACKING_STATUSES: Final = StatusTable(
    name="AfterShip tracking status",
    source=_TRACKING,
    unknown=Facts(shipment=ShipmentStatus.UNKNOWN),
    rows=MappingProxyType(
        {
            "Pending": Facts(shipment=ShipmentStatus.PRE_TRANSIT, source=_TRACKING, why="no data of the carrier yet"),
            "InfoReceived": Facts(
                shipment=ShipmentStatus.PRE_TRANSIT, source=_TRACKING, why="the carrier was told, and has nothing yet"
            ),
            "InTransit": Facts(shipment=ShipmentStatus.IN_TRANSIT, source=_TRACKING),
            "OutForDelivery": Facts(shipment=ShipmentStatus.OUT_FOR_DELIVERY, source=_TRACKING),
            "AvailableForPickup": Facts(shipment=ShipmentStatus.AVAILABLE_FOR_PICKUP, source=_TRACKING),
            "AttemptFail": Facts(shipment=ShipmentStatus.EXCEPTION, attention=_CARRIER, source=_TRACKING),
            "Delivered": Facts(shipment=ShipmentStatus.DELIVERED, source=_TRACKING),
            "Exception": Facts(shipment=ShipmentStatus.EXCEPTION, attention=_CARRIER, source=_TRACKING),
            "Expired": Facts(
                shipment=ShipmentStatus.EXPIRED,
                source=_TRACKING,
                why="no news for thirty days: the tracking expired, not the return",
            ),
        }
    ),
)

DROPOFF_STATUSES: Final = StatusTable(
    name="AfterShip drop-off status",
    source=_RETURNS,
    unknown=Facts(shipment=ShipmentStatus.UNKNOWN),
    rows=MappingProxyType(
        {
            "created": Facts(shipment=ShipmentStatus.PRE_TRANSIT, source=_RETURNS),
            "partially_dropped": Facts(shipment=ShipmentStatus.IN_TRANSIT, source=_RETURNS),
            "dropped": Facts(shipment=ShipmentStatus.IN_TRANSIT, source=_RETURNS),
        }
    ),
)

OUTCOMES: Final[Mapping[str, ResolutionKind]] = MappingProxyType(
    {
        "refund": ResolutionKind.REFUND,
        "store_credit": ResolutionKind.STORE_CREDIT,
        "exchange": ResolutionKind.EXCHANGE,
        # An exchange for which the customer paid more.
        "upsell": ResolutionKind.EXCHANGE,
    }
)

UNUSED_TRACKING: Final = frozenset({None, "Pending", "InfoReceived"})
"""Where the tracking of a label stands that nobody has used."""
