"""The hub: several accounts and their mirror, with ReturnMate's simulator over real HTTP."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from returns_hub import Account, ConfigurationError, Hub, Status, StoreError
from returns_hub.testing import serve
from returns_hub_returnmate.sandbox import ReturnMateSandbox

MakeHub: TypeAlias = Callable[..., Hub]


@pytest.fixture
def sandbox() -> ReturnMateSandbox:
    """A shop with 250 RMAs."""
    return ReturnMateSandbox(count=250, api_key="canary-7f3a")


@pytest.fixture
def account_at() -> Iterator[Callable[..., Account]]:
    """An account at a simulator, which is served from now on."""
    with contextlib.ExitStack() as servers:

        def make(name: str, sandbox: ReturnMateSandbox, **told: Any) -> Account:
            running = servers.enter_context(serve(sandbox))
            settings = {"base_url": running.url + sandbox.base_path, "rate_limit": "none", "options": sandbox.options}
            return Account(**{"name": name, "provider": "returnmate", **settings, **told})

        yield make


@pytest.fixture
def hub(sandbox: ReturnMateSandbox, account_at: Callable[..., Account], sqlite_url: str) -> Iterator[Hub]:
    with Hub([account_at("acme-au", sandbox)], store=sqlite_url) as opened:
        yield opened


def test_a_sync_mirrors_exactly_what_the_vendor_has(hub: Hub, sandbox: ReturnMateSandbox) -> None:
    (report,) = hub.sync()
    assert {stored.ret.id for stored in hub.returns()} == sandbox.return_ids
    assert (report.error, report.created, report.requests) == (None, 250, 3)


def test_the_example_of_the_seed_is_in_the_mirror(hub: Hub) -> None:
    hub.sync()
    stored = hub.get_return("acme-au", "rma_abc123")
    assert stored is not None
    ret = stored.ret
    assert (ret.number, ret.status, ret.status_raw) == ("RMA-2024-001234", Status.REQUESTED, "pending")
    assert list(hub.find("rma-2024-001234")) == list(hub.returns(order="1001", account="acme-au")) == [stored]
    assert ret.created_at == datetime(2024, 12, 30, 10, 30, tzinfo=UTC)
    assert ret.raw["customer"] == {"email": "customer@example.com", "name": "John Smith"}


def test_a_second_sync_changes_nothing(hub: Hub) -> None:
    hub.sync()
    events = len(list(hub.events()))
    (report,) = hub.sync()
    assert (report.error, report.created, report.changed, len(list(hub.events()))) == (None, 0, 0, events)


@pytest.mark.parametrize("details", [False, True])
@pytest.mark.parametrize("word", ["approved", "rejected", "completed", "Quality Hold"])
def test_a_status_change_at_the_vendor_is_exactly_one_event(
    hub: Hub, sandbox: ReturnMateSandbox, word: str, details: bool
) -> None:
    hub.sync(details=details)
    sandbox.set_status("rma_abc123", word)
    hub.sync()
    hub.sync()
    (event,) = hub.events(after=250)
    assert (event.type, event.return_id, event.changes["status_raw"]) == (
        "return.status_changed",
        "rma_abc123",
        ("pending", word),
    )


def test_a_new_return_is_exactly_one_event(hub: Hub, sandbox: ReturnMateSandbox) -> None:
    hub.sync()
    new = sandbox.add_rma()
    hub.sync()
    hub.sync()
    assert [(event.type, event.return_id) for event in hub.events(after=250)] == [("return.created", new)]


def test_details_bring_the_timeline(hub: Hub) -> None:
    hub.sync(details=True)
    stored = hub.get_return("acme-au", "rma_abc123")
    assert stored is not None
    assert stored.ret.timeline != ()


def test_a_shop_that_refuses_unknown_status_filters_is_read_all_the_same(
    account_at: Callable[..., Account], sqlite_url: str
) -> None:
    sandbox = ReturnMateSandbox(count=30, refuse_unknown_status=True)
    with Hub([account_at("acme", sandbox)], store=sqlite_url) as hub:
        sandbox.set_status("rma_abc123", "Quality Hold")
        hub.sync()
        sandbox.set_status("rma_abc123", "approved")
        (report,) = hub.sync()
        assert (report.error, [event.type for event in hub.events(after=30)]) == (None, ["return.status_changed"])


def test_rows_that_come_twice_are_given_once(hub: Hub, sandbox: ReturnMateSandbox) -> None:
    sandbox.faults.duplicate_rows()
    hub.sync()
    assert len({event.return_id for event in hub.events()}) == len(list(hub.events())) == 250


def test_an_account_that_fails_does_not_stop_the_others(
    sandbox: ReturnMateSandbox, account_at: Callable[..., Account], sqlite_url: str
) -> None:
    wrong = account_at("wrong-key", ReturnMateSandbox(count=5), options={"api_key": "canary-0b1c"})
    broken = Account(name="no-options", provider="returnmate")
    with Hub([wrong, broken, account_at("good", sandbox)], store=sqlite_url) as hub:
        reports = hub.sync()
    assert [report.account for report in reports] == ["wrong-key", "no-options", "good"]
    assert [report.error is None for report in reports] == [False, False, True]
    assert "canary" not in repr(reports)


def test_no_account_sends_another_s_key(account_at: Callable[..., Account], sqlite_url: str) -> None:
    first, second = ReturnMateSandbox(count=5, api_key="key-1"), ReturnMateSandbox(count=7, api_key="key-2")
    with Hub([account_at("first", first), account_at("second", second)], store=sqlite_url) as hub:
        reports = hub.sync()
        assert [(report.error, report.created) for report in reports] == [(None, 5), (None, 7)]
        assert {stored.ret.id for stored in hub.returns(account="second")} == second.return_ids


def test_credentials_are_nowhere_in_the_database(hub: Hub, tmp_path: Path) -> None:
    hub.sync(details=True)
    hub.close()
    assert [file.name for file in tmp_path.iterdir() if b"canary-7f3a" in file.read_bytes()] == []


def test_only_the_accounts_named_are_synced(
    sandbox: ReturnMateSandbox, account_at: Callable[..., Account], sqlite_url: str
) -> None:
    other = ReturnMateSandbox(count=5)
    with Hub([account_at("one", sandbox), account_at("two", other)], store=sqlite_url) as hub:
        assert [report.account for report in hub.sync("two")] == ["two"]
        assert sandbox.requests == ()


@pytest.mark.parametrize(
    "use",
    [
        lambda hub: hub.client("acme-ua"),
        lambda hub: hub.sync("acme-ua"),
        lambda hub: hub.returns(account="acme-ua"),
        lambda hub: hub.find("1001", account="acme-ua"),
        lambda hub: hub.get_return("acme-ua", "r1"),
        lambda hub: hub.events(account="acme-ua"),
    ],
)
def test_an_account_that_is_not_there_is_a_suggestion(hub: Hub, use: Callable[[Hub], Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        use(hub)
    assert str(caught.value) == "there is no account 'acme-ua'; did you mean 'acme-au'?"


def test_two_accounts_of_one_name_are_refused() -> None:
    twice = [Account(name="acme", provider="returnmate"), Account(name="acme", provider="returnless")]
    with pytest.raises(ConfigurationError, match="two accounts are called 'acme'"):
        Hub(twice, store="sqlite:///returns.db")


def test_a_client_is_opened_once(hub: Hub) -> None:
    assert hub.client("acme-au") is hub.client("acme-au")


def test_nothing_is_opened_before_it_is_needed(tmp_path: Path) -> None:
    with Hub([Account(name="acme", provider="no-such-vendor")], store=f"sqlite:///{tmp_path}/missing/x.db") as hub:
        assert list(hub.accounts) == ["acme"]


def test_a_store_that_cannot_be_opened_is_an_error_of_the_hub(tmp_path: Path) -> None:
    with Hub([], store=f"sqlite:///{tmp_path}") as hub, pytest.raises(StoreError, match="is a directory"):
        hub.sync()


def test_without_the_store_s_packages_the_hub_says_what_to_install() -> None:
    code = "import sys; sys.modules['sqlalchemy'] = None; from returns_hub import Hub; Hub([], store='x').sync()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    expected = "StoreError: the mirror needs the package sqlalchemy: pip install 'returns-hub[store]'"
    assert expected in done.stderr


def test_a_hub_comes_from_its_configuration_file(
    sandbox: ReturnMateSandbox, account_at: Callable[..., Account], tmp_path: Path
) -> None:
    account = account_at("acme-au", sandbox)
    file = tmp_path / "returns-hub.toml"
    file.write_text(
        'store = "sqlite:///here.db"\n'
        "[accounts.acme-au]\n"
        'provider = "returnmate"\n'
        f'base_url = "{account.base_url}"\n'
        'rate_limit = "none"\n'
        'api_key = "canary-7f3a"\n'
    )
    with Hub.from_config(file) as hub:
        hub.sync()
    assert (tmp_path / "here.db").exists()


def test_a_hub_shows_no_credentials(hub: Hub) -> None:
    assert repr(hub) == "<Hub: acme-au>"


def test_a_postgresql_mirror_holds_the_same(
    sandbox: ReturnMateSandbox, account_at: Callable[..., Account], postgresql_url: str
) -> None:
    with Hub([account_at("acme-au", sandbox)], store=postgresql_url) as hub:
        hub.sync()
        sandbox.set_status("rma_abc123", "completed")
        hub.sync()
        assert {stored.ret.id for stored in hub.returns()} == sandbox.return_ids
        assert [event.type for event in hub.events(after=250)] == ["return.status_changed"]
