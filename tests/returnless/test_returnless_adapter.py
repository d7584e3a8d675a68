"""The account's options, and what they put into a request."""

from typing import Any

import pytest

from returns_hub import ConfigurationError, Limits, Rate, Request, Secret, connect
from returns_hub.accounts import build_adapter
from returns_hub_returnless import Returnless


def test_credentials_go_as_http_basic_in_utf8(make: Any) -> None:
    adapter = make(user="jürgen", password=Secret("päss:word"))
    request = adapter.authorize(Request(method="GET", path="/returns"))
    # printf 'jürgen:päss:word' | base64
    assert request.headers == (("Authorization", "Basic asO8cmdlbjpww6Rzczp3b3Jk"),)


def test_options_are_built_from_a_configuration() -> None:
    adapter = build_adapter(
        Returnless,
        {
            "user": "u",
            "password": "p",
            "signing_keys": ["old", "new"],
            "timezone": "Europe/Amsterdam",
            "poll_overlap": 60,
            "trust_unsigned_body": True,
        },
    )
    assert isinstance(adapter, Returnless)
    assert adapter.signing_keys == (Secret("old"), Secret("new"))
    assert (adapter.timezone, adapter.order_timezone, adapter.poll_overlap) == ("Europe/Amsterdam", None, 60)
    assert adapter.trust_unsigned_body


def test_one_signing_key_may_stand_alone() -> None:
    adapter = build_adapter(Returnless, {"user": "u", "password": "p", "signing_keys": "only"})
    assert isinstance(adapter, Returnless)
    assert adapter.signing_keys == (Secret("only"),)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"user": ""}, "user"),
        ({"user": "a:b"}, "user"),
        ({"password": Secret("")}, "password"),
        ({"timezone": "Amsterdam"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "Europe"}, "timezone"),
        ({"timezone": "\0"}, "timezone"),
        ({"order_timezone": "Mars/Olympus"}, "order_timezone"),
        ({"poll_overlap": -1}, "poll_overlap"),
    ],
)
def test_impossible_option_is_named(make: Any, options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"returnless: {named} is"):
        make(**options)


def test_no_secret_shows() -> None:
    adapter = Returnless(user="canary-0", password=Secret("canary-1"), signing_keys=(Secret("canary-2"),))
    assert "canary" not in repr(adapter)


def test_utc_needs_no_time_zone_database(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("returns_hub_returnless.adapter.ZoneInfo", None)
    assert make(timezone="UTC").timezone == "UTC"


def test_base_is_the_bare_host() -> None:
    assert Returnless.base_urls == {"production": "https://api.returnless.com"}


def test_limit_is_a_cautious_guess(adapter: Returnless) -> None:
    assert adapter.limits == Limits(rate=Rate(2, 1.0), assumed=True)


def test_names() -> None:
    assert (Returnless.provider, Returnless.display_name) == ("returnless", "Returnless")


def test_the_address_of_v2_is_refused_in_one_sentence() -> None:
    with pytest.raises(ConfigurationError) as refused:
        connect("returnless", user="u", password="p", base_url="https://api-v2.returnless.com/2025-01")
    assert str(refused.value) == (
        "returnless: api-v2.returnless.com is Returnless V2, which has other accounts and keys: use the provider returnless_v2"
    )
