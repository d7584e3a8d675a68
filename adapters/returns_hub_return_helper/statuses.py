"""Return Helper's codes, and what each of them asserts here.

The vendor's lookups are its only authority on them; what is here is what its documents spell out. A code comes in four
spellings: the symbol, an integer, the integer as text, and the symbol in another casing. Two generations of the documents
also differ in words (``dis`` and ``dsp``, ``fail`` and ``failed``, ``inProgress`` and ``in-progress``). A code that a
document shows and never defines means nothing here. All documents were read on 2026-11-21.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from returns_hub import Disposition, DispositionStatus, Facts, LabelStatus, ShipmentStatus, Status, StatusTable

_SEED: Final = "getting-started page"
_CURRENT: Final = "apidocs.returnhelper.com"
_LEGACY: Final = "older API documentation, 2025-11"
_HISTORY: Final = "deleted revisions of the older API documentation"
_SAMPLES: Final = "samples of the older API documentation"

_NEVER_DEFINED: Final = "shown in samples, and never defined"


def fold(word: str) -> str:
    """The code as it is compared: without case, hyphens, underscores and blanks.

    The vendor itself shows ``inProgress`` and ``in-progress``, ``split-parcel`` and ``SPLIT_PARCEL``, ``SUCCESSFUL`` and
    ``successful``.
    """
    return "".join(word.casefold().replace("-", " ").replace("_", " ").split())


def _each(facts: Facts, *words: str) -> dict[str, Facts]:
    """The same facts for every spelling."""
    return dict.fromkeys(words, facts)


def _table(name: str, unknown: Facts, *rows: Mapping[str, Facts]) -> StatusTable:
    merged = {word: facts for part in rows for word, facts in part.items()}
    return StatusTable(
        name=f"Return Helper {name}", rows=MappingProxyType(merged), unknown=unknown, fold=fold, source=_LEGACY
    )


LABEL_STATUSES: Final = _table(
    "labelRequestStatusCode",
    Facts(label=LabelStatus.UNKNOWN),
    _each(
        Facts(label=LabelStatus.REQUESTED, source=f"{_SEED}, {_LEGACY}", why="the reply says queued, the list queue"),
        "queued",
        "queue",
    ),
    _each(Facts(label=LabelStatus.REQUESTED, source=_LEGACY), "started"),
    _each(
        Facts(label=LabelStatus.REQUESTED, source=_HISTORY, why="in webhooks, the state before the result"),
        "1",
    ),
    _each(Facts(label=LabelStatus.READY, source=_LEGACY), "success"),
    _each(
        Facts(label=LabelStatus.READY, source=_SAMPLES, why="in webhooks, it stands beside a tracking number"),
        "3",
    ),
    _each(
        Facts(
            label=LabelStatus.FAILED,
            source=f"{_SEED}, {_SAMPLES}",
            why="the samples say fail, the recipe failed; a later label of the same shipment can still succeed",
        ),
        "fail",
        "failed",
    ),
    _each(Facts(label=LabelStatus.FAILED, source=_HISTORY, why="in webhooks, it comes with an error"), "0"),
    _each(Facts(label=LabelStatus.VOID, source=_LEGACY), "canceled", "cancelled"),
    _each(
        Facts(
            label=LabelStatus.UNKNOWN,
            source=_HISTORY,
            why="comes with neither a tracking number nor an error: cancelled, or started",
        ),
        "2",
    ),
)

SHIPMENT_STATUSES: Final = _table(
    "shipmentStatusCode",
    Facts(shipment=ShipmentStatus.UNKNOWN),
    _each(
        Facts(shipment=ShipmentStatus.PRE_TRANSIT, label=LabelStatus.NONE, source=f"{_LEGACY}, editReturnRequest"),
        "no-label",
    ),
    _each(
        Facts(shipment=ShipmentStatus.PRE_TRANSIT, label=LabelStatus.FAILED, source=f"{_LEGACY}, editReturnRequest"),
        "lb-failed",
    ),
    _each(
        Facts(shipment=ShipmentStatus.DELIVERED, source=_SAMPLES, why="every sample of an arrival at the warehouse"),
        "6",
    ),
    _each(
        Facts(
            shipment=ShipmentStatus.UNKNOWN,
            source=_HISTORY,
            why="around the making of a label; which is which is not said",
        ),
        "1",
        "2",
        "3",
        "4",
    ),
)

RETURN_STATUSES: Final = _table(
    "returnStatusCode",
    Facts(status=Status.UNKNOWN),
    _each(
        Facts(
            status=Status.UNKNOWN,
            source=_SAMPLES,
            why=f"{_NEVER_DEFINED}; where a return stands follows from its shipments and inventories",
        ),
        "0",
        "3",
        "4",
    ),
)

HANDLINGS: Final = _table(
    "handlingCode",
    Facts(disposition=Disposition.UNKNOWN),
    _each(Facts(disposition=Disposition.UNDECIDED, source=_LEGACY, why="to be confirmed"), "tbc", "0"),
    _each(
        Facts(
            disposition=Disposition.RETURN_TO_OWNER,
            source=_LEGACY,
            why="a recall: the goods go to the seller; not a customer's return",
        ),
        "rtn",
        "1",
    ),
    _each(
        Facts(
            disposition=Disposition.DISPOSE,
            source=f"{_LEGACY}, {_CURRENT}",
            why="the older documents say dis, the newer update page dsp",
        ),
        "dis",
        "dsp",
        "2",
    ),
    _each(Facts(disposition=Disposition.FORWARD, source=_LEGACY, why="resend: shipped on to a buyer"), "rsd", "3"),
    _each(Facts(disposition=Disposition.HOLD, source=_LEGACY), "ohd", "4"),
    _each(Facts(disposition=Disposition.OTHER, source=_LEGACY), "oth", "5"),
    _each(Facts(disposition=Disposition.RESTOCK, source=_CURRENT, why="on the newer update page only"), "rst"),
)

_PROGRESS: Final = (
    _each(Facts(disposition_status=DispositionStatus.PENDING, source=_LEGACY), "pending", "0"),
    _each(Facts(disposition_status=DispositionStatus.IN_PROGRESS, source=_LEGACY), "inProgress", "1"),
    _each(
        Facts(
            disposition_status=DispositionStatus.DONE,
            source=_LEGACY,
            why="of a handling that ends something: an inventory that is on hold stays open, whatever this says",
        ),
        "completed",
        "2",
    ),
)
_UNKNOWN_PROGRESS: Final = Facts(disposition_status=DispositionStatus.UNKNOWN)

HANDLING_STATUSES: Final = _table("handlingStatusCode", _UNKNOWN_PROGRESS, *_PROGRESS)

RESEND_STATUSES: Final = _table(
    "resendStatusCode",
    _UNKNOWN_PROGRESS,
    _each(Facts(disposition_status=DispositionStatus.PENDING, source=_LEGACY), "pending", "0"),
    _each(
        Facts(disposition_status=DispositionStatus.CANCELLED, shipment=ShipmentStatus.CANCELLED, source=_LEGACY),
        "canceled",
        "cancelled",
        "1",
    ),
    _each(Facts(disposition_status=DispositionStatus.IN_PROGRESS, source=_LEGACY), "inProgress", "2"),
    _each(
        Facts(
            disposition_status=DispositionStatus.DONE,
            source=_LEGACY,
            why="the warehouse is done: the parcel has a tracking number, and is not said to have arrived",
        ),
        "completed",
        "3",
    ),
    _each(
        Facts(
            disposition_status=DispositionStatus.FAILED,
            label=LabelStatus.FAILED,
            source=_LEGACY,
            why="no label could be made for it",
        ),
        "failed",
        "4",
    ),
)

_RECALL_CANCELLED: Final = _each(
    Facts(disposition_status=DispositionStatus.CANCELLED, shipment=ShipmentStatus.CANCELLED, source=_LEGACY),
    "canceled",
    "cancelled",
)
_RECALL_MOVES: Final = Facts(
    disposition_status=DispositionStatus.IN_PROGRESS, shipment=ShipmentStatus.IN_TRANSIT, source=_LEGACY
)
_RECALL_WAITS: Final = Facts(
    disposition_status=DispositionStatus.IN_PROGRESS,
    shipment=ShipmentStatus.AVAILABLE_FOR_PICKUP,
    source=_LEGACY,
    why="in the consolidation warehouse, and not yet with the seller",
)
_RECALL_ENDS: Final = Facts(
    disposition_status=DispositionStatus.DONE, shipment=ShipmentStatus.DELIVERED, source=_LEGACY
)

RECALL_STATUSES: Final = _table(
    "recallStatusCode",
    _UNKNOWN_PROGRESS,
    _each(Facts(disposition_status=DispositionStatus.PENDING, source=_LEGACY), "pending", "0"),
    _each(Facts(disposition_status=DispositionStatus.IN_PROGRESS, source=_LEGACY), "in-progress", "1"),
    _each(
        Facts(
            disposition_status=DispositionStatus.IN_PROGRESS,
            source=_LEGACY,
            why="of the recall as a whole, and told as soon as its goods are ready to pick up: nobody has them yet",
        ),
        "completed",
        "2",
    ),
    _RECALL_CANCELLED,
    _each(Facts(disposition_status=DispositionStatus.CANCELLED, source=_HISTORY), "3"),
)

RECALL_INVENTORY_STATUSES: Final = _table(
    "recallInventoryStatusCode",
    _UNKNOWN_PROGRESS,
    _each(Facts(disposition_status=DispositionStatus.IN_PROGRESS, source=_LEGACY), "in-progress"),
    _each(_RECALL_MOVES, "in-transit"),
    _each(_RECALL_WAITS, "ready-to-pick-up"),
    _each(_RECALL_ENDS, "picked-up"),
    _RECALL_CANCELLED,
)

_PICKED_UP: Final = "how it was, or is to be, picked up; whether it was is told by recallInventoryStatusCode"

PICK_UPS: Final = _table(
    "pickUpCode",
    Facts(),
    _each(Facts(source=_LEGACY, why=_PICKED_UP), "pending", "self-pick-up", "courier-pick-up", "others"),
)

# The table of the documents, the spellings of their samples, and both names and numbers of earlier revisions.
RECALL_UPDATES: Final = _table(
    "recallUpdateTypeStatus",
    _UNKNOWN_PROGRESS,
    _each(_RECALL_MOVES, "updateTrackingNumber", "recallUpdateTrackingNumber", "0"),
    _each(_RECALL_WAITS, "readyToPickUp", "markReadyToPickUp", "recallMarkReadyToPickUp", "1"),
    _each(_RECALL_ENDS, "pickupBySelf", "pickUpToSelfPickUp", "recallPickUpToSelfPickUp", "2"),
    _each(_RECALL_ENDS, "pickupByCourier", "pickUpToCourierPickUp", "recallPickUpToCourierPickUp", "3"),
    _each(_RECALL_ENDS, "pickupByOthers", "pickUpToOthers", "recallPickUpToOthers", "4"),
)

VAS: Final = _table(
    "vasCode",
    Facts(disposition=Disposition.UNKNOWN),
    _each(
        Facts(disposition=Disposition.REWORK, source=_LEGACY),
        "mobi-fmt",
        "mobi-imei",
        "mobi-lock",
        "prd-inspec",
        "repack",
        "req-pic",
    ),
    _each(
        Facts(
            disposition=Disposition.REWORK,
            source=f"{_LEGACY}, {_CURRENT}",
            why="the newer page writes SPLIT_PARCEL; every piece becomes an inventory of its own",
        ),
        "split-parcel",
    ),
    _each(Facts(disposition=Disposition.REWORK, source=_HISTORY, why="beside a product inspection"), "3"),
)

VAS_STATUSES: Final = _table(
    "vasStatusCode",
    _UNKNOWN_PROGRESS,
    _each(Facts(disposition_status=DispositionStatus.PENDING, source=_LEGACY), "pending"),
    _each(Facts(disposition_status=DispositionStatus.DONE, source=_LEGACY), "successful"),
    _each(Facts(disposition_status=DispositionStatus.DONE, source=_HISTORY, why="shown as successful"), "1"),
    _each(Facts(disposition_status=DispositionStatus.FAILED, source=_LEGACY), "failed"),
    _each(
        Facts(
            disposition_status=DispositionStatus.UNKNOWN,
            source=_LEGACY,
            why="no document shows it; the order of the list suggests pending for 0 and failed for 2",
        ),
        "0",
        "2",
    ),
)

FBA_SHIPMENT_STATUSES: Final = _table(
    "fbaShipmentStatusCode",
    Facts(shipment=ShipmentStatus.UNKNOWN),
    _each(
        Facts(
            shipment=ShipmentStatus.PRE_TRANSIT,
            source=_LEGACY,
            why="announced; whether Amazon has sent it yet is not said",
        ),
        "PENDING",
    ),
    _each(Facts(shipment=ShipmentStatus.DELIVERED, source=_LEGACY), "ARRIVED"),
    _each(Facts(shipment=ShipmentStatus.CANCELLED, source=_LEGACY), "CANCELED", "CANCELLED"),
)

FBA_HANDLINGS: Final = _table(
    "fbaInstructionHandlingCode",
    Facts(disposition=Disposition.UNKNOWN),
    _each(
        Facts(
            disposition=Disposition.RESTOCK, source=_LEGACY, why="FBA stock becomes a return inventory in the warehouse"
        ),
        "RSK",
    ),
    _each(
        Facts(disposition=Disposition.RETURN_TO_OWNER, source=f"{_LEGACY}, {_CURRENT}, in this order"),
        "RCL",
        "RECALL",
    ),
    _each(
        Facts(
            disposition=Disposition.FORWARD,
            source=f"{_LEGACY}, {_CURRENT}, in this order",
            why="sent on to a warehouse of Amazon",
        ),
        "RPS",
        "REPLENISH",
    ),
    _each(Facts(disposition=Disposition.OTHER, source=_LEGACY), "OTH"),
    _each(Facts(disposition=Disposition.DISPOSE, source=_LEGACY), "DIS"),
    _each(Facts(disposition=Disposition.REWORK, source=f"{_LEGACY}, model files", why="relabelled"), "RLB"),
)

FBA_HANDLING_STATUSES: Final = _table("handlingStatusCode of FBA", _UNKNOWN_PROGRESS, *_PROGRESS)

CONSOLIDATE_ORDER_STATUSES: Final = _table(
    "consolidateShippingOrderStatus",
    _UNKNOWN_PROGRESS,
    _each(Facts(disposition_status=DispositionStatus.PENDING, source=_LEGACY), "CREATED", "CONFIRMED"),
    _each(
        Facts(disposition_status=DispositionStatus.IN_PROGRESS, source=_LEGACY), "READY_TO_SHIP", "PARTIALLY_SHIPPED"
    ),
    _each(Facts(disposition_status=DispositionStatus.DONE, source=_LEGACY), "SHIPPED"),
    _each(Facts(disposition_status=DispositionStatus.CANCELLED, source=_LEGACY), "CANCELED", "CANCELLED"),
)

CONSOLIDATE_INVENTORY_STATUSES: Final = _table(
    "consolidateShippingInventoryStatus",
    _UNKNOWN_PROGRESS,
    _each(Facts(disposition_status=DispositionStatus.PENDING, source=_LEGACY), "PENDING"),
    _each(Facts(disposition_status=DispositionStatus.IN_PROGRESS, source=_LEGACY), "IN_PROGRESS", "PACKED"),
    _each(Facts(disposition_status=DispositionStatus.DONE, source=_LEGACY), "SHIPPED"),
)

CONSOLIDATE_SHIPMENT_STATUSES: Final = _table(
    "consolidateShippingShipmentStatus",
    Facts(shipment=ShipmentStatus.UNKNOWN),
    _each(Facts(shipment=ShipmentStatus.PRE_TRANSIT, source=_LEGACY), "CREATED"),
    _each(Facts(shipment=ShipmentStatus.IN_TRANSIT, source=_LEGACY), "SHIPPED"),
)

CONSOLIDATE_BOX_STATUSES: Final = _table(
    "consolidateShippingShipmentBoxStatus",
    _UNKNOWN_PROGRESS,
    _each(Facts(disposition_status=DispositionStatus.IN_PROGRESS, source=_LEGACY), "IN_PROGRESS"),
    _each(Facts(disposition_status=DispositionStatus.DONE, source=_LEGACY), "SHIPPED"),
)

Words: TypeAlias = Mapping[str, StatusTable]
"""Tables by the names that they have in ``VOCABULARIES``."""

VOCABULARIES: Final[Words] = MappingProxyType(
    {
        "return": RETURN_STATUSES,
        "shipment": SHIPMENT_STATUSES,
        "label": LABEL_STATUSES,
        "handling": HANDLINGS,
        "handling_status": HANDLING_STATUSES,
        "resend": RESEND_STATUSES,
        "recall": RECALL_STATUSES,
        "recall_inventory": RECALL_INVENTORY_STATUSES,
        "recall_pick_up": PICK_UPS,
        "recall_update": RECALL_UPDATES,
        "vas": VAS,
        "vas_status": VAS_STATUSES,
        "fba_shipment": FBA_SHIPMENT_STATUSES,
        "fba_handling": FBA_HANDLINGS,
        "fba_handling_status": FBA_HANDLING_STATUSES,
        "consolidate_order": CONSOLIDATE_ORDER_STATUSES,
        "consolidate_inventory": CONSOLIDATE_INVENTORY_STATUSES,
        "consolidate_shipment": CONSOLIDATE_SHIPMENT_STATUSES,
        "consolidate_box": CONSOLIDATE_BOX_STATUSES,
    }
)

# What ends something, once it is completed. An inventory on hold is open for whatever is decided next.
ENDINGS: Final = frozenset(
    {
        Disposition.RESTOCK,
        Disposition.FORWARD,
        Disposition.RETURN_TO_OWNER,
        Disposition.DISPOSE,
        Disposition.OTHER,
    }
)


def new_words() -> Words:
    """All tables once more: a table counts the unknown words it is asked for, and each account has its own."""
    return MappingProxyType({name: table.extended({}) for name, table in VOCABULARIES.items()})


def handling(words: Words, code: str, status: str) -> tuple[Disposition | None, DispositionStatus | None]:
    """What a ``handlingCode`` with its ``handlingStatusCode`` comes to; None for what is ``""``.

    Only a handling that ends something is ever done: the documents also say ``completed`` of an inventory on hold.
    """
    disposition = words["handling"].look_up(code).disposition
    progress = words["handling_status"].look_up(status).disposition_status
    if progress is DispositionStatus.DONE and disposition not in ENDINGS:
        known = disposition in (Disposition.HOLD, Disposition.UNDECIDED)
        progress = DispositionStatus.IN_PROGRESS if known else DispositionStatus.UNKNOWN
    return disposition, progress
