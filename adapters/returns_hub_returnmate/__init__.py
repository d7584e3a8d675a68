"""ReturnMate for returns-hub: ``connect("returnmate", api_key=...)``."""

from returns_hub_returnmate.adapter import ReturnMate
from returns_hub_returnmate.protocol import Plan
from returns_hub_returnmate.reports import CustomerStats, Report, ReturnsSummary

__all__ = ["CustomerStats", "Plan", "Report", "ReturnMate", "ReturnsSummary"]
