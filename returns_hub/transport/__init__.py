"""Operations over HTTP: requests sent, retried within their limits, and their failures explained."""

from returns_hub.transport.drivers import AsyncTransport, Transport
from returns_hub.transport.options import TransportOptions

__all__ = ["AsyncTransport", "Transport", "TransportOptions"]
