"""What a webhook delivery comes to: its events, and what to answer. No I/O, no clock."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from attrs import field, frozen

from returns_hub.model import Return
from returns_hub.operation import HttpAnswer


@frozen(kw_only=True)
class ReturnHint:
    """Something happened to a return; read it again to learn what. Nothing else in the delivery is trusted.

    ``return_id`` is None where the vendor names only a part of it, in ``aliases``: ``shipment:ID``, or ``item:ID`` with an
    item's id or alias.
    """

    name: str
    return_id: str | None
    aliases: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class ReturnObserved:
    """A delivery whose signed body itself asserts facts about a return, as of ``occurred_at`` by the vendor's clock.

    Where the vendor names no return, ``observed.id`` is ``""`` and its shipments and items identify it: the
    return that has a shipment of that id, or an item of that id or alias.
    """

    name: str
    observed: Return
    occurred_at: datetime
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


@frozen(kw_only=True)
class UnknownEvent:
    """A valid delivery that the adapter cannot interpret; ``body`` is what came. Never an error, never lost.

    ``ids`` are the identifiers that could be read from it, by the vendor's names.
    """

    name: str | None
    body: bytes = field(repr=False)
    ids: Mapping[str, str] = field(factory=dict, hash=False)


VendorEvent: TypeAlias = ReturnHint | ReturnObserved | UnknownEvent


@frozen(kw_only=True)
class Receipt:
    """A verified delivery: its events, what to answer, and the key by which its duplicates are recognised.

    ``kept_body`` is the body as it may be kept, where secrets stood in the one that came; None where that may be kept as it is.
    """

    events: tuple[VendorEvent, ...]
    answer: HttpAnswer
    dedupe_key: str
    kept_body: bytes | None = field(default=None, repr=False)


def body_digest(body: bytes) -> str:
    """SHA-256 of the exact bytes, in hex: the dedupe key of a delivery that carries none."""
    return hashlib.sha256(body).hexdigest()
