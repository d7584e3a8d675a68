"""Is everything in place to sync and to receive: what ``doctor`` says, and the console."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotDone
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

from returns_hub.accounts import Account
from returns_hub.adapter import Adapter, Capability, Limits, Support
from returns_hub.client import Client
from returns_hub.errors import (
    AuthenticationFailed,
    ConfigurationError,
    PermissionDenied,
    ReturnsHubError,
    UnsupportedOperation,
    WebhookRejected,
    describe_error,
)
from returns_hub.handlers import ConsumerHealth
from returns_hub.hub.health import AccountHealth, Health
from returns_hub.hub.resources import HubResources
from returns_hub.model import ReturnQuery
from returns_hub.operation import Operation, WebhookRequest
from returns_hub.orders import load_find_order
from returns_hub.reports import Finding, Verdict
from returns_hub.scalars import format_span

# Below this release, several processes that write one file can damage it (sqlite.org, the WAL-reset bug).
_SAFE_FOR_SEVERAL_WRITERS: Final = (3, 51, 3)
_MOST_SECONDS_APART: Final = 60
_UNREADABLE_SHOWN: Final = 5
_LONGEST_WAIT_S: Final = 10 * 60.0
_LONGEST_LAG_S: Final = 24 * 3600.0
_ABSENT: Final = (Support.NO, Support.NOT_IMPLEMENTED)
# So many accounts are asked side by side, and each has so long.
_MAX_ASKED: Final = 64
_ACCOUNT_SECONDS: Final = 30.0


def diagnose(resources: HubResources, accounts: Sequence[str], *, offline: bool) -> Iterator[Finding]:
    """What every check comes to, as it is known: of the store and what is in it, and of each account.

    Accounts are asked side by side. Nothing is written but what opening the store writes.

    Raises:
        ConfigurationError: there is no such account.
    """
    wanted = {name: resources.account(name) for name in accounts or resources.accounts}
    return _diagnose(resources, wanted, offline=offline)


def _diagnose(resources: HubResources, wanted: Mapping[str, Account], *, offline: bool) -> Iterator[Finding]:
    yield from _store(resources)
    health = _health(resources)
    if health is not None:
        yield _deliveries(health)
        yield from (_handler(each) for each in health.consumers)
        yield from _refused(resources, wanted)

    def examine(name: str) -> Iterator[Finding]:
        return _account(resources, wanted[name], offline=offline)

    yield from _side_by_side(examine, wanted)
    if health is not None:
        yield from (_mirror(each) for each in health.accounts if each.account in wanted)
        for name in wanted:
            yield from _unreadable(resources, name)


def _side_by_side(examine: Callable[[str], Iterator[Finding]], names: Mapping[str, Account]) -> Iterator[Finding]:
    """The findings about each account, in the order of the names; so many are examined at once."""
    waiting = deque(names)
    begun: dict[str, Future[float]] = {name: Future() for name in names}
    done: dict[str, Future[None]] = {name: Future() for name in names}
    found: dict[str, list[Finding]] = {name: [] for name in names}

    def work() -> None:
        while True:
            try:
                name = waiting.popleft()
            except IndexError:
                return
            begun[name].set_result(monotonic())
            try:
                for finding in examine(name):
                    found[name].append(finding)
            except BaseException as error:  # noqa: BLE001 - an adapter may fail in any way, and the others are examined
                found[name].append(
                    Finding(account=name, check="account", result="failed", detail=describe_error(error))
                )
            done[name].set_result(None)

    try:
        for _ in range(min(len(names), _MAX_ASKED)):
            # Daemons: one that hangs keeps no process alive.
            threading.Thread(target=work, name="returns-hub-doctor", daemon=True).start()
        for name in names:
            left = begun[name].result() + _ACCOUNT_SECONDS - monotonic()
            try:
                done[name].result(max(left, 0.0))
                yield from found[name]
            except NotDone:
                yield from list(found[name])
                detail = f"does not answer within {_ACCOUNT_SECONDS:.0f} s"
                yield Finding(account=name, check="vendor", result="failed", detail=detail)
    finally:
        waiting.clear()


def _store(resources: HubResources) -> Iterator[Finding]:
    try:
        store = resources.store()
        known = any(True for _ in store.returns(limit=1))
    except ReturnsHubError as error:
        yield Finding(account=None, check="store", result="failed", detail=str(error))
        return
    detail = "can be opened" if known else "can be opened, and is empty: returns-hub sync fills it"
    yield Finding(account=None, check="store", result="ok", detail=detail)
    if store.database.dialect == "sqlite" and sqlite3.sqlite_version_info < _SAFE_FOR_SEVERAL_WRITERS:
        yield Finding(
            account=None,
            check="store",
            result="warning",
            detail=f"SQLite {sqlite3.sqlite_version} can damage a file that several processes write (repaired in 3.51.3): "
            "let one process at a time sync, or use PostgreSQL",
        )


def _health(resources: HubResources) -> Health | None:
    try:
        return resources.health()
    except ReturnsHubError:
        return None  # the store's finding says it already


def _deliveries(health: Health) -> Finding:
    """Whether what came in is also worked on."""
    waited = health.oldest_pending_s or 0.0
    if health.stuck:
        detail = (
            f"stuck: {health.stuck} of {health.pending} pending, no attempt comes to an end; is the database in order, "
            "is a worker stopped? They are tried again by themselves: returns-hub deliveries list --state pending"
        )
        return Finding(account=None, check="deliveries", result="failed", detail=detail)
    if health.dead:
        detail = f"dead: {health.dead}, see returns-hub deliveries list --state dead; pending: {health.pending}"
    elif waited > _LONGEST_WAIT_S:
        detail = f"pending: {health.pending}, the oldest for {format_span(waited)}; returns-hub serve works on them"
    else:
        return Finding(account=None, check="deliveries", result="ok", detail=f"pending: {health.pending}, dead: 0")
    return Finding(account=None, check="deliveries", result="warning", detail=detail)


def _handler(health: ConsumerHealth) -> Finding:
    """Whether the handlers of a name take the events."""
    check = f"handler {health.name}"
    waited = health.oldest_pending_s or 0.0
    if health.failing or health.dead:
        counts = f"failing: {health.failing}, dead: {health.dead}, the latest with {health.error}"
        detail = f"{counts}; see returns-hub handlers list {health.name}"
    elif waited > _LONGEST_WAIT_S:
        detail = f"lag: {health.lag}, the oldest for {format_span(waited)}; does a process with this handler run? "
        detail += f"If none ever will: returns-hub handlers forget {health.name}"
    else:
        return Finding(account=None, check=check, result="ok", detail=f"lag: {health.lag}")
    return Finding(account=None, check=check, result="warning", detail=detail)


def _refused(resources: HubResources, wanted: Mapping[str, Account]) -> Iterator[Finding]:
    """What was refused within the last day: a vendor's own delivery, if the secret or the address is wrong."""
    since = datetime.now(UTC) - timedelta(seconds=_LONGEST_LAG_S)
    for each in resources.refused(None):
        if each.last_at < since or (each.account and each.account not in wanted):
            continue
        one, many = ("delivery", "deliveries") if each.route == "webhooks" else ("order look-up", "order look-ups")
        first, last = (moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M") for moment in (each.first_at, each.last_at))
        detail = f"{each.count} {one if each.count == 1 else many} since {first}, the last at {last} UTC: {each.reason}"
        detail += f" ({each.detail})" if each.detail else ""
        yield Finding(account=each.account or None, check="refused", result="warning", detail=detail)


def _mirror(health: AccountHealth) -> Finding:
    """Whether the mirror of an account is kept in step."""
    if health.degraded:
        detail = "the last syncs all failed; returns-hub sync says why"
    elif health.lag_s is None:
        detail = "was never synced to the end; returns-hub sync does it"
    else:
        well = health.lag_s <= _LONGEST_LAG_S
        detail = f"is {format_span(health.lag_s)} behind the vendor"
        return Finding(account=health.account, check="mirror", result="ok" if well else "warning", detail=detail)
    return Finding(account=health.account, check="mirror", result="warning", detail=detail)


def _unreadable(resources: HubResources, account: str) -> Iterator[Finding]:
    """Which fields of which returns the vendor sends in a form that nobody can read."""
    fields = resources.store_of(account).unreadable(account)
    if fields:
        named = ", ".join(f"{each.id} {each.field}" for each in fields[:_UNREADABLE_SHOWN])
        more = f" and {len(fields) - _UNREADABLE_SHOWN} more" if len(fields) > _UNREADABLE_SHOWN else ""
        detail = f"could not be read and left empty: {named}{more}"
        yield Finding(account=account, check="unreadable", result="warning", detail=detail)


def _account(resources: HubResources, account: Account, *, offline: bool) -> Iterator[Finding]:
    if account.orders is not None:
        yield _orders(account, account.orders)
    if account.unavailable:
        for text in account.unavailable:
            yield Finding(account=account.name, check="options", result="failed", detail=text)
        return
    try:
        client = resources.client(account.name)
    except ReturnsHubError as error:
        yield Finding(account=account.name, check="options", result="failed", detail=str(error))
        return
    detail = f"complete for {client.adapter.display_name}"
    yield Finding(account=account.name, check="options", result="ok", detail=detail)
    limits = client.adapter.limits
    if limits.assumed and account.rate_limit is None:
        yield Finding(account=account.name, check="rate limit", result="ok", detail=describe_rate(account, limits))
    yield from _webhooks(client.adapter, account.name)
    if not offline:
        yield from _vendor(client, account)


def describe_rate(account: Account, limits: Limits) -> str:
    """The rate limit in force for an account, and who says so."""
    if account.rate_limit is not None:
        return f"{account.rate_limit}, as configured"
    if limits.rate is None:
        return "none is published"
    source = (
        "assumed: the vendor publishes none; rate_limit sets another" if limits.assumed else "as the vendor publishes"
    )
    return f"{limits.rate.count} in {limits.rate.seconds:g} s, {source}"


def _orders(account: Account, name: str) -> Finding:
    """Whether the platform's function that finds orders is there."""
    try:
        load_find_order(name)
    except ConfigurationError as error:
        return Finding(account=account.name, check="orders", result="failed", detail=str(error))
    return Finding(account=account.name, check="orders", result="ok", detail=f"{name} can be imported")


def _webhooks(adapter: Adapter, account: str) -> Iterator[Finding]:
    """A forged delivery must be refused, for its signature and not for want of a secret; one of our own must be received."""
    if adapter.support(Capability.RECEIVE) in _ABSENT:
        return
    # Where the vendor puts the id of a return at the end, that is 0.
    url = f"http://localhost/webhooks/{account}/0"
    forged = WebhookRequest(method="POST", url=url, body=b"{}", received_at=datetime.now(UTC))
    result: Verdict = "failed"
    detail, configured = "an unsigned delivery is accepted", True
    try:
        adapter.verify_webhook(forged)
    except WebhookRejected as rejected:
        configured = rejected.reason != "not_configured"
        result = "ok" if configured else "warning"
        detail = f"an unsigned delivery is refused: {rejected}"
        if not configured:
            detail = f"{rejected}; every delivery is refused (401)"
    yield Finding(account=account, check="webhooks", result=result, detail=detail)
    if configured:
        yield from _signed(adapter, account, forged)
    yield from _registered(adapter, account)


def _signed(adapter: Adapter, account: str, delivery: WebhookRequest) -> Iterator[Finding]:
    """Whether a delivery that is signed with the account's own secret is received; it is not stored."""
    try:
        adapter.receive(adapter.sign_webhook(delivery))
    except UnsupportedOperation:
        return
    except ReturnsHubError as error:
        detail = f"a delivery signed with the account's own secret is refused: {error}"
        yield Finding(account=account, check="signature", result="failed", detail=detail)
    else:
        detail = "a delivery signed with the account's own secret is received"
        yield Finding(account=account, check="signature", result="ok", detail=detail)


def _registered(adapter: Adapter, account: str) -> Iterator[Finding]:
    """Of vendors that sign the address and the time of a delivery: what is checked of both."""
    url: str | None = getattr(adapter, "webhook_url", None)
    if url is not None:
        # A query may hold what is secret.
        address = urlsplit(url)
        shown = f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"
        well = address.path.rstrip("/").endswith(f"/webhooks/{account}")
        detail = f"signatures are checked for {shown}"
        if not well:
            detail = f"{shown} does not end in /webhooks/{account}: something has to lead there what comes in at it"
        yield Finding(account=account, check="webhook address", result="ok" if well else "warning", detail=detail)
    minutes: int | None = getattr(adapter, "webhook_tolerance", None)
    if minutes is not None:
        detail = f"a signed time may be {minutes} minutes from this clock"
        yield Finding(account=account, check="webhook time", result="ok", detail=detail)


def _vendor(client: Client[Any], account: Account) -> Iterator[Finding]:
    adapter, name = client.adapter, account.name
    host = urlsplit(account.base_url or adapter.base_urls[account.environment]).hostname
    asked = f"asked at {host}, environment {account.environment}"
    started = monotonic()
    try:
        date = client.run(check_credentials(adapter.list_returns(ReturnQuery(page_size=1))))
    except UnsupportedOperation:
        detail = "has no cheap call to try the credentials with"
        yield Finding(account=name, check="vendor", result="warning", detail=detail)
        return
    except (AuthenticationFailed, PermissionDenied) as error:
        detail = f"{error}: are the credentials of the environment {account.environment}?"
        yield Finding(account=name, check="credentials", result="failed", detail=detail)
        return
    except ReturnsHubError as error:
        yield Finding(account=name, check="vendor", result="failed", detail=f"{error}; {asked}")
        return
    milliseconds = 1000 * (monotonic() - started)
    yield Finding(account=name, check="vendor", result="ok", detail=f"answered within {milliseconds:.0f} ms")
    yield Finding(account=name, check="credentials", result="ok", detail="accepted")
    if date is not None:
        yield _clock(date, name)
    yield from _words(client, name)
    yield from _open_questions(client, name)


def _open_questions(client: Client[Any], account: str) -> Iterator[Finding]:
    """Of vendors whose documents leave something open that an account can answer: what this one does."""
    probe: Callable[[], Operation[Mapping[str, str]]] | None = getattr(client.adapter, "probe", None)
    if probe is None:
        return
    try:
        answers = client.run(probe())
    except ReturnsHubError as error:
        detail = f"what the documents leave open could not be tried: {error}"
        yield Finding(account=account, check="open questions", result="warning", detail=detail)
        return
    detail = "; ".join(f"{question}: {answer}" for question, answer in answers.items())
    yield Finding(account=account, check="open questions", result="ok", detail=detail)


def _words(client: Client[Any], account: str) -> Iterator[Finding]:
    """Of vendors that have a table of an account's own words: what each of them means here."""
    read: Callable[[], Operation[Mapping[str, str]]] | None = getattr(client.adapter, "read_words", None)
    if read is None:
        return
    try:
        words = client.run(read())
    except ReturnsHubError as error:
        detail = f"the vendor's own table could not be read: {error}"
        yield Finding(account=account, check="words", result="warning", detail=detail)
        return
    detail = "; ".join(f"{word} ({meaning})" for word, meaning in words.items())
    yield Finding(account=account, check="words", result="ok", detail=detail)


def check_credentials(operation: Operation[Any]) -> Operation[datetime | None]:
    """Run an operation and return the vendor's clock from its last reply; None where no reply has a date.

    Errors name it.
    """
    date: datetime | None = None
    request = next(operation)
    while True:
        reply = yield request
        date = _parse_date(reply.header("date"))
        try:
            request = operation.send(reply)
        except StopIteration:
            return date


def _parse_date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _clock(date: datetime, account: str) -> Finding:
    apart = round((datetime.now(UTC) - date).total_seconds())
    if abs(apart) <= _MOST_SECONDS_APART:
        detail = f"within {max(abs(apart), 1)} s of the vendor's"
        return Finding(account=account, check="clock", result="ok", detail=detail)
    side = "ahead of" if apart > 0 else "behind"
    detail = f"{abs(apart)} s {side} the vendor's: signed times may be refused"
    return Finding(account=account, check="clock", result="warning", detail=detail)
