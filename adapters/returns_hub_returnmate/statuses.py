"""ReturnMate's words, and what each of them asserts here.

The vendor publishes no list. The ReturnMate API Reference shows four status words; its help centre and its website
show more, in two generations that differ, as codes and as display names. Every shop may rename words, add its own
and re-wire them: what a shop adds comes from ``status_map``. All pages were read on 2026-11-21.
"""

from types import MappingProxyType
from typing import Final

from returns_hub import (
    Attention,
    Facts,
    ResolutionKind,
    ResolutionStatus,
    ShipmentStatus,
    Status,
    StatusTable,
)

_REFERENCE: Final = "API reference, 2024-12-31"
_STATUSES: Final = "help centre, Statuses, 2024-12-31"
_GUIDE: Final = "help centre, Workflow Guide, 2026-04-04"
_LIFECYCLE: Final = "returnmate.io, RMA management"
_WARRANTY: Final = "help centre, Warranty lifecycle, 2024-12-31"
_SLA: Final = "help centre, SLA settings, 2026-04"
_LABELS: Final = "help centre, approvals and labels, status shown in 2026-04"
_SWAP: Final = "help centre, Counter Swap, 2026-04-03"
_REPAIR: Final = "help centre, Offline Repair, 2026-04-03"
_DISPUTES: Final = "help centre, Dispute Management, 2026-04-03"
_UNDOCUMENTED: Final = "on no ReturnMate page that was read"

_SHOP_WORD: Final = "an example of what a shop may add; never defined: say in status_map what it means in this shop"
_SUB_STATUS: Final = "a sub-status that a shop defines beside the real one; it does not say how far the claim is"


def fold(word: str) -> str:
    """The word as it is compared: without case, and with spaces and hyphens as ``_``.

    The vendor itself shows ``pending``, ``Label Sent`` and ``LABEL_ISSUED``.
    """
    return "_".join(word.replace("-", " ").casefold().split())


RETURN_STATUSES: Final = StatusTable(
    name="ReturnMate RMA status",
    source=_REFERENCE,
    fold=fold,
    rows=MappingProxyType(
        {
            # The four words of the reference.
            "pending": Facts(status=Status.REQUESTED, source=_REFERENCE),
            "approved": Facts(status=Status.APPROVED, source=_REFERENCE),
            "rejected": Facts(
                status=Status.REJECTED,
                source=_REFERENCE,
                why="final on the Statuses page; the 2026 guide uses it after inspection, and then ships the item back",
            ),
            "completed": Facts(
                status=Status.CLOSED,
                source=_REFERENCE,
                why="the webhook page says “fully processed”; whether the customer got money, a voucher or nothing is not said",
            ),
            # Statuses page, in its order; the four above are there too, but for completed.
            "label_sent": Facts(status=Status.READY_TO_SHIP, source=_STATUSES),
            "in_transit": Facts(status=Status.IN_TRANSIT, source=_STATUSES),
            "received": Facts(status=Status.RECEIVED, source=_STATUSES),
            "inspected": Facts(status=Status.INSPECTED, source=_STATUSES),
            "resolved": Facts(
                status=Status.RESOLVED,
                source=_STATUSES,
                why="an outcome was decided, which one is not said; in 2026 closing still follows",
            ),
            "cancelled": Facts(status=Status.CANCELLED, source=_STATUSES),
            "quality_hold": Facts(status=Status.UNKNOWN, source=_STATUSES, why=_SHOP_WORD),
            "with_manufacturer": Facts(status=Status.UNKNOWN, source=_STATUSES, why=_SHOP_WORD),
            "awaiting_parts": Facts(status=Status.UNKNOWN, source=_STATUSES, why=_SHOP_WORD),
            "customer_response": Facts(
                status=Status.UNKNOWN,
                source=_STATUSES,
                why="a shop's word that is never defined: awaited or received? Say in status_map what it means in this shop",
            ),
            # Workflow guide and website: the codes that the pages above do not have.
            "draft": Facts(status=Status.DRAFT, source=_LIFECYCLE),
            "submitted": Facts(status=Status.REQUESTED, source=_GUIDE),
            "waiting_customer": Facts(
                status=Status.APPROVED,
                attention=frozenset({Attention.WAITING_CUSTOMER}),
                source=_GUIDE,
                why="approved already: the customer is to choose how to send the goods, and no label is made yet",
            ),
            "label_issued": Facts(status=Status.READY_TO_SHIP, source=_GUIDE),
            "label_generated": Facts(
                status=Status.READY_TO_SHIP,
                source=_LABELS,
                why="listed beside Label Issued as another status; either way a label exists and nothing was sent",
            ),
            "refunded": Facts(
                status=Status.RESOLVED,
                resolution=ResolutionKind.REFUND,
                resolution_status=ResolutionStatus.DONE,
                source=_GUIDE,
                why="the guide: the refund is processed; by which method is not said",
            ),
            "closed": Facts(
                status=Status.CLOSED,
                source=_GUIDE,
                why="the case is closed, with or without a refund; which is not said",
            ),
            "counter_swapped": Facts(
                status=Status.RECEIVED,
                source=_SWAP,
                why="handed over in a shop, so the goods are there; a swap gives a replacement, a repair intake does not",
            ),
            "offline_diagnostics": Facts(
                status=Status.RECEIVED,
                source=_REPAIR,
                why="the item is in the house and being assessed; a refunded RMA can come back to this",
            ),
            "offline_repair": Facts(
                status=Status.INSPECTED,
                source=_REPAIR,
                why="assessed, and repaired for stock: it says nothing of what the customer gets",
            ),
            "offline_closed": Facts(
                status=Status.CLOSED, source=_DISPUTES, why="the page counts it, like Closed, among the final statuses"
            ),
            "received_at_master": Facts(
                status=Status.RECEIVED,
                source=_REPAIR,
                why="arrived at the main location, perhaps from another of the shop's own",
            ),
            # Warranty cases.
            "under_review": Facts(status=Status.REQUESTED, attention=frozenset({Attention.REVIEW}), source=_WARRANTY),
            "denied": Facts(status=Status.REJECTED, source=_WARRANTY),
            "awaiting_return": Facts(
                status=Status.APPROVED,
                attention=frozenset({Attention.WAITING_CUSTOMER}),
                source=_WARRANTY,
                why="stands between Approved and Received: the customer has not sent the goods yet",
            ),
            "inspecting": Facts(
                status=Status.RECEIVED, source=_WARRANTY, why="the goods are there, and the inspection is not over"
            ),
            "resolution_pending": Facts(
                status=Status.INSPECTED, source=_WARRANTY, why="inspected, and no outcome decided yet"
            ),
            "repair/replace/refund": Facts(
                status=Status.UNKNOWN,
                source=_WARRANTY,
                why="one stage before Resolved; whether the outcome is chosen or carried out is not said",
            ),
            "repair": Facts(status=Status.UNKNOWN, source=_WARRANTY, why="part of the stage Repair/Replace/Refund"),
            "replace": Facts(status=Status.UNKNOWN, source=_WARRANTY, why="part of the stage Repair/Replace/Refund"),
            "refund": Facts(status=Status.UNKNOWN, source=_WARRANTY, why="part of the stage Repair/Replace/Refund"),
            "technician_assigned": Facts(status=Status.UNKNOWN, source=_SLA, why=_SUB_STATUS),
            "diagnostics": Facts(status=Status.UNKNOWN, source=_SLA, why=_SUB_STATUS),
            "waiting_parts": Facts(status=Status.UNKNOWN, source=_SLA, why=_SUB_STATUS),
            "waiting_on_customer": Facts(
                status=Status.UNKNOWN,
                attention=frozenset({Attention.WAITING_CUSTOMER}),
                source=_SLA,
                why=_SUB_STATUS,
            ),
            # Spellings that shops can choose, and that can mean one thing only.
            "pending_approval": Facts(status=Status.REQUESTED, source=_UNDOCUMENTED, why="another spelling of pending"),
            "pending_review": Facts(
                status=Status.REQUESTED,
                attention=frozenset({Attention.REVIEW}),
                source=_UNDOCUMENTED,
                why="another spelling of under_review",
            ),
            "canceled": Facts(status=Status.CANCELLED, source=_UNDOCUMENTED, why="the American spelling of cancelled"),
        }
    ),
)

_WEBHOOKS: Final = "help centre, Webhooks Reference, 2024-12-31"

# No page lists shipment statuses; these are the happenings for which the vendor itself has words. Everything else in
# a shipment or its tracking is the carrier's vocabulary, and passed through.
SHIPMENT_STATUSES: Final = StatusTable(
    name="ReturnMate shipment status",
    source=_WEBHOOKS,
    fold=fold,
    unknown=Facts(shipment=ShipmentStatus.UNKNOWN),
    rows=MappingProxyType(
        {
            "created": Facts(
                shipment=ShipmentStatus.PRE_TRANSIT, source=_WEBHOOKS, why="shipment.created: the label was generated"
            ),
            "in_transit": Facts(
                shipment=ShipmentStatus.IN_TRANSIT,
                source=_WEBHOOKS,
                why="shipment.in_transit: the carrier's pick-up scan",
            ),
            "delivered": Facts(shipment=ShipmentStatus.DELIVERED, source=_WEBHOOKS),
            "exception": Facts(
                shipment=ShipmentStatus.EXCEPTION,
                source=_WEBHOOKS,
                why="shipment.exception: an issue with the delivery",
            ),
        }
    ),
)

# Known to be accepted by the API, whatever a shop has renamed: only these are ever sent unasked.
REFERENCE_WORDS: Final = ("pending", "approved", "rejected", "completed")
WRITABLE_WORDS: Final = ("approved", "rejected")
