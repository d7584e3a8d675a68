"""``doctor``: is everything in place to sync and to receive?"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from attrs import asdict, frozen
from rich.text import Text

from returns_hub.adapter import Adapter, Capability, Support
from returns_hub.cli.options import ConfigPath
from returns_hub.cli.output import format_span, format_time, plural, print_hanging, print_json
from returns_hub.errors import (
    AuthenticationFailed,
    PermissionDenied,
    ReturnsHubError,
    UnsupportedOperation,
    WebhookRejected,
)
from returns_hub.model import ReturnQuery
from returns_hub.operation import Operation, WebhookRequest

if TYPE_CHECKING:
    from returns_hub.accounts import Config
    from returns_hub.client import Client
    from returns_hub.handlers import ConsumerHealth
    from returns_hub.hub import AccountHealth, Health, Hub

Result: TypeAlias = Literal["ok", "warning", "failed"]

_STYLES: Final = {"ok": "green", "warning": "yellow", "failed": "red"}
# Below this release, several processes that write one file can damage it (sqlite.org, the WAL-reset bug).
_SAFE_FOR_SEVERAL_WRITERS: Final = (3, 51, 3)
_MOST_SECONDS_APART: Final = 60
_UNREADABLE_SHOWN: Final = 5
_LONGEST_WAIT_S: Final = 10 * 60.0
_LONGEST_LAG_S: Final = 24 * 3600.0


@frozen
class Finding:
    """What one check came to. ``account`` is None for what all accounts share."""

    account: str | None
    check: str
    result: Result
    detail: str


def doctor(*accounts: str, offline: bool = False, json: bool = False, config: ConfigPath = None) -> int:
    """Check the configuration, the mirror and the accounts.

    Of each account: its options, credentials and webhook secrets, whether the
    vendor answers, and how far its clock is from ours. The vendor is asked for one
    return, the cheapest call that proves a key. The exit code is 1 if a check
    failed; a warning does not change it.

    For example:
      returns-hub doctor
      returns-hub doctor acme-au --json
      returns-hub doctor --offline

    Args:
        accounts: The accounts to check; all of them if none is named.
        offline: Call no vendor.
        json: One JSON object a line: a check.
        config: The configuration file.
    """
    from returns_hub.accounts import load_config
    from returns_hub.hub import Hub

    settings = load_config(config)
    failed = False
    with Hub(settings.accounts, store=settings.store) as hub:
        for stranger in set(accounts) - set(hub.accounts):
            hub.client(stranger)  # refuses it, with a suggestion
        for finding in _findings(hub, settings, accounts, offline=offline):
            failed = failed or finding.result == "failed"
            if json:
                print_json(asdict(finding))
            else:
                _say(finding)
    return 1 if failed else 0


def _findings(hub: "Hub", settings: "Config", accounts: tuple[str, ...], *, offline: bool) -> Iterator[Finding]:
    wanted = accounts or tuple(hub.accounts)
    yield Finding(
        None, "configuration", "ok", f"{settings.path} is well formed; accounts: {', '.join(hub.accounts) or 'none'}"
    )
    for warning in settings.warnings:
        yield Finding(None, "configuration", "warning", warning)
    yield from _store(hub, settings)
    health = _health(hub)
    if health is not None:
        yield _deliveries(health)
        yield from (_handler(each) for each in health.consumers)
        yield from _refused(hub, wanted)
    for account in wanted:
        yield from _account(hub, account, offline=offline)
    if health is not None:
        yield from (_mirror(each) for each in health.accounts if each.account in wanted)
        for account in wanted:
            yield from _unreadable(hub, account)


def _unreadable(hub: "Hub", account: str) -> Iterator[Finding]:
    """Which fields of which returns the vendor sends in a form that nobody can read."""
    fields = hub.unreadable_fields(account)
    if fields:
        named = ", ".join(f"{each.id} {each.field}" for each in fields[:_UNREADABLE_SHOWN])
        more = f" and {len(fields) - _UNREADABLE_SHOWN} more" if len(fields) > _UNREADABLE_SHOWN else ""
        yield Finding(account, "unreadable", "warning", f"could not be read and left empty: {named}{more}")


def _store(hub: "Hub", settings: "Config") -> Iterator[Finding]:
    try:
        known = sum(1 for _ in hub.returns(limit=1))
    except ReturnsHubError as error:
        yield Finding(None, "store", "failed", str(error))
        return
    yield Finding(
        None, "store", "ok", "can be opened" if known else "can be opened, and is empty: returns-hub sync fills it"
    )
    if settings.store.startswith("sqlite") and sqlite3.sqlite_version_info < _SAFE_FOR_SEVERAL_WRITERS:
        yield Finding(
            None,
            "store",
            "warning",
            f"SQLite {sqlite3.sqlite_version} can damage a file that several processes write (repaired in 3.51.3): "
            "let one process at a time sync, or use PostgreSQL",
        )


def _health(hub: "Hub") -> "Health | None":
    try:
        return hub.health()
    except ReturnsHubError:
        return None  # the store line says it already


def _deliveries(health: "Health") -> Finding:
    """Whether what came in is also worked on."""
    if health.dead:
        detail = f"dead: {health.dead}, see returns-hub deliveries list --state dead; pending: {health.pending}"
        return Finding(None, "deliveries", "warning", detail)
    waited = health.oldest_pending_s or 0.0
    if waited > _LONGEST_WAIT_S:
        detail = f"pending: {health.pending}, the oldest for {format_span(waited)}; returns-hub serve works on them"
        return Finding(None, "deliveries", "warning", detail)
    return Finding(None, "deliveries", "ok", f"pending: {health.pending}, dead: 0")


def _handler(health: "ConsumerHealth") -> Finding:
    """Whether the handlers of a name take the events."""
    check = f"handler {health.name}"
    if health.failing or health.dead:
        counts = f"failing: {health.failing}, dead: {health.dead}, the latest with {health.error}"
        return Finding(None, check, "warning", f"{counts}; see returns-hub handlers list {health.name}")
    waited = health.oldest_pending_s or 0.0
    if waited > _LONGEST_WAIT_S:
        detail = f"lag: {health.lag}, the oldest for {format_span(waited)}; does a process with this handler run?"
        return Finding(None, check, "warning", detail)
    return Finding(None, check, "ok", f"lag: {health.lag}")


def _refused(hub: "Hub", wanted: Sequence[str]) -> Iterator[Finding]:
    """What was refused within the last day: a vendor's own delivery, if the secret or the address is wrong."""
    since = datetime.now(UTC) - timedelta(seconds=_LONGEST_LAG_S)
    for each in hub.refused():
        if each.last_at < since or (each.account and each.account not in wanted):
            continue
        what = plural(each.count, "delivery" if each.route == "webhooks" else "order look-up")
        yield Finding(
            each.account or None,
            "refused",
            "warning",
            f"{what} since {format_time(each.first_at)}, the last at {format_time(each.last_at)} UTC: {each.reason}"
            + (f" ({each.detail})" if each.detail else ""),
        )


def _mirror(health: "AccountHealth") -> Finding:
    """Whether the mirror of an account is kept in step."""
    if health.degraded:
        return Finding(health.account, "mirror", "warning", "the last syncs all failed; returns-hub sync says why")
    if health.lag_s is None:
        return Finding(health.account, "mirror", "warning", "was never synced to the end; returns-hub sync does it")
    result: Result = "ok" if health.lag_s <= _LONGEST_LAG_S else "warning"
    return Finding(health.account, "mirror", result, f"is {format_span(health.lag_s)} behind the vendor")


def _account(hub: "Hub", account: str, *, offline: bool) -> Iterator[Finding]:
    try:
        client = hub.client(account)
    except ReturnsHubError as error:
        yield Finding(account, "options", "failed", str(error))
        return
    yield Finding(account, "options", "ok", f"complete for {client.adapter.display_name}")
    yield from _webhooks(client.adapter, account)
    if not offline:
        yield from _vendor(client, account)


def _webhooks(adapter: Adapter, account: str) -> Iterator[Finding]:
    """A forged delivery must be refused, and for its signature: not because there is no secret to check it with."""
    if adapter.support(Capability.RECEIVE) in (Support.NO, Support.NOT_IMPLEMENTED):
        return
    forged = WebhookRequest(
        method="POST", url=f"http://localhost/webhooks/{account}", body=b"{}", received_at=datetime.now(UTC)
    )
    try:
        adapter.verify_webhook(forged)
    except WebhookRejected as rejected:
        if rejected.reason == "not_configured":
            yield Finding(account, "webhooks", "warning", f"{rejected}; every delivery is refused (401)")
        else:
            yield Finding(account, "webhooks", "ok", f"an unsigned delivery is refused: {rejected}")
    else:
        yield Finding(account, "webhooks", "failed", "an unsigned delivery is accepted")
    yield from _registered(adapter, account)


def _registered(adapter: Adapter, account: str) -> Iterator[Finding]:
    """Of vendors that sign the address and the time of a delivery: what is checked of both."""
    url: str | None = getattr(adapter, "webhook_url", None)
    if url is not None:
        # A query may hold what is secret.
        address = urlsplit(url)
        shown = f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"
        if address.path.rstrip("/").endswith(f"/webhooks/{account}"):
            yield Finding(account, "webhook address", "ok", f"signatures are checked for {shown}")
        else:
            yield Finding(
                account,
                "webhook address",
                "warning",
                f"{shown} does not end in /webhooks/{account}: something has to lead there what comes in at it",
            )
    minutes: int | None = getattr(adapter, "webhook_tolerance", None)
    if minutes is not None:
        yield Finding(account, "webhook time", "ok", f"a signed time may be {minutes} minutes from this clock")


def _vendor(client: "Client", account: str) -> Iterator[Finding]:
    adapter = client.adapter
    started = monotonic()
    try:
        date = client.run(check_credentials(adapter.list_returns(ReturnQuery(page_size=1))))
    except UnsupportedOperation:
        yield Finding(account, "vendor", "warning", "has no cheap call to try the credentials with")
        return
    except (AuthenticationFailed, PermissionDenied) as error:
        yield Finding(account, "credentials", "failed", str(error))
        return
    except ReturnsHubError as error:
        yield Finding(account, "vendor", "failed", str(error))
        return
    yield Finding(account, "vendor", "ok", f"answered within {1000 * (monotonic() - started):.0f} ms")
    yield Finding(account, "credentials", "ok", "accepted")
    if date is not None:
        yield _clock(date, account)
    yield from _words(client, account)


def _words(client: "Client", account: str) -> Iterator[Finding]:
    """Of vendors that have a table of an account's own words: what each of them means here."""
    read: Callable[[], Operation[Mapping[str, str]]] | None = getattr(client.adapter, "read_words", None)
    if read is None:
        return
    try:
        words = client.run(read())
    except ReturnsHubError as error:
        yield Finding(account, "words", "warning", f"the vendor's own table could not be read: {error}")
        return
    yield Finding(account, "words", "ok", "; ".join(f"{word} ({meaning})" for word, meaning in words.items()))


def check_credentials(operation: Operation[Any]) -> Operation[datetime | None]:
    """Run an operation and return the vendor's clock from its last reply; None where no reply has a date."""
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
        return Finding(account, "clock", "ok", f"within {max(abs(apart), 1)} s of the vendor's")
    side = "ahead of" if apart > 0 else "behind"
    return Finding(account, "clock", "warning", f"{abs(apart)} s {side} the vendor's: signed times may be refused")


def _say(finding: Finding) -> None:
    subject = f"{finding.account}: {finding.check}" if finding.account else finding.check
    print_hanging(Text(f"{finding.result:<9}", _STYLES[finding.result]), f"{subject}: {finding.detail}")
