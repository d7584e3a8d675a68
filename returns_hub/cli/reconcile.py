"""``reconcile``: compare the mirror with all that the vendors have, and repair it."""

from datetime import date
from typing import TYPE_CHECKING

from returns_hub.cli.options import ConfigPath, Grace
from returns_hub.cli.output import clean, plural, print_json, print_remark
from returns_hub.cli.signals import DEFAULT_GRACE, interruptible
from returns_hub.cli.sync import check_accounts, print_failures, print_remarks, progress_display
from returns_hub.convert import dump

if TYPE_CHECKING:
    from returns_hub.sync import ReconcileReport


def reconcile(
    *accounts: str,
    since: date | None = None,
    details: bool = False,
    json: bool = False,
    grace: Grace = DEFAULT_GRACE,
    config: ConfigPath = None,
) -> int:
    """Compare the mirror with the vendors, and repair it.

    Everything that the vendors list is read, which takes as long as the first sync
    did. It finds what no webhook reported and no sync can see: afterwards nothing is left
    to find. Returns that a vendor does not know any more are named, and stay. The
    exit code is 1 if an account failed or could not be seen whole.

    For example:
      returns-hub reconcile
      returns-hub reconcile acme-au --since 2024-12-01 --json

    Args:
        accounts: The accounts to compare; all of them if none is named.
        since: Leave out what was created before that day, as 2024-12-30.
        details: Compare also the fields that listings leave out; this takes one request for every return.
        json: One JSON object a line: what was found in an account.
        grace: Seconds until the process has ended after a signal, whatever hangs.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    with interruptible(grace), Hub.from_config(config) as hub, progress_display(quiet=json) as progress:
        check_accounts(hub, accounts)
        reports = hub.reconcile(*accounts, since=since, details=details, progress=progress)
    for report in reports:
        if json:
            print_json(dump(report))
        else:
            _say_report(report)
    return print_failures(reports)


def _say_report(report: "ReconcileReport") -> None:
    if report.skipped is not None:
        print_remark(f"{report.account}: left to another sync: {report.skipped}")
        return
    print_remark(
        f"{report.account}: {report.checked} checked, {report.missing} missing, {report.changed} changed, "
        f"{report.repaired} repaired, {report.gone} gone "
        f"({plural(report.requests, 'request')}, {report.duration_s:.1f} s)"
    )
    if report.gone_ids:
        more = f" and {report.gone - len(report.gone_ids)} more" if report.gone > len(report.gone_ids) else ""
        print_remark(f"{report.account}: not at the vendor any more: {' '.join(map(clean, report.gone_ids))}{more}")
    print_remarks(report)
