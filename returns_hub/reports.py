"""What a hub reports: of a sync or a comparison, of a delivery, of an event at which a handler failed. Plain values."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal, TypeAlias

from attrs import evolve, field, frozen

from returns_hub.events import Event, Origin
from returns_hub.operation import Pairs, UnreadableField, WebhookRequest

Verdict: TypeAlias = Literal["ok", "warning", "failed"]

_MAX_GAPS: Final = 100


@frozen(kw_only=True)
class SyncProgress:
    """How far the sync of an account is. ``phase`` is ``backfill`` or ``changes``, or ``reconcile`` in a comparison.

    Of ``read`` rows ``stored`` are in the mirror. ``total`` is None where the vendor does not say it, or not yet.
    """

    account: str
    phase: str
    read: int
    stored: int
    total: int | None = None


@frozen(kw_only=True)
class SyncReport:
    """What one sync of one account did.

    ``requests`` counts what was asked of the vendor, repetitions after a failure not included, ``pages`` the
    listings among it. ``read`` rows came in; of their returns ``created`` were new to the mirror, ``changed`` have at
    least one event, ``unchanged`` none. ``invalid_records`` are not in the mirror, for they could not be read; ``unreadable`` names fields that were left empty,
    each once and a thousand at most. ``unknown_words`` are status words
    without a meaning here, and how often they came. ``gaps`` are sentences about what could not be seen. ``error`` is
    why the sync ended early, None if it did not; ``retry_at`` is when the vendor takes requests again, where it is the
    account's allowance that ended it. ``skipped`` says who else is syncing the account: then nothing was done here.
    """

    account: str
    requests: int = 0
    pages: int = 0
    read: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    events: int = 0
    invalid_records: int = 0
    unreadable: tuple[UnreadableField, ...] = ()
    unknown_words: Mapping[str, int] = field(factory=dict, hash=False)
    gaps: tuple[str, ...] = ()
    duration_s: float = 0.0
    error: str | None = None
    retry_at: datetime | None = None
    skipped: str | None = None


@frozen(kw_only=True)
class Difference:
    """A return of which the mirror said something else than its vendor: the fields that differed."""

    id: str
    fields: tuple[str, ...]


@frozen(kw_only=True)
class ReconcileReport:
    """What one comparison of an account's mirror with its vendor found.

    ``checked`` rows came in. ``missing`` returns were at the vendor and not in the mirror, ``changed`` ones said something
    else; ``repaired`` counts what is right in the mirror now; ``differences`` names the fields of
    the first hundreds (their values are in the events). ``gone`` returns are in the mirror and not known
    to the vendor any more: they are never deleted, and ``gone_ids`` names the first hundred. The other fields are those of
    :class:`SyncReport`.
    """

    account: str
    requests: int = 0
    pages: int = 0
    checked: int = 0
    missing: int = 0
    changed: int = 0
    repaired: int = 0
    differences: tuple[Difference, ...] = ()
    gone: int = 0
    gone_ids: tuple[str, ...] = ()
    invalid_records: int = 0
    unreadable: tuple[UnreadableField, ...] = ()
    unknown_words: Mapping[str, int] = field(factory=dict, hash=False)
    gaps: tuple[str, ...] = ()
    duration_s: float = 0.0
    error: str | None = None
    retry_at: datetime | None = None
    skipped: str | None = None


class ReportBuilder:
    """The report of a run, while it is made."""

    def __init__(self, account: str) -> None:
        self.report = SyncReport(account=account)

    @property
    def error(self) -> str | None:
        """Why the run ended early."""
        return self.report.error

    def set(self, **values: Any) -> None:
        """Set fields of the report."""
        self.report = evolve(self.report, **values)

    def count(self, **more: int) -> None:
        """Add to counts of the report."""
        self.set(**{name: getattr(self.report, name) + number for name, number in more.items()})

    def add_gap(self, sentence: str) -> None:
        """Note what could not be seen, each sentence once."""
        gaps = self.report.gaps
        if len(gaps) < _MAX_GAPS and sentence not in gaps:
            self.set(gaps=(*gaps, sentence))


class DeliveryState(StrEnum):
    """What has become of a delivery."""

    PENDING = "pending"
    PROCESSED = "processed"
    DEAD = "dead"


@frozen(kw_only=True)
class Delivery:
    """One delivery, as it is stored.

    ``subject`` names what it is about, ``""`` where it does not say; ``duplicates`` counts the copies that came after it.
    ``attempts`` are those since it came, or since it was last replayed; a pending one is tried again at ``due_at``.
    ``error`` is why the last attempt failed, or why a processed one came to nothing; it holds nothing of the delivery.
    ``events`` counts those it caused. ``headers`` and ``url`` are without what could be a secret.
    """

    id: int
    account: str
    dedupe_key: str
    subject: str
    origin: Origin
    received_at: datetime
    state: DeliveryState
    duplicates: int
    attempts: int
    due_at: datetime
    processed_at: datetime | None
    error: str | None
    events: int
    method: str
    url: str
    headers: Pairs = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def request(self) -> WebhookRequest:
        """The request, as far as it was kept."""
        return WebhookRequest(
            method=self.method, url=self.url, headers=self.headers, body=self.body, received_at=self.received_at
        )


@frozen(kw_only=True)
class Refusal:
    """What was refused for one reason: deliveries (``route`` ``webhooks``) or order look-ups (``orders``) of an account.

    ``account`` is ``""`` where the path named none that there is. ``reason`` is one word, that of a
    :class:`returns_hub.WebhookRejected` or ``misconfigured``, ``failed`` and the like; ``detail`` is the latest cause in a
    sentence, or of an exception its type and place. ``digest`` is the SHA-256, in hex, of the body of one of the latest, ``""`` where
    it was not read. What came in is not kept. The last seconds may not be counted yet.
    """

    account: str
    route: str
    reason: str
    detail: str
    digest: str
    count: int
    first_at: datetime
    last_at: datetime


@frozen(kw_only=True)
class Backlog:
    """How many deliveries are pending, since when, and how many are dead.

    ``stuck`` ones are pending too: for two minutes no attempt to process them has come to an end.
    """

    pending: int
    dead: int
    stuck: int = 0
    oldest_pending_at: datetime | None


@frozen(kw_only=True)
class Finding:
    """What one check of ``doctor`` came to: ``ok``, ``warning`` or ``failed``. ``account`` is None for what all accounts share."""

    account: str | None
    check: str
    result: Verdict
    detail: str


@frozen(kw_only=True)
class Reloaded:
    """What a reload of the configuration has changed: the names of accounts that are new, have other options, or are gone."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@frozen(kw_only=True)
class Purged:
    """How much was removed: processed deliveries, observations ``waiting`` for a return that never appeared, and rows of the ``audit``."""

    deliveries: int
    waiting: int
    audit: int = 0


@frozen(kw_only=True)
class Erased:
    """What an erasure has removed: rows of ``returns`` (a request counts by itself), the personal values of ``events``, ``deliveries``, and ``waiting`` observations.

    ``pending`` deliveries are about other returns as well: their bytes go once they are processed. ``vacuumed`` is False
    if the database's files may still hold some of it, because somebody was reading: erase again.
    """

    returns: int
    events: int
    deliveries: int
    pending: int
    waiting: int
    vacuumed: bool


class FailedEventState(StrEnum):
    """What becomes of an event at which a consumer failed."""

    PENDING = "pending"
    DEAD = "dead"


@frozen(kw_only=True)
class FailedEvent:
    """An event at which a consumer failed: ``pending`` if it is tried again at ``due_at``, ``dead`` if it is not.

    ``error`` is the type of the last attempt's exception and the place that raised it, without its text: that may hold
    what the event is about.
    """

    consumer: str
    event: Event
    state: FailedEventState
    attempts: int
    due_at: datetime
    error: str
