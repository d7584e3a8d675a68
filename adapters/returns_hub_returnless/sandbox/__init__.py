"""A simulator of Returnless V1, strict and with seeded data: :class:`ReturnlessSandbox`."""

from returns_hub_returnless.sandbox.api import ReturnlessSandbox

__all__ = ["ReturnlessSandbox"]
