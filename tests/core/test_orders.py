"""A vendor that looks an order up: it is verified, then the order is found, then answered."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import pytest
from attrs import frozen

from returns_hub import (
    Adapter,
    Capability,
    ConfigurationError,
    HttpAnswer,
    Limits,
    Order,
    Reply,
    Request,
    Support,
    UnsupportedOperation,
    WebhookRejected,
    WebhookRequest,
    answer_order_lookup,
    answer_order_lookup_async,
    connect,
    connect_async,
    registry,
    single_header,
)
from returns_hub.orders import load_find_order
from returns_hub.testing import FakeAdapter

ORDER = Order(number="ORD1", id="1", created_at=datetime(2026, 9, 5, tzinfo=UTC), email="customer@example.com")


@frozen(kw_only=True)
class Asking(Adapter):
    """A vendor that looks orders up; its calls are signed with a word."""

    provider: ClassVar[str] = "asking"
    display_name: ClassVar[str] = "Asking"
    base_urls: ClassVar[Mapping[str, str]] = MappingProxyType({"production": "https://api.asking.test"})
    capabilities: ClassVar[Mapping[Capability, Support]] = MappingProxyType({Capability.ORDER_LOOKUP: Support.YES})

    @property
    def limits(self) -> Limits:
        return Limits()

    def authorize(self, request: Request) -> Request:
        return request

    def check(self, reply: Reply) -> Any:
        return reply.json()

    def read_order_lookup(self, request: WebhookRequest) -> str:
        if single_header(request, "Signature") != "ours":
            raise WebhookRejected("wrong_signature", "the signature does not match")
        return request.url.rpartition("/")[2]

    def answer_order_lookup(self, order: Order | None) -> HttpAnswer:
        return HttpAnswer(status=200 if order else 404, body=order.id.encode() if order else b"")


def look_up(number: str = "ORD1", *, signature: str = "ours") -> WebhookRequest:
    return WebhookRequest(
        method="GET",
        url=f"https://shop.example/orders/{number}",
        headers=[("Signature", signature)],
        received_at=datetime(2026, 11, 21, tzinfo=UTC),
    )


class Shop:
    """Finds one order, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def find_order(self, number: str) -> Order | None:
        self.asked.append(number)
        return {"ORD1": ORDER}.get(number)

    async def find_order_async(self, number: str) -> Order | None:
        return self.find_order(number)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "adapter_class", {"asking": Asking, "fake": FakeAdapter}.__getitem__)


@pytest.mark.parametrize(
    ("number", "answer"), [("ORD1", HttpAnswer(status=200, body=b"1")), ("ORD2", HttpAnswer(status=404))]
)
def test_an_order_is_found_by_its_number(number: str, answer: HttpAnswer) -> None:
    assert answer_order_lookup(Asking(), look_up(number), Shop().find_order) == answer


def test_nothing_is_looked_up_for_a_stranger() -> None:
    shop = Shop()
    with pytest.raises(WebhookRejected):
        answer_order_lookup(Asking(), look_up(signature="theirs"), shop.find_order)
    assert shop.asked == []


@pytest.mark.anyio
async def test_nothing_is_looked_up_for_a_stranger_awaited() -> None:
    shop = Shop()
    with pytest.raises(WebhookRejected):
        await answer_order_lookup_async(Asking(), look_up(signature="theirs"), shop.find_order_async)
    assert shop.asked == []


@pytest.mark.usefixtures("_installed")
def test_a_client_answers_a_look_up() -> None:
    with connect("asking") as client:
        assert client.answer_order_lookup(look_up(), Shop().find_order) == HttpAnswer(status=200, body=b"1")


@pytest.mark.anyio
@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("find_order", [Shop().find_order, Shop().find_order_async], ids=["sync", "async"])
async def test_an_awaited_client_takes_either_kind_of_find_order(find_order: Any) -> None:
    async with connect_async("asking") as client:
        assert await client.answer_order_lookup(look_up(), find_order) == HttpAnswer(status=200, body=b"1")


@pytest.mark.usefixtures("_installed")
def test_a_vendor_that_looks_nothing_up_is_not_answered() -> None:
    shop = Shop()
    with connect("fake", api_key="k") as client, pytest.raises(UnsupportedOperation):
        client.answer_order_lookup(look_up(), shop.find_order)
    assert shop.asked == []


@pytest.mark.anyio
@pytest.mark.usefixtures("_installed")
async def test_a_vendor_that_looks_nothing_up_is_not_answered_awaited() -> None:
    async with connect_async("fake", api_key="k") as client:
        with pytest.raises(UnsupportedOperation):
            await client.answer_order_lookup(look_up(), Shop().find_order_async)


def test_the_platforms_function_is_found_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "shop_a.py").write_text("def find_order(number):\n    return None\nNOT_ONE = 7\n", "utf-8")
    (tmp_path / "shop_b.py").write_text("raise KeyError('s3cret')\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found: Any = load_find_order("shop_a:find_order")
    assert found("#1001") is None
    for name, said in (
        ("shop_a:find_orders", "shop_a has no function find_orders"),
        ("shop_a:NOT_ONE", "shop_a has no function NOT_ONE"),
        ("shop_b:find_order", "importing shop_b fails with KeyError"),
        ("shop_c:find_order", "importing shop_c fails with ModuleNotFoundError"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            load_find_order(name)
        assert str(caught.value) == f'orders = "{name}": {said}'
