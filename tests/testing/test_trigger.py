"""What simulators tell by themselves: something happens, and a receiver hears of it, signed."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from returns_hub import Account, Client, Hub, Receipt, ReturnHint, UnknownEvent, WebhookRequest, connect, registry
from returns_hub.server import create_app
from returns_hub.testing import FakeVendor, SignedRequest, Simulator, call_platform, change_values, serve
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


def _receive(client: Client, request: SignedRequest) -> Receipt:
    return client.receive(
        WebhookRequest(
            method=request.method,
            url=request.url,
            headers=request.headers,
            body=request.body,
            received_at=datetime.now(UTC),
        )
    )


@pytest.mark.parametrize("provider", registry.sandboxes())
def test_every_event_that_a_simulator_makes_is_signed_and_understood(provider: str) -> None:
    simulator = registry.sandbox_class(provider)(count=20)
    url = "https://your.shop/webhooks/acme"
    simulator.register_webhook(url)
    with connect(provider, **simulator.options) as client:
        for name in simulator.event_names:
            receipt = _receive(client, simulator.make_event(name, url))
            assert not any(isinstance(event, UnknownEvent) for event in receipt.events), name
    assert simulator.event_names


def test_values_of_the_body_and_the_secret_can_be_others() -> None:
    simulator = ReturnMateSandbox(count=5)
    request = simulator.make_event("rma.approved", "https://your.shop/", changes={"data.id": "rma_9"}, secret="other")
    with connect("returnmate", api_key="k", webhook_secrets=["other"]) as client:
        (event,) = _receive(client, request).events
    assert isinstance(event, ReturnHint)
    assert event.return_id == "rma_9"
    assert "other" not in repr(request)


def test_a_place_that_is_none_is_named() -> None:
    assert change_values({"a": [{"b": 1}]}, {"a.0.b": 2, "c": 3}) == {"a": [{"b": 2}], "c": 3}
    with pytest.raises(ValueError, match=r"no place 'a\.1\.b'; its keys are a"):
        change_values({"a": [{"b": 1}]}, {"a.1.b": 2})
