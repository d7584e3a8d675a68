"""Checks of what an adapter says of itself; they need nothing from the vendor."""
# ruff: noqa: S101  assertions are what this module is made of

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from typing import Final, get_args

import attrs
import pytest

from returns_hub import (
    Adapter,
    Capability,
    Client,
    Disposition,
    ItemInstruction,
    NewLabel,
    NewReturn,
    Status,
    UnsupportedOperation,
    WebhookRequest,
)
from returns_hub.testing.conformance.checks import Part, check
from returns_hub.testing.conformance.suite import FAR_AHEAD, LONG_AGO, ConformanceSuite
from returns_hub.testing.simulator import Simulator

_DELIVERY: Final = WebhookRequest(method="POST", url="https://platform.example/webhooks", received_at=LONG_AGO)


_IO_MODULES: Final = frozenset(
    {"aiohttp", "asyncio", "httpx", "logging", "os", "requests", "socket", "subprocess", "threading", "time", "urllib3"}
)


# The call of each capability, for adapters that do not have it.
_CALLS: Final[Mapping[Capability, Callable[[Client], object]]] = {
    Capability.LIST_RETURNS: lambda client: list(client.list_returns()),
    Capability.GET_RETURN: lambda client: client.get_return("A1"),
    Capability.CREATE_RETURN: lambda client: client.create_return(NewReturn(order_number="#1001")),
    Capability.SET_STATUS: lambda client: client.set_status("A1", Status.APPROVED),
    Capability.ADD_NOTE: lambda client: client.add_note("A1", "text"),
    Capability.LIST_SHIPMENTS: lambda client: list(client.list_shipments()),
    Capability.GET_SHIPMENT: lambda client: client.get_shipment("A1"),
    Capability.TRACK: lambda client: client.track("A1"),
    Capability.CREATE_LABEL: lambda client: client.create_label("A1", NewLabel()),
    Capability.CANCEL_LABEL: lambda client: client.cancel_label("A1", "L1"),
    Capability.INSTRUCT: lambda client: client.instruct([], ItemInstruction(disposition=Disposition.RESTOCK)),
    Capability.CANCEL_INSTRUCTION: lambda client: client.cancel_instruction([]),
    Capability.CHANGES: lambda client: list(client.changes(LONG_AGO)),
    Capability.BACKFILL: lambda client: client.adapter.backfill(LONG_AGO, FAR_AHEAD),
    Capability.RECEIVE: lambda client: client.receive(_DELIVERY),
    Capability.ORDER_LOOKUP: lambda client: client.adapter.read_order_lookup(_DELIVERY),
}


# Capabilities that are more than the method of their name.
_METHODS: Final[Mapping[Capability, tuple[str, ...]]] = {
    Capability.RECEIVE: ("verify_webhook", "read_webhook"),
    Capability.ORDER_LOOKUP: ("read_order_lookup", "answer_order_lookup"),
}


class DeclarationChecks(ConformanceSuite):
    """What an adapter declares, and whether it is so."""

    @check(Part.DECLARATION)
    def test_it_names_itself(self) -> None:
        """Names and base URLs are how users, configuration files and documents refer to a vendor."""
        assert re.fullmatch(r"[a-z][a-z0-9_]*", self.adapter_class.provider)
        assert self.adapter_class.display_name
        assert "production" in self.adapter_class.base_urls
        assert all(url.startswith("https://") for url in self.adapter_class.base_urls.values())

    @check(Part.DECLARATION)
    def test_it_declares_every_capability(self) -> None:
        """A capability left out reads like one nobody has thought about."""
        assert set(self.adapter_class.capabilities) == set(Capability)

    @check(Part.DECLARATION)
    def test_credentials_are_secrets(self) -> None:
        """A credential in a plain ``str`` ends up in a ``repr``, a log or a traceback sooner or later."""
        named = {
            attribute.name
            for attribute in attrs.fields(attrs.resolve_types(self.adapter_class))
            if re.search(r"key|token|secret|password", attribute.name)
            and (attribute.type is str or str in get_args(attribute.type))
        }
        assert not named

    @check(Part.DECLARATION)
    def test_it_does_no_io(self) -> None:
        """An adapter that does no I/O serves blocking and asynchronous clients, and is tested without a network."""
        module = sys.modules[self.adapter_class.__module__]
        imported = {value.__name__ for value in vars(module).values() if inspect.ismodule(value)}
        assert not imported & _IO_MODULES

    @check(Part.DECLARATION)
    def test_a_capability_is_as_declared(self, capability: Capability) -> None:
        """What is declared is there and has a case; what is not declared is not half there."""
        methods = _METHODS.get(capability, (capability.value,))
        own = {name for name in methods if getattr(self.adapter_class, name) is not getattr(Adapter, name)}
        assert own == (set() if self._lacks(capability) else set(methods))
        if capability not in _METHODS:
            assert any(case.operation == capability for case in self.cases) != self._lacks(capability)

    @check(Part.DECLARATION)
    def test_a_missing_capability_sends_nothing(
        self, missing: Capability, simulator: Simulator, client: Client
    ) -> None:
        """A caller may try a call and see; that must not cost a request, or worse, be half of a write."""
        with pytest.raises(UnsupportedOperation) as caught:
            _CALLS[missing](client)
        assert caught.value.provider == self.adapter_class.provider
        assert simulator.requests == ()
