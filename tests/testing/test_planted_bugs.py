"""Adapters that do everything right but one thing, and the checks that must see it: an adapter with such a bug is not done."""

import inspect
import runpy
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen

from returns_hub import Item, Operation, OrderRef, Page, Return, ReturnQuery
from returns_hub.testing import AdapterConformance, FakeAdapter, open_with, serve
from returns_hub.testing.conformance.expected import PROOFS

FakeSuite: type[AdapterConformance] = runpy.run_path(str(Path(__file__).with_name("test_fake_conformance.py")))[
    "TestFake"
]


def changed(change: Callable[[Return], Return]) -> type[FakeAdapter]:
    """The fake adapter, with a fault in how it reads a return."""

    @frozen(kw_only=True)
    class Changed(FakeAdapter):
        def get_return(self, return_id: str) -> Operation[Return]:
            return change((yield from super().get_return(return_id)))

        def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
            page = yield from super().list_returns(query, cursor)
            return evolve(page, items=[change(ret) for ret in page.items])

    return Changed


def ignoring(*names: str) -> type[FakeAdapter]:
    """The fake adapter, with filters that it ignores."""

    @frozen(kw_only=True)
    class Ignoring(FakeAdapter):
        def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
            ignored = {name: getattr(ReturnQuery(), name) for name in names}
            return super().list_returns(evolve(query, **ignored), cursor)

    return Ignoring


def swapped(ret: Return) -> Return:
    order = ret.order or OrderRef()
    return evolve(ret, order=OrderRef(number=order.id, id=order.number))


def with_items(change: Callable[[Item], Item]) -> Callable[[Return], Return]:
    return lambda ret: evolve(ret, items=tuple(change(item) for item in ret.items))


PLANTED = {
    "items are lost": changed(lambda ret: evolve(ret, items=ret.items[:1])),
    "two lines share an id": changed(lambda ret: evolve(ret, items=tuple(evolve(item, id="1") for item in ret.items))),
    "created_at is updated_at": changed(lambda ret: evolve(ret, created_at=ret.updated_at)),
    "times are off by five hours": changed(
        lambda ret: evolve(ret, created_at=ret.created_at and ret.created_at + timedelta(hours=5))
    ),
    "order number and id are swapped": changed(swapped),
    "created_after is ignored": ignoring("created_after"),
    "created_before is ignored": ignoring("created_before"),
    "order_number is ignored": ignoring("order_number"),
    "customer_email is ignored": ignoring("customer_email"),
    "newest_first is ignored": ignoring("newest_first"),
    "every quantity is one": changed(with_items(lambda item: evolve(item, quantity=Decimal(1)))),
    "updated_after is ignored": ignoring("updated_after"),
    "the reason is lost": changed(with_items(lambda item: evolve(item, reason=None))),
    "the parcel is lost": changed(lambda ret: evolve(ret, shipments=())),
    "the number is the id": changed(lambda ret: evolve(ret, number=ret.id)),
    "the e-mail is lost": changed(lambda ret: evolve(ret, customer=None)),
}


def failed_checks(suite: AdapterConformance) -> Iterator[str]:
    """The expectation checks that a suite fails, by name."""
    simulator = suite.make_simulator()
    with ExitStack() as stack:
        base_url = stack.enter_context(serve(simulator)).url
        client = stack.enter_context(open_with(suite._adapter(simulator), base_url=base_url))
        given: dict[str, tuple[Any, ...]] = {
            "expecting": tuple(case for case in suite.cases if case.expects is not None),
            "selection": suite.filters,
            "variation": suite.variations,
            "proof": PROOFS,
            "newest_first": (False, True),
        }
        for name, check in inspect.getmembers(suite, inspect.ismethod):
            if getattr(check, "conformance_part", None) != "expectations":
                continue
            parameters = inspect.signature(check).parameters
            varied = next(parameter for parameter in parameters if parameter in given)
            for value in given[varied]:
                try:
                    check(**{varied: value}, **({"client": client} if "client" in parameters else {}))
                except (AssertionError, NotImplementedError):
                    yield name
                except pytest.skip.Exception:
                    continue


def mutant(adapter: type[FakeAdapter], **attributes: Any) -> AdapterConformance:
    suite: AdapterConformance = type("Mutant", (FakeSuite,), {"adapter_class": adapter, **attributes})()
    return suite


def test_an_adapter_without_a_bug_passes() -> None:
    assert list(failed_checks(mutant(FakeAdapter))) == []


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_caught(bug: str) -> None:
    assert [*failed_checks(mutant(PLANTED[bug]))] != []


@pytest.mark.parametrize(
    ("attributes", "missing"),
    [
        ({"filters": ()}, "filter order_number"),
        ({"variations": ()}, "two records that differ in one field"),
        ({"newest_return": None}, "order of a listing"),
        ({"cases": FakeSuite.cases[1:2]}, "item.quantity"),
    ],
)
def test_what_is_not_stated_is_named(attributes: dict[str, Any], missing: str) -> None:
    suite = mutant(FakeAdapter, **attributes)
    with pytest.raises(NotImplementedError, match=f"not proved: {missing}; state "):
        suite.test_what_the_data_mean_is_stated(missing)


def test_what_the_vendor_does_not_tell_need_not_be_stated_and_must_not_be_there() -> None:
    suite = mutant(FakeAdapter, untold=frozenset({"updated_at"}))
    with pytest.raises(pytest.skip.Exception):
        suite.test_what_the_data_mean_is_stated("created_at apart from updated_at")
    with pytest.raises(AssertionError):
        suite.test_what_the_vendor_does_not_tell_is_empty(suite.cases[0])
