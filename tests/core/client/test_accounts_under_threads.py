"""Several accounts of one vendor in one process: none is ever sent with another's credentials."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from returns_hub import connect


def test_three_accounts_of_one_vendor_under_threads(vendor: Any, installed_acme: Any) -> None:
    vendor.will(data={"id": "r1"}, always=True)
    keys = ("first", "second", "third")
    clients = {key: connect("acme", api_key=key, base_url=vendor.url) for key in keys}

    def ask(number: int) -> None:
        key = keys[number % 3]
        vendor_id = clients[key].run(clients[key].adapter.get_return(f"{key}-{number}")).id
        assert vendor_id == "r1"

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(ask, range(150)))
    for client in clients.values():
        client.close()
    sent = {
        (request.target.split("/")[-1].split("-")[0], request.headers["authorization"]) for request in vendor.requests
    }
    assert sent == {("first", "Bearer first"), ("second", "Bearer second"), ("third", "Bearer third")}
    assert len(vendor.requests) == 150
