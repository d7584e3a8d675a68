"""``manage.py returns_hub_reconcile``."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from returns_hub.contrib import commands
from returns_hub.contrib.django import hub
from returns_hub.errors import ReturnsHubError


class Command(BaseCommand):
    """Reconciles once."""

    help = "Compares the mirror with all that the vendors have, and repairs it: of these accounts, or of all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        parser.add_argument("accounts", nargs="*", metavar="ACCOUNT")
        parser.add_argument(
            "--since", type=date.fromisoformat, metavar="DATE", help="leave out what was created before"
        )
        parser.add_argument("--details", action="store_true", help="compare also what the listings do not show")

    def handle(self, *_: str, accounts: list[str], since: date | None, details: bool, **__: Any) -> None:
        """Reconcile."""
        try:
            reports = hub.reconcile(*accounts, since=since, details=details)
        except ReturnsHubError as error:
            raise CommandError(str(error)) from error
        if problems := commands.print_reports(reports, self.stdout.write):
            raise CommandError("; ".join(problems))
