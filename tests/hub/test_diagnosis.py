"""What ``doctor`` says of the rate limits of accounts."""

from typing import Any

import pytest

from returns_hub import Account, Hub

GUESSES: list[tuple[str, dict[str, Any], str]] = [
    ("redo", {"api_key": "k", "store_id": "65a00000000000000000feed"}, "5 in 1 s"),
    ("returnless", {"user": "u", "password": "p"}, "2 in 1 s"),
    ("returnless_v2", {"api_key": "k"}, "60 in 60 s"),
    ("return_helper", {"api_key": "k", "api_token": "t"}, "5 in 1 s"),
]


def rates(provider: str, sqlite_url: str, options: dict[str, Any], rate_limit: str | None = None) -> list[str]:
    account = Account(name="acme", provider=provider, rate_limit=rate_limit, options=options)
    with Hub([account], store=sqlite_url) as hub:
        return [each.detail for each in hub.diagnose(offline=True) if each.check == "rate limit"]


@pytest.mark.parametrize(("provider", "options", "rate"), GUESSES)
def test_a_rate_that_no_vendor_publishes_is_called_a_guess(
    provider: str, options: dict[str, Any], rate: str, sqlite_url: str
) -> None:
    assert rates(provider, sqlite_url, options) == [
        f"{rate}, assumed: the vendor publishes none; rate_limit sets another"
    ]


def test_a_published_or_a_configured_rate_needs_no_word(sqlite_url: str) -> None:
    assert rates("aftership", sqlite_url, {"api_key": "k"}) == []
    assert rates("redo", sqlite_url, GUESSES[0][1], rate_limit="10/s") == []
