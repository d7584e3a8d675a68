"""One call of an operation with the cassette that answers it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import field, frozen

from returns_hub import (
    Client,
    Operation,
    ProviderError,
)
from returns_hub.testing.conformance.expected import ExpectedReturn


@frozen
class Case:
    """One call of an operation, and the cassette that answers it.

    ``name`` is the operation's, and ``-something`` where there are several; the cassette is called the same. ``call``
    gives the operation, ``raises`` is the error it ends in. ``expects`` are the returns that it gives, all of them and in
    their order, as the vendor's document means them. ``options`` (the adapter's) and ``simulator`` (its arguments) are
    what differs from the usual.
    """

    name: str
    call: Callable[[Any], Operation[Any]] = field(repr=False)
    raises: type[ProviderError] | None = field(default=None, kw_only=True)
    expects: tuple[ExpectedReturn, ...] | None = field(default=None, kw_only=True, repr=False)
    options: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False)
    simulator: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False)

    @property
    def operation(self) -> str:
        """The name of the adapter's method."""
        return self.name.partition("-")[0]

    def __str__(self) -> str:
        return self.name


def error_of(client: Client, case: Case) -> ProviderError:
    """The error that a case ends in; fails the test if it succeeds."""
    with pytest.raises(ProviderError) as caught:
        client.run(case.call(client.adapter))
    return caught.value


def succeeds(client: Client, case: Case) -> bool:
    """True if a case ends in no error of the vendor's."""
    try:
        client.run(case.call(client.adapter))
    except ProviderError:
        return False
    return True
