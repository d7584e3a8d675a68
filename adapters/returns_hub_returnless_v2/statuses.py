"""What Returnless V2 says in words of its own: the state of a record, and the fixed ids of shipments.

Statuses of requests and returns are each shop's own lists: ``status_map`` of the account says what their ids mean.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from returns_hub import Attention, Facts, LabelStatus, ShipmentStatus, Status, StatusTable

_STATE: Final = "Returnless support, articles 964 and 965"
_SHIPMENT: Final = "Returnless support, article 1034"
_SENDCLOUD: Final = "inferred: the list is that of Sendcloud's parcels, and the article shows its beginning"

STATES: Final = StatusTable(
    name="Returnless V2 state",
    source=_STATE,
    rows=MappingProxyType(
        {
            "request": Facts(status=Status.REQUESTED, source=_STATE, why="it waits for the shop's decision"),
            "return": Facts(
                status=Status.APPROVED,
                source=_STATE,
                why="there is a return only after an approval, or by a form that needs none",
            ),
        }
    ),
)

OWN_STATUSES: Final = StatusTable(
    name="Returnless V2 status of the account", source="the option status_map", rows={}, unknown=Facts()
)
"""Empty: what an id means is the shop's own, and labels are translated and edited, so they say nothing."""

_CARRIER: Final = frozenset({Attention.CARRIER_EXCEPTION})
_FAILED_LABEL: Final = frozenset({Attention.LABEL_FAILED})


def _rows(
    words: Iterable[str], shipment: ShipmentStatus | None, *, source: str = _SENDCLOUD, **facts: object
) -> dict[str, Facts]:
    return {word: Facts(shipment=shipment, source=source, **facts) for word in words}  # type: ignore[arg-type]


SHIPMENT_STATUSES: Final = StatusTable(
    name="Returnless V2 shipment status",
    source=_SHIPMENT,
    unknown=Facts(shipment=ShipmentStatus.UNKNOWN),
    rows=MappingProxyType(
        {
            "no-label": Facts(label=LabelStatus.NONE, source=_SENDCLOUD),
            "being-announced": Facts(
                shipment=ShipmentStatus.PRE_TRANSIT, label=LabelStatus.REQUESTED, source=_SHIPMENT
            ),
            **_rows(
                ("announced", "announced-not-collected"),
                ShipmentStatus.PRE_TRANSIT,
                source=_SHIPMENT,
                label=LabelStatus.READY,
            ),
            "announcement-failed": Facts(label=LabelStatus.FAILED, attention=_FAILED_LABEL, source=_SHIPMENT),
            "address-invalid": Facts(
                shipment=ShipmentStatus.EXCEPTION,
                label=LabelStatus.FAILED,
                attention=_FAILED_LABEL,
                source=_SHIPMENT,
            ),
            "ready-to-send": Facts(shipment=ShipmentStatus.PRE_TRANSIT, label=LabelStatus.READY, source=_SENDCLOUD),
            **_rows(
                ("being-sorted", "at-sorting-center", "at-customs", "delivery-delayed", "delivery-date-changed"),
                ShipmentStatus.IN_TRANSIT,
                source=_SHIPMENT,
            ),
            **_rows(
                (
                    *("shipment-picked-up-by-driver", "parcel-en-route", "en-route-to-sorting-center", "sorted"),
                    *("not-sorted", "delivery-address-changed", "delivery-method-changed"),
                ),
                ShipmentStatus.IN_TRANSIT,
            ),
            "driver-en-route": Facts(shipment=ShipmentStatus.OUT_FOR_DELIVERY, source=_SENDCLOUD),
            "delivery-attempt-failed": Facts(shipment=ShipmentStatus.EXCEPTION, attention=_CARRIER, source=_SHIPMENT),
            **_rows(
                ("unable-to-deliver", "error-collecting", "exception", "refused-by-recipient"),
                ShipmentStatus.EXCEPTION,
                attention=_CARRIER,
            ),
            "returned-to-sender": Facts(
                shipment=ShipmentStatus.RETURN_TO_SENDER,
                attention=_CARRIER,
                source=_SENDCLOUD,
                why="it went back to the customer",
            ),
            "awaiting-webshop-pickup": Facts(
                shipment=ShipmentStatus.AVAILABLE_FOR_PICKUP,
                source=_SHIPMENT,
                why="it waits at a pick-up point for the shop to fetch it",
            ),
            "delivered": Facts(
                shipment=ShipmentStatus.DELIVERED,
                source=_SHIPMENT,
                why="it has reached the shop; that the return was received, only the shop's own status says",
            ),
            "shipment-collected-by-customer": Facts(
                shipment=ShipmentStatus.DELIVERED,
                source=_SENDCLOUD,
                why="fetched at the pick-up point, by the shop: the parcel is the customer's return",
            ),
            "cancellation-requested": Facts(
                shipment=ShipmentStatus.PRE_TRANSIT,
                label=LabelStatus.READY,
                source=_SHIPMENT,
                why="asked for and not granted: nothing is void yet",
            ),
            "cancelled": Facts(
                shipment=ShipmentStatus.CANCELLED,
                label=LabelStatus.VOID,
                source=_SHIPMENT,
                why="the article's title repeats “cancellation requested”, its text says approved",
            ),
            "cancelled-upstream": Facts(shipment=ShipmentStatus.CANCELLED, label=LabelStatus.VOID, source=_SENDCLOUD),
            "unknown": Facts(shipment=ShipmentStatus.UNKNOWN, source=_SENDCLOUD),
        }
    ),
)

PROPOSALS: Final = MappingProxyType(
    {
        "rejected": '"rejected"',
        "afgewezen": '"rejected"',
        "cancelled": '"cancelled"',
        "geannuleerd": '"cancelled"',
        "received": '"received"',
        "ontvangen": '"received"',
        "refunded": '{ status = "resolved", resolution = "refund", resolution_status = "done" }',
        "terugbetaald": '{ status = "resolved", resolution = "refund", resolution_status = "done" }',
        "closed": '"closed"',
        "afgerond": '"closed"',
    }
)
"""What ``doctor`` proposes for a label, for a person to look at: a label is never mapped by itself."""
