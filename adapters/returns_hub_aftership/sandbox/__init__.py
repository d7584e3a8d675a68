"""A simulator of the AfterShip Returns API: ``AfterShipSandbox``, for :func:`returns_hub.testing.serve`."""

from returns_hub_aftership.sandbox.api import AfterShipSandbox

__all__ = ["AfterShipSandbox"]
