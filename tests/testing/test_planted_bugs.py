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

from returns_hub import Adapter, Item, Operation, OrderRef, Page, Return, ReturnQuery, registry
from returns_hub.testing import AdapterConformance, FakeAdapter, open_with, serve
from returns_hub.testing.conformance.expected import PROOFS

FakeSuite: type[AdapterConformance] = runpy.run_path(str(Path(__file__).with_name("test_fake_conformance.py")))[
    "TestFake"
]


Reading = Callable[[Return], Return]
Plant = Callable[[type[Adapter]], type[Adapter]]


def changed(change: Reading) -> Plant:
    """An adapter with a fault in how it reads a return."""

    def plant(adapter: type[Adapter]) -> type[Adapter]:
        def get_return(self: Any, return_id: str) -> Operation[Return]:
            return change((yield from adapter.get_return(self, return_id)))

        def list_returns(self: Any, *args: Any, **named: Any) -> Operation[Page[Return]]:
            page = yield from adapter.list_returns(self, *args, **named)
            return evolve(page, items=[change(ret) for ret in page.items])

        return frozen(type("Changed", (adapter,), {"get_return": get_return, "list_returns": list_returns}))

    return plant


def ignoring(name: str) -> Plant:
    """An adapter with a filter that it ignores."""

    def plant(adapter: type[Adapter]) -> type[Adapter]:
        def list_returns(self: Any, query: ReturnQuery, *args: Any, **named: Any) -> Operation[Page[Return]]:
            return adapter.list_returns(self, evolve(query, **{name: getattr(ReturnQuery(), name)}), *args, **named)

        return frozen(type("Ignoring", (adapter,), {"list_returns": list_returns}))

    return plant


def swapped(ret: Return) -> Return:
    order = ret.order or OrderRef()
    return evolve(ret, order=OrderRef(number=order.id, id=order.number))


def with_items(change: Callable[[Item], Item]) -> Reading:
    return lambda ret: evolve(ret, items=tuple(change(item) for item in ret.items))


# What is planted, and the fact that it is about: a vendor that does not tell it cannot show the bug.
PLANTED: dict[str, tuple[str, Plant]] = {
    "items are lost": ("item.sku", changed(lambda ret: evolve(ret, items=ret.items[1:]))),
    "two lines share an id": ("item.id", changed(with_items(lambda item: evolve(item, id="1")))),
    "created_at is updated_at": ("updated_at", changed(lambda ret: evolve(ret, created_at=ret.updated_at))),
    "times are off by five hours": (
        "created_at",
        changed(lambda ret: evolve(ret, created_at=ret.created_at and ret.created_at + timedelta(hours=5))),
    ),
    "order number and id are swapped": ("order_number", changed(swapped)),
    "created_after is ignored": ("filter created_after", ignoring("created_after")),
    "created_before is ignored": ("filter created_before", ignoring("created_before")),
    "order_number is ignored": ("filter order_number", ignoring("order_number")),
    "customer_email is ignored": ("filter customer_email", ignoring("customer_email")),
    "newest_first is ignored": ("order of a listing", ignoring("newest_first")),
    "every quantity is nine": ("item.quantity", changed(with_items(lambda item: evolve(item, quantity=Decimal(9))))),
    "updated_after is ignored": ("filter updated_after", ignoring("updated_after")),
    "the reason is lost": ("item.reason", changed(with_items(lambda item: evolve(item, reason=None)))),
    "the parcel is lost": ("shipment.tracking_number", changed(lambda ret: evolve(ret, shipments=()))),
    "the number is the id": ("number", changed(lambda ret: evolve(ret, number=ret.id))),
    "the e-mail is lost": ("email", changed(lambda ret: evolve(ret, customer=None))),
}


def failed_checks(suite: AdapterConformance) -> Iterator[str]:
    """The expectation checks that a suite fails, by name."""
    simulator = suite.make_simulator()
    with ExitStack() as stack:
        urls = simulator.base_urls(stack.enter_context(serve(simulator)).url)
        client = stack.enter_context(open_with(suite._adapter(simulator.options), **urls))
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
            varied = next((parameter for parameter in parameters if parameter in given), None)
            for value in given[varied] if varied else (None,):
                try:
                    check(
                        **({varied: value} if varied else {}), **({"client": client} if "client" in parameters else {})
                    )
                except (AssertionError, NotImplementedError):
                    yield name
                except pytest.skip.Exception:
                    continue


def mutant(
    adapter: type[Adapter], suite: type[AdapterConformance] = FakeSuite, **attributes: Any
) -> AdapterConformance:
    made: AdapterConformance = type("Mutant", (suite,), {"adapter_class": adapter, **attributes})()
    return made


def test_an_adapter_without_a_bug_passes() -> None:
    assert list(failed_checks(mutant(FakeAdapter))) == []


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_caught(bug: str) -> None:
    _, plant = PLANTED[bug]
    assert [*failed_checks(mutant(plant(FakeAdapter)))] != []


@pytest.mark.campaign
@pytest.mark.parametrize("provider", registry.providers())
@pytest.mark.parametrize("bug", PLANTED)
def test_a_bug_planted_into_a_vendor_is_caught(bug: str, provider: str) -> None:
    path = Path(__file__).parents[1] / provider / f"test_{provider}_conformance.py"
    (suite,) = [
        kind
        for kind in runpy.run_path(str(path)).values()
        if inspect.isclass(kind) and issubclass(kind, AdapterConformance) and kind is not AdapterConformance
    ]
    fact, plant = PLANTED[bug]
    if suite()._does_not_apply(fact):
        pytest.skip(f"{provider} has no {fact}")
    assert [*failed_checks(mutant(plant(suite.adapter_class), suite))] != []


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
    suite = mutant(FakeAdapter, not_given=frozenset({"updated_at"}))
    with pytest.raises(pytest.skip.Exception):
        suite.test_what_the_data_mean_is_stated("created_at apart from updated_at")
    with pytest.raises(AssertionError):
        suite.test_what_the_vendor_does_not_tell_is_empty(suite.cases[0])


def test_a_value_that_no_case_states_is_named_where_the_suite_says_that_it_states_all() -> None:
    suite = mutant(FakeAdapter, states_every_value=True)
    with pytest.raises(NotImplementedError) as missing:
        suite.test_every_value_is_stated()
    assert str(missing.value) == (
        "not proved: kind, shipments[].direction, shipments[].id, shipments[].label.status; state them in a record's `facts`"
    )
    (first,) = suite.cases[2].expects or ()
    parcel = {"id": "P-F1", "direction": "inbound", "label": {"status": "ready"}}
    whole = evolve(suite.cases[2], expects=(evolve(first, facts={"kind": "unknown", "shipments": [parcel]}),))
    mutant(FakeAdapter, states_every_value=True, cases=(whole,)).test_every_value_is_stated()
