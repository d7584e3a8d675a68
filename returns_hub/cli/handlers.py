"""``handlers``: how far the functions that get events have come, at what they failed, and another try."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from cyclopts import App, Group
from rich.text import Text

from returns_hub.cli.options import DEFAULT_PARAMETER, ConfigPath, Limit
from returns_hub.cli.output import (
    Cell,
    Column,
    format_time,
    plural,
    print_error,
    print_json,
    print_line,
    print_list,
    print_table,
)
from returns_hub.convert import dump
from returns_hub.errors import ConfigurationError, suggestion
from returns_hub.scalars import format_span

if TYPE_CHECKING:
    from returns_hub.handlers import ConsumerHealth
    from returns_hub.hub import Hub
    from returns_hub.reports import FailedEvent

_HANDLERS: Final = (
    Column("handler"),
    Column("cursor", drop=3),
    Column("lag"),
    Column("waits for", drop=2),
    Column("failing"),
    Column("dead"),
    Column("latest error", prose=True, drop=1),
)
_FAILED: Final = (
    Column("seq"),
    Column("event"),
    Column("account"),
    Column("return", drop=2),
    Column("state"),
    Column("attempts", drop=4),
    Column("next attempt", time=True, drop=3),
    Column("error", prose=True, drop=1),
)
_STYLES: Final = {"pending": "yellow", "dead": "red"}

app = App(
    name="handlers",
    help="Show how far the handlers of events have come; retry or skip the events at which they failed.",
    default_parameter=DEFAULT_PARAMETER,
    group_parameters=Group("Options", sort_key=1),
)


@app.command(name="list")
def list_handlers(
    name: str | None = None, /, *, limit: Limit = None, json: bool = False, config: ConfigPath = None
) -> int:
    """List the handlers, or the events at which one of them failed.

    A handler is whatever is registered with hub.on() under one name, in any
    process that shares the store. "lag" are the events that it has not taken yet,
    "failing" those that it gets again, "dead" those that it does not: its attempts
    are used up. An error is shown by its type and place; the log has its traceback.

    For example:
      returns-hub handlers list
      returns-hub handlers list my-shop --json | jq .error

    Args:
        name: A handler: list the events at which it failed, oldest first.
        limit: How many of these at most.
        json: One JSON object a line, all of them.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub:
        handlers = hub.handlers()
        if name is not None:
            _check(handlers, name)
            _list_failed(hub, name, limit, json=json)
        elif json:
            for each in handlers:
                print_json(dump(each))
        elif handlers:
            print_table(_HANDLERS, map(_row, handlers))
        else:
            print_line("No handler has taken an event of this store yet; hub.on() registers one.")
    return 0


@app.command
def retry(name: str, /, *sequences: int, all: bool = False, config: ConfigPath = None) -> int:
    """Give events to a handler again that it failed at, with all their attempts.

    "work", or whatever process has the handler, does so at once.

    For example:
      returns-hub handlers retry my-shop 4711
      returns-hub handlers retry my-shop --all

    Args:
        name: The handler, as "list" shows it.
        sequences: The events, as "list my-shop" shows them.
        all: Every event that is dead.
        config: The configuration file.
    """
    return _change(name, sequences, "retried", lambda hub: hub.retry_event, all_dead=all, config=config)


@app.command
def skip(name: str, /, *sequences: int, all: bool = False, config: ConfigPath = None) -> int:
    """Never give events to a handler again that it failed at; the later ones of the same return go on.

    For example:
      returns-hub handlers skip my-shop 4711
      returns-hub handlers skip my-shop --all

    Args:
        name: The handler, as "list" shows it.
        sequences: The events, as "list my-shop" shows them.
        all: Every event that is dead.
        config: The configuration file.
    """
    return _change(name, sequences, "skipped", lambda hub: hub.skip_event, all_dead=all, config=config)


@app.command
def forget(name: str, /, *, yes: bool = False, config: ConfigPath = None) -> None:
    """Forget a handler that no process has any more, as after its function was renamed.

    Its cursor goes, and so do the events that it has not taken. A process that has
    a handler of this name begins with what is recorded from its next start on.

    For example:
      returns-hub handlers forget send_mail

    Args:
        name: The handler, as "list" shows it.
        yes: Also if there are events that it has not taken.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub:
        handlers = hub.handlers()
        _check(handlers, name)
        left = next(each.lag + each.dead for each in handlers if each.name == name)
        if left and not yes:
            raise ConfigurationError(f"{name} has not taken {plural(left, 'event')}: --yes forgets it all the same")
        hub.forget_handler(name)
    print_line(f"{name} is forgotten")


def _change(
    name: str,
    sequences: Sequence[int],
    done: str,
    method: "Callable[[Hub], Callable[[str, int], bool]]",
    *,
    all_dead: bool,
    config: ConfigPath,
) -> int:
    """Retry or skip the events, and say of each what came of it."""
    from returns_hub.hub import Hub

    if all_dead == bool(sequences):
        raise ConfigurationError(f"name the events of {name}, or --all for those that are dead")
    unknown = 0
    with Hub.from_config(config) as hub:
        _check(hub.handlers(), name)
        wanted = sequences or [each.event.sequence for each in hub.failed_events(name) if each.state.value == "dead"]
        for sequence in wanted:
            if method(hub)(name, sequence):
                if not all_dead:
                    print_line(f"{name}: event {sequence} is {done}")
            else:
                unknown += 1
                print_error(f"{name} has not failed at event {sequence}; returns-hub handlers list {name} shows which")
    if all_dead:
        print_line(f"{name}: {plural(len(wanted) - unknown, 'event')} {done}")
    return 1 if unknown else 0


def _check(handlers: "Sequence[ConsumerHealth]", name: str) -> None:
    known = [each.name for each in handlers]
    if name not in known:
        hint = suggestion(name, known).removesuffix(".")
        raise ConfigurationError(f"there is no handler {name[:80]!r}{hint}; returns-hub handlers list shows them")


def _list_failed(hub: "Hub", name: str, limit: int | None, *, json: bool) -> None:
    from itertools import islice

    print_list(
        lambda rows: islice(hub.failed_events(name), rows),
        limit=limit,
        json=json,
        as_json=_data,
        print_rows=lambda found: print_table(_FAILED, map(_failed_row, found)),
        none=f"{name} has failed at no event.",
        noun="event",
        order="oldest",
    )


def _data(failed: "FailedEvent") -> dict[str, Any]:
    """A failed event for programs; what changed is in the event stream."""
    event = failed.event
    return {
        "handler": failed.consumer,
        "sequence": event.sequence,
        "event": event.type,
        "account": event.account,
        "return_id": event.return_id or None,
        "state": failed.state.value,
        "attempts": failed.attempts,
        "due_at": dump(failed.due_at) if failed.state.value == "pending" else None,
        "error": failed.error,
    }


def _row(health: "ConsumerHealth") -> tuple[Cell, ...]:
    waits = health.oldest_pending_s
    return (
        health.name,
        str(health.cursor),
        str(health.lag),
        None if waits is None else format_span(waits),
        Text(str(health.failing), "yellow" if health.failing else ""),
        Text(str(health.dead), "red" if health.dead else ""),
        health.error,
    )


def _failed_row(failed: "FailedEvent") -> tuple[Cell, ...]:
    event, state = failed.event, failed.state.value
    return (
        str(event.sequence),
        event.type,
        event.account,
        event.return_id,
        Text(state, _STYLES[state]),
        str(failed.attempts),
        format_time(failed.due_at) if state == "pending" else None,
        failed.error,
    )
