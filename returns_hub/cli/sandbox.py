"""``sandbox``: every installed vendor's simulator on loopback."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from json import dumps as toml_value
from typing import TYPE_CHECKING, Annotated

from attrs import frozen
from cyclopts import Parameter
from cyclopts.validators import Number

from returns_hub import registry
from returns_hub.cli.output import heading, say
from returns_hub.errors import ReturnsHubError

if TYPE_CHECKING:
    from returns_hub.testing import Simulator


@frozen
class Started:
    """A simulator that can be called at ``base_url``; ``account`` names it in a configuration."""

    provider: str
    simulator: "Simulator"
    base_url: str

    @property
    def account(self) -> str:
        """A name for the account that uses it."""
        return f"{self.provider.replace('_', '-')}-sandbox"


def sandbox(
    *,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535), show_default=True)] = 8700,
    count: Annotated[int, Parameter(validator=Number(gte=0), show_default=True)] = 300,
    seed: int = 1,
) -> int:
    """Run the simulators of all installed vendors on loopback, until Ctrl-C.

    What is printed is the configuration for them: put it into a file, and every
    other command works on it. The data is made up, the same for the same seed, and
    gone when the command ends.

    For example:
      returns-hub sandbox
      returns-hub sandbox --port 0 --count 10000

    Args:
        port: The first simulator listens here, each further one a port higher; 0 takes free ones.
        count: How many returns each has.
        seed: Another number makes up other data.
    """
    try:
        with running(port=port, count=count, seed=seed) as started:
            _announce(started)
            threading.Event().wait()
    except KeyboardInterrupt:
        say()
    return 0


@contextmanager
def running(*, count: int, seed: int, port: int = 0) -> Iterator[tuple[Started, ...]]:
    """The simulator of every installed vendor that has one, on loopback; gone on exit.

    Raises:
        ReturnsHubError: there is none, or a port is taken.
    """
    from returns_hub.testing import serve

    with ExitStack() as servers:
        started: list[Started] = []
        for provider in registry.sandboxes():
            simulator = registry.sandbox_class(provider)(count=count, seed=seed)
            here = port + len(started) if port else 0
            try:
                server = servers.enter_context(serve(simulator, port=here))
            except OSError as error:
                raise ReturnsHubError(f"port {here} of 127.0.0.1: {error.strerror}") from error
            started.append(Started(provider, simulator, server.url + simulator.base_path))
        if not started:
            raise ReturnsHubError("no installed vendor package has a simulator")
        yield tuple(started)


def _announce(started: Sequence[Started]) -> None:
    for one in started:
        say(f"{one.provider}: {len(one.simulator.return_ids)} returns on {one.base_url}")
    heading("Put this into a returns-hub.toml of your own (the keys are not real)")
    say()
    for line in configuration(started, store="sqlite:///returns.db").splitlines():
        say(line)
    say()
    say("Ctrl-C ends it.")


def configuration(started: Iterable[Started], *, store: str) -> str:
    """The text of a ``returns-hub.toml`` with an account at each simulator."""
    lines = [f"store = {toml_value(store)}"]
    for one in started:
        options = {"provider": one.provider, "base_url": one.base_url, **one.simulator.options}
        # Loopback needs no pause between calls.
        options["rate_limit"] = "none"
        lines += [
            "",
            f"[accounts.{one.account}]",
            *(f"{name} = {toml_value(value)}" for name, value in options.items()),
        ]
    return "\n".join(lines) + "\n"
