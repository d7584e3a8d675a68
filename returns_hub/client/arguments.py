"""The arguments of a client's calls: what may be written, and the checked form that adapters get."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, TypedDict, TypeVar, Unpack

from returns_hub.errors import suggestion
from returns_hub.model import Item, ReturnQuery, ShipmentQuery
from returns_hub.status import Status

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


class ReturnFilters(TypedDict, total=False):
    """The filters of :meth:`returns_hub.Client.list_returns`; every one that is given must hold."""

    status: Status | str | Iterable[Status | str] | None
    """The neutral status, or several: any of them will do."""
    raw_status: str | Iterable[str] | None
    """The vendor's own word, or several: any of them will do. Not together with ``status``."""
    created_after: datetime | None
    created_before: datetime | None
    updated_after: datetime | None
    customer_email: str | None
    order_number: str | None
    newest_first: bool
    page_size: int | None
    """Rows to ask for at a time, at most the vendor's maximum; None for the account's setting, or else that maximum."""


class ShipmentFilters(TypedDict, total=False):
    """The filters of :meth:`returns_hub.Client.list_shipments`; every one that is given must hold."""

    return_id: str | None
    created_after: datetime | None
    created_before: datetime | None
    oldest_first: bool
    page_size: int | None
    """Rows to ask for at a time, at most the vendor's maximum; None for the account's setting, or else that maximum."""


def known_filters(call: str, filters: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """The filters of a call; ``kind`` is the ``TypedDict`` that has them.

    Raises:
        TypeError: the call has no such filter; the text names it, and one that is like it.
    """
    known = [name for each in reversed(kind.__mro__) for name in getattr(each, "__annotations__", {})]
    for name in filters:
        if name not in known:
            hint = suggestion(name, known).removesuffix(".") or f"; it has {', '.join(known)}"
            raise TypeError(f"{call}() has no filter {name[:60]!r}{hint}")
    return dict(filters)


def return_query(**filters: Unpack[ReturnFilters]) -> ReturnQuery:
    """The filters, checked.

    Raises:
        ValueError: a filter with an impossible value; the text names it.
        TypeError: there is no such filter.
    """
    given = known_filters("list_returns", filters, ReturnFilters)
    for name in ("created_after", "created_before", "updated_after"):
        given[name] = aware(name, given[name]) if given.get(name) is not None else None
    for name in ("customer_email", "order_number"):
        given[name] = filter_text(name, given.get(name))
    status = given.pop("status", None)
    statuses = [] if status is None else [status] if isinstance(status, str) else list(status)
    word = given.pop("raw_status", None)
    words = [] if word is None else [word] if isinstance(word, str) else list(word)
    if statuses and words:
        raise ValueError("give either a status or a raw_status")
    return ReturnQuery(
        status=frozenset(enum_member("status", Status, each) for each in statuses),
        raw_status=tuple([text("raw_status", each) for each in words]),
        newest_first=bool(given.pop("newest_first", False)),
        page_size=page_size(given.pop("page_size", None)),
        **given,
    )


def shipment_query(**filters: Unpack[ShipmentFilters]) -> ShipmentQuery:
    """The filters, checked; as :func:`return_query`."""
    given = known_filters("list_shipments", filters, ShipmentFilters)
    for name in ("created_after", "created_before"):
        given[name] = aware(name, given[name]) if given.get(name) is not None else None
    return ShipmentQuery(
        return_id=filter_text("return_id", given.pop("return_id", None)),
        oldest_first=bool(given.pop("oldest_first", False)),
        page_size=page_size(given.pop("page_size", None)),
        **given,
    )


def text(name: str, given: object) -> str:
    """The argument, if it is text and not empty: an empty identifier would name the whole collection."""
    if not isinstance(given, str) or not given:
        raise ValueError(f"{name} must be text, and not empty" + _but(given))
    return given


def filter_text(name: str, given: object) -> str | None:
    """A filter, which may be left out."""
    if given is None:
        return None
    if given == "":
        raise ValueError(f"{name} is empty; None leaves the filter out")
    return text(name, given)


def instance(name: str, kind: type[T], given: object) -> T:
    """The argument, if it is an object of the model's class for it."""
    if isinstance(given, kind):
        return given
    raise ValueError(f"{name} must be of the class {kind.__name__}, not {type(given).__name__}")


def items(given: object) -> tuple[Item, ...]:
    """Several items of a return, as they were read."""
    if isinstance(given, Iterable) and not isinstance(given, str):
        return tuple([instance("items", Item, each) for each in given])
    raise ValueError(f"items must be several of the class Item, not {type(given).__name__}")


def aware(name: str, given: object) -> datetime:
    """The argument, if it is a time with a zone."""
    if not isinstance(given, datetime) or given.utcoffset() is None:
        raise ValueError(f"{name} must be a datetime with a time zone, for instance datetime(2024, 1, 31, tzinfo=UTC)")
    return given


def moment(name: str, given: object) -> datetime:
    """The argument as a time: a day begins at midnight, UTC."""
    if isinstance(given, date) and not isinstance(given, datetime):
        return datetime.combine(given, time(), UTC)
    if not isinstance(given, datetime) or given.utcoffset() is None:
        raise ValueError(
            f"{name} must be a date, or a datetime with a time zone, for instance datetime(2024, 1, 31, tzinfo=UTC)"
        )
    return given.astimezone(UTC)


def enum_member(name: str, kind: type[E], given: str) -> E:
    """The member that a word names; the word itself is accepted wherever the member is."""
    try:
        return kind(given)
    except ValueError:
        pass
    raise ValueError(f"{name} must be one of {', '.join(member.value for member in kind)}; {str(given)[:40]!r} is not")


def page_size(given: object) -> int | None:
    """The number of rows to ask for at a time, if there is one and it is above 0."""
    if given is not None and (type(given) is not int or given < 1):
        raise ValueError("page_size must be a whole number, at least 1")
    return given


def _but(given: object) -> str:
    return "" if isinstance(given, str) or given is None else f"; it is of type {type(given).__name__}"
