"""Whether the conformance suite of each vendor notices what is wrong with its adapter, by itself.

    python tests/benchmarks/conformance_mutants.py [--only VENDOR] [--list]

Each mutant is an adapter that does one thing wrong that a user sees. What it is made of is what the vendor's suite shows: every
value in a return that the adapter gives in some case, every filter that it takes, every argument that a case of a write passes.
A value is *dropped*, *swapped* with another of its kind beside it, *shifted* (five hours, one more, the next word), or *duplicated*;
a filter, an argument or a cursor is *ignored*. The checks of the suite are all that may notice: no test of the vendor's own is run. A
mutant that none of them notices is printed and makes the exit code 1.
"""

import argparse
import inspect
import runpy
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from attrs import NOTHING, evolve, fields, frozen, has

from returns_hub import (
    Adapter,
    Capability,
    Operation,
    Page,
    Return,
    ReturnQuery,
    Slice,
    registry,
)
from returns_hub.testing import AdapterConformance, Driver, open_with, serve
from returns_hub.testing.conformance.checks import Part
from returns_hub.testing.conformance.expected import FILTERS, ORDER, PROOFS

HOME: Final = Path(__file__).resolve().parents[2]
EXAMPLE: Final = HOME / "docs" / "examples" / "plugin-parcelwise"
KINDS: Final = ("drop", "swap", "shift", "duplicate", "ignore")
_PARTS: Final = (Part.EXPECTATIONS, Part.CASSETTES, Part.LISTINGS)
# What is compared by nobody, or says what could not be read.
_NO_FACTS: Final = frozenset({"raw", "unreadable", "provider"})
_WRITES: Final = ("create_return", "set_status", "add_note", "create_label", "instruct")

_Place: TypeAlias = tuple[str, ...]
_Change: TypeAlias = Callable[[Any], Any]
_Plant: TypeAlias = Callable[[type[Adapter]], dict[str, Any]]


@frozen
class Mutant:
    """An adapter with one fault: its kind, where it is, and the methods that have it."""

    kind: str
    place: str
    plant: _Plant

    def __str__(self) -> str:
        return f"{self.kind} {self.place}"


# What a value can become


def places(value: Any, way: _Place = ()) -> Iterator[tuple[_Place, Any]]:
    """Every part of a model object that is not empty, with its place; ``*`` stands for each element of a tuple."""
    if value is None or value in ((), {}, frozenset(), ""):
        return
    if way:
        yield way, value
    if has(type(value)):
        for each in fields(type(value)):
            if each.name not in _NO_FACTS and not each.name.startswith("_"):
                yield from places(getattr(value, each.name), (*way, each.name))
    elif isinstance(value, tuple):
        for part in value:
            yield from places(part, (*way, "*"))


def change(value: Any, way: _Place, to: _Change) -> Any:
    """The object with another value at a place, wherever there is something."""
    if value is None:
        return None
    if not way:
        return to(value)
    if way[0] == "*":
        return tuple(change(part, way[1:], to) for part in value)
    return evolve(value, **{way[0]: change(getattr(value, way[0]), way[1:], to)})


def shifted(value: Any) -> Any:
    """Another value of the same kind; the same where there is none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, datetime):
        return value + timedelta(hours=5)
    if isinstance(value, int | Decimal):
        return value + 1
    if isinstance(value, Enum):
        members = list(type(value))
        return members[(members.index(value) + 1) % len(members)]
    return f"x{value}" if isinstance(value, str) else value


def returns_of(result: Any) -> list[Return]:
    """The returns in the result of an operation."""
    found = result.items if isinstance(result, Page) else [result]
    return [ret for ret in found if isinstance(ret, Return)]


def reading(to: Callable[[Return], Return]) -> _Plant:
    """A fault in how a return is read."""

    def plant(adapter: type[Adapter]) -> dict[str, Any]:
        def get_return(self: Any, return_id: str) -> Operation[Return]:
            return to((yield from adapter.get_return(self, return_id)))

        def list_returns(self: Any, *args: Any, **named: Any) -> Operation[Page[Return]]:
            page = yield from adapter.list_returns(self, *args, **named)
            return evolve(page, items=tuple(to(ret) for ret in page.items))

        return {"get_return": get_return, "list_returns": list_returns}

    return plant


def _at(kind: str, name: str, way: _Place, to: _Change) -> tuple[Mutant, Callable[[Return], Return]]:
    """A fault in how the value at a place is read, and what it makes of a return."""
    changed = partial(change, way=way, to=to)
    return Mutant(kind, name, reading(changed)), changed


def of_values(seen: list[Return], derive: Callable[[Return], Return]) -> Iterator[Mutant]:
    """The faults in the values of returns that change what a user sees of one of these."""
    for mutant, to in _changes(seen):
        # What the model itself refuses, an amount that is none for instance, no adapter can give.
        with suppress(ValueError):
            if any(derive(to(ret)) != derive(ret) for ret in seen):
                yield mutant


def _changes(seen: list[Return]) -> Iterator[tuple[Mutant, Callable[[Return], Return]]]:
    found: dict[_Place, Any] = {}
    for ret in seen:
        for way, value in places(ret):
            found.setdefault(way, value)
    for way, value in found.items():
        name = ".".join(way).replace(".*", "[]")
        if isinstance(value, tuple):
            yield _at("drop", f"the first of {name}", way, lambda parts: parts[1:])
            yield _at("duplicate", name, way, lambda parts: parts + parts)
            if any(each[::-1] != each for ret in seen for place, each in places(ret) if place == way):
                yield _at("swap", f"the order of {name}", way, lambda parts: parts[::-1])
            continue
        if way[-1] != "*" and way != ("id",):
            yield _at("drop", name, way[:-1], _without(way[-1]))
        if shifted(value) != value and way != ("id",):
            yield _at("shift", name, way, shifted)
        if (other := _sibling(seen, way)) is not None:
            yield _at("swap", f"{name} and {other}", way[:-1], _swapped(way[-1], other))
    if any(len(ret.items) > 1 and ret.items[0].id != ret.items[1].id for ret in seen):

        def same(ret: Return) -> Return:
            return evolve(ret, items=tuple(evolve(item, id=ret.items[0].id) for item in ret.items))

        yield Mutant("duplicate", "the id of the first item", reading(same)), same


def _without(name: str) -> _Change:
    def drop(owner: Any) -> Any:
        default = getattr(fields(type(owner)), name).default
        empty = {"status": "unknown", "kind": "unknown", "id": ""}.get(name)
        value = None if default is NOTHING else getattr(default, "factory", lambda: default)()
        return evolve(owner, **{name: empty if default is NOTHING else value})

    return drop


def _swapped(one: str, other: str) -> _Change:
    return lambda owner: evolve(owner, **{one: getattr(owner, other), other: getattr(owner, one)})


def _sibling(seen: list[Return], way: _Place) -> str | None:
    """The next field of the same object whose value is of the same type and differs somewhere."""
    for ret in seen:
        for owner in _owners(ret, way[:-1]):
            names = (
                [each.name for each in fields(type(owner)) if each.name not in _NO_FACTS] if has(type(owner)) else []
            )
            value = getattr(owner, way[-1], None) if way[-1] in names else None
            for name in names[names.index(way[-1]) + 1 :] if value is not None else ():
                other = getattr(owner, name)
                if type(other) is type(value) and type(value) in (str, datetime, Decimal) and other != value:
                    return str(name)
    return None


def _owners(value: Any, way: _Place) -> Iterator[Any]:
    if value is None or not way:
        if value is not None:
            yield value
    elif way[0] == "*":
        for part in value:
            yield from _owners(part, way[1:])
    else:
        yield from _owners(getattr(value, way[0]), way[1:])


# What a listing can do wrong


def of_listings(suite: AdapterConformance) -> Iterator[Mutant]:
    """Filters, order, sizes and cursors that are ignored, rows that are lost, slices that are left out."""
    for name in (*FILTERS, "newest_first"):
        if suite._does_not_apply(f"filter {name}" if name in FILTERS else ORDER):
            continue
        yield Mutant("ignore", f"filter {name}", _listing(query={name: getattr(ReturnQuery(), name)}))
    yield Mutant("ignore", "the cursor", _listing(cursor=True))
    yield Mutant("drop", "the last row of a page", _listing(rows=lambda rows: rows[:-1]))
    yield Mutant("drop", "the first row of a page", _listing(rows=lambda rows: rows[1:]))
    yield Mutant(
        "duplicate", "the first row of a page in place of the last", _listing(rows=lambda r: (*r[:-1], *r[:1]))
    )
    yield Mutant("drop", "the pages behind the first", _listing(ends=True))
    if not suite._lacks(Capability.BACKFILL):
        yield Mutant("drop", "the first slice of a backfill", _backfill(lambda slices: slices[1:]))
        yield Mutant("duplicate", "the key of a slice", _backfill(lambda slices: (*slices, *slices[:1])))


def _listing(
    query: Mapping[str, Any] | None = None,
    rows: _Change = lambda rows: rows,
    *,
    cursor: bool = False,
    ends: bool = False,
) -> _Plant:
    def plant(adapter: type[Adapter]) -> dict[str, Any]:
        def list_returns(self: Any, asked: ReturnQuery, at: str | None = None) -> Operation[Page[Return]]:
            page = yield from adapter.list_returns(self, evolve(asked, **(query or {})), None if cursor else at)
            return evolve(
                page,
                items=tuple(rows(page.items)),
                next=None if ends else page.next,
                prefetch=() if ends else page.prefetch,
            )

        return {"list_returns": list_returns}

    return plant


def _backfill(to: Callable[[tuple[Slice, ...]], tuple[Slice, ...]]) -> _Plant:
    def plant(adapter: type[Adapter]) -> dict[str, Any]:
        return {"backfill": lambda self, since, until: to(adapter.backfill(self, since, until))}

    return plant


# What a write can leave out


def of_writes(suite: AdapterConformance) -> Iterator[Mutant]:
    """Arguments of writes that are ignored: those that a case passes."""
    for method in _WRITES:
        passed: dict[str, Any] = {}
        for case in suite.cases:
            if case.operation == method and case.raises is None:
                passed |= _passed(suite, method, case)
        for name, default in passed.items():
            yield Mutant("ignore", f"{name} of {method}", _deaf(method, name, default))


def _passed(suite: AdapterConformance, method: str, case: Any) -> dict[str, Any]:
    """The arguments of a case that could be left out, with what they are by default: those of the object, too."""
    given: dict[str, Any] = {}

    def spy(self: Any, *args: Any, **named: Any) -> Operation[Any]:
        bound = inspect.signature(getattr(suite.adapter_class, method)).bind(self, *args, **named)
        for name, value in bound.arguments.items():
            parameter = bound.signature.parameters[name]
            if parameter.default is not inspect.Parameter.empty and value != parameter.default:
                given[name] = parameter.default
            for each in fields(type(value)) if name != "self" and has(type(value)) else ():
                default = getattr(each.default, "factory", lambda d=each.default: d)()
                if default is not NOTHING and getattr(value, each.name) != default:
                    given[f"{name}.{each.name}"] = default
        return (yield from ())

    adapter = _with(type(suite), {method: spy})._adapter(suite._options(case.simulator), **case.options)
    for _ in case.call(adapter):
        break
    return given


def _deaf(method: str, name: str, default: Any) -> _Plant:
    def plant(adapter: type[Adapter]) -> dict[str, Any]:
        original = getattr(adapter, method)

        def call(self: Any, *args: Any, **named: Any) -> Operation[Any]:
            bound = inspect.signature(original).bind(self, *args, **named)
            argument, _, inner = name.partition(".")
            if argument in bound.arguments:
                value = bound.arguments[argument]
                bound.arguments[argument] = evolve(value, **{inner: default}) if inner else default
            operation: Operation[Any] = original(*bound.args, **bound.kwargs)
            return operation

        return {method: call}

    return plant


# The suite


class _Options:
    """What stands for pytest's configuration."""

    def getoption(self, *_: Any) -> None:
        return None


def suites(only: str) -> Iterator[tuple[str, type[AdapterConformance]]]:
    """The conformance classes of the installed vendors, and of the example plugin."""
    files = {name: HOME / "tests" / name / f"test_{name}_conformance.py" for name in registry.providers()}
    files["parcelwise"] = EXAMPLE / "tests" / "test_conformance.py"
    for name, path in files.items():
        if only in name and path.is_file():
            found = [
                kind
                for kind in runpy.run_path(str(path)).values()
                if inspect.isclass(kind) and issubclass(kind, AdapterConformance) and kind is not AdapterConformance
            ]
            yield name, found[0]


def _with(kind: type[AdapterConformance], methods: Mapping[str, Any]) -> AdapterConformance:
    """The suite of an adapter that has these methods in place of its own."""
    adapter = type("Mutant", (kind.adapter_class,), dict(methods))
    made: AdapterConformance = type("Suite", (kind,), {"adapter_class": adapter})()
    return made


def seen_by(suite: AdapterConformance) -> list[Return]:
    """Every return that a case with expected values gives."""
    return [
        ret
        for case in suite.cases
        if case.expects is not None
        for ret in returns_of(suite._play(case, Driver.BLOCKING)[0])
    ]


def notices(suite: AdapterConformance) -> str | None:
    """The first check that fails; None if all of them pass."""
    values: dict[str, tuple[Any, ...]] = {
        "expecting": tuple(case for case in suite.cases if case.expects is not None),
        "selection": suite.filters,
        "variation": suite.variations,
        "proof": PROOFS,
        "newest_first": (False, True),
        "case": suite.cases,
        "good_case": (),
        "status": (),
    }
    checks: list[tuple[str, Any]] = [
        (name, check)
        for part in _PARTS
        for name, check in inspect.getmembers(suite, inspect.ismethod)
        if getattr(check, "conformance_part", None) is part
    ]
    # Those that need no server first: most mutants go no further.
    checks.sort(key=lambda each: "client" in inspect.signature(each[1]).parameters)
    for name, check in checks:
        parameters = inspect.signature(check).parameters
        varied = next((parameter for parameter in parameters if parameter in values), None)
        for value in values[varied] if varied else (None,):
            with ExitStack() as stack:
                given: dict[str, Any] = {varied: value} if varied else {}
                if {"client", "simulator"} & set(parameters):
                    simulator = suite.make_simulator()
                    urls = simulator.base_urls(stack.enter_context(serve(simulator)).url)
                    given["simulator"] = simulator
                    given["client"] = stack.enter_context(open_with(suite._adapter(simulator.options), **urls))
                given["pytestconfig"] = _Options()
                try:
                    check(**{key: part for key, part in given.items() if key in parameters})
                except pytest.skip.Exception:
                    continue
                except Exception as problem:  # noqa: BLE001 - whatever it is, pytest would show it
                    return f"{name}: {type(problem).__name__}"
    return None


def mutants_of(suite: AdapterConformance) -> Iterator[Mutant]:
    yield from of_values(seen_by(suite), suite._adapter(suite._options()).derive)
    if not suite._lacks(Capability.LIST_RETURNS):
        yield from of_listings(suite)
    yield from of_writes(suite)


def survey(name: str, kind: type[AdapterConformance], *, show: bool) -> Counter[tuple[str, bool]]:
    """How many mutants of each kind a suite noticed, and how many not, which are printed."""
    made = list(mutants_of(kind()))
    if show:
        print(*(f"{name}: {mutant}" for mutant in made), sep="\n")
        return Counter()
    problem = notices(kind())
    if problem is not None:
        sys.exit(f"{name}: the suite does not pass before anything is changed: {problem}")
    started, counted = time.monotonic(), Counter[tuple[str, bool]]()
    for mutant in made:
        noticed = notices(_with(kind, mutant.plant(kind.adapter_class)))
        counted[mutant.kind, noticed is not None] += 1
        if noticed is None:
            print(f"  not noticed: {name}: {mutant}", flush=True)
    print(f"{name}: {len(made)} mutants, {time.monotonic() - started:.0f} s", flush=True)
    return counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="vendors with this in their name")
    parser.add_argument("--list", action="store_true", help="show the mutants, and run nothing")
    options = parser.parse_args()
    sys.path[:0] = [str(EXAMPLE)]
    counted = {name: survey(name, kind, show=options.list) for name, kind in suites(options.only)}
    if options.list:
        return
    print("| Kind | " + " | ".join(counted) + " |\n| --- |" + " --- |" * len(counted))
    for kind in KINDS:
        cells = [f"{each[kind, True]} of {each[kind, True] + each[kind, False]}" for each in counted.values()]
        print(f"| {kind} | " + " | ".join(cells) + " |")
    sys.exit(1 if any(each[kind, False] for each in counted.values() for kind in KINDS) else 0)


if __name__ == "__main__":
    main()
