"""The checks of the conformance suite as a list: what each is called, which part it belongs to, why it is there."""

import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, TypeVar

from attrs import frozen

_Test = TypeVar("_Test", bound=Callable[..., Any])

_PREFIX: Final = "test_"


class Part(StrEnum):
    """A part of the suite. ``itself`` is what an adapter says of itself: the only part that needs nothing from a vendor."""

    DECLARATION = "itself"
    CASSETTES = "cassettes"
    FAILURES = "failures"
    RETRIES = "repetition"
    WORDS = "words"
    SECRETS = "secrets"
    LISTINGS = "listings"
    PATHS = "paths"
    DELIVERIES = "deliveries"
    ORDER_LOOKUPS = "order look-ups"


@frozen
class Check:
    """One check. ``id`` is what reports and documents call it, ``reason`` a sentence or two for whoever fails it."""

    id: str
    part: Part
    reason: str


def check(part: Part) -> Callable[[_Test], _Test]:
    """Says of a test of the suite to which part it belongs."""

    def mark(test: _Test) -> _Test:
        test.conformance_part = part  # type: ignore[attr-defined]  # a function takes any attribute
        return test

    return mark


def check_id(test_name: str) -> str:
    """The id of the check that a test makes: ``test_it_does_no_io[x]`` makes ``it-does-no-io``."""
    return test_name.partition("[")[0].removeprefix(_PREFIX).replace("_", "-")


def checks() -> tuple[Check, ...]:
    """Every check of the suite, in the order in which they are made."""
    from returns_hub.testing.conformance import AdapterConformance

    return tuple(
        Check(check_id(name), test.conformance_part, inspect.getdoc(test) or "")
        for name, test in vars(AdapterConformance).items()
        if name.startswith(_PREFIX)
    )
