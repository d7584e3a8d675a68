"""``manage.py returns_hub_work``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from returns_hub.contrib import commands
from returns_hub.contrib.django import hub
from returns_hub.contrib.django.conf import read_settings
from returns_hub.errors import ReturnsHubError


class Command(BaseCommand):
    """Works until a signal."""

    help = "Processes deliveries, calls handlers, and syncs the accounts that have sync_every, until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        parser.add_argument(
            "--concurrency",
            type=int,
            default=commands.DEFAULT_CONCURRENCY,
            choices=range(1, 65),
            metavar="N",
            help="deliveries of an account, and accounts' syncs, at once (default %(default)s)",
        )
        parser.add_argument(
            "--grace",
            type=float,
            default=commands.DEFAULT_GRACE,
            metavar="SECONDS",
            help="until the process has ended after a signal, whatever hangs (default %(default)g)",
        )

    def handle(self, *_: str, concurrency: int, grace: float, **__: Any) -> None:
        """Work."""
        try:
            commands.work(hub, self._write, concurrency=concurrency, grace=grace, reload=_reload)
        except ReturnsHubError as error:
            raise CommandError(str(error)) from error

    def _write(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _reload() -> None:
    hub.reload(read_settings().config.accounts)
