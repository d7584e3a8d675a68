"""Operations over HTTP: requests sent, retried within their limits, and their failures explained."""

from returns_hub.transport.call import TransportOptions
from returns_hub.transport.drivers import AsyncTransport, Transport

__all__ = ["AsyncTransport", "Transport", "TransportOptions"]
