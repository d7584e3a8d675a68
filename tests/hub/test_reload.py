"""A configuration that changed is taken up while the hub is in use, whole or not at all."""

import gc
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from returns_hub import Account, AsyncHub, ConfigurationError, Hub, WebhookRejected, WebhookRequest
from returns_hub.hub import account_clients, asynchronous

Deliver = Callable[..., WebhookRequest]
NEW_SECRET = "whk-new-secret"


def with_secrets(account: Account, *secrets: str) -> Account:
    return evolve(account, options={**account.options, "webhook_secrets": list(secrets)})


def test_new_secrets_and_accounts_count_from_then_on(
    account: Account, address: str, delivery: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "returns_hub")
    with Hub([account, evolve(account, name="old"), evolve(account, name="same")], store=address) as hub:
        same = hub.client("same")
        with pytest.raises(WebhookRejected):
            hub.receive("acme", delivery("rma_abc123", secret=NEW_SECRET))
        accounts = [with_secrets(account, NEW_SECRET), evolve(account, name="new"), evolve(account, name="same")]
        reloaded = hub.reload(accounts)
        assert (reloaded.added, reloaded.changed, reloaded.removed) == (("new",), ("acme",), ("old",))
        assert hub.receive("acme", delivery("rma_abc123", secret=NEW_SECRET)).status == 200
        assert hub.receive("new", delivery("rma_abc123")).status == 200
        assert (list(hub.accounts), hub.client("same") is same) == (["acme", "new", "same"], True)
        with pytest.raises(ConfigurationError, match="there is no account 'old'"):
            hub.client("old")
    assert "configuration reloaded: added new; changed acme; removed old" in caplog.messages
    assert not [record for record in caplog.records if NEW_SECRET in record.getMessage()]


UNSET = "accounts.broken.api_key: the environment variable NOWHERE is not set"


@pytest.mark.parametrize(
    "wrong",
    [{"options": {"api_keey": "k"}}, {"options": {"api_key": ""}}, {"unavailable": (UNSET,)}],
    ids=["unknown", "empty", "unset"],
)
def test_one_wrong_account_leaves_all_as_they_were(
    account: Account, address: str, delivery: Deliver, wrong: dict[str, Any]
) -> None:
    with Hub([account], store=address) as hub:
        client = hub.client("acme")
        broken = evolve(account, name="broken", **wrong)
        with pytest.raises(ConfigurationError, match=r"accounts\.broken"):
            hub.reload([with_secrets(account, NEW_SECRET), broken])
        assert (list(hub.accounts), hub.client("acme") is client) == (["acme"], True)
        assert hub.receive("acme", delivery("rma_abc123")).status == 200


def test_a_call_that_has_begun_is_finished_by_the_client_it_began_with(
    account: Account, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Hub([account], store=address) as hub:
        returns = hub.client("acme").list_returns(page_size=2)
        first = next(returns)
        hub.reload([with_secrets(account, NEW_SECRET)])
        assert len({first.id, *(ret.id for ret in returns)}) == 6
        # Later it is closed; the one in use is not.
        monkeypatch.setattr(account_clients, "RETIRED_SECONDS", -1.0)
        hub.reload([with_secrets(account, NEW_SECRET)])
        assert hub.client("acme").get_return("rma_abc123").id == "rma_abc123"
    gc.collect()


CONFIGURATION = """
store = "sqlite:///{store}"
keep_deliveries = "{keep}"
[accounts.acme]
provider = "returnmate"
base_url = "{base_url}"
api_key = {{ file = "api_key" }}
"""


@pytest.fixture
def write(tmp_path: Path, vendor: Any) -> Callable[..., Path]:
    """Writes a configuration whose credentials are in a file of their own."""
    (tmp_path / "api_key").write_text(vendor.options["api_key"] + "\n")

    def configure(store: str = "returns.db", keep: str = "30d") -> Path:
        path = tmp_path / "returns-hub.toml"
        path.write_text(CONFIGURATION.format(store=store, keep=keep, base_url=vendor.url + vendor.base_path))
        return path

    return configure


def test_the_file_of_the_configuration_is_read_again(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write().parent)
    with Hub.from_config() as hub:
        monkeypatch.chdir("/")
        assert hub.reload() == hub.reload()
        (tmp_path / "api_key").write_text("another\n")
        assert hub.reload().changed == ("acme",)
        with pytest.raises(ConfigurationError, match="the store cannot change while the hub is in use"):
            hub.reload() if write(store="other.db") else None
        write().write_text("[accounts")
        with pytest.raises(ConfigurationError, match="is not valid TOML"):
            hub.reload()
        assert list(hub.accounts) == ["acme"]


def test_a_hub_without_a_file_must_be_given_its_accounts(account: Account, address: str) -> None:
    with Hub([account], store=address) as hub, pytest.raises(ConfigurationError, match="was not made by from_config"):
        hub.reload()


@pytest.mark.anyio
async def test_an_async_hub_is_reloaded_as_well(
    account: Account, address: str, delivery: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncHub([account], store=address) as hub:
        returns = hub.client("acme").list_returns(page_size=2)
        first = await anext(returns)
        assert (await hub.reload([with_secrets(account, NEW_SECRET)])).changed == ("acme",)
        assert len({first.id, *[ret.id async for ret in returns]}) == 6
        assert (await hub.receive("acme", delivery("rma_abc123", secret=NEW_SECRET))).status == 200
        monkeypatch.setattr(asynchronous, "RETIRED_SECONDS", -1.0)
        await hub.reload([account])
        assert (await hub.client("acme").get_return("rma_abc123")).id == "rma_abc123"
    gc.collect()


def test_replies_that_are_kept_are_those_of_the_account_as_it_is(account: Account, address: str) -> None:
    other = evolve(account, options={**account.options, "api_key": "another"})
    with Hub([account], store=address) as hub:
        clients = hub._resources.clients
        before = clients.shared_by(account).replies
        assert clients.shared_by(account).replies is before
        hub.reload([other])
        assert clients.shared_by(other).replies is not before
