"""What can be done with a return: each has a page that says what it does, and a form that does it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from attrs import frozen
from starlette.responses import Response

from returns_hub.adapter import Adapter
from returns_hub.client import Client
from returns_hub.console.meaning import Meanings
from returns_hub.console.pages.detail import stored_return, usable_acts
from returns_hub.console.pages.returns import return_path
from returns_hub.console.visit import Act, Page, Plan, Refusal, Result, Route, Visit
from returns_hub.events import Origin
from returns_hub.merge import observed
from returns_hub.model import Item, ItemInstruction, Return
from returns_hub.status import Disposition, LabelStatus, Status
from returns_hub.store import StoredReturn

_MAX_NOTE: Final = 4000


@frozen
class ReturnAct:
    """One act: its page's name, what it does in a sentence, and what plans it."""

    name: str
    title: str
    effect: str
    plan: Callable[[Visit, StoredReturn], tuple[str, Callable[[Client], str]]]
    action: str


def ask(visit: Visit, act: ReturnAct) -> Response:
    """The page that says what an act does, with the form that does it."""
    stored = stored_return(visit)
    meanings = Meanings(visit.console.hub, stored.account)
    if act.name not in dict(usable_acts(meanings)):
        raise Refusal(404, f"{meanings.display_name or stored.ret.provider} cannot be asked for that.")
    path = _path(act, stored)
    return visit.render(
        "act.html",
        act=act,
        stored=stored,
        ret=stored.ret,
        path=path,
        back=visit.url(return_path(stored.account, stored.ret.id)),
        vendor=meanings.display_name,
        **_choices(act, stored.ret, meanings.adapter),
    )


def plan(visit: Visit, act: ReturnAct) -> Plan:
    """The act that the form asks for."""
    stored = stored_return(visit)
    if not visit.may_act:
        raise Refusal(403, "You may look, and change nothing.")
    detail, call = act.plan(visit, stored)
    return Plan(
        do=lambda: Result(call(visit.console.hub.client(stored.account))),
        account=stored.account,
        subject=stored.ret.id,
        detail=detail,
        back=visit.url(return_path(stored.account, stored.ret.id)),
    )


def _read_again(visit: Visit, stored: StoredReturn) -> tuple[str, Callable[[Client], str]]:
    def call(client: Client) -> str:
        seen_at = datetime.now(UTC)
        ret = client.get_return(stored.ret.id)
        store = visit.console.hub.open_store()
        observation = observed(store.comparable(stored.account, ret), seen_at=seen_at, origin=Origin.POLL)
        applied = store.apply(stored.account, [observation], derive=client.adapter.derive)
        if not applied.events:
            return "Read again: the vendor says what the mirror has already."
        return f"Read again: {applied.events} {'change' if applied.events == 1 else 'changes'} found."

    return "", call


def _set_status(visit: Visit, stored: StoredReturn) -> tuple[str, Callable[[Client], str]]:
    word = visit.field("status")
    status = _member(Status, word)
    note = visit.field("note", most=_MAX_NOTE, required=False)

    def call(client: Client) -> str:
        ret = client.set_status(stored.ret.id, status, note=note or None)
        return f"The vendor has the return at “{ret.status_raw or ret.status.value}” now."

    return f"to {status.value}", call


def _add_note(visit: Visit, stored: StoredReturn) -> tuple[str, Callable[[Client], str]]:
    text, internal = visit.field("text", most=_MAX_NOTE), visit.field("reader") != "customer"

    def call(client: Client) -> str:
        client.add_note(stored.ret.id, text, internal=internal)
        return "The note was added." if internal else "The note was added; the customer can read it."

    return f"{'internal' if internal else 'for the customer'}, {len(text)} characters", call


def _cancel_label(visit: Visit, stored: StoredReturn) -> tuple[str, Callable[[Client], str]]:
    wanted = visit.field("label")
    if wanted not in dict(cancellable_labels(stored.ret)):
        raise Refusal(422, "The return has no such label that could be cancelled.")

    def call(client: Client) -> str:
        client.cancel_label(stored.ret.id, wanted)
        return "The label was cancelled."

    return wanted, call


def _instruct(visit: Visit, stored: StoredReturn) -> tuple[str, Callable[[Client], str]]:
    chosen = [item for item in stored.ret.items if item.id in visit.fields("item")]
    if not chosen:
        raise Refusal(422, "Choose at least one item.")
    disposition = _member(Disposition, visit.field("disposition"))
    notes = visit.field("notes", most=_MAX_NOTE, required=False)
    instruction = ItemInstruction(disposition=disposition, notes=notes or None)

    def call(client: Client) -> str:
        client.instruct(chosen, instruction)
        return f"The warehouse was told: {disposition.value.replace('_', ' ')}, {len(chosen)} of the items."

    return f"{disposition.value}: {', '.join(str(item.id) for item in chosen)}", call


def cancellable_labels(ret: Return) -> Sequence[tuple[str, str]]:
    """The labels that are not void, by what cancels them, with the shipment they are of."""
    over = (LabelStatus.VOID, LabelStatus.NONE, LabelStatus.FAILED)
    return [
        (shipment.label.id or shipment.id, shipment.tracking_number or shipment.number or shipment.id)
        for shipment in ret.shipments
        if shipment.label is not None and shipment.label.status not in over
    ]


def _choices(act: ReturnAct, ret: Return, adapter: Adapter | type[Adapter] | None) -> Mapping[str, Any]:
    """What the form of an act offers."""
    items: Sequence[Item] = [item for item in ret.items if item.id is not None]
    return {
        "statuses": _statuses(adapter) if act.name == "status" else (),
        "labels": cancellable_labels(ret) if act.name == "label" else (),
        "items": items if act.name == "instruct" else (),
        "dispositions": [each for each in Disposition if each is not Disposition.UNKNOWN],
        "adapter": adapter,
    }


def _statuses(adapter: Adapter | type[Adapter] | None) -> Sequence[Status]:
    """The statuses that the vendor has a word for; all of them where it has no table of words."""
    table = adapter.statuses if isinstance(adapter, Adapter) else None
    return [status for status in Status if status is not Status.UNKNOWN and (table is None or table.words_for(status))]


def _member(kind: Any, word: str) -> Any:
    try:
        return kind(word)
    except ValueError:
        raise Refusal(422, f"“{word[:40]}” is none of the words to choose from.") from None


def _path(act: ReturnAct, stored: StoredReturn) -> str:
    return return_path(stored.account, stored.ret.id).replace("/console/returns/", f"/console/act/{act.name}/", 1)


_ACTS: Final = (
    ReturnAct(
        "read",
        "Read again",
        "Asks the vendor how the return stands now and puts the answer into the mirror. Nothing changes at the vendor.",
        _read_again,
        "read again",
    ),
    ReturnAct(
        "status",
        "Set status",
        "Moves the return at the vendor. The vendor may tell the customer, refund money or order a label, as its own rules say. "
        "There may be no way back.",
        _set_status,
        "set status",
    ),
    ReturnAct(
        "note",
        "Add note",
        "Writes a note to the return at the vendor. It cannot be taken back from here.",
        _add_note,
        "add note",
    ),
    ReturnAct(
        "label",
        "Cancel label",
        "Cancels a shipping label at the vendor. Whoever has printed it cannot use it any more.",
        _cancel_label,
        "cancel label",
    ),
    ReturnAct(
        "instruct",
        "Instruct the warehouse",
        "Tells the warehouse what to do with items. What it has begun cannot be undone from here, and it may cost money.",
        _instruct,
        "instruct",
    ),
)


def _routes(act: ReturnAct) -> tuple[Route, Route]:
    path = f"/console/act/{act.name}/{{account}}/{{id:path}}"
    page = Page(path, lambda visit: ask(visit, act))
    return page, Act(path, lambda visit: plan(visit, act), action=act.action)


ROUTES: Final = tuple(route for act in _ACTS for route in _routes(act))
