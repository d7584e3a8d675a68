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

from returns_hub.cli import (
    check_adapter,
    console,
    deliveries,
    demo,
    doctor,
    erase,
    handlers,
    init,
    mirror,
    new_adapter,
    reconcile,
    sandbox,
    serve,
    sync,
    trigger,
    vendors,
    work,
)
from returns_hub.cli.logs import log_to_stderr
from returns_hub.cli.output import clean, display, print_error
from returns_hub.cli.usage import describe_usage_error
from returns_hub.errors import ConfigurationError, ReturnsHubError

_DONE: Final = 0
_FAILED: Final = 1
_USAGE: Final = 2


def _version() -> str:
    return f"returns-hub {version('returns-hub')}"


app = App(
    name="returns-hub",
    help="Every returns provider in one vocabulary, and a local mirror of many accounts.",
    version=_version,
    # Markdown would cost an import; what is printed here is plain text anyway.
    help_format="plaintext",
    default_parameter=Parameter(negative=(), show_default=False),
    group_parameters=Group("Options", sort_key=1),
)
app.meta.group_parameters = Group("Options of every command", sort_key=2)
app.meta.default_parameter = app.default_parameter
for command in (
    demo.demo,
    init.init,
    sync.sync,
    reconcile.reconcile,
    mirror.returns,
    mirror.find,
    mirror.show,
    mirror.events,
    serve.serve,
    console.console,
    work.work,
    deliveries.app,
    erase.erase,
    handlers.app,
    vendors.providers,
    vendors.explain,
    doctor.doctor,
    sandbox.sandbox,
    trigger.trigger,
    new_adapter.new_adapter,
    check_adapter.check_adapter,
):
    if isinstance(command, App):
        command.default_parameter = app.default_parameter
    app.command(command)


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
