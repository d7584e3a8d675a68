"""A simulator of the ReturnMate API: ``ReturnMateSandbox``, for :func:`returns_hub.testing.serve`."""

from returns_hub_returnmate.sandbox.api import PERMISSIONS, Plan, ReturnMateSandbox

__all__ = ["PERMISSIONS", "Plan", "ReturnMateSandbox"]
