"""``serve``: receive webhooks and order look-ups, and process what came."""

import gc
import logging
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from returns_hub.adapter import Adapter, Capability, Support
from returns_hub.cli.console import access_of, console_url
from returns_hub.cli.logs import Log, log_to_stderr
from returns_hub.cli.options import ConfigPath, Grace
from returns_hub.cli.output import print_error, print_remark
from returns_hub.cli.signals import DEFAULT_GRACE, end_within, reloading
from returns_hub.cli.sync import check_accounts
from returns_hub.configuration import load_config
from returns_hub.errors import ConfigurationError, PluginError
from returns_hub.orders import load_find_order

if TYPE_CHECKING:
    import socket

    from returns_hub.configuration import Config
    from returns_hub.console import Access, ConsoleApplication
    from returns_hub.hub import Hub

_ABSENT: Final = (Support.NO, Support.NOT_IMPLEMENTED)
# Between two looks for cycles among the youngest objects. Python's own 700 are those of three requests.
_NEW_OBJECTS: Final = 5000


def serve(
    *,
    host: Annotated[str, Parameter(show_default=True)] = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535), show_default=True)] = 8000,
    no_work: bool = False,
    console: bool = False,
    grace: Grace = DEFAULT_GRACE,
    log: Log = "text",
    config: ConfigPath = None,
) -> int:
    """Receive webhooks and order look-ups over HTTP, and process what came.

    Each account has /webhooks/ACCOUNT, and /orders/ACCOUNT/NUMBER if its "orders"
    names a function of yours; /livez, /readyz and /healthz report the state. A
    delivery is answered with success once it is stored. SIGTERM and Ctrl-C end
    it in good order: what was begun is finished or released. SIGHUP has it read
    the configuration again: new secrets, accounts and people of the console, while it
    goes on listening.

    For example:
      returns-hub serve
      returns-hub serve --host 0.0.0.0

    Args:
        host: The address to listen on; put a proxy with TLS in front of it.
        port: The port to listen on; 0 takes a free one.
        no_work: Only receive; another process does the work.
        console: Also serve the web console, at /console/, for the people of "console_users" or who have the "console_token".
        grace: Seconds until the process has ended after a signal, whatever hangs.
        log: How the log is written on standard error: lines, or one JSON object a line.
        config: The configuration file.
    """
    from returns_hub.hub import Hub
    from returns_hub.server import create_app
    from returns_hub.server.http_server import listening, run

    # The functions that "orders" names are the platform's, and often beside the configuration.
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - sys.path takes text
    log_to_stderr(logging.INFO, log, also="uvicorn")
    with Hub.from_config(config) as hub:
        adapters = _adapters(hub)
        site = _console(hub, config) if console else None
        # Whoever only receives needs it as well: what is announced as ready can store a delivery.
        hub.open_store()
        receiver = create_app(hub)

        def stop() -> None:
            end_within(grace)
            if site is not None:
                site.stop()

        def start() -> None:
            # A request leaves no cycles, yet to look for some every few requests took a fifth of the time: now it is done less
            # often, and without what is there from the beginning.
            gc.freeze()
            gc.set_threshold(_NEW_OBJECTS)
            _announce(hub, adapters, listener, console=console)

        with (
            listening(host, port) as listener,
            nullcontext() if no_work else hub.working(grace=grace / 2),
            reloading(lambda: _reload(hub, config, site)),
        ):
            run(
                receiver if site is None else site.beside(receiver),
                listener,
                on_started=start,
                on_stopping=stop,
                shutdown_timeout=max(int(grace * 0.4), 1),
            )
    return 0


def _console(hub: "Hub", config: Path | None) -> "ConsoleApplication":
    """The console beside the receiver."""
    access = _people(load_config(config))
    from returns_hub.console import create_console

    return create_console(hub, access=access)


def _people(settings: "Config") -> "Access":
    """Who may use the console beside the receiver. Whoever reaches the one reaches the other, so that people have to log in.

    Raises:
        ConfigurationError: nobody could log in.
    """
    access = access_of(settings)
    if not access.needs_login:
        raise ConfigurationError("serve --console needs people who log in: configure console_users or console_token")
    return access


def _adapters(hub: "Hub") -> dict[str, Adapter]:
    """The adapter of each account: what is wrong in any of them is said now, and not to its vendor."""
    check_accounts(hub, (), all_needed=True)
    adapters = {}
    for account, described in hub.accounts.items():
        if described.orders is not None:
            load_find_order(described.orders)
        try:
            adapters[account] = hub.client(account).adapter
        except PluginError as error:
            print_error(f"{account}: {error}; the other accounts are served")
    return adapters


def _reload(hub: "Hub", config: Path | None, site: "ConsoleApplication | None") -> None:
    """Take up the configuration as it is now, accounts and people, if all of it can be used."""
    settings = load_config(config)
    if not settings.accounts:
        raise ConfigurationError("the configuration has no accounts")
    for account in settings.accounts.values():
        if account.orders is not None:
            load_find_order(account.orders)
    access = None if site is None else _people(settings)
    hub.reload()
    if site is not None and access is not None:
        site.use_access(access)


def _announce(hub: "Hub", adapters: dict[str, Adapter], listener: "socket.socket", *, console: bool) -> None:
    """A line for each account, and one that says it is all ready."""
    host, port, *_ = listener.getsockname()
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    for account, adapter in adapters.items():
        addresses = []
        if adapter.support(Capability.RECEIVE) not in _ABSENT:
            addresses.append(f"webhooks {url}/webhooks/{account}")
        if hub.accounts[account].orders is not None:
            addresses.append(f"orders {url}/orders/{account}/")
        print_remark(f"{account}: {', '.join(addresses) or 'this vendor sends nothing'}")
    if console:
        print_remark(f"console {console_url(listener)}")
    print_remark(f"Ready. Health: {url}/healthz. Ctrl-C stops the server.")
