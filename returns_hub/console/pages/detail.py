"""One return: what is known of it, why, and how it came about."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from starlette.responses import Response

from returns_hub.adapter import Capability, Support
from returns_hub.console.access import Role
from returns_hub.console.marking import marked_json
from returns_hub.console.masking import Mask
from returns_hub.console.meaning import Meanings
from returns_hub.console.pages.returns import return_path
from returns_hub.console.sources import sources
from returns_hub.console.timeline import timeline
from returns_hub.console.visit import Act, Page, Plan, Refusal, Result, Visit
from returns_hub.convert import dump
from returns_hub.store import StoredReturn

_UNMASKED_FOR: Final = timedelta(minutes=15)
_MAX_EVENTS: Final = 300
_MAX_DELIVERIES: Final = 20
_MAX_SUBJECTS: Final = 200
_USABLE: Final = (Support.YES, Support.PARTIAL)
_ACTS: Final = (
    ("read", Capability.GET_RETURN, "Read again"),
    ("status", Capability.SET_STATUS, "Set status"),
    ("note", Capability.ADD_NOTE, "Add note"),
    ("label", Capability.CANCEL_LABEL, "Cancel label"),
    ("instruct", Capability.INSTRUCT, "Instruct the warehouse"),
)


def show_return(visit: Visit) -> Response:
    """The page of a return."""
    stored = stored_return(visit)
    account, ret = stored.account, stored.ret
    unmasked = is_unmasked(visit, account, ret.id)
    mask = Mask.of(ret, unmasked=unmasked)
    events = list(visit.console.hub.events(account=account, return_id=ret.id, latest=_MAX_EVENTS))
    parts = [f"shipment:{each.id}" for each in ret.shipments]
    parts += [f"item:{key}" for item in ret.items for key in (item.id, *item.aliases) if key]
    about = [ret.id, *filter(None, [ret.request_id]), *parts][:_MAX_SUBJECTS]
    deliveries = visit.console.overview.deliveries(account=account, subjects=about, limit=_MAX_DELIVERIES)
    meanings = Meanings(visit.console.hub, account)
    return visit.render(
        "return.html",
        stored=stored,
        ret=ret,
        account=account,
        mask=mask,
        meanings=meanings,
        lines=timeline(ret, events, mask),
        cut=len(events) == _MAX_EVENTS,
        deliveries=deliveries,
        acts=usable_acts(meanings),
        sources=sources(visit.console.overview.layers(account, ret.id)),
        model=dump(ret) if unmasked else None,
        raw=marked_json(ret.raw, dump(ret)) if unmasked else None,
    )


def unmask(visit: Visit) -> Plan:
    """Show the customer's data of one return for a while. The row of the audit is what allows it."""
    stored = stored_return(visit)
    return Plan(
        do=lambda: Result("The customer's data is shown to you for 15 minutes."),
        account=stored.account,
        subject=stored.ret.id,
        back=visit.url(return_path(stored.account, stored.ret.id)),
    )


def stored_return(visit: Visit) -> StoredReturn:
    """The return that the path names."""
    stored = visit.console.hub.get_return(visit.account(), visit.part("id"))
    if stored is None:
        raise Refusal(404, "The mirror has no such return. A sync of the account may find it.")
    return stored


def is_unmasked(visit: Visit, account: str, subject: str) -> bool:
    """True if this session has asked to see it, not long ago."""
    return visit.console.audit.was_done_since(
        _UNMASKED_FOR, session=visit.session, action=UNMASK, account=account, subject=subject
    )


def usable_acts(meanings: Meanings) -> Sequence[tuple[str, str]]:
    """What the vendor can be asked to do, by its path and its name."""
    adapter = meanings.adapter
    if adapter is None:
        return ()
    supported = adapter.capabilities
    return [(path, label) for path, capability, label in _ACTS if supported.get(capability) in _USABLE]


UNMASK: Final = "unmask"
ROUTES: Final = (
    Page("/console/returns/{account}/{id:path}", show_return),
    Act("/console/unmask/{account}/{id:path}", unmask, action=UNMASK, role=Role.READ),
)
