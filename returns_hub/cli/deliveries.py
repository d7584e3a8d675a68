"""``deliveries``: the webhook inbox, what could not be processed, and another try. No vendor is called by looking."""

import base64
import sys
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from cyclopts import App, Group
from rich.text import Text

from returns_hub.cli.options import DEFAULT_PARAMETER, ConfigPath, Limit
from returns_hub.cli.output import (
    TABLE_ROWS,
    Cell,
    Column,
    clean,
    console,
    format_time,
    plural,
    print_error,
    print_heading,
    print_json,
    print_line,
    print_list,
    print_pairs,
    print_table,
)
from returns_hub.cli.views import print_events
from returns_hub.configuration import parse_duration
from returns_hub.convert import dump
from returns_hub.errors import ConfigurationError
from returns_hub.reports import Delivery, DeliveryState, Refusal

if TYPE_CHECKING:
    from returns_hub.hub import Hub
    from returns_hub.hub.filters import DeliverySelection

State: TypeAlias = Literal["pending", "processed", "dead"]

_STYLES: Final = {"pending": "yellow", "processed": "green", "dead": "red"}
_COLUMNS: Final = (
    Column("id"),
    Column("received", time=True),
    Column("account"),
    Column("state"),
    Column("events", drop=2),
    Column("attempts", drop=3),
    Column("duplicates", drop=4),
    Column("error", prose=True, drop=1),
)

_REFUSALS: Final = (
    Column("account"),
    Column("route", drop=2),
    Column("reason"),
    Column("count"),
    Column("first (UTC)", drop=3),
    Column("last (UTC)"),
    Column("digest", drop=4),
    Column("detail", prose=True, drop=1),
)

app = App(
    name="deliveries",
    help="Show what vendors have delivered, process it again, and remove what is old.",
    default_parameter=DEFAULT_PARAMETER,
    group_parameters=Group("Options", sort_key=1),
)


@app.command(name="list")
def list_deliveries(
    *,
    account: str | None = None,
    state: State | None = None,
    since: datetime | None = None,
    limit: Limit = None,
    json: bool = False,
    config: ConfigPath = None,
) -> None:
    """List the deliveries, newest first.

    "pending" waits for its turn or for its next attempt, "dead" has failed too
    often: replay it when the reason is gone. The table has 50 lines; JSON has no
    limit.

    For example:
      returns-hub deliveries list --state dead
      returns-hub deliveries list --account acme-au --json | jq .error

    Args:
        account: Only this account's deliveries.
        state: Only deliveries in this state.
        since: Only what was received at or after this moment, as 2024-12-30 or 2024-12-30T14:00 (UTC).
        limit: How many at most.
        json: One JSON object a line, all that match.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    selection: DeliverySelection = {"account": account, "state": state, "since": _moment(since)}
    with Hub.from_config(config) as hub:
        print_list(
            lambda rows: hub.deliveries(**selection, limit=rows),
            limit=limit,
            json=json,
            as_json=_data,
            print_rows=lambda found: print_table(_COLUMNS, map(_row, found)),
            none="No such deliveries.",
            noun="delivery",
            total=lambda: plural(hub.count_deliveries(**selection), "delivery"),
        )


@app.command
def show(
    id: int,
    /,
    *,
    json: bool = False,
    body: bool = False,
    config: ConfigPath = None,
) -> int:
    """Show one delivery: when it came, what became of it, why not, and the events that it made.

    The body is what the vendor sent, to the byte, and may hold personal data: it
    is shown on demand only.

    For example:
      returns-hub deliveries show 4711
      returns-hub deliveries show 4711 --body | jq .

    Args:
        id: The id of the delivery, as "list" shows it.
        json: One JSON object; with --body the body is in it, as Base64.
        body: Write the body, and nothing else.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub:
        delivery = hub.get_delivery(id)
        if delivery is None:
            print_error(_unknown(id))
            return 1
        caused = hub.events(delivery_id=id)
        if json:
            encoded = {"body": base64.b64encode(delivery.body).decode()} if body else {}
            print_json(_details(delivery) | {"sequences": [event.sequence for event in caused]} | encoded)
        elif body:
            _write_body(delivery.body)
        else:
            _show(delivery)
            shown = list(islice(caused, TABLE_ROWS))
            if shown:
                print_heading("Events")
                print_events(shown)
    return 0


@app.command
def replay(
    *ids: int,
    dead: bool = False,
    account: str | None = None,
    since: datetime | None = None,
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
    config: ConfigPath = None,
) -> int:
    """Process deliveries once more, whatever has become of them.

    They become pending, and "serve" or a worker processes them again. Facts that
    the mirror has already make no events. Without ids, all that --dead, --account
    and --since select: their number is shown first, and you are asked.

    For example:
      returns-hub deliveries replay 4711 4712
      returns-hub deliveries replay --dead --dry-run
      returns-hub deliveries replay --account acme-au --since 2024-12-30T14:00 --yes

    Args:
        ids: The ids of the deliveries, as "list" shows them.
        dead: Those that failed too often.
        account: Those of this account.
        since: Those received at or after this moment, as 2024-12-30 or 2024-12-30T14:00 (UTC).
        dry_run: Say how many it would be, and do nothing.
        yes: Do not ask.
        json: One JSON object a line: a delivery as it now stands; of many, their number.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    many = dead or account is not None or since is not None
    if many == bool(ids):
        raise ConfigurationError("name deliveries by their ids, or choose them by --dead, --account and --since")
    with Hub.from_config(config) as hub:
        if many:
            selection: DeliverySelection = {"account": account, "since": _moment(since)}
            if dead:
                selection["state"] = DeliveryState.DEAD
            return _replay_many(hub, selection, dry_run=dry_run, yes=yes, json=json)
        known = [number for number in ids if hub.get_delivery(number) is not None]
        for number in known:
            delivery = hub.get_delivery(number) if dry_run else hub.replay(number)
            if delivery is not None:
                _print_replayed(delivery, json=json)
    for number in ids:
        if number not in known:
            print_error(_unknown(number))
    return 0 if len(known) == len(ids) else 1


@app.command
def refused(*, account: str | None = None, json: bool = False, config: ConfigPath = None) -> None:
    """List what was refused: deliveries and order look-ups, by account and reason, the latest first.

    What came in is not kept, only the SHA-256 of the body of one of the latest. A
    vendor that was refused by mistake sends again for hours or days. What was last
    refused longer ago than "keep_deliveries" is forgotten.

    For example:
      returns-hub deliveries refused
      returns-hub deliveries refused --account acme-au --json

    Args:
        account: Only what was refused for this account.
        json: One JSON object a line.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub:
        found = hub.refused(account)
    if json:
        for each in found:
            print_json(dump(each) | {"account": each.account or None})
    elif found:
        print_table(_REFUSALS, map(_refusal_row, found))
    else:
        print_line("Nothing was refused.")


@app.command
def purge(*, older: str, audit: bool = False, json: bool = False, config: ConfigPath = None) -> None:
    """Remove processed deliveries: their bodies are personal data.

    Pending and dead deliveries stay, and so do returns and events. What waits for
    a return that never appeared is removed as well. "serve" and "work" do all that once an
    hour, after "keep_deliveries" of the configuration, 30 days by default.

    For example:
      returns-hub deliveries purge --older 30d
      returns-hub deliveries purge --older 365d --audit

    Args:
        older: What came longer ago than this, such as 30d or 12h.
        audit: Also remove what the audit of the web console says of acts that are as old; nothing else removes it.
        json: One JSON object: how many deliveries were removed, how much that waited, and with --audit how many acts.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    ago = parse_duration(older)
    if ago is None:
        raise ConfigurationError('--older must look like "30d" or "12h"')
    with Hub.from_config(config) as hub:
        purged = hub.purge(datetime.now(UTC) - ago, audit=audit)
    if json:
        acts = {"audit": purged.audit} if audit else {}
        print_json({"deliveries": purged.deliveries, "waiting": purged.waiting, **acts})
    else:
        acts_removed = f", acts of the audit {purged.audit}" if audit else ""
        print_line(
            f"Removed: deliveries {purged.deliveries}, observations waiting for a return {purged.waiting}{acts_removed}."
        )


def _replay_many(hub: "Hub", selection: "DeliverySelection", *, dry_run: bool, yes: bool, json: bool) -> int:
    """Replay what is selected, once somebody has agreed to its number."""
    count = hub.count_deliveries(**selection)
    if not dry_run and not yes and count:
        if not sys.stdin.isatty():
            raise ConfigurationError(
                f"it would be {plural(count, 'delivery')}: --yes replays them, --dry-run only counts"
            )
        print_line(f"{plural(count, 'delivery')} would be processed once more. Go on? [y/N]")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print_line("Nothing was replayed.")
            return 1
    done = 0 if dry_run or not count else hub.replay_deliveries(**selection)
    if json:
        print_json({"matching": count, "replayed": done})
    else:
        print_line(
            f"{plural(count, 'delivery')} would be replayed." if dry_run else f"{plural(done, 'delivery')} replayed."
        )
    return 0


def _refusal_row(refusal: Refusal) -> tuple[Cell, ...]:
    return (
        refusal.account,
        refusal.route,
        refusal.reason,
        str(refusal.count),
        format_time(refusal.first_at),
        format_time(refusal.last_at),
        refusal.digest[:12],
        refusal.detail,
    )


def _print_replayed(delivery: Delivery, *, json: bool) -> None:
    if json:
        print_json(_data(delivery))
    else:
        print_line(f"{delivery.id}: {delivery.state.value}")


def _moment(since: datetime | None) -> datetime | None:
    """What was typed, in UTC where it names no zone."""
    return since.replace(tzinfo=UTC) if since is not None and since.tzinfo is None else since


def _unknown(id: int) -> str:
    return f"there is no delivery {id}; returns-hub deliveries list shows which there are"


def _data(delivery: Delivery) -> dict[str, Any]:
    """A delivery for programs."""
    return {
        "id": delivery.id,
        "account": delivery.account,
        "received_at": dump(delivery.received_at),
        "state": delivery.state.value,
        "duplicates": delivery.duplicates,
        "attempts": delivery.attempts,
        "error": delivery.error,
        "events": delivery.events,
    }


def _details(delivery: Delivery) -> dict[str, Any]:
    return _data(delivery) | {
        "subject": delivery.subject,
        "dedupe_key": delivery.dedupe_key,
        "due_at": dump(delivery.due_at),
        "processed_at": dump(delivery.processed_at),
        "bytes": len(delivery.body),
    }


def _row(delivery: Delivery) -> tuple[Cell, ...]:
    return (
        str(delivery.id),
        format_time(delivery.received_at),
        delivery.account,
        _state(delivery),
        str(delivery.events),
        str(delivery.attempts),
        str(delivery.duplicates),
        delivery.error,
    )


def _state(delivery: Delivery) -> Text:
    return Text(delivery.state.value, style=_STYLES[delivery.state.value])


def _show(delivery: Delivery) -> None:
    print_line(Text.assemble((f"delivery {delivery.id}", "bold"), f"  {delivery.account}"))
    pending = delivery.state.value == "pending"
    print_pairs(
        [
            ("state", _state(delivery)),
            ("received", format_time(delivery.received_at)),
            ("about", delivery.subject),
            ("attempts", str(delivery.attempts)),
            ("next attempt", format_time(delivery.due_at) if pending else None),
            ("processed", format_time(delivery.processed_at)),
            ("events", str(delivery.events)),
            ("duplicates", str(delivery.duplicates)),
            ("error", delivery.error),
            ("body", f"{len(delivery.body)} bytes; --body writes them"),
        ]
    )


def _write_body(body: bytes) -> None:
    """The exact bytes into a pipe; on a terminal, what can be shown of them."""
    if console().is_terminal:
        for line in body.decode(errors="replace").splitlines():
            print_line(clean(line))
    else:
        sys.stdout.buffer.write(body)
