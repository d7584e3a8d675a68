"""The pages and acts of the console, one module for each subject."""

from collections.abc import Sequence
from typing import Final

from returns_hub.console.access import Role
from returns_hub.console.login import log_out
from returns_hub.console.pages import (
    accounts,
    acts,
    audit,
    deliveries,
    detail,
    handlers,
    home,
    refused,
    returns,
    sandbox,
)
from returns_hub.console.visit import Act, Route

ROUTES: Final[Sequence[Route]] = (
    *home.ROUTES,
    *returns.ROUTES,
    *acts.ROUTES,
    *detail.ROUTES,
    *deliveries.ROUTES,
    *handlers.ROUTES,
    *refused.ROUTES,
    *accounts.ROUTES,
    *sandbox.ROUTES,
    *audit.ROUTES,
    Act("/console/logout", log_out, action="log out", role=Role.READ),
)
"""Every page and act, the more special path first."""
