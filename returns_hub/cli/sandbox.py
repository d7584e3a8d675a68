"""``sandbox``: every installed vendor's simulator on loopback."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from json import dumps as toml_value
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from attrs import frozen
from cyclopts import Parameter
from cyclopts.validators import Number

from returns_hub import registry
from returns_hub.adapter import Capability, Support
from returns_hub.cli.output import clean, print_heading, print_line
from returns_hub.cli.signals import wait_for_signal
from returns_hub.errors import ConfigurationError, ReturnsHubError

if TYPE_CHECKING:
    from returns_hub.testing import Simulator, TriggerResult


DEFAULT_PORT: Final = 8700
DEFAULT_RECEIVER: Final = "http://127.0.0.1:8000/webhooks"
"""Where ``returns-hub serve`` receives without any option."""


@frozen
class Started:
    """A simulator that is, or will be, at ``base_url``; ``account`` names it in a configuration."""

    provider: str
    simulator: "Simulator"
    base_url: str
    extra_base_urls: Mapping[str, str]

    @property
    def account(self) -> str:
        """A name for the account that uses it."""
        return f"{self.provider.replace('_', '-')}-sandbox"


def sandbox(
    *,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535), show_default=True)] = DEFAULT_PORT,
    count: Annotated[int, Parameter(validator=Number(gte=0), show_default=True)] = 300,
    seed: int = 1,
    webhooks: str | None = None,
    every: Annotated[float, Parameter(validator=Number(gt=0, lte=3600), show_default=True)] = 5,
) -> int:
    """Run the simulators of all installed vendors on loopback, until Ctrl-C.

    What is printed is the configuration for them: put it into a file, and every
    other command works on it. The data is made up, the same for the same seed, and
    gone when the command ends.

    With --webhooks returns change at the vendors by themselves, and each vendor
    delivers its own signed webhook to URL/ACCOUNT: give the address of returns-hub
    serve. What is printed fits that address.

    For example:
      returns-hub sandbox
      returns-hub sandbox --port 0 --count 10000
      returns-hub sandbox --webhooks http://127.0.0.1:8000/webhooks

    Args:
        port: The first simulator listens here, each further one a port higher; 0 takes free ones.
        count: How many returns each has.
        seed: Another number makes up other data.
        webhooks: Where the vendors deliver; each account's name is appended.
        every: Seconds until the next thing happens at each vendor.
    """
    address = None if webhooks is None else _receiver(webhooks)
    try:
        with running(port=port, count=count, seed=seed) as started:
            for one in started:
                one.simulator.register_webhook(f"{address or DEFAULT_RECEIVER}/{one.account}")
            _announce(started)
            if address is None:
                wait_for_signal(threading.Event())
            else:
                _keep_telling(started, address, every)
    except KeyboardInterrupt:
        print_line()
    return 0


@contextmanager
def running(*, count: int, seed: int, port: int = 0, every: bool = True) -> Iterator[tuple[Started, ...]]:
    """The simulator of every installed vendor that has one, on loopback; gone on exit. Without ``every``, of those in the demo.

    Raises:
        ReturnsHubError: there is none, or a port is taken.
    """
    from returns_hub.testing import serve

    with ExitStack() as servers:
        started: list[Started] = []
        for provider in registry.sandboxes():
            kind = registry.sandbox_class(provider)
            if not (every or getattr(kind, "in_demo", True)):
                continue
            simulator = kind(count=count, seed=seed)
            here = port + len(started) if port else 0
            try:
                server = servers.enter_context(serve(simulator, port=here))
            except OSError as error:
                raise ReturnsHubError(f"port {here} of 127.0.0.1: {error.strerror}; --port takes another") from error
            started.append(Started(provider, simulator, **simulator.base_urls(server.url)))
        if not started:
            raise ReturnsHubError("no installed vendor package has a simulator")
        yield tuple(started)


def not_started() -> tuple[Started, ...]:
    """The simulators as ``returns-hub sandbox`` without any option starts them."""
    started = []
    for index, provider in enumerate(registry.sandboxes()):
        simulator = registry.sandbox_class(provider)(count=0)
        urls = simulator.base_urls(f"http://127.0.0.1:{DEFAULT_PORT + index}")
        started.append(Started(provider, simulator, **urls))
        simulator.register_webhook(f"{DEFAULT_RECEIVER}/{started[-1].account}")
    return tuple(started)


def _announce(started: Sequence[Started]) -> None:
    for one in started:
        print_line(f"{one.provider}: {len(one.simulator.return_ids)} returns on {one.base_url}")
    print_heading("Put this into a returns-hub.toml of your own (the keys are not real)")
    print_line()
    for line in configuration(started, store="sqlite:///returns.db").splitlines():
        print_line(line)
    print_line()
    print_line("Ctrl-C ends it.")


def _receiver(url: str) -> str:
    """The address that the accounts' names are appended to.

    Raises:
        ConfigurationError: it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError(f"--webhooks takes an address like {DEFAULT_RECEIVER}, not {clean(url[:80])!r}")
    return url.rstrip("/")


def _keep_telling(started: Sequence[Started], url: str, every: float) -> None:
    """Have something happen at each vendor again and again, while somebody listens: a vendor soon gives up on nobody."""
    from returns_hub.testing import call_platform

    print_line(f"Waiting for somebody to listen on {url}")
    listening = False
    while True:
        listening = listening or call_platform("GET", url, {}) is not None
        if listening:
            results = [trigger_deliveries(one, url) for one in started]
            listening = not any(None in result.statuses for result in results if result is not None)
        time.sleep(every)


def trigger_deliveries(one: Started, url: str) -> "TriggerResult | None":
    """Change something at a simulated vendor, have it deliver the webhook, and print how that was answered."""
    result = one.simulator.trigger(f"{url}/{one.account}")
    if result is not None:
        answers = ", ".join("no answer" if status is None else str(status) for status in result.statuses)
        print_line(f"{one.provider}: webhook for {result.return_id}, answered {answers}")
    return result


def configuration(started: Iterable[Started], *, store: str, orders: str | None = None) -> str:
    """The text of a ``returns-hub.toml`` with an account at each simulator; ``orders`` where the vendor asks for them."""
    lines = [f"store = {toml_value(store)}"]
    for one in started:
        more = {f"{name}_base_url": url for name, url in one.extra_base_urls.items()}
        options = {"provider": one.provider, "base_url": one.base_url, **more, **one.simulator.options}
        # Loopback needs no pause between calls.
        options["rate_limit"] = "none"
        if orders is not None and _asks_for_orders(one.provider):
            options["orders"] = orders
        lines += [
            "",
            f"[accounts.{one.account}]",
            *(f"{name} = {toml_value(value)}" for name, value in options.items()),
        ]
    return "\n".join(lines) + "\n"


def _asks_for_orders(provider: str) -> bool:
    support = registry.adapter_class(provider).capabilities.get(Capability.ORDER_LOOKUP)
    return support in (Support.YES, Support.PARTIAL)
