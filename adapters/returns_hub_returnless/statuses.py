"""Returnless's words, and what each of them asserts here.

The Returnless V1 documentation (Returnless V1 API, read on 2026-11-21) defines ten words for requests and twelve for returns, a
sentence each; a row's source quotes it. Words that its examples show and that it never defines mean nothing here. The
two vocabularies share spellings, not meanings: ``approved`` is defined for requests only, ``processing`` for returns only.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from returns_hub import (
    Attention,
    Disposition,
    Facts,
    LabelStatus,
    ResolutionKind,
    ResolutionStatus,
    ShipmentStatus,
    Status,
    StatusTable,
)

_DOCUMENT: Final = "Returnless V1 documentation"


def _request(sentence: str) -> str:
    return f"{_DOCUMENT}, Request statuses: “{sentence}”"


def _return(sentence: str) -> str:
    return f"{_DOCUMENT}, Return statuses: “{sentence}”"


REQUEST_STATUSES: Final = StatusTable(
    name="Returnless request status",
    source=_DOCUMENT,
    rows=MappingProxyType(
        {
            "concept": Facts(
                status=Status.DRAFT,
                source=_request("Request has been created by the webshop but has not yet been sent to the customer."),
            ),
            "open": Facts(
                status=Status.REQUESTED,
                source=_request("Request has been created by the customer and is awaiting review."),
            ),
            "expired": Facts(
                status=Status.EXPIRED,
                source=_request("The expiration time has passed. Customer can not create a return."),
            ),
            "on_hold": Facts(
                status=Status.REQUESTED,
                attention=frozenset({Attention.ON_HOLD}),
                source=_request("Webshop has set the status On Hold. Customer can not create a return."),
                why="parked before a verdict: neither approved, for no return can be created, nor over",
            ),
            "cancelled": Facts(status=Status.CANCELLED, source=_request("Request has been cancelled.")),
            "approved": Facts(
                status=Status.APPROVED,
                source=_request("Request has been approved by the webshop. The customer can create a return."),
            ),
            "approved_without_shipment": Facts(
                status=Status.APPROVED,
                goods_expected=False,
                source=_request(
                    "Request has been approved by the webshop. The customer does not have to return the order."
                ),
                why="approved like the others, but no parcel will come",
            ),
            "rejected": Facts(
                status=Status.REJECTED,
                source=_request("Request has been rejected by the webshop. Customer can not create a return."),
            ),
            "customer_viewed": Facts(
                status=Status.APPROVED,
                source=_request(
                    "Request has been approved by the webshop and seen by the customer. "
                    "However no return label has been created yet."
                ),
                why="approved; that the customer has looked at it moves nothing",
            ),
            "label_created": Facts(
                status=Status.READY_TO_SHIP,
                label=LabelStatus.READY,
                source=_request(
                    "Request has been approved by the webshop and a return label has been created by the customer."
                ),
            ),
            # Shown, and never defined.
            "processing": Facts(
                status=Status.UNKNOWN,
                source=f"{_DOCUMENT}, examples of Get all requests and Get single request",
                why="shown on a request, but defined for returns only",
            ),
            "completed": Facts(
                status=Status.UNKNOWN,
                source=f"{_DOCUMENT}, example of Update request",
                why="shown on a request, but defined for returns only",
            ),
            "received": Facts(
                status=Status.UNKNOWN,
                source=f"{_DOCUMENT}, example of the status filter of requests",
                why="shown on a request, but defined for returns only",
            ),
        }
    ),
)

RETURN_STATUSES: Final = StatusTable(
    name="Returnless return status",
    source=_DOCUMENT,
    rows=MappingProxyType(
        {
            "processing": Facts(
                status=Status.READY_TO_SHIP,
                source=_return("Return has been created by customer."),
                why="made by the customer, with nothing left to approve or, unlike pending_payment, to pay; "
                "whether the parcel is on its way is not said",
            ),
            "received": Facts(
                status=Status.RECEIVED,
                source=_return("Return has been received by the webshop and has to be checked."),
            ),
            "complete": Facts(
                status=Status.APPROVED,
                goods_expected=False,
                source=_return("Return has been auto-approved without shipment by Return Rules."),
                why="not completed: approved by a rule, nothing is shipped, and no refund is mentioned",
            ),
            "checked": Facts(
                status=Status.INSPECTED,
                source=_return("Return has been approved by the webshop."),
                why="the verdict on what has arrived, after received; a request is approved before anything is sent",
            ),
            "re-check": Facts(
                status=Status.RECEIVED,
                attention=frozenset({Attention.REVIEW}),
                source=_return("Return has to be re-checked by the webshop."),
                why="a step back: what was inspected is to be inspected again",
            ),
            "completed": Facts(
                status=Status.RESOLVED,
                resolution=ResolutionKind.REFUND,
                resolution_status=ResolutionStatus.DONE,
                source=_return("Return has been refunded by the webshop."),
                why="not complete: the customer has the money",
            ),
            "declined": Facts(status=Status.REJECTED, source=_return("Return has been refused by the webshop.")),
            "delivered": Facts(
                status=Status.CLOSED,
                resolution=ResolutionKind.REFUND,
                resolution_status=ResolutionStatus.DONE,
                source=_return("Return has been received, approved, refunded and processed in accounting software."),
                why="booked in accounting; it says nothing of a parcel",
            ),
            "exception": Facts(
                attention=frozenset({Attention.EXCEPTION}),
                source=_return("Return has an exception."),
                why="something is wrong, at whatever stage: the status before it stays",
            ),
            "exchanged": Facts(
                status=Status.RESOLVED,
                resolution=ResolutionKind.EXCHANGE,
                resolution_status=ResolutionStatus.DONE,
                source=_return("Products have been exchanged for a new product."),
            ),
            "pending_payment": Facts(
                status=Status.APPROVED,
                attention=frozenset({Attention.PAYMENT_DUE}),
                label=LabelStatus.NONE,
                source=_return("Return label is not created yet. Returnless is awaiting payment by customer."),
                why="the customer pays for the label, then it is made",
            ),
            "closed": Facts(
                status=Status.CANCELLED,
                label=LabelStatus.VOID,
                source=_return(
                    "Return label has been cancelled and the payment for the return label has been refunded by Returnless."
                ),
                why="called off: the label's price was paid back, nothing for the goods",
            ),
            # Shown, and never defined.
            "approved": Facts(
                status=Status.UNKNOWN,
                source=f"{_DOCUMENT}, example of the status filter of returns",
                why="shown as a return's status, but defined for requests only",
            ),
        }
    ),
)

# Words and codes of one thing, apart from case, blanks, hyphens and underscores.
_TRACKING_WORDS: Final[Mapping[ShipmentStatus, tuple[str, ...]]] = MappingProxyType(
    {
        ShipmentStatus.PRE_TRANSIT: ("Pre-transit", "Label created"),
        ShipmentStatus.IN_TRANSIT: ("In transit", "Shipped"),
        ShipmentStatus.OUT_FOR_DELIVERY: ("Out for delivery",),
        ShipmentStatus.AVAILABLE_FOR_PICKUP: ("Available for pickup", "Ready for pickup"),
        ShipmentStatus.DELIVERED: ("Delivered",),
        ShipmentStatus.EXCEPTION: ("Exception", "Delivery failed"),
        ShipmentStatus.RETURN_TO_SENDER: ("Return to sender", "Returned to sender"),
        ShipmentStatus.CANCELLED: ("Cancelled", "Canceled"),
        ShipmentStatus.EXPIRED: ("Expired",),
    }
)


def fold_tracking_word(word: str) -> str:
    """A tracking status without regard to case, blanks, hyphens and underscores."""
    return "".join(filter(str.isalnum, word.casefold()))


# Keyed by the text, and by the code where the text says nothing. The documentation lists neither.
TRACKING_STATUSES: Final = StatusTable(
    name="Returnless tracking status",
    source=_DOCUMENT,
    unknown=Facts(shipment=ShipmentStatus.UNKNOWN),
    fold=fold_tracking_word,
    rows=MappingProxyType(
        {
            word: Facts(
                shipment=ShipmentStatus.PRE_TRANSIT,
                source=f"{_DOCUMENT}, every example of a parcel",
                why="1000 and “Ready to Send” are the one pair that is shown: a label, and no scan yet",
            )
            for word in ("1000", "Ready to Send")
        }
        | {
            word: Facts(shipment=status, source="not in the documentation; plain English beside a code")
            for status, words in _TRACKING_WORDS.items()
            for word in words
        }
    ),
)

WEBHOOK_ACTIONS: Final = StatusTable(
    name="Returnless webhook action",
    source=_DOCUMENT,
    rows=MappingProxyType(
        {
            "return_created": Facts(
                status=Status.READY_TO_SHIP,
                source=f"{_DOCUMENT}, New Return webhook: “a notification when a return is created by one of your customers”",
                why="as the status processing, which is defined in the same words; believed with trust_unsigned_body only",
            )
        }
    ),
)

BACK_TO_STOCK: Final = StatusTable(
    name="Returnless back_to_stock",
    source=_DOCUMENT,
    unknown=Facts(disposition=Disposition.UNKNOWN),
    rows=MappingProxyType(
        {
            "1": Facts(disposition=Disposition.RESTOCK, source=f"{_DOCUMENT}, every example of a returned product"),
            "0": Facts(
                disposition=Disposition.UNKNOWN,
                source="not shown; the other digit of a flag",
                why="not back to stock; where else is not said",
            ),
        }
    ),
)

# The words that set a neutral status: each asserts this status and nothing more, and is the webshop's to say. The
# others are about money, a label or what the customer did, so only `raw_status` sends them.
REQUEST_WORD_BY_STATUS: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.DRAFT: "concept",
        Status.REQUESTED: "open",
        Status.APPROVED: "approved",
        Status.REJECTED: "rejected",
        Status.CANCELLED: "cancelled",
        Status.EXPIRED: "expired",
    }
)
RETURN_WORD_BY_STATUS: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.RECEIVED: "received",
        Status.INSPECTED: "checked",
        Status.REJECTED: "declined",
    }
)
