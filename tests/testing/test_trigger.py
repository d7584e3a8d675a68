"""What simulators tell by themselves: something happens, and a receiver hears of it, signed."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from returns_hub import Account, Hub, registry
from returns_hub.server import create_app
from returns_hub.testing import FakeVendor, Simulator, call_platform, serve
from returns_hub_return_helper.sandbox import ReturnHelperSandbox
from returns_hub_returnmate.sandbox import ReturnMateSandbox


@pytest.fixture(params=registry.sandboxes())
def vendor(request: pytest.FixtureRequest) -> Iterator[tuple[Simulator, str]]:
    """A simulator, and its address."""
    simulator = registry.sandbox_class(request.param)(count=2)
    with serve(simulator) as running:
        yield simulator, running.url


@pytest.fixture
def hub(vendor: tuple[Simulator, str], tmp_path: Path) -> Iterator[Hub]:
    simulator, url = vendor
    account = Account(
        name="acme",
        provider=simulator.provider,
        base_url=url + simulator.base_path,
        rate_limit="none",
        options=simulator.options,
    )
    with Hub([account], store=f"sqlite:///{tmp_path}/returns.db") as hub:
        yield hub


def test_what_is_triggered_is_verified_and_changes_the_mirror(vendor: tuple[Simulator, str], hub: Hub) -> None:
    simulator, _ = vendor
    with serve(create_app(hub)) as receiver:
        for _ in range(3):
            result = simulator.trigger(f"{receiver.url}/webhooks/acme")
            assert result is not None
            assert set(result.statuses) <= {200, 201}
            assert result.statuses
            assert result.return_id in simulator.return_ids
            hub.process()
            assert hub.get_return("acme", result.return_id) is not None
    assert {one.state.value for one in hub.deliveries()} == {"processed"}


def test_where_nobody_listens_there_is_no_status() -> None:
    with ExitStack() as stack:
        address = stack.enter_context(serve(FakeVendor())).url
    result = ReturnMateSandbox(count=1).trigger(address)
    assert result is not None
    assert result.statuses == (None,)


def test_labels_that_were_asked_for_are_made() -> None:
    simulator = ReturnHelperSandbox(count=30, seed=7)
    queued = {one for one, row in simulator.shipments.items() if row["labelRequestStatusCode"] == "queued"}
    assert queued
    for _ in queued:
        simulator.trigger("http://127.0.0.1:9")
    assert [one.action for one in simulator.notifications].count("labelGenerated") == len(queued)


def test_a_vendor_may_tell_nothing_and_ask_for_nothing() -> None:
    assert FakeVendor().trigger("http://127.0.0.1:9") is None
    with pytest.raises(NotImplementedError):
        FakeVendor().call_order_lookup("http://127.0.0.1:9/", "1")


@pytest.mark.parametrize("url", ["127.0.0.1", "ftp://127.0.0.1/", "http://"])
def test_an_address_that_is_none_is_no_silence(url: str) -> None:
    with pytest.raises(ValueError, match="not an absolute"):
        call_platform("POST", url, {}, b"")
