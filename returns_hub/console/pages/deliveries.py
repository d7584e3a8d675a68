"""Deliveries: the list, one of them, and processing them again."""

import json
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from returns_hub.console.access import Role
from returns_hub.console.display import pretty_json
from returns_hub.console.masking import Mask
from returns_hub.console.pages.detail import UNMASK, is_unmasked
from returns_hub.console.preview import preview
from returns_hub.console.timeline import event_line
from returns_hub.console.visit import Act, Page, Plan, Refusal, Result, Visit, whole_number
from returns_hub.model import Return
from returns_hub.reports import Delivery, DeliveryState
from returns_hub.store import StoredReturn
from returns_hub.store.overview import MAX_COUNT, DeliveryRow

_PAGE_SIZE: Final = 50
_FILTERS: Final = ("account", "state", "subject")
_MAX_BODY_SHOWN: Final = 200_000
_MAX_EVENTS: Final = 50


def list_deliveries(visit: Visit) -> Response:
    """A page of the deliveries that match the filters, newest first."""
    filters, overview = _filters(visit), visit.console.overview
    given = {name: visit.query(name) for name in _FILTERS}
    rows = overview.deliveries(**filters, before=visit.query_number("before"), limit=_PAGE_SIZE + 1)
    older = visit.url("/console/deliveries", **given, before=rows[_PAGE_SIZE - 1].id) if len(rows) > _PAGE_SIZE else ""
    return visit.render(
        "deliveries.html",
        rows=rows[:_PAGE_SIZE],
        given=given,
        total=overview.count_deliveries(**filters),
        max_count=MAX_COUNT,
        older=older,
        first=visit.url("/console/deliveries", **given) if visit.query("before") else "",
        states=list(DeliveryState),
        asks=visit.url("/console/replay", **given, all="yes") if any(given.values()) else "",
    )


def show_delivery(visit: Visit) -> Response:
    """The page of a delivery."""
    delivery = _delivery(visit)
    unmasked = is_unmasked(visit, delivery.account, _subject(delivery))
    stored = _return_of(visit, delivery)
    mask = Mask.of(stored.ret if stored else Return(provider="", id=""), unmasked=unmasked)
    return visit.render(
        "delivery.html",
        delivery=delivery,
        stored=stored,
        unmasked=unmasked,
        body=_body(delivery.body) if unmasked else None,
        size=len(delivery.body),
        lines=[
            event_line(event, mask) for event in islice(visit.console.hub.events(delivery_id=delivery.id), _MAX_EVENTS)
        ],
    )


def unmask_delivery(visit: Visit) -> Plan:
    """Show what a vendor sent, for a while."""
    delivery = _delivery(visit)
    return Plan(
        do=lambda: Result("What the vendor sent is shown to you for 15 minutes."),
        account=delivery.account,
        subject=_subject(delivery),
        back=visit.url(f"/console/deliveries/{delivery.id}"),
    )


def ask_replay(visit: Visit) -> Response:
    """What a replay would do, before it is done."""
    filters = _filters(visit)
    ids = [whole_number(text) for text in visit.request.query_params.getlist("id")][:_PAGE_SIZE]
    all_that_match = visit.query("all") == "yes" and not ids
    if not ids and not all_that_match:
        raise Refusal(422, "No delivery is chosen. Go back and tick some, or replay all that match.")
    overview = visit.console.overview
    if all_that_match:
        rows, total = overview.deliveries(**filters, limit=_PAGE_SIZE), overview.count_deliveries(**filters)
    else:
        rows = [row for one in ids for row in overview.deliveries(before=one + 1, limit=1) if row.id == one]
        total = len(rows)
    given = {name: visit.query(name) for name in _FILTERS}
    return visit.render(
        "replay.html",
        rows=rows,
        total=total,
        max_count=MAX_COUNT,
        ids=[row.id for row in rows] if not all_that_match else (),
        given=given,
        all_that_match=all_that_match,
        effects=_effects(visit, rows),
        back=visit.url("/console/deliveries", **given),
    )


def replay(visit: Visit) -> Plan:
    """Have the chosen deliveries processed once more."""
    ids = [whole_number(text) for text in visit.fields("id")][:_PAGE_SIZE]
    filters = _checked(visit, **{name: visit.field(name, most=300, required=False) for name in _FILTERS})
    hub, overview = visit.console.hub, visit.console.overview
    if not ids and visit.field("all", required=False) != "yes":
        raise Refusal(422, "No delivery is chosen. Nothing was done.")

    def do() -> Result:
        done, before = 0, None
        if ids:
            for one in ids:
                done += hub.get_delivery(one) is not None and hub.replay(one) is not None
            return Result(f"{_deliveries(done)} will be processed again.")
        if not filters["subjects"]:
            return Result(
                f"{_deliveries(hub.replay_deliveries(account=filters['account'], state=filters['state']))} will be processed again."
            )
        while rows := overview.deliveries(**filters, before=before, limit=_PAGE_SIZE):
            for row in rows:
                hub.replay(row.id)
            done, before = done + len(rows), rows[-1].id
        return Result(f"{_deliveries(done)} will be processed again.")

    given = {name: visit.field(name, most=300, required=False) for name in _FILTERS}
    wanted = ", ".join(map(str, ids)) if ids else "all with " + urlencode({k: v for k, v in given.items() if v})
    back = f"/console/deliveries/{ids[0]}" if len(ids) == 1 else "/console/deliveries"
    return Plan(do=do, detail=wanted, account=filters["account"], back=visit.url(back))


def _effects(visit: Visit, rows: Sequence[DeliveryRow]) -> Sequence[str]:
    """What processing each of these again would do; nothing is written and no vendor is asked."""
    effects = []
    for row in rows:
        delivery = visit.console.hub.get_delivery(row.id)
        effects.append(
            "it is not stored any more"
            if delivery is None
            else preview(visit.console.hub, delivery, _return_of(visit, delivery))
        )
    return effects


def _deliveries(count: int) -> str:
    return "1 delivery" if count == 1 else f"{count} deliveries"


def _delivery(visit: Visit) -> Delivery:
    delivery = visit.console.hub.get_delivery(whole_number(visit.part("id")))
    if delivery is None:
        raise Refusal(404, "There is no such delivery. Processed ones are removed after a while.")
    return delivery


def _subject(delivery: Delivery) -> str:
    return f"delivery {delivery.id}"


def _return_of(visit: Visit, delivery: Delivery) -> StoredReturn | None:
    """The return that a delivery is about, by its id or by that of a part."""
    if not delivery.subject:
        return None
    hub = visit.console.hub
    found = hub.get_return(delivery.account, delivery.subject)
    if found is not None or ":" not in delivery.subject:
        return found
    of_part = hub.open_store().find_return(delivery.account, [delivery.subject])
    return None if of_part is None else hub.get_return(delivery.account, of_part)


def _filters(visit: Visit) -> dict[str, Any]:
    return _checked(visit, **{name: visit.query(name) for name in _FILTERS})


def _checked(visit: Visit, *, account: str, state: str, subject: str) -> dict[str, Any]:
    if state and state not in list(DeliveryState):
        raise Refusal(404, "There is no state of that name.")
    return {
        "account": visit.known_account(account) if account else None,
        "state": DeliveryState(state) if state else None,
        "subjects": (subject,) if subject else (),
    }


def _body(body: bytes) -> str:
    """What can be shown of a body: JSON put in order, or the text."""
    text = body[:_MAX_BODY_SHOWN].decode(errors="replace")
    try:
        return pretty_json(json.loads(text, parse_float=Decimal))
    except (ValueError, RecursionError):
        return text


ROUTES: Final = (
    Page("/console/deliveries", list_deliveries),
    Page("/console/deliveries/{id}", show_delivery),
    Act("/console/deliveries/{id}/unmask", unmask_delivery, action=UNMASK, role=Role.READ),
    Page("/console/replay", ask_replay, role=Role.ACT),
    Act("/console/replay", replay, action="replay"),
)
