"""What a run is asked to do: which account, and what of it."""

from collections.abc import Callable
from datetime import date, datetime

from attrs import field, frozen

from returns_hub.client import AsyncClient
from returns_hub.client.arguments import moment
from returns_hub.reports import SyncProgress


@frozen(kw_only=True)
class SyncJob:
    """An account that is to be synced. ``open_client`` gives a client of its own, which is closed afterwards.

    ``rate_limit`` is the account's own, None where its adapter declares it.
    """

    account: str
    open_client: Callable[[], AsyncClient]
    history_start: date
    rate_limit: str | None = None


def _since(given: date | datetime | None) -> datetime | None:
    return None if given is None else moment("since", given)


@frozen(kw_only=True)
class RunOptions:
    """What is wanted of a run, whatever the account; :meth:`returns_hub.Hub.sync` says what each means.

    ``now`` is a clock; None is the one that all processes of the mirror share.
    """

    since: datetime | None = field(default=None, converter=_since)
    full: bool = False
    details: bool = False
    progress: Callable[[SyncProgress], None] | None = None
    now: Callable[[], datetime] | None = None
