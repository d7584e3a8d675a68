"""A simulator of Redo's API: ``RedoSandbox``, for :func:`returns_hub.testing.serve`."""

from returns_hub_redo.sandbox.api import SCOPES, RedoSandbox

__all__ = ["SCOPES", "RedoSandbox"]
