"""Clients: one account at one vendor, in the common language. :class:`Client` blocks, :class:`AsyncClient` is awaited."""

from returns_hub.client.clients import AsyncClient, Client
from returns_hub.client.connection import LimiterFactory, connect, connect_async, open_async_client, open_client

__all__ = [
    "AsyncClient",
    "Client",
    "LimiterFactory",
    "connect",
    "connect_async",
    "open_async_client",
    "open_client",
]
