"""Checks that replay the cassettes."""
# ruff: noqa: S101  assertions are what this module is made of

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from returns_hub import (
    Item,
    Return,
    Shipment,
    TrackingEvent,
)
from returns_hub.testing.cassettes import origin, scan
from returns_hub.testing.conformance.case import Case
from returns_hub.testing.conformance.checks import Part, check
from returns_hub.testing.conformance.suite import ConformanceSuite
from returns_hub.testing.drivers import Driver


class ReplayChecks(ConformanceSuite):
    """Both drivers read the same from each cassette, and keep all of it."""

    @check(Part.CASSETTES)
    def test_both_drivers_give_equal_models(self, case: Case, pytestconfig: pytest.Config) -> None:
        """One adapter serves both clients: from one exchange both must read the same, to the last raw value."""
        path = self.cassettes / f"{case.name}.yaml"
        if pytestconfig.getoption("--record-mode", None) == "rewrite" and origin(path) != "documentation":
            self._record(case, path)
        assert self._play(case, Driver.BLOCKING) == self._play(case, Driver.ASYNC)

    @check(Part.CASSETTES)
    def test_raw_is_kept(self, good_case: Case) -> None:
        """What is not in the model stays within reach, on every object that came from the vendor."""
        result, _ = self._play(good_case, Driver.BLOCKING)
        assert all(part.raw for part in _parts(result) if isinstance(part, Return | Shipment | Item | TrackingEvent))

    @check(Part.CASSETTES)
    def test_every_cassette_has_a_case(self) -> None:
        """A cassette that nobody plays proves nothing, and a case without one neither."""
        assert {path.stem for path in self.cassettes.glob("*.yaml")} == {
            self.cassette(case).stem for case in self.cases
        }

    @check(Part.CASSETTES)
    def test_cassettes_hold_no_secret_and_no_personal_datum(self) -> None:
        """They are published with the code."""
        assert [str(finding) for finding in scan(self.cassette(self.cases[0]).parent, redactor=self._redactor)] == []


def _parts(value: Any) -> Iterator[Any]:
    """A result and every object in it."""
    if attrs.has(type(value)):
        yield value
        value = [getattr(value, attribute.name) for attribute in attrs.fields(type(value)) if attribute.name != "raw"]
    if isinstance(value, list | tuple):
        for part in value:
            yield from _parts(part)
