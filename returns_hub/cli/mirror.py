"""``returns``, ``show``, ``events``: what is in the local mirror. No vendor is called."""

import re
import signal
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from returns_hub.cli.options import VOCABULARY, ConfigPath, Limit
from returns_hub.cli.output import TABLE_ROWS, plural, print_error, print_json, print_line, print_list
from returns_hub.cli.signals import until_signalled, watching_output
from returns_hub.cli.views import event_data, event_line, print_events, print_return, print_returns, return_data
from returns_hub.events import Event
from returns_hub.status import Attention, Status

if TYPE_CHECKING:
    from returns_hub.hub import Hub


def returns(
    *,
    account: str | None = None,
    status: Annotated[Status | None, VOCABULARY] = None,
    attention: Annotated[Attention | None, VOCABULARY] = None,
    since: date | None = None,
    limit: Limit = None,
    json: bool = False,
    raw: bool = False,
    config: ConfigPath = None,
) -> None:
    """List the returns in the mirror, newest first.

    The table has 50 lines and no customers; "show" has them. JSON is the whole
    model without a limit, links of labels included: whoever has such a link can
    print the label.

    For example:
      returns-hub returns --status requested
      returns-hub returns --account acme-au --since 2024-12-01 --limit 200
      returns-hub returns --attention review --json | jq .number

    Args:
        account: Only this account's returns.
        status: Only returns that stand here.
        attention: Only returns that somebody has to look at for this.
        since: Only returns created on this day or later, as 2024-12-30 (UTC).
        limit: How many at most.
        json: One JSON object a line, all that match.
        raw: As --json, with the vendor's own object under "raw".
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub:
        print_list(
            lambda rows: hub.returns(account=account, status=status, attention=attention, since=since, limit=rows),
            limit=limit,
            json=json or raw,
            as_json=partial(return_data, raw=raw),
            print_rows=print_returns,
            none="No such returns in the mirror; returns-hub sync fills it.",
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
        else:
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

    The table has the latest 50 events, or the first 50 after --after. JSON has no
    limit: keep the sequence of the last event you handled, and go on after it.

    For example:
      returns-hub events
      returns-hub events --after 312 --json
      returns-hub events --follow --json

    Args:
        after: Only events after this sequence; SEQUENCE:ID fails if the event is another one, as after a restore.
        account: Only this account's events.
        limit: How many at most.
        follow: Go on with what comes, until Ctrl-C or SIGTERM.
        json: One JSON object a line, all of them.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub:
        if json:
            for event in _stream(hub, after or 0, account, limit, follow=follow):
                print_json(event_data(event))
            return
        rows = limit or TABLE_ROWS
        shown, remark = _latest(hub, account, rows) if after is None else _first(hub, after, account, rows)
        if shown:
            print_events(shown)
        print_line(remark)
        if follow:
            last = shown[-1].sequence if shown else after or 0
            for event in _stream(hub, last, account, None, follow=True):
                print_line(event_line(event))


def _latest(hub: "Hub", account: str | None, rows: int) -> tuple[Sequence[Event], str]:
    """The events for the table, and what to say below it."""
    # One row more than is shown: are there more?
    found = list(hub.events(account=account, latest=rows + 1))
    if len(found) > rows:
        return found[1:], f"The latest {rows}; --limit N shows more, --json all."
    return found, f"{plural(len(found), 'event')} in all." if found else "The mirror has no events."


def _first(hub: "Hub", after: str, account: str | None, rows: int) -> tuple[Sequence[Event], str]:
    """The events for the table after a sequence, and what to say below it."""
    # One row more than is shown: are there more?
    found = list(hub.events(after=after, account=account, limit=rows + 1))
    if len(found) > rows:
        return found[:rows], f"There are more: --after {found[rows - 1].sequence} shows the next, --json all."
    return found, "There are no more." if found else f"There are no events after {after}."


def _stream(hub: "Hub", after: int | str, account: str | None, limit: int | None, *, follow: bool) -> Iterator[Event]:
    """The events after a sequence, and with ``follow`` those that come."""
    if not follow:
        yield from hub.events(after=after, account=account, limit=limit)
        return
    with until_signalled(signal.SIGTERM) as signalled:
        stop = watching_output(signalled.is_set)
        yield from hub.events(after=after, account=account, limit=limit, follow=True, stop=stop)
