"""Refused: what vendors, or others, have sent that was not taken; by account and reason, and never a body."""

from typing import Final

from starlette.responses import Response

from returns_hub.console.visit import Page, Visit

# What is wrong, and what to do about it, by the reason.
_ADVICE: Final = {
    "not_configured": "The account has no secret to check deliveries with: configure the one that the vendor shows.",
    "wrong_signature": "The secret here is not the one that the vendor signs with, or somebody else sends.",
    "missing_signature": "It was not signed: somebody else sends, or the vendor's webhooks are not set up to sign.",
    "malformed_signature": "What should be a signature is none: a proxy may have changed the header.",
    "stale_timestamp": "Its signed time is too far from this clock: compare the clocks, or it is an old delivery sent again.",
    "unknown_account": "The address at the vendor names an account that is not configured here.",
    "misconfigured": "The configuration of the account cannot be used: its page here says why.",
    "too_large": "It is larger than any vendor's delivery.",
}


def list_refused(visit: Visit) -> Response:
    """What was refused, the latest first."""
    account = visit.query("account")
    rows = visit.console.hub.refused(visit.known_account(account) if account else None)
    return visit.render("refused.html", rows=rows, advice=_ADVICE, account=account)


ROUTES: Final = (Page("/console/refused", list_refused),)
