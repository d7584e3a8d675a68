"""Checks of ids that go into a path."""
# ruff: noqa: S101  assertions are what this module is made of

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

import pytest

from returns_hub import (
    Adapter,
    Capability,
    NewLabel,
    NotFound,
    Operation,
    Request,
    ReturnsHubError,
    UnsupportedOperation,
)
from returns_hub.testing.conformance.checks import Part, check
from returns_hub.testing.conformance.suite import ConformanceSuite

_HOSTILE_IDS: Final = (
    *("#1001", "a/b", "a?b=c", "a&b", "a+b", "a b", ".", "..", "%2e%2e", "a%2Fb", "a\\b", "a;b", "a@b", "a:b", "[a]"),
    *("Ünï-日本", "a\r\nX-Evil: 1", "a\x00b", "\ud800"),
)


def _create_label(adapter: Adapter, text: str) -> Operation[Any]:
    """A label, with a carrier where the vendor lets one be chosen."""
    try:
        return (yield from adapter.create_label(text, NewLabel(carrier="c", service="s")))
    except UnsupportedOperation:
        return (yield from adapter.create_label(text, NewLabel()))


_CALLS_WITH_ID: Final[Mapping[Capability, Callable[[Adapter, str], Operation[Any]]]] = {
    Capability.GET_RETURN: lambda adapter, text: adapter.get_return(text),
    Capability.SET_STATUS: lambda adapter, text: adapter.set_status(text, raw_status="approved"),
    Capability.ADD_NOTE: lambda adapter, text: adapter.add_note(text, "text"),
    Capability.GET_SHIPMENT: lambda adapter, text: adapter.get_shipment(text),
    Capability.TRACK: lambda adapter, text: adapter.track(text),
    Capability.CREATE_LABEL: _create_label,
    Capability.CANCEL_LABEL: lambda adapter, text: adapter.cancel_label(text, text),
}


class IdentifierChecks(ConformanceSuite):
    """An id cannot leave its segment of the path."""

    @check(Part.IDENTIFIERS)
    @pytest.mark.parametrize("takes_an_id", _CALLS_WITH_ID, ids=str)
    @pytest.mark.parametrize("hostile", _HOSTILE_IDS, ids=ascii)
    def test_an_identifier_stays_in_its_place(self, takes_an_id: Capability, hostile: str) -> None:
        """An id with a slash or a hash sign must not ask for something else; what no path can carry is refused."""
        self._need(takes_an_id)
        adapter, call = self._adapter(self._options()), _CALLS_WITH_ID[takes_an_id]
        try:
            tame, given = next(call(adapter, "tame")), hostile
        except NotFound:
            # A part without an id of its own: that of its return stands before the slash (returns_hub.wire.compound_id).
            tame, given = next(call(adapter, "tame/part")), f"{hostile}/part"
            hostile = hostile.partition("/")[0]
        try:
            request = next(call(adapter, given))
        except (ReturnsHubError, ValueError):
            return
        assert re.fullmatch(r"[!-~]*", request.path)
        assert not re.search(r"[?#\\]|/\.{1,2}(/|$)", request.path)
        assert _segments(request) == [segment.replace("tame", hostile) for segment in _segments(tame)]


def _segments(request: Request) -> list[str]:
    return [unquote(segment) for segment in request.path.split("/")]
