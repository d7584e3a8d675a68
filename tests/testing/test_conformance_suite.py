"""The suite is worth what it catches: adapters with one fault each, and the check that must fail for it."""

import inspect
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, field, frozen

from returns_hub import (
    Adapter,
    Capability,
    HttpAnswer,
    NewReturn,
    NotFound,
    Operation,
    Order,
    Page,
    Receipt,
    Reply,
    Request,
    Return,
    ReturnQuery,
    Secret,
    Status,
    Support,
    UnknownEvent,
    UnsupportedOperation,
    ValidationFailed,
    WebhookRejected,
    WebhookRequest,
)
from returns_hub.testing import AdapterConformance, Case, Driver, FakeAdapter, FakeVendor, json_answer, open_with, serve
from returns_hub.testing.conformance import Part, checks
from returns_hub.testing.conformance.failures import FAILURES
from returns_hub.testing.conformance.webhooks import ATTACKS
from returns_hub.testing.fake import SIGNATURE_HEADER, sign

NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)


class Suite(AdapterConformance):
    adapter_class = FakeAdapter
    known_return = "F1"
    signature_header = SIGNATURE_HEADER
    cassettes = Path(__file__).parents[2] / "cassettes" / "fake"
    cases = (
        Case("get_return", lambda fake: fake.get_return("F1")),
        Case("create_return", lambda fake: fake.create_return(NewReturn(order_number="#1001"))),
        Case("set_status", lambda fake: fake.set_status("F1", Status.APPROVED)),
    )

    def make_simulator(self, **arguments: Any) -> FakeVendor:
        return FakeVendor(now=lambda: NOW, **arguments)

    def delivery(self, secret: str, body: bytes | None = None) -> WebhookRequest:
        told = b'{"event": "moved", "id": "F1"}' if body is None else body
        url = "https://platform.example/webhooks/fake"
        return WebhookRequest(method="POST", url=url, headers=sign(told, secret), body=told, received_at=NOW)

    def order_lookup(self, secret: str, number: str) -> WebhookRequest:
        url = "https://platform.example/orders"
        return WebhookRequest(
            method="POST", url=url, headers=sign(number.encode(), secret), body=number.encode(), received_at=NOW
        )


def run_check(adapter: type[Adapter], name: str, caplog: pytest.LogCaptureFixture, **given: Any) -> None:
    """One test of the suite, with the fixtures that it asks for."""
    suite = type("Mutant", (Suite,), {"adapter_class": adapter})()
    check = getattr(suite, name)
    with ExitStack() as stack:
        simulator = suite.make_simulator()
        base_url = stack.enter_context(serve(simulator)).url
        fixtures = {
            "simulator": simulator,
            "client": stack.enter_context(open_with(suite._adapter(simulator.options), base_url=base_url)),
            "failing_client": stack.enter_context(open_with(suite._adapter(simulator.options), base_url=base_url)),
            "retrying_client": stack.enter_context(
                open_with(suite._adapter(simulator.options), base_url=base_url, attempts=3)
            ),
            "driver": Driver.BLOCKING,
            "caplog": caplog,
            **given,
        }
        check(**{name: fixtures[name] for name in inspect.signature(check).parameters})


@frozen(kw_only=True)
class PlainKey(FakeAdapter):
    spare_key: str = ""


@frozen(kw_only=True)
class Boastful(FakeAdapter):
    capabilities = {**FakeAdapter.capabilities, Capability.TRACK: Support.YES}  # noqa: RUF012  read only


@frozen(kw_only=True)
class Modest(FakeAdapter):
    capabilities = {**FakeAdapter.capabilities, Capability.SET_STATUS: Support.NO}  # noqa: RUF012  read only


@frozen(kw_only=True)
class Eager(FakeAdapter):
    """Asks before it says that it cannot."""

    def add_note(self, return_id: str, text: str, *, internal: bool = True) -> Operation[Any]:
        yield Request(method="GET", path="/returns")
        raise UnsupportedOperation("no notes", provider="fake")


@frozen(kw_only=True)
class Misfiling(FakeAdapter):
    def check(self, reply: Reply) -> Any:
        if reply.status == 404:
            raise ValidationFailed(http_status=404)
        return super().check(reply)


@frozen(kw_only=True)
class Trusting(FakeAdapter):
    """Takes every JSON for a success."""

    def check(self, reply: Reply) -> Any:
        return reply.json()


@frozen(kw_only=True)
class Repeating(FakeAdapter):
    """Says that a create can be sent twice."""

    idempotency_header = None

    def create_return(self, new: NewReturn) -> Operation[Return]:
        reply = yield Request(method="POST", path="/returns", json={"order": new.order_number}, replayable=True)
        return Return(provider="fake", id=self.check(reply)["id"])


@frozen(kw_only=True)
class Careless(FakeAdapter):
    """Does not encode what goes into a path."""

    def get_return(self, return_id: str) -> Operation[Return]:
        yield Request(method="GET", path=f"/returns/{return_id}")
        raise NotImplementedError


@frozen(kw_only=True)
class Guessing(FakeAdapter):
    def get_return(self, return_id: str) -> Operation[Return]:
        found = yield from super().get_return(return_id)
        return evolve(found, status=Status.APPROVED if found.status is Status.UNKNOWN else found.status)


@frozen(kw_only=True)
class Forgetful(FakeAdapter):
    def get_return(self, return_id: str) -> Operation[Return]:
        found = yield from super().get_return(return_id)
        return evolve(found, raw={})


@frozen(kw_only=True)
class Moody(FakeAdapter):
    """Reads something else each time."""

    def get_return(self, return_id: str) -> Operation[Return]:
        found = yield from super().get_return(return_id)
        return evolve(found, number=str(id(self)))


@frozen(kw_only=True)
class Talkative(FakeAdapter):
    api_key: Secret = field(repr=Secret.reveal)


@frozen(kw_only=True)
class Blabbing(FakeAdapter):
    def check(self, reply: Reply) -> Any:
        if reply.status == 404:
            raise NotFound(f"not with the key {self.api_key.reveal()}")
        return super().check(reply)


@frozen(kw_only=True)
class Shortened(FakeAdapter):
    """Takes the first page for all of them."""

    def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        page = yield from super().list_returns(query, cursor)
        return evolve(page, next=None)


@frozen(kw_only=True)
class Gullible(FakeAdapter):
    """Believes any signature."""

    def verify_webhook(self, request: WebhookRequest) -> None:
        if not request.header(SIGNATURE_HEADER):
            raise WebhookRejected("missing_signature")


@frozen(kw_only=True)
class Asked(FakeAdapter):
    """Without a fault: is asked for orders, in a body that is signed like a delivery."""

    capabilities = {**FakeAdapter.capabilities, Capability.ORDER_LOOKUP: Support.YES}  # noqa: RUF012  read only

    def read_order_lookup(self, request: WebhookRequest) -> str:
        self.verify_webhook(request)
        return request.body.decode()

    def answer_order_lookup(self, order: Order | None) -> HttpAnswer:
        return HttpAnswer(status=404) if order is None else json_answer(200, {"number": order.number})


@frozen(kw_only=True)
class Indiscreet(Asked):
    """Tells anybody of any order, and of none as if it were one."""

    def read_order_lookup(self, request: WebhookRequest) -> str:
        return "#1001"

    def answer_order_lookup(self, order: Order | None) -> HttpAnswer:
        return super().answer_order_lookup(
            order or Order(number="#1001", id="5001", created_at=NOW, email="a@b.example")
        )


@frozen(kw_only=True)
class Fragile(FakeAdapter):
    def read_webhook(self, request: WebhookRequest) -> Receipt:
        receipt = super().read_webhook(request)
        if isinstance(receipt.events[0], UnknownEvent):
            raise AssertionError("unreadable")
        return receipt


@frozen(kw_only=True)
class Brittle(FakeAdapter):
    """Takes for granted what the vendor usually sends."""

    def get_return(self, return_id: str) -> Operation[Return]:
        reply = yield Request(method="GET", path="/returns/F1", replayable=True)
        row = self.check(reply)
        return Return(provider="fake", id=row["id"], status_raw=row["status"].upper(), raw=row)


@frozen(kw_only=True)
class OneKey(FakeAdapter):
    """Takes every delivery for the same one."""

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        return evolve(super().read_webhook(request), dedupe_key="delivery")


@frozen(kw_only=True)
class CaseBound(FakeAdapter):
    """Reads headers in one spelling only."""

    def verify_webhook(self, request: WebhookRequest) -> None:
        assert SIGNATURE_HEADER in dict(request.headers)
        super().verify_webhook(request)


GET = Capability.GET_RETURN
CASE = Suite.cases[0]
FAILURE = {failure.name: failure for failure in FAILURES}
ATTACK = {attack.name: attack for attack in ATTACKS}

FAULTS: list[tuple[type[Adapter], str, dict[str, Any]]] = [
    (PlainKey, "test_credentials_are_secrets", {}),
    (Boastful, "test_a_capability_is_as_declared", {"capability": Capability.TRACK}),
    (Modest, "test_a_capability_is_as_declared", {"capability": Capability.SET_STATUS}),
    (Eager, "test_a_missing_capability_sends_nothing", {"missing": Capability.ADD_NOTE}),
    (Misfiling, "test_a_failed_read_is_the_right_error", {"failure": FAILURE["HTTP 404"]}),
    (Misfiling, "test_a_failed_write_is_the_right_error", {"failure": FAILURE["HTTP 404 page"]}),
    (Trusting, "test_a_failed_read_is_the_right_error", {"failure": FAILURE["HTTP 401"]}),
    (Trusting, "test_a_failed_write_is_the_right_error", {"failure": FAILURE["HTTP 500"]}),
    (Repeating, "test_a_write_whose_reply_is_lost_is_not_done_twice", {}),
    (Careless, "test_an_identifier_stays_in_its_place", {"takes_an_id": GET, "hostile": "a/b"}),
    (Careless, "test_an_identifier_stays_in_its_place", {"takes_an_id": GET, "hostile": "#1001"}),
    (Careless, "test_an_identifier_stays_in_its_place", {"takes_an_id": GET, "hostile": ".."}),
    (Guessing, "test_an_unknown_status_survives", {"word": "Never Heard Of"}),
    (Forgetful, "test_raw_is_kept", {"good_case": CASE}),
    (Talkative, "test_secrets_appear_nowhere", {}),
    (Blabbing, "test_secrets_appear_nowhere", {}),
    (Shortened, "test_a_listing_is_complete", {}),
    (Shortened, "test_a_backfill_is_complete", {}),
    (Brittle, "test_a_corrupted_reply_does_not_crash", {"good_case": CASE}),
    (OneKey, "test_only_the_same_delivery_has_the_same_key", {}),
    (CaseBound, "test_header_names_have_no_case", {}),
    (Fragile, "test_an_unreadable_delivery_is_acknowledged", {"body": b"not json"}),
]
BELIEVED: list[tuple[str, dict[str, Any]]] = [
    ("test_a_changed_signature_is_refused", {"attack": ATTACK["other signature"]}),
    ("test_a_changed_body_is_refused", {}),
    ("test_another_secret_is_refused", {}),
    ("test_without_a_secret_everything_is_refused", {}),
]
LOOKED_UP: list[tuple[str, dict[str, Any]]] = [
    ("test_a_changed_order_lookup_is_refused", {"attack": ATTACK["other signature"]}),
    ("test_a_lookup_of_another_order_is_refused", {}),
    ("test_a_lookup_with_another_secret_is_refused", {}),
    ("test_without_a_secret_no_order_is_looked_up", {}),
]
ANSWERED: list[tuple[str, dict[str, Any]]] = [
    ("test_a_valid_order_lookup_is_accepted", {"number": "000123"}),
    ("test_an_unknown_order_is_answered_otherwise", {}),
]


@pytest.mark.parametrize(("adapter", "name", "given"), FAULTS)
def test_a_fault_fails_its_check(
    adapter: type[Adapter], name: str, given: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AssertionError):
        run_check(adapter, name, caplog, **given)


@pytest.mark.parametrize(("name", "given"), BELIEVED)
def test_a_believed_forgery_fails_its_check(name: str, given: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        run_check(Gullible, name, caplog, **given)


@pytest.mark.parametrize(("name", "given"), LOOKED_UP)
def test_an_order_for_anybody_fails_its_check(
    name: str, given: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        run_check(Indiscreet, name, caplog, **given)


@pytest.mark.parametrize(("name", "given"), ANSWERED)
def test_an_order_that_nobody_asked_for_fails_its_check(
    name: str, given: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AssertionError):
        run_check(Indiscreet, name, caplog, **given)


@pytest.mark.parametrize(("name", "given"), LOOKED_UP + ANSWERED)
def test_the_same_check_of_look_ups_passes_without_the_fault(
    name: str, given: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    run_check(Asked, name, caplog, **given)


@pytest.mark.parametrize(("name", "given"), [(name, given) for _, name, given in FAULTS] + BELIEVED)
def test_the_same_check_passes_without_the_fault(
    name: str, given: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    # The capability's own checks are about what the faulty one declares, or does not have.
    if "missing" not in given and given.get("capability") is not Capability.TRACK:
        run_check(FakeAdapter, name, caplog, **given)


class Timed(Suite):
    tolerance = timedelta(minutes=5)


class Published(Suite):
    published_deliveries = (("published", Suite().delivery("another")),)


def test_an_old_delivery_that_is_believed_fails_its_check() -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        Timed().test_a_stale_delivery_is_refused()


def test_a_vector_that_is_not_believed_fails_its_check() -> None:
    with pytest.raises(WebhookRejected):
        Published().test_published_deliveries_are_accepted()


def test_every_check_has_an_id_a_part_and_a_reason() -> None:
    found = checks()
    assert len({check.id for check in found}) == len(found) > 50
    assert all(check.reason for check in found)
    assert {check.part for check in found} == set(Part)
