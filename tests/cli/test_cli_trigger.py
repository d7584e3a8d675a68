"""``trigger``: one webhook or look-up, signed as the account wants it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from returns_hub import Hub
from returns_hub.server import create_app
from returns_hub.testing import serve

Run = Callable[..., Any]

CONFIGURATION = """\
store = "sqlite:///returns.db"

[accounts.acme-us]
provider = "return_helper"
api_key = "k"
api_token = "t"
signing_keys = ["c2VjcmV0"]
webhook_url = "https://your.shop/webhooks/acme-us"

[accounts.acme-ca]
provider = "return_helper"
api_key = "k"
api_token = "t"
signing_keys = ["c2VjcmV0"]

[accounts.acme-nl]
provider = "returnless"
user = "u"
password = "p"
signing_keys = ["one", "two"]

[accounts.acme-v2]
provider = "returnless_v2"
api_key = "k"
lookup_username = "shop"
lookup_password = "p"

[accounts.acme-au]
provider = "returnmate"
api_key = "k"
"""


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    (tmp_path / "returns-hub.toml").write_text(CONFIGURATION)
    return tmp_path / "returns-hub.toml"


def test_a_delivery_is_signed_for_the_account_and_its_registered_address(configured: Path, run: Run) -> None:
    with Hub.from_config(configured) as hub, serve(create_app(hub)) as receiver:
        for provider, event, account in (
            ("return_helper", "labelGenerated", "acme-us"),
            ("returnless", "return_created", "acme-nl"),
        ):
            target = f"{receiver.url}/webhooks/{account}"
            ran = run("trigger", provider, event, "--account", account, "--url", target)
            assert (ran.code, ran.err) == (0, "")
        assert {delivery.account for delivery in hub.deliveries()} == {"acme-us", "acme-nl"}
        refused = run("trigger", "returnless", "--order", "1001", "--url", f"{receiver.url}/orders/acme-nl/")
    assert refused.code == 1
    assert refused.err == "returns-hub: the receiver answers 404: it has no such account, or no such order\n"


def test_print_shows_the_signed_request_and_sends_nothing(run: Run) -> None:
    ran = run("trigger", "returnmate", "rma.approved", "--print", "--set", "data.id=rma_9")
    assert ran.lines[:2] == ["POST /webhooks/returnmate-sandbox HTTP/1.1", "Host: 127.0.0.1:8000"]
    assert [line for line in ran.lines if line.startswith("X-Webhook-Signature: ")]
    assert '"id": "rma_9"' in ran.lines[-1]


def test_without_an_event_they_are_listed(run: Run) -> None:
    assert run("trigger", "returnless").out == "return_created\n"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["returnmate", "rma.aproved"], 2, "returnmate has no event 'rma.aproved'; did you mean 'rma.approved'?"),
        (
            ["returnmate", "rma.approved"],
            2,
            "the account acme-au refuses every delivery: no webhook secret is configured for this account",
        ),
        (
            ["return_helper", "labelGenerated", "--account", "acme-ca"],
            2,
            "the account acme-ca refuses every delivery: return_helper: webhook_url is part of what is signed",
        ),
        (["returnmate", "rma.approved", "--account", "acme-uk"], 2, "there is no account 'acme-uk'; did you mean"),
        (["returnmate", "rma.approved", "--account", "acme-nl"], 2, "the account acme-nl is one of returnless"),
        (["returnless", "return_created", "--order", "1"], 2, "an event or --order, not both"),
        (["returnless", "return_created", "--set", "x"], 2, "--set takes PATH=VALUE, not 'x'"),
        (["returnless", "return_created", "--set", "a.b=1"], 2, "the body has no place 'a.b'"),
        (["returnless", "return_created", "--url", "localhost"], 2, "--url takes an address like"),
        (["return_helper", "--order", "1", "--account", "acme-us"], 2, "return_helper asks for no orders"),
        (["returnless", "return_created", "--url", "http://127.0.0.1:9/"], 1, "is returns-hub serve running there?"),
    ],
)
def test_what_cannot_be_triggered_is_one_line(
    configured: Path, run: Run, arguments: list[str], code: int, sentence: str
) -> None:
    ran = run("trigger", *arguments)
    assert (ran.code, ran.err.count("\n")) == (code, 1)
    assert sentence in ran.err


def test_a_look_up_has_the_credentials_of_the_account(configured: Path, run: Run) -> None:
    ran = run("trigger", "returnless_v2", "--order", "1001", "--print")
    assert "Authorization: Basic c2hvcDpw" in ran.lines  # shop:p
