"""``work``: process what came in, and keep the mirror in step, without receiving anything."""

import importlib
import logging
import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from returns_hub.cli.logs import Log, log_to_stderr
from returns_hub.cli.options import ConfigPath, Grace
from returns_hub.cli.output import plural, print_remark
from returns_hub.cli.signals import DEFAULT_GRACE, work_until_signalled
from returns_hub.cli.sync import check_accounts
from returns_hub.errors import ConfigurationError

if TYPE_CHECKING:
    from returns_hub.hub import Hub


def work(
    *,
    concurrency: Annotated[int, Parameter(validator=Number(gte=1, lte=64), show_default=True)] = 4,
    hub: str | None = None,
    grace: Grace = DEFAULT_GRACE,
    log: Log = "text",
    config: ConfigPath = None,
) -> int:
    """Process deliveries, dispatch events to handlers, and sync the accounts that have "sync_every".

    On PostgreSQL any number of these share the work, on any number of machines.
    SIGTERM and Ctrl-C end it in good order: what was begun is finished or
    released, and the exit code is 0. SIGHUP has it read the configuration again.

    For example:
      returns-hub work
      returns-hub work --concurrency 8
      returns-hub work --hub my_shop.returns:hub

    Args:
        concurrency: How many deliveries of an account, and how many accounts' syncs, at once.
        grace: Seconds until the process has ended after a signal, whatever hangs.
        log: How the log is written on standard error: lines, or one JSON object a line.
        hub: A Hub of yours with its handlers, as MODULE:NAME; without it, the configuration's.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    if hub is not None and config is not None:
        raise ConfigurationError("--hub brings its own configuration; --config says another")
    log_to_stderr(logging.WARNING, log)
    # Somebody else's hub is left open: it is closed where it was opened, or with the process.
    with Hub.from_config(config) if hub is None else nullcontext(load_hub(hub)) as working:
        check_accounts(working, (), all_needed=True)
        started = f"Working for {plural(len(working.accounts), 'account')}; Ctrl-C ends it."
        work_until_signalled(
            working,
            concurrency=concurrency,
            grace=grace,
            on_started=lambda: print_remark(started),
            reload=working.reload,
        )
    return 0


def load_hub(name: str) -> "Hub":
    """The platform's own hub, named ``module:name``.

    Raises:
        ConfigurationError: it cannot be imported, or is no hub; the text names it.
    """
    from returns_hub.hub import Hub

    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ConfigurationError("--hub must look like my_shop.returns:hub")
    # The platform's modules are often in the directory where the command is called.
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - sys.path takes text
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ModuleNotFoundError as error:
        problem = (
            f"there is no module {error.name}; work looks in this directory, in PYTHONPATH and in what is installed"
        )
    except Exception as error:  # noqa: BLE001 - the module is somebody else's, and may fail in any way
        problem = f"importing {module} fails with {type(error).__name__}"
    else:
        if isinstance(found, Hub):
            return found
        problem = f"{module} has no Hub {attribute}"
    raise ConfigurationError(f"--hub {name}: {problem}")
