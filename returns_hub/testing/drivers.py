"""Clients of an adapter that is at hand, whether or not it is installed as a plugin."""

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from types import MappingProxyType
from typing import Any, cast

from returns_hub.adapter import Adapter
from returns_hub.client import AsyncClient, Client
from returns_hub.transport import AsyncTransport, Transport, TransportOptions


class Driver(StrEnum):
    """The two ways to run an operation: :class:`returns_hub.Client` and :class:`returns_hub.AsyncClient`."""

    BLOCKING = "blocking"
    ASYNC = "async"


@contextmanager
def open_with(
    adapter: Adapter,
    *,
    base_url: str,
    extra_base_urls: Mapping[str, str] = MappingProxyType({}),
    driver: Driver = Driver.BLOCKING,
    timeout: float = 5.0,
    deadline: float = 20.0,
    attempts: int = 1,
) -> Iterator[Client]:
    """A client, without a rate limit and by default without retries.

    An asynchronous one is called like a blocking one: each call runs to its end on an event loop of its own, and a
    listing comes as a list.
    """
    options = TransportOptions(timeout=timeout, deadline=deadline, attempts=attempts)
    if driver is Driver.BLOCKING:
        transport = Transport(adapter, base_url=base_url, extra_base_urls=extra_base_urls, options=options)
        with Client(adapter, transport, "conformance") as client:
            yield client
        return
    with asyncio.Runner() as runner:
        driven = AsyncTransport(adapter, base_url=base_url, extra_base_urls=extra_base_urls, options=options)
        awaited = _BlockingFacade(AsyncClient(adapter, driven, "conformance"), runner)
        try:
            yield cast("Client", awaited)
        finally:
            awaited.aclose()


class _BlockingFacade:
    """An :class:`AsyncClient` whose methods run to their end."""

    def __init__(self, client: AsyncClient, runner: asyncio.Runner) -> None:
        self.adapter = client.adapter
        self._client = client
        self._runner = runner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        if not callable(method):
            return method  # type: ignore[no-any-return]  # a property, as the client has it

        def call(*args: Any, **named: Any) -> Any:
            return self._runner.run(_finished(method(*args, **named)))

        return call

    def __repr__(self) -> str:
        return repr(self._client)


async def _finished(result: Any) -> Any:
    if inspect.isasyncgen(result):
        return [row async for row in result]
    return await result if inspect.isawaitable(result) else result
