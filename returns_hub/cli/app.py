"""The commands, what they share, and how they end."""

import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cyclopts import App, CycloptsError, Group, Parameter

from returns_hub.cli.logs import log_to_stderr
from returns_hub.cli.options import DEFAULT_PARAMETER
from returns_hub.cli.output import clean, display, print_error
from returns_hub.cli.usage import describe_usage_error
from returns_hub.errors import ConfigurationError, ReturnsHubError

_DONE: Final = 0
_FAILED: Final = 1
_USAGE: Final = 2

_COMMANDS: Final = (
    ("demo", "demo:demo", "Play the whole story offline: vendors, a sync, a table, webhooks, an order, a timeline."),
    ("init", "init:init", "Write a returns-hub.toml, or add an account to the one that is there."),
    ("sync", "sync:sync", "Bring the mirror up to date."),
    ("reconcile", "reconcile:reconcile", "Compare the mirror with the vendors, and repair it."),
    ("returns", "mirror:returns", "List the returns in the mirror, newest first; of several filters, all must hold."),
    ("find", "mirror:find", "Find returns by what somebody has at hand, in every account, newest first."),
    ("show", "mirror:show", "Show one return: its items, shipments and customer, and its history."),
    ("events", "mirror:events", "List events: what changed, in the order it was recorded."),
    ("serve", "serve:serve", "Receive webhooks and order look-ups over HTTP, and process what came."),
    ("console", "console:console", "Run the web console: find a return, see why it stands where it does, act."),
    (
        "work",
        "work:work",
        'Process deliveries, dispatch events to handlers, and sync the accounts that have "sync_every".',
    ),
    ("deliveries", "deliveries:app", "Show what vendors have delivered, process it again, and remove what is old."),
    ("erase", "erase:erase", "Remove a return and everything stored of it. There is no way back."),
    (
        "handlers",
        "handlers:app",
        "Show how far the handlers of events have come; retry or skip the events at which they failed.",
    ),
    ("providers", "vendors:providers", "Show the installed vendor packages and what each can do."),
    ("explain", "vendors:explain", "Show what a vendor's word asserts here, and why; without a word, all of them."),
    ("doctor", "doctor:doctor", "Check the configuration, the mirror and the accounts: all that is wrong, in one run."),
    ("sandbox", "sandbox:sandbox", "Run the simulators of all installed vendors on loopback, until Ctrl-C."),
    (
        "trigger",
        "trigger:trigger",
        "Deliver one webhook of a simulated vendor to your receiver, or ask it for one order.",
    ),
    (
        "new-adapter",
        "new_adapter:new_adapter",
        "Write the skeleton of a vendor package: its own distribution, ready to be filled in.",
    ),
    (
        "check-adapter",
        "check_adapter:check_adapter",
        "Run the conformance suite on an installed vendor package, and report.",
    ),
)
"""By its name, where each command is, and the first line of its help."""


def _version() -> str:
    return f"returns-hub {version('returns-hub')}"


app = App(
    name="returns-hub",
    help="Every returns provider in one vocabulary, and a local mirror of many accounts.",
    version=_version,
    # Markdown would cost an import; what is printed here is plain text anyway.
    help_format="plaintext",
    default_parameter=DEFAULT_PARAMETER,
    group_parameters=Group("Options", sort_key=1),
)
app.meta.group_parameters = Group("Options of every command", sort_key=2)
app.meta.default_parameter = app.default_parameter


def _register_commands(*, listed: bool = False) -> None:
    """Have each command imported when it is called; ``listed``: only a line of each is asked for."""
    for name, place, summary in _COMMANDS:
        if name in app:
            del app[name]
        # A line that is given here would stand in the place of a command's own help.
        app.command(f"returns_hub.cli.{place}", name=name, help=summary if listed else None)


_register_commands()


@app.command
def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Print the script by which a shell completes commands, options and their values.

    For example:
      returns-hub completion bash > ~/.local/share/bash-completion/completions/returns-hub
      returns-hub completion zsh > "${fpath[1]}/_returns-hub"
      returns-hub completion fish > ~/.config/fish/completions/returns-hub.fish

    Args:
        shell: The shell; it takes the script up when it is started the next time.
    """
    sys.stdout.write(app.generate_completion(prog_name="returns-hub", shell=shell))


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    config: Path | None = None,
    verbose: bool = False,
    quiet: bool = False,
    tz: str = "UTC",
    no_pager: bool = False,
) -> int | None:
    """Run one command.

    Args:
        tokens: The command and its own arguments.
        config: The configuration file; without it, returns-hub.toml in the current directory.
        verbose: Log what is done on standard error: of a request its method, path, status and time, nothing else.
        quiet: Print nothing but what was asked for and what failed: no progress, no totals, no remarks.
        tz: The time zone of times for people, as Europe/Amsterdam, or "local"; UTC without it. JSON and CSV are in UTC.
        no_pager: Never show long output in a pager (PAGER, or less).
    """
    command, bound, shared = app.parse_args(tokens)
    shown = display()
    shown.quiet, shown.zone, shown.pager = quiet, _zone(tz), not no_pager
    if verbose:
        log_to_stderr(logging.DEBUG)
    else:
        # What a command has to say it says itself; Python would write warnings to standard error.
        logging.getLogger("returns_hub").addHandler(logging.NullHandler())
    if "config" in shared:
        bound.arguments["config"] = config
    code: int | None = command(*bound.args, **bound.kwargs)
    return code


def run(arguments: Sequence[str]) -> int:
    """Run one command; every documented error becomes one line on standard error and its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that cannot show a character shows "?"; each line is out as soon as it is written.
            stream.reconfigure(errors="replace", line_buffering=True)
    _register_commands(listed=not {name for name, _, _ in _COMMANDS}.intersection(arguments))
    try:
        code = app.meta(arguments, result_action="return_value", exit_on_error=False, print_error=False)
    except CycloptsError as error:
        print_error(describe_usage_error(error, app))
        return _USAGE
    except ConfigurationError as error:
        print_error(str(error))
        return _USAGE
    except ReturnsHubError as error:
        print_error(str(error))
        return _FAILED
    return code or _DONE


def _zone(name: str) -> tzinfo:
    """A time zone by its name.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name.lower() == "local":
        return datetime.now().astimezone().tzinfo or UTC
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        near = get_close_matches(name, available_timezones(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigurationError(
            f'--tz takes a name such as Europe/Amsterdam, or "local", not {clean(name[:60])!r}{hint}'
        ) from None
