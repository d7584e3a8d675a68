"""``returns``, ``find``, ``show``, ``events``: what is in the local mirror. No vendor is called."""

import re
import signal
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

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

# A thousand are counted soon; how many a million are does not matter below a table of fifty.
_COUNTED: Final = 1000

if TYPE_CHECKING:
    from returns_hub.hub import Hub
    from returns_hub.hub.filters import ReturnSelection


def returns(
    *,
    account: str | None = None,
    status: Annotated[Status | None, VOCABULARY] = None,
    attention: Annotated[Attention | None, VOCABULARY] = None,
    since: date | None = None,
    order: str | None = None,
    number: str | None = None,
    email: str | None = None,
    tracking: str | None = None,
    sku: str | None = None,
    limit: Limit = None,
    csv: bool = False,
    json: bool = False,
    raw: bool = False,
    config: ConfigPath = None,
) -> None:
    """List the returns in the mirror, newest first; of several filters, all must hold.

    The table has 50 lines and no customers; "show" has them. Where the terminal is
    too narrow it leaves out the vendor's word, the number of items, the dates, the
    account and the id, in this order; number, status, attention and order stay. CSV and JSON have no limit. JSON is the whole
    model, links of labels included: whoever has such a link can print the label.

    For example:
      returns-hub returns --status requested
      returns-hub returns --account acme-au --since 2024-12-01 --limit 200
      returns-hub returns --attention review --json | jq .number
      returns-hub returns --since 2024-12-01 --csv > december.csv
      returns-hub returns --sku PROD-001 --status requested

    Args:
        account: Only this account's returns.
        status: Only returns that stand here.
        attention: Only returns that somebody has to look at for this.
        since: Only returns created on this day or later, as 2024-12-30 (UTC).
        order: Only returns of the order with this number, with or without "#".
        number: Only the returns with this RMA number.
        email: Only the returns of the customer with this address.
        tracking: Only returns with a parcel of this tracking number.
        sku: Only returns with an item of this SKU.
        limit: How many at most.
        csv: Comma-separated values for a spreadsheet, all that match.
        json: One JSON object a line, all that match.
        raw: As --json, with the vendor's own object under "raw".
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub:
        filters: ReturnSelection = {
            "account": account,
            "status": status,
            "attention": attention,
            "since": since,
            "order": order,
            "number": number,
            "email": email,
            "tracking": tracking,
            "sku": sku,
        }

        if csv:
            print_csv(
                RETURN_COLUMNS,
                (return_cells(stored.account, stored.ret) for stored in hub.returns(**filters, limit=limit)),
            )
            return
        print_list(
            lambda rows: hub.returns(**filters, limit=rows),
            limit=limit,
            json=json or raw,
            as_json=partial(return_data, raw=raw),
            print_rows=print_returns,
            none="No such returns in the mirror; returns-hub sync fills it.",
            noun="return",
            total=lambda: _total(hub.count_returns(**filters)),
        )


def _total(count: int) -> str:
    return f"more than {count - 1:,} returns" if count > _COUNTED else plural(count, "return")


def find(
    text: str,
    /,
    *,
    account: str | None = None,
    limit: Limit = None,
    csv: bool = False,
    json: bool = False,
    raw: bool = False,
    config: ConfigPath = None,
) -> int:
    """Find returns by what somebody has at hand, in every account, newest first.

    The text is an order number (with or without "#"), an RMA, a reference, an
    e-mail address, a tracking number, a SKU, a barcode, or the id of a return, a
    request, an item or a shipment. It must be whole; upper and lower case are one,
    but in ids. Nothing found is exit code 1.

    For example:
      returns-hub find 1001
      returns-hub find jane@example.com --account acme-au
      returns-hub find "1Z 999 AA1 0123" --json | jq .id

    Args:
        text: What to look for.
        account: Only this account's returns.
        limit: How many at most.
        csv: Comma-separated values for a spreadsheet, all that are found.
        json: One JSON object a line, all that are found.
        raw: As --json, with the vendor's own object under "raw".
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub:
        if next(hub.find(text, account=account, limit=1), None) is None:
            print_error(_nothing_found(text, account))
            return 1
        if csv:
            found = hub.find(text, account=account, limit=limit)
            print_csv(RETURN_COLUMNS, (return_cells(stored.account, stored.ret) for stored in found))
            return 0
        print_list(
            lambda rows: hub.find(text, account=account, limit=rows),
            limit=limit,
            json=json or raw,
            as_json=partial(return_data, raw=raw),
            print_rows=print_returns,
            none="",
            noun="return",
        )
    return 0


def show(
    account: str,
    text: str | None = None,
    /,
    *,
    json: bool = False,
    raw: bool = False,
    config: ConfigPath = None,
) -> int:
    """Show one return: its items, shipments and customer, and its history.

    It is named by its id, or by what "find" takes: an order number, an RMA, an
    e-mail address, a tracking number, a SKU. Where several returns have that, they
    are listed.

    For example:
      returns-hub show acme-au rma_abc123
      returns-hub show acme-au "#1001"
      returns-hub show RMA-2024-001234
      returns-hub show acme-au rma_abc123 --raw | jq .raw

    Args:
        account: The account's name in the configuration; without one, the next is looked for in every account.
        text: The vendor's id of the return, or another text that "find" takes.
        json: One JSON object, label links included; one a line where several returns are found.
        raw: As --json, with the vendor's own object under "raw".
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub:
        if text is None and account in hub.accounts:
            print_error(f"which return of {account}? Give its id, RMA or order number after the account")
            return 2
        name, wanted = (None, account) if text is None else (account, text)
        stored = hub.get_return(name, wanted) if name is not None else None
        # One row more than is shown: are there more?
        found = [stored] if stored else list(hub.find(wanted, account=name, limit=TABLE_ROWS + 1))
        if not found and name is not None and hub.is_erased(name, wanted):
            print_error(f"{wanted} of {name} was erased, and is not stored again; returns-hub erase --help says more")
            return 1
        if not found:
            print_error(_nothing_found(wanted, name))
            return 1
        if json or raw:
            for each in found if len(found) <= TABLE_ROWS else hub.find(wanted, account=name):
                print_json(return_data(each, raw=raw))
        elif len(found) == 1:
            (stored,) = found
            with paged():
                # The mirror may hold an account that the configuration has no more: the hub gives no events of it.
                is_known = stored.account in hub.accounts
                print_return(stored, hub.events(account=stored.account, return_id=stored.ret.id) if is_known else ())
        else:
            print_returns(found[:TABLE_ROWS])
            count = len(found) if len(found) <= TABLE_ROWS else f"More than {TABLE_ROWS}"
            print_line(f"{count} returns have {wanted!r}; name one by its account and id: returns-hub show ACCOUNT ID.")
    return 0


def _nothing_found(text: str, account: str | None) -> str:
    """What to say where no return has a text."""
    where = "the mirror has no return" if account is None else f"the mirror has no return of {account}"
    return (
        f"{where} with the id, order number, RMA, reference, e-mail address, tracking number, SKU or barcode {text[:80]!r}; "
        f"returns-hub sync{'' if account is None else f' {account}'} fetches what is new"
    )


def _check_position(_: type, after: str | None) -> None:
    if after is not None and re.fullmatch(r"\d{1,18}(:\S+)?", after, re.ASCII) is None:
        raise ValueError("Must be a sequence, or SEQUENCE:ID.")


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

    # What follows may be ended at any moment, also while it prints what is there already.
    signals = (signal.SIGTERM,) if follow else ()
    with Hub.from_config(config) as hub, until_signalled(*signals) as signalled:
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
