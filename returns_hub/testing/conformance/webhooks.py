"""What is done to a valid delivery to forge it, and checks that only valid ones are accepted."""
# ruff: noqa: S101  assertions are what this module is made of

from collections.abc import Callable
from typing import Final

import pytest
from attrs import evolve, field, frozen

from returns_hub import (
    Capability,
    ConfigurationError,
    WebhookRejected,
    WebhookRequest,
)
from returns_hub.testing.conformance.checks import Part, check
from returns_hub.testing.conformance.suite import ConformanceSuite


@frozen(kw_only=True)
class Attack:
    """A change to a valid delivery after which it must be refused, and the reasons that may be given."""

    name: str
    change: Callable[[WebhookRequest, str], WebhookRequest] = field(repr=False)
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def _signed(request: WebhookRequest, header: str, *signatures: str) -> WebhookRequest:
    """The request with exactly these signatures."""
    others = [(name, value) for name, value in request.headers if name.lower() != header.lower()]
    return evolve(request, headers=[*others, *((header, signature) for signature in signatures)])


def _with_changed_signature(change: Callable[[str], str]) -> Callable[[WebhookRequest, str], WebhookRequest]:
    return lambda request, header: _signed(request, header, change(request.header(header)[0]))


_WRONG_REASONS: Final = ("wrong_signature", "malformed_signature")


ATTACKS: Final = (
    Attack(name="no signature", change=_signed, reasons=("missing_signature",)),
    Attack(name="empty signature", change=_with_changed_signature(lambda _: " "), reasons=("missing_signature",)),
    Attack(
        name="two signatures",
        change=lambda request, header: _signed(request, header, *request.header(header) * 2),
        reasons=("duplicate_signature",),
    ),
    Attack(
        name="other signature", change=_with_changed_signature(lambda text: text[1:] + text[0]), reasons=_WRONG_REASONS
    ),
    Attack(name="cut signature", change=_with_changed_signature(lambda text: text[:-1]), reasons=_WRONG_REASONS),
    Attack(name="longer signature", change=_with_changed_signature(lambda text: text + "0"), reasons=_WRONG_REASONS),
    Attack(name="no ASCII", change=_with_changed_signature(lambda text: "é" * len(text)), reasons=_WRONG_REASONS),
    Attack(name="zeros", change=_with_changed_signature(lambda text: "0" * len(text)), reasons=_WRONG_REASONS),
)


_UNREADABLE_BODIES: Final = (
    b"",
    b"not json",
    b"null",
    b"[]",
    b"{}",
    b'{"event": {}, "data": []}',
    b"\xff\xfe",
    b"[" * 50_000,
)


class WebhookChecks(ConformanceSuite):
    """Valid deliveries are accepted, every other one is refused."""

    @check(Part.WEBHOOKS)
    def test_a_valid_delivery_is_accepted(self) -> None:
        """It asserts something, is answered with success, and has a key by which its duplicates are known."""
        receiver, delivery = self._receiving_adapter("live"), self.delivery(self.secret("live"))
        receipt = receiver.receive(delivery)
        assert receipt.events
        assert 200 <= receipt.answer.status < 300
        assert receipt.dedupe_key == receiver.receive(delivery).dedupe_key

    @check(Part.WEBHOOKS)
    def test_published_deliveries_are_accepted(self) -> None:
        """Our own signatures prove that we agree with ourselves; the vendor's examples, that we agree with the vendor."""
        self._need(Capability.RECEIVE)
        if not self.published_deliveries:
            pytest.skip("the vendor publishes no signed example")
        for secret, delivery in self.published_deliveries:
            receiver = self._adapter(self._options(), **{self.webhook_secrets: [secret]})
            assert receiver.receive(delivery).answer.status < 300

    @check(Part.WEBHOOKS)
    def test_what_the_adapter_signs_it_receives(self) -> None:
        """``doctor`` signs a delivery of its own for each account, and so do a platform's tests: ``sign_webhook``."""
        receiver, delivery = self._receiving_adapter("live", "another"), self.delivery(self.secret("live"))
        unsigned = evolve(delivery, headers=())
        assert receiver.receive(receiver.sign_webhook(unsigned)).events
        with pytest.raises(WebhookRejected):
            receiver.receive(unsigned)
        with pytest.raises(ConfigurationError):
            self._receiving_adapter().sign_webhook(unsigned)

    @check(Part.WEBHOOKS)
    def test_header_names_have_no_case(self) -> None:
        """Servers and proxies write them as they like (RFC 9110, section 5.1)."""
        receiver, delivery = self._receiving_adapter("live"), self.delivery(self.secret("live"))
        for change in (str.lower, str.upper):
            headers = [(change(name), value) for name, value in delivery.headers]
            assert receiver.receive(evolve(delivery, headers=headers)).events

    @check(Part.WEBHOOKS)
    def test_only_the_same_delivery_has_the_same_key(self) -> None:
        """A duplicate is processed once; another delivery that is taken for one is lost."""
        receiver = self._receiving_adapter("live")
        keys = [
            receiver.receive(self.delivery(self.secret("live"), body)).dedupe_key for body in (b'{"a": 1}', b'{"a": 2}')
        ]
        assert len(set(keys)) == 2

    @check(Part.WEBHOOKS)
    def test_a_stale_delivery_is_refused(self) -> None:
        """What was overheard once must not be believed for ever; nor what comes from the future."""
        if self.tolerance is None:
            pytest.skip("the vendor signs no time")
        receiver, delivery = self._receiving_adapter("live"), self.delivery(self.secret("live"))
        for late in (self.tolerance, -self.tolerance):
            near, far = late * 0.9, late * 1.1
            assert receiver.receive(evolve(delivery, received_at=delivery.received_at + near)).events
            with pytest.raises(WebhookRejected) as caught:
                receiver.receive(evolve(delivery, received_at=delivery.received_at + far))
            assert caught.value.reason not in ("wrong_signature", "malformed_signature", "missing_signature")

    @check(Part.WEBHOOKS)
    def test_every_live_secret_is_accepted(self) -> None:
        """Secrets are changed: for a while the old and the new one sign."""
        assert self._receiving_adapter("another", "live").receive(self.delivery(self.secret("live"))).events

    @check(Part.WEBHOOKS)
    @pytest.mark.parametrize("attack", ATTACKS, ids=str)
    def test_a_changed_signature_is_refused(self, attack: Attack) -> None:
        """Anybody can send us a request: every attack ends in the one error, with a reason of its own."""
        receiver, delivery = self._receiving_adapter("live"), self.delivery(self.secret("live"))
        with pytest.raises(WebhookRejected) as caught:
            receiver.receive(attack.change(delivery, self.signature_header))
        assert caught.value.reason in attack.reasons

    @check(Part.WEBHOOKS)
    def test_a_changed_body_is_refused(self) -> None:
        """The exact bytes are signed: one blank more is another message."""
        receiver, delivery = self._receiving_adapter("live"), self.delivery(self.secret("live"))
        if not self.signs_body:
            pytest.skip("the vendor does not sign the body")
        with pytest.raises(WebhookRejected) as caught:
            receiver.receive(evolve(delivery, body=delivery.body + b" "))
        assert caught.value.reason == "wrong_signature"

    @check(Part.WEBHOOKS)
    def test_another_secret_is_refused(self) -> None:
        """What was signed for another account is not for this one."""
        with pytest.raises(WebhookRejected) as caught:
            self._receiving_adapter("live").receive(self.delivery(self.secret("another")))
        assert caught.value.reason == "wrong_signature"

    @check(Part.WEBHOOKS)
    def test_without_a_secret_everything_is_refused(self) -> None:
        """An account that nobody configured must not believe the whole world."""
        with pytest.raises(WebhookRejected) as caught:
            self._receiving_adapter().receive(self.delivery(self.secret("live")))
        assert caught.value.reason == "not_configured"

    @check(Part.WEBHOOKS)
    @pytest.mark.parametrize("body", _UNREADABLE_BODIES, ids=lambda body: ascii(body[:20]))
    def test_an_unreadable_delivery_is_acknowledged(self, body: bytes) -> None:
        """A vendor that is answered with an error stops delivering, or delivers the same for days."""
        receipt = self._receiving_adapter("live").receive(self.delivery(self.secret("live"), body))
        assert receipt.events
        assert receipt.dedupe_key
