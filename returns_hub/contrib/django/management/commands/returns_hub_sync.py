"""``manage.py returns_hub_sync``."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from returns_hub.contrib import commands
from returns_hub.contrib.django import hub
from returns_hub.errors import ReturnsHubError


class Command(BaseCommand):
    """Syncs once."""

    help = "Brings the mirror up to date: of these accounts, or of all. What was cut off goes on where it stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        parser.add_argument("accounts", nargs="*", metavar="ACCOUNT")
        parser.add_argument(
            "--since", type=date.fromisoformat, metavar="DATE", help="how far back the first sync reads"
        )
        parser.add_argument("--full", action="store_true", help="read the whole history again")
        parser.add_argument("--details", action="store_true", help="read every return one by one")

    def handle(self, *_: str, accounts: list[str], since: date | None, full: bool, details: bool, **__: Any) -> None:
        """Sync."""
        try:
            reports = hub.sync(*accounts, since=since, full=full, details=details)
        except ReturnsHubError as error:
            raise CommandError(str(error)) from error
        if problems := commands.print_reports(reports, self.stdout.write):
            raise CommandError("; ".join(problems))
