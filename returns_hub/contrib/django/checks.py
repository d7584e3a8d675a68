"""System checks: what is wrong with ``settings.RETURNS_HUB``, before anything is served."""

from collections.abc import Iterator
from typing import Any

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from returns_hub.accounts import Account
from returns_hub.client import open_client
from returns_hub.configuration import ConfigProblem
from returns_hub.contrib.django.conf import HubSettings, read_settings
from returns_hub.errors import ReturnsHubError
from returns_hub.orders import load_find_order
from returns_hub.secret import Secret


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """Everything that is wrong, each with what to do. Nothing is asked of a vendor or of the database."""
    problems: list[ConfigProblem] = []
    try:
        given = read_settings(problems)
    except ImproperlyConfigured as error:
        hint = (
            "its keys are those of returns-hub.toml, with database and atomic_handlers beside: see Django in the docs"
        )
        return [checks.Error(str(error), hint=hint, id="returns_hub.E001")]
    return [
        *(checks.Error(f"RETURNS_HUB: {problem.text}", id="returns_hub.E001") for problem in problems),
        *(problem for account in given.config.accounts.values() for problem in _account_problems(account)),
        *_store_problems(given),
    ]


def _account_problems(account: Account) -> Iterator[checks.CheckMessage]:
    for unavailable in account.unavailable:
        # Where assets are built or tables made there may be no secrets.
        hint = "set it where the project is served and where it works"
        yield checks.Warning(f"RETURNS_HUB: {unavailable}", hint=hint, id="returns_hub.W002")
    if not account.unavailable:
        try:
            open_client(account).close()
        except ReturnsHubError as error:
            yield checks.Error(f"RETURNS_HUB: {error}", id="returns_hub.E002")
    if account.orders is not None:
        try:
            load_find_order(account.orders)
        except ReturnsHubError as error:
            hint = "def find_order(number: str) -> Order | None"
            yield checks.Error(
                f"RETURNS_HUB: accounts.{account.name}.orders: {error}", hint=hint, id="returns_hub.E003"
            )


def _store_problems(given: HubSettings) -> Iterator[checks.CheckMessage]:
    if given.database is None and given.config.store:
        from returns_hub.store.database import Database

        try:
            Database(Secret(given.config.store)).close()
        except ReturnsHubError as error:
            yield checks.Error(f"RETURNS_HUB: {error}", id="returns_hub.E004")
    elif given.database is not None and connections[given.database].vendor == "sqlite":
        options = connections[given.database].settings_dict["OPTIONS"]
        if options.get("transaction_mode", "").upper() != "IMMEDIATE":
            yield checks.Warning(
                f"DATABASES[{given.database!r}] is a SQLite file that the mirror shares: transactions that read first and "
                "write later fail with 'database is locked' while the worker writes",
                hint='"OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 10}',
                id="returns_hub.W001",
            )
