"""Returnless V1 for returns-hub: ``connect("returnless", user=..., password=..., signing_keys=[...])``."""

from returns_hub_returnless.adapter import Returnless

__all__ = ["Returnless"]
