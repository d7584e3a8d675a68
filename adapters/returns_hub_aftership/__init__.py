"""AfterShip Returns for returns-hub: ``connect("aftership", api_key=...)``."""

from returns_hub_aftership.adapter import AfterShip

__all__ = ["AfterShip"]
