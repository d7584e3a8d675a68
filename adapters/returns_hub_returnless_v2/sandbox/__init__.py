"""A simulator of the Returnless V2 API: ``ReturnlessV2Sandbox``, for :func:`returns_hub.testing.serve`."""

from returns_hub_returnless_v2.sandbox.api import ReturnlessV2Sandbox

__all__ = ["ReturnlessV2Sandbox"]
