"""Many accounts, one mirror of them, and all that fills and reads it, in one object."""

from returns_hub.hub.asynchronous import AsyncHub
from returns_hub.hub.blocking import Hub
from returns_hub.hub.health import AccountHealth, Health

__all__ = ["AccountHealth", "AsyncHub", "Health", "Hub"]
