"""Audit: who did what, when, and what became of it."""

from typing import Final

from starlette.responses import Response

from returns_hub.console.visit import Page, Visit

_PAGE_SIZE: Final = 50


def list_audit(visit: Visit) -> Response:
    """A page of acts, newest first."""
    account, subject = visit.query("account"), visit.query("subject")
    rows = visit.console.audit.find(
        account=account or None, subject=subject or None, before=visit.query_number("before"), limit=_PAGE_SIZE + 1
    )
    given = {"account": account, "subject": subject}
    older = visit.url("/console/audit", **given, before=rows[_PAGE_SIZE - 1].id) if len(rows) > _PAGE_SIZE else ""
    first = visit.url("/console/audit", **given) if visit.query("before") else ""
    return visit.render("audit.html", rows=rows[:_PAGE_SIZE], given=given, older=older, first=first)


ROUTES: Final = (Page("/console/audit", list_audit),)
