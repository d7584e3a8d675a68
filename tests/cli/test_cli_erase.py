"""``erase`` on the command line."""

from collections.abc import Callable
from typing import Any

import pytest

from returns_hub_returnmate.sandbox import ReturnMateSandbox

Run = Callable[..., Any]


@pytest.fixture
def return_id(run: Run, configure: Callable[..., None], vendor: ReturnMateSandbox) -> str:
    """A return of a mirror that is in step with its vendor."""
    assert run("sync").code == 0
    return min(vendor.return_ids)


def test_a_return_is_gone_and_does_not_come_back(run: Run, return_id: str) -> None:
    ran = run("erase", "acme-au", return_id)
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines == [
        f"acme-au {return_id}: removed 1 return, the values of 1 event, 0 deliveries, 0 waiting observations.",
        "It is not stored again.",
    ]
    assert run("sync", "--full").code == 0
    shown = run("show", "acme-au", return_id)
    said = (
        f"returns-hub: {return_id} of acme-au was erased, and is not stored again; returns-hub erase --help says more\n"
    )
    assert (shown.code, shown.err) == (1, said)
    assert len(run("returns", "--json").objects) == 59


def test_the_next_sync_may_bring_it_back_where_that_is_said(run: Run, return_id: str) -> None:
    run("erase", "acme-au", return_id)
    ran = run("erase", "acme-au", return_id, "--allow-resync")
    assert ran.lines[-1] == "The next sync may store it again."
    assert run("sync", "--full").code == 0
    assert run("show", "acme-au", return_id).code == 0


def test_several_as_json(run: Run, return_id: str) -> None:
    ran = run("erase", "acme-au", return_id, "rma_none", "--json")
    removed = {"returns": 1, "events": 1, "deliveries": 0, "pending": 0, "waiting": 0, "vacuumed": True}
    assert ran.objects == [
        {"account": "acme-au", "id": return_id, **removed},
        {"account": "acme-au", "id": "rma_none", **removed, "returns": 0, "events": 0},
    ]


def test_an_unknown_return_and_an_unknown_account_are_said(run: Run, configure: Callable[..., None]) -> None:
    assert run("erase", "acme-au", "rma_none").lines[0] == "acme-au rma_none: nothing was stored of it."
    ran = run("erase", "acme-eu", "rma_none")
    assert (ran.code, ran.err) == (2, "returns-hub: there is no account 'acme-eu'; did you mean 'acme-au'?\n")
