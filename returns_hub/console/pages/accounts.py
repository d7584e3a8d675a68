"""Accounts: how far each mirror is behind, what could not be read or understood, and sync, reconcile and doctor."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from starlette.responses import Response

from returns_hub.console.access import Role
from returns_hub.console.jobs import Job, Report
from returns_hub.console.meaning import Meanings
from returns_hub.console.visit import Act, Page, Plan, Query, Result, Visit
from returns_hub.errors import ReturnsHubError
from returns_hub.hub import Hub
from returns_hub.hub.diagnosis import describe_rate
from returns_hub.reports import SyncProgress
from returns_hub.store.audit import NewAuditEntry, Outcome
from returns_hub.store.sync_log import SyncHealth, SyncLog

_MAX_WORDS: Final = 50
_COUNTED: Final = ("read", "checked", "created", "missing", "changed", "repaired", "events")


def list_accounts(visit: Visit) -> Response:
    """Every account, with how it stands."""
    console = visit.console
    health = {each.account: each for each in _sync_log(console.hub).health_of(console.hub.accounts)}
    return visit.render(
        "accounts.html", health=health, jobs=console.jobs.all, state_of=partial(_state, console.problems)
    )


def show_account(visit: Visit) -> Response:
    """One account."""
    name, console = visit.account(), visit.console
    account, health = console.hub.accounts[name], _sync_log(console.hub).health(name)
    meanings = Meanings(console.hub, name)
    words = console.overview.unknown_words(name)
    lines = {
        word: meaning.map_line for word in list(words)[:_MAX_WORDS] if (meaning := meanings.explain(word)) is not None
    }
    return visit.render(
        "account.html",
        account=account,
        health=health,
        state=_state(console.problems, health),
        job=console.jobs.all.get(name),
        problem=console.problems.get(name),
        meanings=meanings,
        words=words,
        lines=lines,
        unreadable=console.hub.unreadable_fields(name),
        rate=_rate(console.hub, name),
    )


def check_account(visit: Visit) -> Response:
    """What ``doctor`` finds of an account; the vendor is asked."""
    name = visit.account()
    return visit.render("doctor.html", name=name, findings=list(visit.console.hub.diagnose(name)))


def sync(visit: Visit) -> Plan:
    """Sync an account in the background."""
    hub, name = visit.console.hub, visit.account()
    return _start(visit, "sync", lambda progress: hub.sync(name, progress=progress)[0])


def reconcile(visit: Visit) -> Plan:
    """Compare an account's mirror with its vendor in the background, and repair it."""
    hub, name = visit.console.hub, visit.account()
    return _start(visit, "reconcile", lambda progress: hub.reconcile(name, progress=progress)[0])


def _start(visit: Visit, kind: str, run: Callable[[Callable[[SyncProgress], None]], Report]) -> Plan:
    name, jobs = visit.account(), visit.console.jobs

    def do() -> Result:
        if jobs.start(kind, name, run, partial(_write_end, visit, kind)):
            return Result("It has begun; this page shows how far it is.")
        return Result("Something runs for this account already, or too much at once.", Outcome.REFUSED)

    return Plan(do=do, account=name, back=visit.url(f"/console/accounts/{name}"))


def _write_end(visit: Visit, kind: str, job: Job) -> None:
    """Write down what a sync or a comparison came to."""
    audit = visit.console.audit
    entry = audit.begin(
        NewAuditEntry(person=visit.identity.person, session=visit.session, action=f"{kind} ended", account=job.account)
    )
    report = job.report
    counts = () if report is None else ((getattr(report, each, 0), each) for each in _COUNTED)
    said = ", ".join(f"{number} {what}" for number, what in counts if number)
    if entry is not None and job.error is not None:
        audit.finish(entry, Outcome.FAILED, job.error)
    elif entry is not None:
        audit.finish(entry, Outcome.DONE, said or "Nothing was new.")


def _state(problems: Mapping[str, str], health: SyncHealth) -> str:
    """One word for how an account stands."""
    if health.account in problems:
        return "failed"
    if health.degraded:
        return "degraded"
    return "never synced" if health.covered_until is None else "ok"


def _rate(hub: Hub, name: str) -> str:
    """The rate limit in force, in words."""
    try:
        return describe_rate(hub.accounts[name], hub.client(name).adapter.limits)
    except ReturnsHubError:
        return ""


def _sync_log(hub: Hub) -> SyncLog:
    return SyncLog(hub.open_store().database)


ROUTES: Final[Sequence[Any]] = (
    Page("/console/accounts", list_accounts),
    Page("/console/accounts/{account}", show_account),
    Query("/console/accounts/{account}/doctor", check_account, role=Role.ACT),
    Act("/console/accounts/{account}/sync", sync, action="sync"),
    Act("/console/accounts/{account}/reconcile", reconcile, action="reconcile"),
)
