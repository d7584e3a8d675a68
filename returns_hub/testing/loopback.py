"""One vendor on loopback, and clients of it: no key, no network. Needs the extra ``server``; pytest is not imported."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from returns_hub import registry
from returns_hub.testing.server import serve

if TYPE_CHECKING:
    from returns_hub.accounts import Account
    from returns_hub.client import AsyncClient, Client
    from returns_hub.testing.simulator import Simulator

DEFAULT_COUNT: Final = 20


class Sandbox:
    """A vendor on loopback.

    ``simulator`` is the vendor itself: its data, its ``faults``, the ``requests`` that came in, and what it delivers.
    """

    def __init__(self, provider: str, simulator: "Simulator", url: str) -> None:
        self.provider = provider
        self.simulator = simulator
        self.url = url

    @property
    def options(self) -> Mapping[str, Any]:
        """What ``connect`` and :class:`returns_hub.Account` take to reach it: addresses, credentials, no rate limit."""
        urls = self.simulator.base_urls(self.url)
        more = {f"{name}_base_url": url for name, url in urls["extra_base_urls"].items()}
        return {"base_url": urls["base_url"], "rate_limit": "none", **more, **self.simulator.options}

    def connect(self, **options: Any) -> "Client":
        """A client of the account that the simulator knows; close it, or use it in a ``with``."""
        from returns_hub import connect

        return connect(self.provider, **{**self.options, **options})

    def connect_async(self, **options: Any) -> "AsyncClient":
        """The same, to be awaited."""
        from returns_hub import connect_async

        return connect_async(self.provider, **{**self.options, **options})

    def account(self, name: str = "sandbox", **options: Any) -> "Account":
        """The account that the simulator knows, for a :class:`returns_hub.Hub`."""
        from returns_hub import Account

        given = {**self.options, **options}
        own = {key: given.pop(key) for key in ("base_url", "rate_limit", "history_start", "orders") if key in given}
        return Account(name=name, provider=self.provider, options=given, **own)


@contextmanager
def sandbox(provider: str, **arguments: Any) -> Iterator[Sandbox]:
    """An installed vendor's simulator on loopback, with 20 returns; gone on exit.

    ``arguments`` are those of its simulator, such as ``count=500``.

    Raises:
        ConfigurationError: no installed vendor of this name has a simulator; the text names those that do.
    """
    simulator = registry.sandbox_class(provider)(**{"count": DEFAULT_COUNT, "seed": 1, **arguments})
    with serve(simulator) as running:
        yield Sandbox(provider, simulator, running.url)
