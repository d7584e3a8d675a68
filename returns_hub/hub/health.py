"""How a hub stands: its store, its inbox, and the syncs of its accounts."""

from datetime import datetime

from attrs import frozen

from returns_hub.handlers import ConsumerHealth


@frozen(kw_only=True)
class AccountHealth:
    """How one account stands. ``lag_s``: by how many seconds the mirror is behind the vendor, None before a first sync.

    ``degraded``: several syncs in a row have failed. ``synced_at``: when the last one ended, well or not.
    """

    account: str
    synced_at: datetime | None
    lag_s: float | None
    degraded: bool


@frozen(kw_only=True)
class Health:
    """How a hub stands. ``ok`` is True where no delivery is stuck; a store that does not answer is an error instead.

    ``pending`` deliveries wait to be processed, the oldest for ``oldest_pending_s``; ``dead`` ones wait for an operator.
    Of the pending ones ``stuck`` are tried again and again, for more than two minutes, and no attempt comes to an end.
    ``refused`` counts the deliveries and look-ups that were refused as long as they are remembered, the last at
    ``refused_at``. ``consumers`` are all that have a cursor in the store.
    """

    ok: bool
    pending: int
    oldest_pending_s: float | None
    dead: int
    accounts: tuple[AccountHealth, ...]
    consumers: tuple[ConsumerHealth, ...] = ()
    stuck: int = 0
    refused: int = 0
    refused_at: datetime | None = None
