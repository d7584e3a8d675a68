"""``doctor``: is everything in place to sync and to receive?"""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import asdict
from rich.text import Text

from returns_hub.cli.options import ConfigPath
from returns_hub.cli.output import print_hanging, print_json
from returns_hub.cli.work import load_hub
from returns_hub.errors import ConfigurationError
from returns_hub.reports import Finding

_STYLES: Final = {"ok": "green", "warning": "yellow", "failed": "red"}


def doctor(
    *accounts: str, offline: bool = False, hub: str | None = None, json: bool = False, config: ConfigPath = None
) -> int:
    """Check the configuration, the mirror and the accounts: all that is wrong, in one run.

    Of each account: its options, "orders", credentials and webhook secrets, whether
    the vendor answers, and how far its clock is from ours; a delivery is signed
    with the account's own secret and must be received. The vendor is asked for one
    return, the cheapest call that proves a key. Beside them what is pending, dead,
    failing and refused. The exit code is 1 if a check failed; a warning does not
    change it.

    For example:
      returns-hub doctor
      returns-hub doctor acme-au --json
      returns-hub doctor --offline
      returns-hub doctor --hub my_shop.returns:hub

    Args:
        accounts: The accounts to check; all of them if none is named.
        offline: Call no vendor.
        hub: A Hub of yours with its handlers, as MODULE:NAME, as "work" takes it; without it, the configuration's.
        json: One JSON object a line: a check.
        config: The configuration file.
    """
    # The functions that "orders" names are the platform's, and often beside the configuration.
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - sys.path takes text
    failed = False
    for finding in _findings(accounts, hub, offline=offline, config=config):
        failed = failed or finding.result == "failed"
        if json:
            print_json(asdict(finding))
        else:
            _say(finding)
    return 1 if failed else 0


def _findings(accounts: Sequence[str], hub_name: str | None, *, offline: bool, config: ConfigPath) -> Iterator[Finding]:
    if hub_name is not None:
        try:
            own = load_hub(hub_name)
        except ConfigurationError as error:
            yield Finding(account=None, check="handlers", result="failed", detail=str(error))
        else:
            # It is left open: it is closed where it was opened, or with the process.
            detail = f"{hub_name} can be imported; accounts: {', '.join(own.accounts) or 'none'}"
            yield Finding(account=None, check="handlers", result="ok", detail=detail)
            yield from own.diagnose(*accounts, offline=offline)
            return
    yield from _configured(accounts, offline=offline, config=config)


def _configured(accounts: Sequence[str], *, offline: bool, config: ConfigPath) -> Iterator[Finding]:
    """The findings about the configuration file, and about the hub that it describes."""
    from returns_hub.configuration import examine_config
    from returns_hub.hub import Hub

    settings, problems = examine_config(config)
    broken = {problem.account for problem in problems if problem.account is not None}
    with Hub(settings.accounts, store=settings.store) as hub:
        for name in accounts:
            if name not in broken:
                hub.diagnose(name)  # refuses a stranger, with a suggestion
        shown = [
            problem for problem in problems if problem.account is None or not accounts or problem.account in accounts
        ]
        if not shown:
            detail = f"{settings.path} is well formed; accounts: {', '.join(hub.accounts) or 'none'}"
            yield Finding(account=None, check="configuration", result="ok", detail=detail)
        for problem in shown:
            yield Finding(account=problem.account, check="configuration", result="failed", detail=problem.text)
        for warning in settings.warnings:
            yield Finding(account=None, check="configuration", result="warning", detail=warning)
        wanted = [name for name in accounts or hub.accounts if name not in broken]
        if not wanted and accounts:
            return
        for finding in hub.diagnose(*wanted, offline=offline):
            # What is wrong with its address was said above.
            if settings.store or finding.check != "store":
                yield finding


def _say(finding: Finding) -> None:
    subject = f"{finding.account}: {finding.check}" if finding.account else finding.check
    print_hanging(Text(f"{finding.result:<9}", _STYLES[finding.result]), f"{subject}: {finding.detail}")
