"""How these tests drive the adapter: by hand, with replies that stand in the test or come from a vendor in memory."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from returns_hub import Page, Reply, Request, Return, Secret
from returns_hub_returnless import Returnless

DOCUMENTS = Path(__file__).parent / "documents"


@define
class Vendor:
    """Returnless's lists in memory: no pages, only what comes after a moment.

    By default as its documentation reads. The rest is what it leaves open, or what a vendor may do wrong.
    """

    rows: list[dict[str, Any]]
    inclusive: bool = True
    cap: int = 200
    ignored: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    sorted_by: str = "created"
    always: str | None = None
    filter_clock: timedelta = timedelta()
    asked: list[dict[str, str]] = field(factory=list)

    def answer(self, request: Request) -> Reply:
        query = {name: value for name, value in request.query if name not in self.ignored}
        self.asked.append(dict(request.query))
        if query.get("status") in self.refused:
            return Reply(status=400)
        time_key = "request_date" if request.path == "/requests" else "return_date"
        found = [row for row in self.rows if time_key in row and self._matches(row, query)]
        found.sort(key=lambda row: str(row["updated_at" if self.sorted_by == "updated" else _time_key(row)]))
        if (self.always or query.get("sort_order", "desc")) == "desc":
            found.reverse()
        size = min(int(query.get("per_page", "50")), self.cap)
        return Reply(status=200, body=json.dumps(found[:size]).encode())

    def _matches(self, row: dict[str, Any], query: dict[str, str]) -> bool:
        created, updated = str(row[_time_key(row)]), str(row.get("updated_at", row[_time_key(row)]))
        texts = {"reference": "reference", "order_id": "order_id", "emailaddress": "customer_email", "status": "status"}
        return (
            self._is_after(created, query.get("created_after"))
            and self._is_after(updated, query.get("updated_after"))
            and all(row.get(key) == query.get(name, row.get(key)) for name, key in texts.items())
        )

    def _is_after(self, time: str, bound: str | None) -> bool:
        if bound is None:
            return True
        moment, after = datetime.fromisoformat(time), datetime.fromisoformat(bound) - self.filter_clock
        return moment > after or (self.inclusive and moment == after)


def _time_key(row: dict[str, Any]) -> str:
    return "return_date" if "return_date" in row else "request_date"


def _drive(operation: Any, answer: Callable[[Request], Reply]) -> Any:
    try:
        request = next(operation)
        while True:
            request = operation.send(answer(request))
    except StopIteration as stop:
        return stop.value


@pytest.fixture
def adapter() -> Returnless:
    return Returnless(user="api-user", password=Secret("api-password"), signing_keys=(Secret("demo-key-1"),))


@pytest.fixture(scope="session")
def make() -> Callable[..., Returnless]:
    """An adapter with other options."""
    return lambda **options: Returnless(**{"user": "api-user", "password": Secret("api-password"), **options})


@pytest.fixture(scope="session")
def document() -> Callable[[str], bytes]:
    """A JSON example of the V1 documentation, byte for byte."""
    return lambda name: (DOCUMENTS / name).read_bytes()


@pytest.fixture(scope="session")
def answer() -> Callable[..., Reply]:
    """A JSON reply: the status, then the whole body."""
    return lambda status, body: Reply(status=status, body=json.dumps(body).encode())


@pytest.fixture(scope="session")
def finish() -> Callable[..., Any]:
    """What an operation returns when it is answered so; it must ask for exactly as many replies."""

    def finish(operation: Any, *replies: Reply) -> Any:
        next(operation)
        for reply in replies[:-1]:
            operation.send(reply)
        with pytest.raises(StopIteration) as stop:
            operation.send(replies[-1])
        return stop.value.value

    return finish


@pytest.fixture(scope="session")
def requests() -> Callable[..., list[Request]]:
    """The requests an operation sends while it is answered so; it may want more replies."""

    def requests(operation: Any, *replies: Reply) -> list[Request]:
        sent = [next(operation)]
        for reply in replies:
            try:
                sent.append(operation.send(reply))
            except StopIteration:
                break
        return sent

    return requests


@pytest.fixture(scope="session")
def vendor() -> Callable[..., Vendor]:
    """A list in memory: of so many returns, one an hour, or of the given rows."""

    def vendor(rows: int | Iterable[dict[str, Any]], **behaviour: Any) -> Vendor:
        made = [a_return(number) for number in range(rows)] if isinstance(rows, int) else list(rows)
        return Vendor(made, **behaviour)

    return vendor


@pytest.fixture(scope="session")
def row() -> Callable[..., dict[str, Any]]:
    """A return on the wire: the least that a walk needs."""
    return a_return


def a_return(number: int, at: str | None = None, **fields: Any) -> dict[str, Any]:
    created = at or str(datetime(2024, 1, 1) + timedelta(hours=number))  # noqa: DTZ001  the vendor's have no zone
    return {
        "return_id": str(1000 + number),
        "status": "processing",
        "return_date": created,
        "updated_at": created,
        **fields,
    }


@pytest.fixture(scope="session")
def drive() -> Callable[..., Any]:
    """What an operation returns when a vendor answers it."""
    return lambda operation, vendor: _drive(operation, vendor.answer)


@pytest.fixture(scope="session")
def pages() -> Callable[..., list[Page[Return]]]:
    """Every page of a listing, which is read anew from its cursor each time."""

    def pages(read: Callable[[str | None], Any], vendor: Vendor) -> list[Page[Return]]:
        found: list[Page[Return]] = [_drive(read(None), vendor.answer)]
        while found[-1].next is not None:
            found.append(_drive(read(found[-1].next), vendor.answer))
        return found

    return pages
