"""``reconcile``: compare the mirror with all that the vendors have, and repair it."""

from datetime import date
from typing import TYPE_CHECKING

from returns_hub.cli.options import ConfigPath
from returns_hub.cli.output import clean, count, json_line, say
from returns_hub.cli.sync import check_options, complain_of, say_unknown_words, showing_progress
from returns_hub.convert import dump

if TYPE_CHECKING:
    from returns_hub.sync import ReconcileReport


def reconcile(
    *accounts: str,
    since: date | None = None,
    details: bool = False,
    json: bool = False,
    config: ConfigPath = None,
) -> int:
    """Compare the mirror with the vendors, and repair it.

    Everything that the vendors list is read, which takes as long as the first sync
    did. It finds what no webhook told and no sync can see: afterwards nothing is left
    to find. Returns that a vendor does not know any more are named, and stay. The
    exit code is 1 if an account failed or could not be seen whole.

    For example:
      returns-hub reconcile
      returns-hub reconcile acme-au --since 2024-12-01 --json

    Args:
        accounts: The accounts to compare; all of them if none is named.
        since: Leave out what was created before that day, as 2024-12-30.
        details: Compare also what the listings do not tell, which takes a request for every return.
        json: One JSON object a line: what was found in an account.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with Hub.from_config(config) as hub, showing_progress(quiet=json) as progress:
        check_options(hub, accounts)
        reports = hub.reconcile(*accounts, since=since, details=details, progress=progress)
    for report in reports:
        if json:
            json_line(dump(report))
        else:
            _say_report(report)
    return complain_of(reports)


def _say_report(report: "ReconcileReport") -> None:
    if report.skipped is not None:
        say(f"{report.account}: left to another sync: {report.skipped}")
        return
    say(
        f"{report.account}: {report.checked} checked, {report.missing} missing, {report.changed} changed, "
        f"{report.repaired} repaired, {report.gone} gone "
        f"({count(report.requests, 'request')}, {report.duration_s:.1f} s)"
    )
    if report.gone_ids:
        more = f" and {report.gone - len(report.gone_ids)} more" if report.gone > len(report.gone_ids) else ""
        say(f"{report.account}: not at the vendor any more: {' '.join(map(clean, report.gone_ids))}{more}")
    say_unknown_words(report)
