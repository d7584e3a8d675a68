"""The vocabularies that every vendor's words are mapped onto, and the table that does it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from attrs import field, frozen
from attrs.converters import optional

from returns_hub.fields import name_fields, to_word, to_words
from returns_hub.fork import reset_after_fork


class Status(StrEnum):
    """Where a return stands. The first nine are in order of progress."""

    DRAFT = "draft"
    REQUESTED = "requested"
    APPROVED = "approved"
    READY_TO_SHIP = "ready_to_ship"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    INSPECTED = "inspected"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """True where nothing more is expected: rejected, cancelled, expired, closed."""
        return self in _TERMINAL


_TERMINAL: Final = frozenset({Status.REJECTED, Status.CANCELLED, Status.EXPIRED, Status.CLOSED})


class Attention(StrEnum):
    """What somebody has to look at, beside the progress in :class:`Status`."""

    ON_HOLD = "on_hold"
    WAITING_CUSTOMER = "waiting_customer"
    WAITING_MERCHANT = "waiting_merchant"
    PAYMENT_DUE = "payment_due"
    REVIEW = "review"
    LABEL_FAILED = "label_failed"
    CARRIER_EXCEPTION = "carrier_exception"
    EXCEPTION = "exception"
    OTHER = "other"


class ResolutionKind(StrEnum):
    """What the customer gets."""

    REFUND = "refund"
    STORE_CREDIT = "store_credit"
    EXCHANGE = "exchange"
    REPLACEMENT = "replacement"
    REPAIR = "repair"
    CREDIT_NOTE = "credit_note"
    NONE = "none"
    UNKNOWN = "unknown"


class ResolutionStatus(StrEnum):
    """How far a resolution has come; ``requested`` is what the customer asked for and nobody has decided."""

    REQUESTED = "requested"
    PENDING = "pending"
    PARTIAL = "partial"
    DONE = "done"
    FAILED = "failed"
    DENIED = "denied"
    UNKNOWN = "unknown"


class LabelStatus(StrEnum):
    """Whether a shipping label is there."""

    NONE = "none"
    REQUESTED = "requested"
    READY = "ready"
    FAILED = "failed"
    VOID = "void"
    UNKNOWN = "unknown"


class ShipmentStatus(StrEnum):
    """Where a parcel is."""

    PRE_TRANSIT = "pre_transit"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    DELIVERED = "delivered"
    EXCEPTION = "exception"
    RETURN_TO_SENDER = "return_to_sender"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Direction(StrEnum):
    """Which way a parcel goes: ``inbound`` is from the customer to the merchant or warehouse."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Disposition(StrEnum):
    """What is to become of a returned item."""

    UNDECIDED = "undecided"
    HOLD = "hold"
    RESTOCK = "restock"
    REWORK = "rework"
    FORWARD = "forward"
    RETURN_TO_OWNER = "return_to_owner"
    DISPOSE = "dispose"
    KEEP = "keep"
    OTHER = "other"
    UNKNOWN = "unknown"


class DispositionStatus(StrEnum):
    """How far a disposition has come."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class ReturnKind(StrEnum):
    """What sort of return it is."""

    CUSTOMER = "customer"
    UNDELIVERABLE = "undeliverable"
    UNANNOUNCED = "unannounced"
    WARRANTY = "warranty"
    REPAIR = "repair"
    TRADE = "trade"
    REMOVAL = "removal"
    UNKNOWN = "unknown"


# Type checkers take named functions only for converters, so each vocabulary has one.
def to_status(value: Status | str) -> Status:
    """A status, given as itself or as text."""
    return to_word(Status, value)


def to_resolution_kind(value: ResolutionKind | str) -> ResolutionKind:
    """A kind of resolution, given as itself or as text."""
    return to_word(ResolutionKind, value)


def to_resolution_status(value: ResolutionStatus | str) -> ResolutionStatus:
    """The status of a resolution, given as itself or as text."""
    return to_word(ResolutionStatus, value)


def to_label_status(value: LabelStatus | str) -> LabelStatus:
    """The status of a label, given as itself or as text."""
    return to_word(LabelStatus, value)


def to_shipment_status(value: ShipmentStatus | str) -> ShipmentStatus:
    """The status of a shipment, given as itself or as text."""
    return to_word(ShipmentStatus, value)


def to_direction(value: Direction | str) -> Direction:
    """A direction, given as itself or as text."""
    return to_word(Direction, value)


def to_disposition(value: Disposition | str) -> Disposition:
    """A disposition, given as itself or as text."""
    return to_word(Disposition, value)


def to_disposition_status(value: DispositionStatus | str) -> DispositionStatus:
    """The status of a disposition, given as itself or as text."""
    return to_word(DispositionStatus, value)


def to_return_kind(value: ReturnKind | str) -> ReturnKind:
    """A kind of return, given as itself or as text."""
    return to_word(ReturnKind, value)


def to_statuses(values: Iterable[Status | str]) -> frozenset[Status]:
    """Several statuses, each given as itself or as text."""
    return to_words(Status, values)


def to_attentions(values: Iterable[Attention | str]) -> frozenset[Attention]:
    """Several attentions, each given as itself or as text."""
    return to_words(Attention, values)


@frozen(kw_only=True, field_transformer=name_fields)
class Facts:
    """What one vendor word asserts here. A field left at None asserts nothing.

    ``why`` says, in a sentence, why a row that is easy to get wrong means what it means, and ``source``
    where the word is documented; ``returns-hub explain`` prints both.
    """

    status: Status | None = field(default=None, converter=optional(to_status))
    attention: frozenset[Attention] = field(default=frozenset(), converter=to_attentions)
    goods_expected: bool | None = None
    resolution: ResolutionKind | None = field(default=None, converter=optional(to_resolution_kind))
    resolution_status: ResolutionStatus | None = field(default=None, converter=optional(to_resolution_status))
    label: LabelStatus | None = field(default=None, converter=optional(to_label_status))
    shipment: ShipmentStatus | None = field(default=None, converter=optional(to_shipment_status))
    disposition: Disposition | None = field(default=None, converter=optional(to_disposition))
    disposition_status: DispositionStatus | None = field(default=None, converter=optional(to_disposition_status))
    why: str = ""
    source: str = ""

    def assertions(self) -> Iterator[str]:
        """What it asserts, in a few words each; nothing if it asserts nothing."""
        if self.status is not None:
            yield self.status.value
        if self.goods_expected is not None:
            yield "goods expected" if self.goods_expected else "no goods expected"
        yield from (f"attention: {attention.value}" for attention in sorted(self.attention))
        for name, value, state in (
            ("resolution", self.resolution, self.resolution_status),
            ("label", self.label, None),
            ("shipment", self.shipment, None),
            ("disposition", self.disposition, self.disposition_status),
        ):
            words = " ".join(part.value for part in (value, state) if part is not None)
            if words:
                yield f"{name}: {words}"

    @property
    def has_no_meaning(self) -> bool:
        """True of a word that is known, perhaps, and has no meaning: an unknown status, and nothing beside it."""
        return self.status is Status.UNKNOWN and not self.attention and self.resolution is None


def verbatim(word: str) -> str:
    """The default folding: none. A vendor's spelling is matched as it is."""
    return word


@frozen(kw_only=True, eq=False)
class StatusTable:
    """One vendor vocabulary as data: every word has :class:`Facts`, and an unknown one has :attr:`unknown`.

    Total: :meth:`look_up` never raises, whatever a vendor sends. Exact: nothing but ``fold`` is done to
    a word, and ``fold`` does only what the vendor itself varies. Words that were looked up and mean nothing here
    (no row, or one that says that the vendor never defines the word) are counted in :meth:`unknown_words`, so that
    an operator hears of them.
    """

    name: str
    rows: Mapping[str, Facts]
    unknown: Facts = Facts(status=Status.UNKNOWN)
    fold: Callable[[str], str] = verbatim
    source: str = ""
    _folded: Mapping[str, Facts] = field(init=False, repr=False)
    _plain: Mapping[str, Facts] = field(init=False, repr=False)
    _seen: Counter[str] = field(init=False, repr=False, factory=Counter)
    _lock: threading.Lock = field(init=False, repr=False, factory=threading.Lock)

    def __attrs_post_init__(self) -> None:
        folded: dict[str, Facts] = {}
        for word, facts in self.rows.items():
            key = self.fold(word)
            if folded.setdefault(key, facts) != facts:
                raise ValueError(f"{self.name}: {word!r} folds onto a word that means something else")
        object.__setattr__(self, "_folded", MappingProxyType(folded))
        # Words as the rows spell them, with a meaning: most of what comes needs neither folding nor counting.
        plain = {word: facts for word, facts in self.rows.items() if word and self._has_meaning(facts)}
        object.__setattr__(self, "_plain", MappingProxyType(plain))
        reset_after_fork(self, StatusTable._reset)

    def _reset(self) -> None:
        object.__setattr__(self, "_lock", threading.Lock())

    def look_up(self, word: str | None) -> Facts:
        """What the word asserts; for None or ``""`` nothing at all, for a word without a row :attr:`unknown`."""
        if not word:
            return _SILENCE
        plain = self._plain.get(word)
        if plain is not None:
            return plain
        facts = self._folded.get(self.fold(word), self.unknown)
        if not self._has_meaning(facts):
            self._count(word)
        return facts

    def _has_meaning(self, facts: Facts) -> bool:
        return facts is not self.unknown and not facts.has_no_meaning

    def knows(self, word: str) -> bool:
        """True if the word, folded, has a row."""
        return self.row(word) is not None

    def row(self, word: str) -> Facts | None:
        """The row of a word, or None; to explain it, for it is not counted as :meth:`look_up` does."""
        return self._plain.get(word) or self._folded.get(self.fold(word))

    def words_for(self, status: Status) -> tuple[str, ...]:
        """The words, as the rows spell them, that assert this status."""
        return tuple(word for word, facts in self.rows.items() if facts.status is status)

    def extended(self, rows: Mapping[str, Facts]) -> "StatusTable":
        """A new table in which these rows come before this table's own: a merchant's own words win."""
        own = {self.fold(word) for word in rows}
        kept = {word: facts for word, facts in self.rows.items() if self.fold(word) not in own}
        return StatusTable(
            name=self.name, rows={**rows, **kept}, unknown=self.unknown, fold=self.fold, source=self.source
        )

    def unknown_words(self) -> Mapping[str, int]:
        """The words without a meaning that were looked up, and how often; at most 200 different ones."""
        with self._lock:
            return dict(self._seen)

    def _count(self, word: str) -> None:
        key = word[:100]
        with self._lock:
            # Bounded: a hostile or broken vendor can send a new word in every row.
            if key in self._seen or len(self._seen) < _MAX_UNKNOWN_WORDS:
                self._seen[key] += 1


_SILENCE: Final = Facts()
_MAX_UNKNOWN_WORDS: Final = 200
