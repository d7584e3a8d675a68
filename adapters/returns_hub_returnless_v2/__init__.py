"""Returnless V2 for returns-hub, a preview: ``connect("returnless_v2", api_key=...)``."""

from returns_hub_returnless_v2.adapter import ReturnlessV2

__all__ = ["ReturnlessV2"]
