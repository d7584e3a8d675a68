"""Checks of the order look-up."""
# ruff: noqa: S101  assertions are what this module is made of

import json
from decimal import Decimal
from typing import Final

import pytest
from attrs import evolve

from returns_hub import (
    Order,
    OrderLine,
    WebhookRejected,
)
from returns_hub.testing.conformance.checks import Part, check
from returns_hub.testing.conformance.suite import LONG_AGO, ConformanceSuite
from returns_hub.testing.conformance.webhooks import ATTACKS, Attack

_ORDER: Final = Order(
    number="#1001",
    id="5001",
    created_at=LONG_AGO,
    email="customer@example.com",
    lines=(OrderLine(product_id="7", quantity=Decimal(1), price_with_tax=Decimal(10)),),
)


_ORDER_NUMBERS: Final = (
    "ORD000123",
    "000123",
    "#1001",
    "a/b",
    "a+b",
    "a b",
    "100%",
    "%2e%2e",
    "..",
    "Bestellung Ä-日本",
)


class OrderLookupChecks(ConformanceSuite):
    """Orders are shown to nobody but the vendor."""

    @check(Part.ORDER_LOOKUPS)
    @pytest.mark.parametrize("number", _ORDER_NUMBERS, ids=ascii)
    def test_a_valid_order_lookup_is_accepted(self, number: str) -> None:
        """Order numbers are texts, and the shop's own: what arrives is what the customer typed."""
        assert self._lookup_adapter("live").read_order_lookup(self.order_lookup(self.secret("live"), number)) == number

    @check(Part.ORDER_LOOKUPS)
    def test_every_live_secret_is_accepted_for_order_lookups(self) -> None:
        """Secrets are changed: for a while the old and the new one sign."""
        assert (
            self._lookup_adapter("another", "live").read_order_lookup(self.order_lookup(self.secret("live"), "#1001"))
            == "#1001"
        )

    @check(Part.ORDER_LOOKUPS)
    @pytest.mark.parametrize("attack", ATTACKS, ids=str)
    def test_a_changed_order_lookup_is_refused(self, attack: Attack) -> None:
        """The answer is a customer's order: every attack ends in the one error, with a reason of its own."""
        adapter, lookup = self._lookup_adapter("live"), self.order_lookup(self.secret("live"), "#1001")
        with pytest.raises(WebhookRejected) as caught:
            adapter.read_order_lookup(attack.change(lookup, self.lookup_header or self.signature_header))
        assert caught.value.reason in attack.reasons

    @check(Part.ORDER_LOOKUPS)
    def test_a_lookup_of_another_order_is_refused(self) -> None:
        """Who has seen one look-up must not read the other orders with it."""
        if not self.signs_order_number:
            pytest.skip(f"{self.adapter_class.provider} has credentials that hold for every order")
        adapter = self._lookup_adapter("live")
        seen, other = self.order_lookup(self.secret("live"), "#1001"), self.order_lookup(self.secret("live"), "#1002")
        with pytest.raises(WebhookRejected) as caught:
            adapter.read_order_lookup(evolve(other, headers=seen.headers))
        assert caught.value.reason == "wrong_signature"

    @check(Part.ORDER_LOOKUPS)
    def test_a_lookup_with_another_secret_is_refused(self) -> None:
        """What was signed for another account is not for this one."""
        with pytest.raises(WebhookRejected) as caught:
            self._lookup_adapter("live").read_order_lookup(self.order_lookup(self.secret("another"), "#1001"))
        assert caught.value.reason == "wrong_signature"

    @check(Part.ORDER_LOOKUPS)
    def test_without_a_secret_no_order_is_looked_up(self) -> None:
        """An account that nobody configured must not tell the whole world about its customers."""
        with pytest.raises(WebhookRejected) as caught:
            self._lookup_adapter().read_order_lookup(self.order_lookup(self.secret("live"), "#1001"))
        assert caught.value.reason == "not_configured"

    @check(Part.ORDER_LOOKUPS)
    def test_an_order_is_answered_in_json(self) -> None:
        """The vendor shows the customer what stands in it."""
        answer = self._lookup_adapter("live").answer_order_lookup(_ORDER)
        assert answer.status == 200
        assert _ORDER.number in answer.body.decode()
        assert json.loads(answer.body)

    @check(Part.ORDER_LOOKUPS)
    def test_an_unknown_order_is_answered_otherwise(self) -> None:
        """Not with an error of ours, and not as if there were an order."""
        answer = self._lookup_adapter("live").answer_order_lookup(None)
        assert answer.status < 500
        assert answer != self._lookup_adapter("live").answer_order_lookup(_ORDER)
