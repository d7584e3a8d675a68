"""Which returns, events and deliveries a hub is asked for."""

from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

from returns_hub.client.arguments import enum_member, known_filters, moment
from returns_hub.reports import DeliveryState
from returns_hub.status import Attention, Status

if TYPE_CHECKING:
    from returns_hub.store import Store


class ReturnSelection(TypedDict, total=False):
    """Which mirrored returns: every filter that is given must hold.

    ``since`` is the earliest ``created_at``. ``order``, ``email``, ``tracking``, ``sku`` and
    ``number`` (an RMA) are whole words: case does not count, nor does a ``#`` before them, nor spaces and hyphens in a tracking number.
    """

    account: str | None
    status: Status | str | None
    attention: Attention | str | None
    since: date | datetime | None
    order: str | None
    number: str | None
    email: str | None
    tracking: str | None
    sku: str | None


class ReturnFilters(ReturnSelection, total=False):
    """Which mirrored returns to read: a selection, of which ``limit`` at most."""

    limit: int | None


class EventFilters(TypedDict, total=False):
    """Which events to read: those behind ``after`` (a sequence, or ``SEQUENCE:ID``), of an ``account``, of a return; ``limit`` at most.

    ``delivery_id`` are those that a webhook delivery caused, as far as they are recorded: it does not go with following.
    ``latest`` is how many of the newest to read, in their order; it stands alone or with ``account`` and ``return_id``.
    """

    after: int | str
    account: str | None
    return_id: str | None
    delivery_id: int | None
    limit: int | None
    latest: int | None


class Stream(TypedDict):
    """Where a stream begins, and of what it is."""

    after: int
    account: str | None
    return_id: str | None


def stream_of(store: "Store", filters: EventFilters) -> Stream:
    """The filters of a stream that has no end.

    Raises:
        StoreError: ``after`` is not of this stream.
    """
    from returns_hub.store.events import EventReader

    return {
        "after": EventReader(store.database).resolve(filters.get("after") or 0),
        "account": filters.get("account"),
        "return_id": filters.get("return_id"),
    }


class DeliverySelection(TypedDict, total=False):
    """Which deliveries: those of an ``account``, in a ``state``, that were received at or after ``since``."""

    account: str | None
    state: DeliveryState | str | None
    since: date | datetime | None


class Selection(TypedDict):
    """A selection of deliveries with every filter."""

    account: str | None
    state: DeliveryState | None
    since: datetime | None


class DeliveryFilters(DeliverySelection, total=False):
    """Which deliveries to read: a selection, of which ``limit`` at most."""

    limit: int | None


def selection_of(selection: DeliverySelection) -> Selection:
    """The selection with every filter, checked; a day is the moment that it begins at.

    Raises:
        ValueError: a filter with an impossible value; the text names it.
    """
    since, state = selection.get("since"), selection.get("state")
    return {
        "account": selection.get("account"),
        "state": None if state is None else enum_member("state", DeliveryState, state),
        "since": None if since is None else moment("since", since),
    }


def checked_filters(filters: ReturnSelection) -> dict[str, Any]:
    """The filters of returns, checked: words as members, a day as the moment that it begins at.

    Raises:
        ValueError: a filter with an impossible value; the text names it.
        TypeError: there is no such filter.
    """
    given = known_filters("returns", filters, ReturnFilters)
    for name, check in (
        ("status", partial(enum_member, "status", Status)),
        ("attention", partial(enum_member, "attention", Attention)),
        ("since", partial(moment, "since")),
    ):
        if given.get(name) is not None:
            given[name] = check(given[name])
    return given
