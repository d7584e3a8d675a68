"""Redo for returns-hub: ``connect("redo", api_key=..., store_id=...)``."""

from returns_hub_redo.adapter import Redo
from returns_hub_redo.subscriptions import Subscription

__all__ = ["Redo", "Subscription"]
