"""Checks that the adapter reads what the vendor's documents mean, and a check that all of it was stated."""
# ruff: noqa: S101  assertions are what this module is made of

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import attrs
import pytest

from returns_hub import Capability, Client, Page, Reply, Return, ReturnQuery, Status, UnsupportedOperation, dump
from returns_hub.testing.cassettes import replies
from returns_hub.testing.conformance.case import Case
from returns_hub.testing.conformance.checks import Part, check
from returns_hub.testing.conformance.expected import (
    DISTINCTIONS,
    ORDER,
    PROOFS,
    VARIATION,
    Filter,
    Variation,
    differences,
    distinctions_stated,
    facts_given,
    facts_stated,
    flat,
    places_given,
    places_stated,
)
from returns_hub.testing.conformance.suite import ConformanceSuite
from returns_hub.testing.drivers import Driver

_MOMENT: Final = datetime(2024, 1, 1, tzinfo=UTC)
# One value for each filter: whether an adapter supports it shows before anything is sent.
_PROBES: Final[dict[str, tuple[Any, ...]]] = {
    "status": tuple(frozenset({status}) for status in Status),
    "raw_status": (("no such word",),),
    "created_after": (_MOMENT,),
    "created_before": (_MOMENT,),
    "updated_after": (_MOMENT,),
    "customer_email": ("customer@example.com",),
    "order_number": ("#1001",),
}
_HINTS: Final = {
    "filter": "a Filter in `filters`, or refuse it with `unsupported`",
    ORDER: "`oldest_return` and `newest_return`, the first of a listing in each order",
    VARIATION: "a Variation in `variations`",
}


class ExpectationChecks(ConformanceSuite):
    """The values, filters and order that the vendor's documents mean."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrizes also by what the suite states."""
        super().pytest_generate_tests(metafunc)
        stated = {
            "expecting": [case for case in self.cases if case.expects is not None],
            "selection": self.filters,
            "variation": self.variations,
            "proof": PROOFS,
        }
        for name, members in stated.items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, list(members), ids=str)

    @check(Part.EXPECTATIONS)
    def test_records_are_what_the_case_expects(self, expecting: Case) -> None:
        """The right shape with the wrong values is the fault that no other check sees."""
        found = self.read_records(expecting)
        expected = expecting.expects or ()
        assert [ret.id for ret in found] == [record.id for record in expected]
        lines = [
            f"{ret.id}: {line}"
            for record, ret in zip(expected, found, strict=True)
            for line in differences(record, ret)
        ]
        assert lines == []

    @check(Part.EXPECTATIONS)
    def test_what_the_vendor_does_not_tell_is_empty(self, expecting: Case) -> None:
        """A fact named in ``not_given`` that is there all the same was invented, or is not compared with anything."""
        for ret in self.read_records(expecting):
            assert facts_given(ret) & self.not_given == set()

    @check(Part.EXPECTATIONS)
    def test_a_filter_selects(self, selection: Filter, client: Client) -> None:
        """A filter that is ignored gives another customer's returns, or all of them."""
        self._need(Capability.LIST_RETURNS)
        found = {ret.id for ret in client.list_returns(**{**self.listing, **selection.query})}
        assert selection.matches in found
        assert selection.excludes not in found

    @check(Part.EXPECTATIONS)
    @pytest.mark.parametrize("newest_first", [False, True], ids=["oldest first", "newest first"])
    def test_a_listing_has_the_order_asked_for(self, newest_first: bool, client: Client) -> None:  # noqa: FBT001
        """Whoever reads until something old appears misses what comes in another order."""
        self._need(Capability.LIST_RETURNS)
        first = self.newest_return if newest_first else self.oldest_return
        if first is None:
            pytest.skip("the first return of this order is not stated")
        filters: dict[str, Any] = {**self.listing, "newest_first": newest_first}
        ids = [ret.id for ret in client.list_returns(**filters)]
        assert ids[0] == first

    @check(Part.EXPECTATIONS)
    def test_one_field_changes_one_fact(self, variation: Variation) -> None:
        """Two facts that are the same in every example may be one in the adapter."""
        case = next(each for each in self.cases if each.name == variation.case)
        *before, last = replies(self.cassette(case))
        body = last.json()
        _put(body, variation.path, variation.value)
        changed = attrs.evolve(last, body=json.dumps(body, default=str).encode())
        one, other = (self._driven(case, answers) for answers in ([*before, last], [*before, changed]))
        different = {place for place in one.keys() | other.keys() if one.get(place) != other.get(place)}
        expected = flat({variation.field: dump(variation.becomes)})
        assert {place: other.get(place) for place in expected} == expected
        assert {place for place in different if not place.startswith((variation.field, *variation.follows))} == set()

    @check(Part.EXPECTATIONS)
    def test_what_the_data_mean_is_stated(self, proof: str) -> None:
        """A suite that has nothing to expect does not say that an adapter is right."""
        if self._does_not_apply(proof):
            pytest.skip(f"{self.adapter_class.provider} has no {proof}")
        if proof not in self._proofs():
            hint = (
                _HINTS.get(proof)
                or _HINTS.get(proof.partition(" ")[0])
                or "the value in a case's `expects`, or name it in `not_given`"
            )
            raise NotImplementedError(f"not proved: {proof}; state {hint}")

    @check(Part.EXPECTATIONS)
    def test_every_value_is_stated(self) -> None:
        """A value that no case states may be wrong in every record, and nobody sees it."""
        if not self.states_every_value:
            pytest.skip("the suite does not say that it states every value (`states_every_value`)")
        given: set[str] = set()
        stated: set[str] = set()
        for case in self.cases:
            if case.expects is not None:
                for record, ret in zip(case.expects, self.read_records(case), strict=True):
                    given |= places_given(ret)
                    stated |= places_stated(record)
        if given - stated:
            raise NotImplementedError(
                f"not proved: {', '.join(sorted(given - stated))}; state them in a record's `facts`"
            )

    def _driven(self, case: Case, answers: Sequence[Reply]) -> dict[str, Any]:
        """The leaves of what the case's operation gives for these replies, of which those to the request for a token are none."""
        adapter = self._adapter(self._options(case.simulator), **case.options)
        replies = iter(answers)
        if adapter.uses_tokens:
            _result(adapter.request_token(None), replies)
        return _leaves(dump(_result(case.call(adapter), replies)))

    def read_records(self, case: Case) -> Sequence[Return]:
        """The returns that a user gets of a case: with what the adapter derives from their parts."""
        adapter = self._adapter(self._options(case.simulator), **case.options)
        return [adapter.derive(ret) for ret in _returns(self._play(case, Driver.BLOCKING)[0])]

    def _proofs(self) -> set[str]:
        """What the suite states, by the names of ``PROOFS``."""
        records = [record for case in self.cases for record in case.expects or ()]
        proofs = {name for record in records for name in (*facts_stated(record), *distinctions_stated(record))}
        proofs |= {f"filter {name}" for selection in self.filters for name in selection.query}
        if self.oldest_return is not None and self.newest_return is not None:
            proofs.add(ORDER)
        if self.variations:
            proofs.add(VARIATION)
        return proofs

    def _does_not_apply(self, proof: str) -> bool:
        """True for what the vendor does not give, and for filters and an order that the adapter refuses."""
        if proof in self.not_given or any(fact in self.not_given for fact in DISTINCTIONS.get(proof, ())):
            return True
        kind, _, name = proof.partition(" ")
        if kind == "filter":
            return self._lacks(Capability.LIST_RETURNS) or all(
                self._refuses(ReturnQuery(**{name: probe})) for probe in _PROBES[name]
            )
        return proof == ORDER and (
            self._lacks(Capability.LIST_RETURNS) or self._refuses(ReturnQuery(newest_first=True))
        )

    def _refuses(self, query: ReturnQuery) -> bool:
        operation = self._adapter(self._options()).list_returns(query)
        try:
            next(operation)
        except UnsupportedOperation:
            return True
        except StopIteration:
            return False
        return False


def _returns(result: Any) -> Sequence[Return]:
    """The returns of an operation's result."""
    if isinstance(result, Page):
        return [row for row in result.items if isinstance(row, Return)]
    return [result] if isinstance(result, Return) else []


def _result(operation: Any, answers: Iterable[Reply]) -> Any:
    """What an operation gives for these replies."""
    try:
        next(operation)
        for reply in answers:
            operation.send(reply)
    except StopIteration as done:
        return done.value
    raise AssertionError("the operation asks for more than the cassette answers")


def _put(body: Any, path: str, value: Any) -> None:
    """Put a value at a place like ``data[0].items[1].qty``; the place must be there."""
    *way, last = [int(part[1:-1]) if part[0] == "[" else part for part in re.findall(r"[^.\[\]]+|\[\d+\]", path)]
    owner = body
    for step in way:
        owner = owner[step]
    owner[last]  # a KeyError or IndexError here says that the path is wrong
    owner[last] = value


def _leaves(value: Any) -> dict[str, Any]:
    """The leaves of a dumped record, or of a page's first one."""
    is_page = isinstance(value, dict) and "items" in value and "next" in value
    return flat(value["items"][0] if is_page else value)
