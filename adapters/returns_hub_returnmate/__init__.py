"""ReturnMate for returns-hub: ``connect("returnmate", api_key=...)``."""

from returns_hub_returnmate.adapter import Plan, ReturnMate
from returns_hub_returnmate.wire import CustomerStats, Report, ReturnsSummary

__all__ = ["CustomerStats", "Plan", "Report", "ReturnMate", "ReturnsSummary"]
