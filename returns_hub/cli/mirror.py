"""``returns``, ``show``, ``events``: what is in the local mirror. No vendor is called."""

import re
import signal
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from returns_hub.cli.options import VOCABULARY, ConfigPath, Limit
from returns_hub.cli.output import (
    TABLE_ROWS,
    paged,
    plural,
    print_csv,
    print_error,
    print_json,
    print_line,
    print_list,
    print_remark,
)
from returns_hub.cli.signals import until_signalled, watching_output
from returns_hub.cli.views import event_data, event_line, print_events, print_return, print_returns, return_data
from returns_hub.events import Event
from returns_hub.spreadsheet import RETURN_COLUMNS, return_cells
from returns_hub.status import Attention, Status

if TYPE_CHECKING:
    from returns_hub.hub import Hub
    from returns_hub.store import StoredReturn


def returns(
    *,
    account: str | None = None,
    status: Annotated[Status | None, VOCABULARY] = None,
    attention: Annotated[Attention | None, VOCABULARY] = None,
    since: date | None = None,
    limit: Limit = None,
    csv: bool = False,
    json: bool = False,
    raw: bool = False,
    config: ConfigPath = None,
) -> None:
    """List the returns in the mirror, newest first.

    The table has 50 lines and no customers; "show" has them. Where the terminal is
    too narrow it leaves out the vendor's word, the number of items, the dates, the
    account and the id, in this order; number, status, attention and order stay. CSV and JSON have no limit. JSON is the whole
    model, links of labels included: whoever has such a link can print the label.

    For example:
      returns-hub returns --status requested
      returns-hub returns --account acme-au --since 2024-12-01 --limit 200
      returns-hub returns --attention review --json | jq .number
      returns-hub returns --since 2024-12-01 --csv > december.csv

    Args:
        account: Only this account's returns.
        status: Only returns that stand here.
        attention: Only returns that somebody has to look at for this.
        since: Only returns created on this day or later, as 2024-12-30 (UTC).
        limit: How many at most.
        csv: Comma-separated values for a spreadsheet, all that match.
        json: One JSON object a line, all that match.
        raw: As --json, with the vendor's own object under "raw".
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub:

        def read(rows: int | None) -> "Iterable[StoredReturn]":
            return hub.returns(account=account, status=status, attention=attention, since=since, limit=rows)

        if csv:
            print_csv(RETURN_COLUMNS, (return_cells(stored.account, stored.ret) for stored in read(limit)))
            return
        print_list(
            read,
            limit=limit,
            json=json or raw,
            as_json=partial(return_data, raw=raw),
            print_rows=print_returns,
            none="No such returns in the mirror; returns-hub sync fills it.",
            noun="return",
        )


def show(
    account: str,
    id: str,
    /,
    *,
    json: bool = False,
    raw: bool = False,
    config: ConfigPath = None,
) -> int:
    """Show one return: its items, shipments and customer, and its history.

    For example:
      returns-hub show acme-au rma_abc123
      returns-hub show acme-au rma_abc123 --raw | jq .raw

    Args:
        account: The account's name in the configuration.
        id: The vendor's id of the return, as "returns" lists it.
        json: One JSON object, label links included.
        raw: As --json, with the vendor's own object under "raw".
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub:
        stored = hub.get_return(account, id)
        if stored is None:
            print_error(f"the mirror has no return {id!r} of {account}; returns-hub sync {account} fetches what is new")
            return 1
        if json or raw:
            print_json(return_data(stored, raw=raw))
            return 0
        with paged():
            print_return(stored, hub.events(account=account, return_id=id))
    return 0


def _check_position(_: type, after: str | None) -> None:
    if after is not None and re.fullmatch(r"\d{1,18}(:\S+)?", after, re.ASCII) is None:
        raise ValueError("Give a sequence, or SEQUENCE:ID.")


def events(
    *,
    after: Annotated[str | None, Parameter(validator=_check_position)] = None,
    account: str | None = None,
    limit: Limit = None,
    follow: bool = False,
    json: bool = False,
    config: ConfigPath = None,
) -> None:
    """List events: what changed, in the order it was recorded.

    The table has the latest 50 events, or the first 50 after --after; JSON has all
    of them. --limit means the latest so many, or with --after the first so many.
    Keep the sequence of the last event that you handled, and go on after it.

    For example:
      returns-hub events
      returns-hub events --after 312 --json
      returns-hub events --follow --json

    Args:
        after: Only events after this sequence; SEQUENCE:ID fails if the event is another one, as after a restore.
        account: Only this account's events.
        limit: The latest so many, or the first so many after --after.
        follow: Go on with what comes, until Ctrl-C or SIGTERM.
        json: One JSON object a line; all of them without --limit.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub:
        last: int | str = after or 0
        if json:
            for event in _select(hub, after, account, limit):
                print_json(event_data(event))
                last = event.sequence
        else:
            shown, remark = _table(hub, after, account, limit or TABLE_ROWS)
            with nullcontext() if follow else paged():
                if shown:
                    print_events(shown)
                    last = shown[-1].sequence
                print_remark(remark)
        if follow:
            with until_signalled(signal.SIGTERM) as signalled:
                stop = watching_output(signalled.is_set)
                for event in hub.events(after=last, account=account, follow=True, stop=stop):
                    if json:
                        print_json(event_data(event))
                    else:
                        print_line(event_line(event))


def _select(hub: "Hub", after: str | None, account: str | None, limit: int | None) -> Iterable[Event]:
    """The latest events, or the first ones after a sequence; without a limit all of them."""
    if after is None and limit is not None:
        return hub.events(account=account, latest=limit)
    return hub.events(after=after or 0, account=account, limit=limit)


def _table(hub: "Hub", after: str | None, account: str | None, rows: int) -> tuple[list[Event], str]:
    """The events for the table, and what to say below it."""
    # One row more than is shown: are there more?
    found = list(_select(hub, after, account, rows + 1))
    if after is None:
        if len(found) > rows:
            return found[1:], f"The latest {rows} events; --limit N shows more, --json all."
        return found, f"{plural(len(found), 'event')}." if found else "The mirror has no events."
    if len(found) > rows:
        return found[:rows], f"There are more: --after {found[rows - 1].sequence} shows the next, --json all."
    return found, "There are no more." if found else f"There are no events after {after}."
