"""``console``: the web console, for people who answer customers."""

import ipaddress
import logging
import sys
from getpass import getpass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from returns_hub.cli.logs import Log, log_to_stderr
from returns_hub.cli.options import ConfigPath
from returns_hub.cli.output import print_line
from returns_hub.cli.signals import reloading
from returns_hub.errors import ConfigurationError, ReturnsHubError

if TYPE_CHECKING:
    import socket

    from returns_hub.configuration import Config
    from returns_hub.console import Access


def console(
    *,
    host: Annotated[str, Parameter(show_default=True)] = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535), show_default=True)] = 8080,
    hash_password: bool = False,
    log: Log = "text",
    config: ConfigPath = None,
) -> int:
    """Run the web console: find a return, see why it stands where it does, act.

    It reads the mirror, and starts without the vendors' secrets: what needs them
    says so. Without people who log in ("console_users", "console_token") it
    listens on this machine only. SIGHUP has it read again who these people are; Ctrl-C
    ends it.

    For example:
      returns-hub console
      returns-hub console --hash-password
      returns-hub console --host 0.0.0.0 --port 8080

    Args:
        host: The address to listen on; put a proxy with TLS in front of it.
        port: The port to listen on; 0 takes a free one.
        hash_password: Ask for a password, and print what "console_users" takes of it.
        log: How the log is written on standard error: lines, or one JSON object a line.
        config: The configuration file.
    """
    if hash_password:
        return _print_hash()
    check_installed()
    from returns_hub.configuration import load_config
    from returns_hub.console import create_console
    from returns_hub.hub import Hub
    from returns_hub.server.http_server import listening, run

    log_to_stderr(logging.WARNING, log, also="uvicorn")
    settings = load_config(config)
    access = access_of(settings)
    require_login(access, host)
    with Hub(settings.accounts, store=settings.store, keep_deliveries=settings.keep_deliveries) as hub:
        hub.open_store()
        app = create_console(hub, access=access)

        def reload() -> None:
            changed = access_of(load_config(config))
            require_login(changed, host)
            app.use_access(changed)

        with listening(host, port) as listener, reloading(reload):
            run(
                app,
                listener,
                on_started=lambda: print_line(f"Console: {console_url(listener)}  Ctrl-C stops it."),
                on_stopping=app.stop,
                shutdown_timeout=2,
            )
    return 0


def access_of(settings: "Config") -> "Access":
    """Who may use the console, as a configuration says.

    Raises:
        ReturnsHubError: the packages of the console are not installed.
        ConfigurationError: the configuration cannot be meant like that.
    """
    check_installed()
    from returns_hub.console import Access

    return Access.from_settings(settings.console)


def check_installed() -> None:
    """Returns if the packages of the console are installed.

    Raises:
        ReturnsHubError: one is not; the text says how to get it.
    """
    try:
        import returns_hub.console  # noqa: F401
    except ModuleNotFoundError as error:
        missing = error.name
    else:
        return
    raise ReturnsHubError(f"the console needs the package {missing}: pip install 'returns-hub[console]'")


def require_login(access: "Access", host: str) -> None:
    """Returns if people log in, or nobody else can reach the address.

    Raises:
        ConfigurationError: anybody could use the console.
    """
    if not access.needs_login and not _is_loopback(host):
        raise ConfigurationError(
            f"on {host} anybody could use the console: configure console_users or console_token, or listen on 127.0.0.1"
        )


def console_url(listener: "socket.socket") -> str:
    """Where a browser finds the console of a server."""
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}/console/" if ":" in host else f"http://{host}:{port}/console/"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _print_hash() -> int:
    check_installed()
    from returns_hub.console import hash_password

    password = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(password) < 12:
        raise ConfigurationError("a password has at least 12 characters")
    print_line(hash_password(password))
    return 0
