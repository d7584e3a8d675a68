"""The checks of the suite as a list: what each is called, which part it belongs to, why it is there."""

import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, TypeVar

from attrs import frozen

_Test = TypeVar("_Test", bound=Callable[..., Any])

_PREFIX: Final = "test_"


class Part(StrEnum):
    """A part of the suite. ``declaration`` is what an adapter says of itself: it needs nothing from a vendor."""

    DECLARATION = "declaration"
    CASSETTES = "cassettes"
    EXPECTATIONS = "expectations"
    FAILURES = "failures"
    RETRIES = "retries"
    STATUSES = "statuses"
    SECRETS = "secrets"
    LISTINGS = "listings"
    IDENTIFIERS = "identifiers"
    WEBHOOKS = "webhooks"
    ORDER_LOOKUPS = "order look-ups"


@frozen
class Check:
    """One check. ``id`` is what reports and documents call it, ``reason`` a sentence or two for whoever fails it."""

    id: str
    part: Part
    reason: str


def check(part: Part) -> Callable[[_Test], _Test]:
    """Marks a test as a check of this part of the suite."""

    def mark(test: _Test) -> _Test:
        test.conformance_part = part  # type: ignore[attr-defined]  # a function takes any attribute
        return test

    return mark


def check_id(test_name: str) -> str:
    """The id of the check that a test makes: ``test_it_does_no_io[x]`` makes ``it-does-no-io``."""
    return test_name.partition("[")[0].removeprefix(_PREFIX).replace("_", "-")


def checks_of(suite: type) -> tuple[Check, ...]:
    """Every check of a suite, in the order of its base classes."""
    tests = {
        name: test
        for part in (*suite.__bases__, suite)
        for name, test in vars(part).items()
        if name.startswith(_PREFIX)
    }
    return tuple(
        Check(check_id(name), test.conformance_part, inspect.getdoc(test) or "") for name, test in tests.items()
    )
