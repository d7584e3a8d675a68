"""Return Helper's codes, and what each of them asserts here.

The vendor's lookups are its only authority on them; what is here is what its documents spell out. A code comes in four
spellings: the symbol, an integer, the integer as text, and the symbol in another casing. Two generations of the documents
also differ in words (``dis`` and ``dsp``, ``fail`` and ``failed``, ``inProgress`` and ``in-progress``). A code that a
document shows and never defines means nothing here. All documents were read on 2026-11-21.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from returns_hub import (
    ConfigurationError,
    Disposition,
    DispositionStatus,
    Facts,
    LabelStatus,
    ShipmentStatus,
    Status,
    StatusTable,
    UnexpectedReply,
    dump,
    structure,
)

# Titles of docs/sources.md, each behind "Return Helper".
_SEED: Final = "Getting started"
_CURRENT: Final = "other pages"
_LEGACY: Final = "legacy documentation"
_HISTORY: Final = "legacy documentation, deleted revisions"
_SAMPLES: Final = "legacy documentation, samples"

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
            shipment=ShipmentStatus.PRE_TRANSIT,
            source=_HISTORY,
            why="stages of the label, by every known reading; which is which is not said, so nothing is said of the label",
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
            why="of every handling; an inventory on hold stays open all the same",
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
    _each(
        Facts(disposition_status=DispositionStatus.PENDING, shipment=ShipmentStatus.PRE_TRANSIT, source=_LEGACY),
        "pending",
        "0",
    ),
    _each(
        Facts(disposition_status=DispositionStatus.CANCELLED, shipment=ShipmentStatus.CANCELLED, source=_LEGACY),
        "canceled",
        "cancelled",
        "1",
    ),
    _each(
        Facts(disposition_status=DispositionStatus.IN_PROGRESS, shipment=ShipmentStatus.PRE_TRANSIT, source=_LEGACY),
        "inProgress",
        "2",
    ),
    _each(
        Facts(
            disposition_status=DispositionStatus.DONE,
            shipment=ShipmentStatus.IN_TRANSIT,
            source=f"{_SEED}, {_LEGACY}",
            why="the warehouse is done: the parcel has a tracking number and is on its way, not said to have arrived",
        ),
        "completed",
        "3",
    ),
    _each(
        Facts(
            disposition_status=DispositionStatus.FAILED,
            shipment=ShipmentStatus.PRE_TRANSIT,
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
            why="of the recall as a whole, and reported as soon as its goods are ready to pick up: nobody has them yet",
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

_PICKED_UP: Final = "how it was, or is to be, picked up; whether it was is said by recallInventoryStatusCode"

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


_SHIPMENT_FACTS: Final = frozenset({"shipment", "label", "why"})


def account_words(shipment_status_map: Mapping[str, Any]) -> Words:
    """The tables of one account: the vendor's, and the words of its parcels that ``shipment_status_map`` teaches.

    Raises:
        ConfigurationError: naming the word whose meaning is not understood.
    """
    rows = {word: _shipment_facts(word, meaning) for word, meaning in shipment_status_map.items()}
    # A table counts the unknown words it is asked for: each account has its own.
    try:
        tables = {name: table.extended(rows if name == "shipment" else {}) for name, table in VOCABULARIES.items()}
    except ValueError as error:
        raise ConfigurationError(f"return_helper: shipment_status_map: {error}") from None
    return MappingProxyType(tables)


def _shipment_facts(word: str, meaning: object) -> Facts:
    place = f"return_helper: shipment_status_map, word {word!r}"
    if not fold(word):
        raise ConfigurationError("return_helper: shipment_status_map: a word is empty")
    if isinstance(meaning, Facts):
        return meaning
    table = {"shipment": meaning} if isinstance(meaning, str) else meaning
    expected = f'a status of a shipment is expected ({", ".join(ShipmentStatus)}), or a table with one under "shipment"'
    if not isinstance(table, Mapping) or "shipment" not in table:
        raise ConfigurationError(f"{place}: {expected}")
    if strange := sorted(set(map(str, table)) - _SHIPMENT_FACTS):
        raise ConfigurationError(
            f"{place}: {strange[0]!r} is no fact of a shipment; {', '.join(sorted(_SHIPMENT_FACTS))} are"
        )
    try:
        return structure(dump(dict(table)), Facts)
    except UnexpectedReply as error:
        fault = error.where or "the table"
    raise ConfigurationError(f"{place}: {fault} is not a word of its vocabulary; {expected}")
