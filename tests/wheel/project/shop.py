"""A user's own code, type-checked against the installed wheel: each wrong line must be refused, each right one accepted."""

from collections.abc import Iterator
from decimal import Decimal

from returns_hub import Client, Hub, Item, Return, Secret, Status, connect
from returns_hub.testing import lost_records
from returns_hub_returnmate import ReturnMate


def quantities(ret: Return) -> Iterator[Decimal | None]:
    for item in ret.items:
        yield item.quantity


def approve(client: Client, ret: Return) -> Return:
    wrong: int = ret.id  # type: ignore[assignment]
    client.set_status(wrong, Status.APPROVED)  # type: ignore[arg-type]
    return client.set_status(ret.id, Status.APPROVED)


def first(hub: Hub) -> Item | None:
    return next((item for stored in hub.returns(account="acme") for item in stored.ret.items), None)


adapter = ReturnMate(api_key=Secret("key"), currency="EUR")
ReturnMate(currency="EUR")  # type: ignore[call-arg]
names: tuple[str, ...] = lost_records(lambda payload: [payload["id"]], {"id": "1"}, essential={"id"})
with connect("returnmate", api_key="key") as opened:
    approve(opened, opened.get_return("rma_abc123"))
