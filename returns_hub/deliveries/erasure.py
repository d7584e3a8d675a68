"""Erasing a return: which deliveries are about it, and removing them with all that is stored of it."""

import re

from attrs import Factory, evolve, field, frozen

from returns_hub.adapter import Adapter
from returns_hub.errors import ConfigurationError
from returns_hub.logs import log_event
from returns_hub.reports import Delivery, DeliveryState, Erased
from returns_hub.store import Store, rows
from returns_hub.store.correlation import part_names
from returns_hub.store.erasure import Erasures, ReturnNames
from returns_hub.store.inbox import Deliveries
from returns_hub.store.vacuum import Vacuum
from returns_hub.webhooks import ReturnHint, ReturnObserved, VendorEvent


def erase(store: Store, adapter: Adapter, account: str, return_id: str, *, allow_resync: bool) -> Erased:
    """Remove a return, its deliveries and the personal values of its events, from the files too.

    Unless ``allow_resync`` no sync and no delivery stores it again.

    Raises:
        ConfigurationError: no return can have that id. Nothing was removed.
        StoreError: the store fails. Either nothing was removed, or only vacuuming is left: erase again.
    """
    if not rows.is_usable_id(return_id):
        raise ConfigurationError(f"no return can have the id {return_id[:60]!r}")
    erasures, inbox = Erasures(store.database), Deliveries(store.database)
    names = erasures.names(account, return_id)
    matcher = _Matcher(adapter, names)
    removed: list[int] = []
    pending = 0
    for delivery in inbox.find(account=account):
        about = matcher.about(delivery)
        if not about:
            continue
        if about.issubset(names.all) or delivery.state is not DeliveryState.PENDING:
            removed.append(delivery.id)
        else:
            # What it says of other returns is not lost: it goes when it is processed.
            pending += 1
    erased = erasures.erase(account, return_id, deliveries=removed, pending=pending, allow_resync=allow_resync)
    erased = evolve(erased, vacuumed=Vacuum(store.database).run())
    message = "%s: a return was erased: %d deliveries, %d events"
    log_event("return.erased", message, account, erased.deliveries, erased.events, account=account)
    return erased


def event_names(event: VendorEvent) -> frozenset[str]:
    """The names of what an event of a delivery is about: ``return:ID``, or those of the parts that it names instead."""
    if isinstance(event, ReturnHint):
        if event.return_id:
            return frozenset([rows.return_name(event.return_id)])
        return frozenset(name for part in part_names(event.aliases) for name in part)
    if isinstance(event, ReturnObserved):
        ids = [key for key in (event.observed.id, event.observed.request_id) if key]
        return frozenset(map(rows.return_name, ids)) if event.observed.id else frozenset(rows.names(event.observed))
    return frozenset(map(rows.return_name, event.ids.values()))


def _subjects(matcher: "_Matcher") -> frozenset[str]:
    """What a delivery about the return may be filed under: its ids, and names of its parts."""
    items = {f"item:{name.removeprefix('alias:')}" for name in matcher.names.parts if name.startswith("alias:")}
    return matcher.names.ids | matcher.names.parts | items


def _any_id(matcher: "_Matcher") -> "re.Pattern[bytes]":
    """Finds an id of the return in a body."""
    # A request's id is its number behind a word of ours.
    ids = {re.escape((key.rpartition(":")[2] or key).encode()) for key in matcher.names.ids}
    return re.compile(rb"(?<![\w-])(?:" + b"|".join(sorted(ids)) + rb")(?![\w-])")


@frozen
class _Matcher:
    """Tells which deliveries are about a return of these names."""

    adapter: Adapter
    names: ReturnNames
    subjects: frozenset[str] = field(init=False, default=Factory(_subjects, takes_self=True))
    any_id: "re.Pattern[bytes]" = field(init=False, default=Factory(_any_id, takes_self=True))

    def about(self, delivery: Delivery) -> frozenset[str]:
        """The names of all that the delivery is about; empty if this return is not among that."""
        try:
            found = [event_names(event) for event in self.adapter.read_webhook(delivery.request).events]
        except Exception:  # noqa: BLE001 - that of a dead delivery may fail in any way; it is looked at all the same
            found = [frozenset()]
        about = frozenset[str]().union(*found)
        if about & self.names.all or delivery.subject in self.subjects:
            return about or self.names.all
        # What nobody can interpret may still name the return.
        return self.names.all if not all(found) and self.any_id.search(delivery.body) else frozenset()
