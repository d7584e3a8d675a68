"""The definition of done for an adapter: a test class inherits :class:`AdapterConformance`, and every test passes.

::

    class TestReturnMate(AdapterConformance):
        adapter_class = ReturnMate
        known_return = "rma_abc123"
        cassettes = Path(__file__).parent / "cassettes"
        cases = (
            Case("get_return", lambda adapter: adapter.get_return("rma_abc123")),
            Case("get_return-missing", lambda adapter: adapter.get_return("rma_none"), raises=NotFound),
        )

        def make_simulator(self, **arguments: Any) -> Simulator:
            return ReturnMateSandbox(count=20, **arguments)

Every test says in its docstring why it is there. It skips where the adapter does not have the capability, and never
for a vendor's name. ``pytest --record-mode=rewrite`` records the cassettes anew from the simulator, but for those that
come from a document.
"""
# ruff: noqa: S101  assertions are what this module is made of

import inspect
import json
import logging
import re
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Final, get_args
from urllib.parse import unquote

import attrs
import pytest
from attrs import evolve, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from returns_hub import (
    Adapter,
    AuthenticationFailed,
    Capability,
    Client,
    Conflict,
    Disposition,
    Facts,
    HttpAnswer,
    Item,
    ItemInstruction,
    NewLabel,
    NewReturn,
    NotFound,
    Operation,
    Order,
    OrderLine,
    Page,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    Reply,
    Request,
    Return,
    ReturnQuery,
    ReturnsHubError,
    Secret,
    Shipment,
    Slice,
    Status,
    Support,
    TrackingEvent,
    TransportFailed,
    UnexpectedReply,
    UnsupportedOperation,
    ValidationFailed,
    WebhookRejected,
    WebhookRequest,
    dump,
)
from returns_hub.accounts import build_adapter
from returns_hub.testing.cassettes import Redactor, origin, play, record, replies, scan
from returns_hub.testing.checks import Part, check
from returns_hub.testing.corruption import corrupted
from returns_hub.testing.drivers import Driver, open_with
from returns_hub.testing.sandbox import BaseUrls, Faults, Simulator, html_answer, json_answer, serve

LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
FAR_AHEAD: Final = datetime(2100, 1, 1, tzinfo=UTC)
CANARY: Final = "CANARY5d41402abc4b"

_READS: Final = (Capability.GET_RETURN, Capability.LIST_RETURNS, Capability.GET_SHIPMENT, Capability.LIST_SHIPMENTS)
_WRITES: Final = (Capability.CREATE_RETURN, Capability.CREATE_LABEL, Capability.ADD_NOTE, Capability.SET_STATUS)
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
_CALLS_WITH_ID: Final[Mapping[Capability, Callable[[Adapter, str], Operation[Any]]]] = {
    Capability.GET_RETURN: lambda adapter, text: adapter.get_return(text),
    Capability.SET_STATUS: lambda adapter, text: adapter.set_status(text, raw_status="approved"),
    Capability.ADD_NOTE: lambda adapter, text: adapter.add_note(text, "text"),
    Capability.GET_SHIPMENT: lambda adapter, text: adapter.get_shipment(text),
    Capability.TRACK: lambda adapter, text: adapter.track(text),
    Capability.CREATE_LABEL: lambda adapter, text: adapter.create_label(text, NewLabel(carrier="c", service="s")),
    Capability.CANCEL_LABEL: lambda adapter, text: adapter.cancel_label(text, text),
}
_HOSTILE_IDS: Final = (
    *("#1001", "a/b", "a?b=c", "a&b", "a+b", "a b", ".", "..", "%2e%2e", "a%2Fb", "a\\b", "a;b", "a@b", "a:b", "[a]"),
    *("Ünï-日本", "a\r\nX-Evil: 1", "a\x00b", "\ud800"),
)
_UNKNOWN_WORDS: Final = ("Never Heard Of", "ПРОВЕРКА", "x" * 300, "<b>&amp;</b>", "null", "0")
_ORDER: Final = Order(
    number="#1001",
    id="5001",
    created_at=LONG_AGO,
    email="customer@example.com",
    lines=(OrderLine(product_id="7", quantity=Decimal(1)),),
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


@frozen
class Case:
    """One call of an operation, and the cassette that answers it.

    ``name`` is the operation's, and ``-something`` where there are several; the cassette is called the same. ``call``
    gives the operation, ``raises`` is the error it ends in. ``options`` (the adapter's) and ``simulator`` (its
    arguments) are what differs from the usual.
    """

    name: str
    call: Callable[[Any], Operation[Any]] = field(repr=False)
    raises: type[ProviderError] | None = field(default=None, kw_only=True)
    options: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False)
    simulator: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False)

    @property
    def operation(self) -> str:
        """The name of the adapter's method."""
        return self.name.partition("-")[0]

    def __str__(self) -> str:
        return self.name


@frozen(kw_only=True)
class Failure:
    """A way for a call to go wrong, and the one class of error that a caller may then see.

    ``maybe_applied`` is what is said of a write. An ``empty`` success may be good enough for a write.
    """

    name: str
    inject: Callable[[Faults], object] = field(repr=False)
    error: type[ProviderError]
    maybe_applied: bool = False
    empty: bool = False

    def __str__(self) -> str:
        return self.name


def _refused_with(status: int, error: type[ProviderError]) -> Failure:
    def inject(faults: Faults) -> object:
        return faults.answer_with(json_answer(status, faults.error_body(status)))

    return Failure(name=f"HTTP {status}", inject=inject, error=error)


def _maybe_applied(
    name: str, error: type[ProviderError], inject: Callable[[Faults], object], *, empty: bool = False
) -> Failure:
    return Failure(name=name, inject=inject, error=error, maybe_applied=True, empty=empty)


def _answer_body(body: bytes) -> Callable[[Faults], object]:
    answer = HttpAnswer(status=200, headers={"content-type": "application/json"}, body=body)
    return lambda faults: faults.answer_with(answer)


_MOVED: Final = HttpAnswer(status=302, headers={"location": "https://elsewhere.example/login"})
FAILURES: Final = (
    _refused_with(400, ValidationFailed),
    _refused_with(401, AuthenticationFailed),
    _refused_with(403, PermissionDenied),
    _refused_with(404, NotFound),
    _refused_with(409, Conflict),
    _refused_with(422, ValidationFailed),
    Failure(name="HTTP 404 page", inject=lambda faults: faults.answer_with(html_answer(404)), error=NotFound),
    Failure(name="HTTP 429", inject=lambda faults: faults.too_many_requests(), error=RateLimited),
    Failure(name="HTTP 429 empty", inject=lambda faults: faults.answer_with(HttpAnswer(status=429)), error=RateLimited),
    _maybe_applied("HTTP 500", ProviderUnavailable, lambda faults: faults.server_error()),
    _maybe_applied("HTTP 500 page", ProviderUnavailable, lambda faults: faults.server_error(html=True)),
    _maybe_applied("HTTP 502 empty", ProviderUnavailable, lambda faults: faults.answer_with(HttpAnswer(status=502))),
    _maybe_applied("HTTP 503 page", ProviderUnavailable, lambda faults: faults.unavailable()),
    _maybe_applied("HTTP 302", UnexpectedReply, lambda faults: faults.answer_with(_MOVED)),
    _maybe_applied("200 with a page", UnexpectedReply, lambda faults: faults.answer_with(html_answer(200))),
    _maybe_applied("200 with other JSON", UnexpectedReply, _answer_body(b'"maintenance"')),
    _maybe_applied("200 with deep JSON", UnexpectedReply, _answer_body(b"[" * 100_000)),
    _maybe_applied("200 not in UTF-8", UnexpectedReply, _answer_body(b'"\xff"')),
    _maybe_applied("200 cut in its JSON", UnexpectedReply, lambda faults: faults.truncated()),
    _maybe_applied("200 empty", UnexpectedReply, _answer_body(b""), empty=True),
    _maybe_applied("204", UnexpectedReply, lambda faults: faults.answer_with(HttpAnswer(status=204)), empty=True),
    _maybe_applied("connection cut in the reply", TransportFailed, lambda faults: faults.cut_off()),
    _maybe_applied("connection dropped before the reply", TransportFailed, lambda faults: faults.drop_before()),
    _maybe_applied("no reply in time", TransportFailed, lambda faults: faults.slow(30)),
)


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


class AdapterConformance:
    """The suite. A subclass names the adapter, a simulator of its vendor, and its cases; nothing else is needed.

    - ``adapter_class``, and ``options`` beside those that the simulator asks for (its ``options``).
    - :meth:`make_simulator`.
    - ``known_return``: the id of a return that the simulator has from the start.
    - ``cases`` and the folder with their ``cassettes``; every supported capability has at least one. ``redactor`` is
      for vendors with headers of their own that a replay needs.
    - ``listing``: what a listing is asked for besides, where without it one does not begin with a page of returns.
    - ``undefined_words``: those that the vendor shows and never defines; every other documented one means something.
    - ``distinguishes_permissions`` is False where an HTTP 403 may as well mean that the credentials are wrong, and so is read.
    - ``empty_page_ends`` where an empty page is the last one, whatever total the vendor tells.
    - ``webhook_secrets``: the option that holds the secrets, and ``signature_header``; with :meth:`delivery`, for
      adapters that receive, and :meth:`order_lookup`, for those that are asked for orders; :meth:`secret`, where not any
      text can be one. ``signs_body`` is False where
      the signature does not cover the body, ``tolerance`` how old a delivery may be where the vendor signs its time.
      ``published_deliveries`` are examples that the vendor's documents sign, each with its secret.
    """

    adapter_class: ClassVar[type[Adapter]]
    options: ClassVar[Mapping[str, Any]] = {}
    known_return: ClassVar[str]
    cassettes: ClassVar[Path]
    cases: ClassVar[tuple[Case, ...]]
    redactor: ClassVar[Redactor] = Redactor()
    listing: ClassVar[Mapping[str, Any]] = {}
    undefined_words: ClassVar[frozenset[str]] = frozenset()
    distinguishes_permissions: ClassVar[bool] = True
    empty_page_ends: ClassVar[bool] = False
    webhook_secrets: ClassVar[str] = "webhook_secrets"
    signature_header: ClassVar[str] = ""
    signs_body: ClassVar[bool] = True
    tolerance: ClassVar[timedelta | None] = None
    published_deliveries: ClassVar[tuple[tuple[str, WebhookRequest], ...]] = ()

    def make_simulator(self, **arguments: Any) -> Simulator:
        """A new simulator of the vendor, with a fixed clock and more returns than the adapter asks for in one page.

        ``arguments`` are those of a case, and credentials by the names that they have in its ``options``.
        """
        raise NotImplementedError("an adapter's conformance class needs `make_simulator`")

    def secret(self, name: str) -> str:
        """A webhook secret as the vendor spells them; another one for every name."""
        return name

    def delivery(self, secret: str, body: bytes | None = None) -> WebhookRequest:
        """A delivery signed with ``secret``: about a return, or with exactly this body."""
        raise NotImplementedError("an adapter that receives needs a `delivery` in its conformance class")

    def order_lookup(self, secret: str, number: str) -> WebhookRequest:
        """A look-up of the order with this number, signed with ``secret``."""
        raise NotImplementedError(
            "an adapter that is asked for orders needs an `order_lookup` in its conformance class"
        )

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Gives each test its cases: one that needs a ``driver`` runs with both, and so on."""
        missing = [one for one in Capability if self._lacks(one)]
        values: Mapping[str, Iterable[Any]] = {
            "driver": Driver,
            "capability": Capability,
            "missing": missing,
            "takes_an_id": [one for one in _CALLS_WITH_ID if one not in missing],
            "case": self.cases,
            "good_case": [case for case in self.cases if case.raises is None],
            "failure": FAILURES,
            "attack": ATTACKS,
        }
        for name, members in values.items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, list(members), ids=str)

    @pytest.fixture
    def simulator(self) -> Simulator:
        """The vendor, with its seeded data; served where ``base_urls`` or a client is used too."""
        return self.make_simulator()

    @pytest.fixture
    def base_urls(self, simulator: Simulator) -> Iterator[BaseUrls]:
        """Where the simulator is served."""
        with serve(simulator) as running:
            yield simulator.base_urls(running.url)

    @pytest.fixture
    def client(self, simulator: Simulator, base_urls: BaseUrls, driver: Driver) -> Iterator[Client]:
        """A client that sends everything once."""
        with open_with(self._adapter(simulator), **base_urls, driver=driver) as client:
            yield client

    @pytest.fixture
    def short_timeout_client(self, simulator: Simulator, base_urls: BaseUrls, driver: Driver) -> Iterator[Client]:
        """A client that sends everything once, and waits no longer than a second."""
        with open_with(self._adapter(simulator), **base_urls, driver=driver, timeout=1) as client:
            yield client

    @pytest.fixture
    def retrying_client(self, simulator: Simulator, base_urls: BaseUrls, driver: Driver) -> Iterator[Client]:
        """A client that sends again what may be sent again."""
        with open_with(self._adapter(simulator), **base_urls, driver=driver, attempts=3) as client:
            yield client

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
            self._cassette(case).stem for case in self.cases
        }

    @check(Part.CASSETTES)
    def test_cassettes_hold_no_secret_and_no_personal_datum(self) -> None:
        """They are published with the code."""
        assert [str(finding) for finding in scan(self._cassette(self.cases[0]).parent, redactor=self.redactor)] == []

    @check(Part.FAILURES)
    def test_a_failed_read_is_the_right_error(
        self, failure: Failure, simulator: Simulator, short_timeout_client: Client
    ) -> None:
        """Callers decide by the class of an error: one that is misfiled, or not ours, breaks all of them."""
        failure.inject(simulator.faults)
        error = _error_of(short_timeout_client, self._case(_READS))
        assert type(error) is self._expected_error(failure)
        assert not error.maybe_applied

    @check(Part.FAILURES)
    def test_a_failed_write_is_the_right_error(
        self, failure: Failure, simulator: Simulator, short_timeout_client: Client
    ) -> None:
        """After a failed write a caller must know whether to look first or simply to try again."""
        case, read = self._case(_WRITES), self._good_case(_READS)
        # Where a token is asked for before the first call, it is the call that is to fail.
        assert read is None or _succeeds(short_timeout_client, read)
        failure.inject(simulator.faults)
        if failure.empty and _succeeds(short_timeout_client, case):
            return
        error = _error_of(short_timeout_client, case)
        assert type(error) is self._expected_error(failure)
        assert error.maybe_applied == failure.maybe_applied

    @check(Part.FAILURES)
    def test_a_corrupted_reply_does_not_crash(self, good_case: Case) -> None:
        """Vendors add, retype and leave out fields without a word: a fact may be missing then, or it is our error."""
        recorded = replies(self._cassette(good_case))
        adapter = self._adapter(self.make_simulator(**good_case.simulator), **good_case.options)

        @settings(max_examples=50, deadline=None, database=None, derandomize=True, report_multiple_bugs=False)
        @given(st.data())
        def answered(data: st.DataObject) -> None:
            strange = [_with_payload(reply, data.draw(corrupted(reply.json()))) for reply in recorded if reply.body]
            try:
                _drive(good_case.call(adapter), strange)
            except ReturnsHubError:
                return
            except Exception as error:
                raise AssertionError(
                    f"the adapter crashed on a corrupted reply: {type(error).__name__}: {error}"
                ) from error

        answered()

    @check(Part.FAILURES)
    def test_an_error_under_http_200_is_an_error(self, simulator: Simulator, client: Client) -> None:
        """Some vendors answer 200 to everything, and say in the body that it failed."""
        if simulator.faults.soft_error_body is None:
            pytest.skip("the vendor is not known to do that")
        simulator.faults.soft_error()
        assert not _succeeds(client, self._case(_READS))

    @check(Part.FAILURES)
    def test_a_refused_connection_is_a_transport_failure(self, driver: Driver) -> None:
        """Nothing listened, so nothing was done: even a write may simply be tried again."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with open_with(
            self._adapter(self.make_simulator()), base_url=f"http://127.0.0.1:{port}", driver=driver
        ) as client:
            error = _error_of(client, self._case((*_WRITES, *_READS)))
        assert type(error) is TransportFailed
        assert not error.maybe_applied

    @check(Part.FAILURES)
    def test_an_error_says_whose_and_which_call(self, simulator: Simulator, client: Client) -> None:
        """An operator of twenty accounts reads one line of a log."""
        simulator.faults.server_error()
        case = self._case(_READS)
        error = _error_of(client, case)
        assert (error.provider, error.operation) == (self.adapter_class.provider, case.operation)
        assert error.http_status == 500

    @check(Part.FAILURES)
    @pytest.mark.parametrize(("told", "least", "most"), [(7, 7, 7), (60, 50, 61)], ids=["in seconds", "as a date"])
    def test_retry_after_reaches_the_caller(
        self, told: int, least: int, most: int, simulator: Simulator, client: Client
    ) -> None:
        """``Retry-After`` has two forms (RFC 9110, section 10.2.3), and both must reach the caller."""
        as_date = datetime.now(UTC) + timedelta(seconds=told)
        simulator.faults.too_many_requests(retry_after=told if least == most else as_date)
        error = _error_of(client, self._case(_READS))
        assert isinstance(error, RateLimited)
        assert error.retry_after is not None
        assert least <= error.retry_after <= most

    @check(Part.FAILURES)
    def test_a_missing_retry_after_is_not_invented(self, simulator: Simulator, client: Client) -> None:
        """A caller would take it for the vendor's word."""
        simulator.faults.too_many_requests()
        error = _error_of(client, self._case(_READS))
        assert isinstance(error, RateLimited)
        assert error.retry_after is None

    @check(Part.RETRIES)
    def test_a_failed_read_is_sent_again(self, simulator: Simulator, retrying_client: Client) -> None:
        """Vendors hiccup, and a read does no harm."""
        simulator.faults.unavailable(times=1)
        assert _succeeds(retrying_client, self._case(_READS))

    @check(Part.RETRIES)
    def test_a_write_refused_for_the_rate_is_sent_again(self, simulator: Simulator, retrying_client: Client) -> None:
        """A 429 comes before any work: sending again does nothing twice."""
        simulator.faults.too_many_requests(retry_after=0, times=1)
        assert _succeeds(retrying_client, self._case(_WRITES))

    @check(Part.RETRIES)
    def test_retry_after_is_honoured(self, simulator: Simulator, retrying_client: Client) -> None:
        """A client that comes back early is refused again, and may be locked out."""
        simulator.faults.too_many_requests(retry_after=1, times=1)
        started = time.monotonic()
        assert _succeeds(retrying_client, self._case(_READS))
        assert time.monotonic() - started >= 1

    @check(Part.RETRIES)
    def test_a_long_retry_after_is_raised_at_once(self, simulator: Simulator, retrying_client: Client) -> None:
        """A worker that sleeps for an hour looks dead; its caller can do better."""
        simulator.faults.too_many_requests(retry_after=3600)
        started = time.monotonic()
        assert isinstance(_error_of(retrying_client, self._case(_READS)), RateLimited)
        assert time.monotonic() - started < 10

    @check(Part.RETRIES)
    def test_a_write_whose_reply_is_lost_is_not_done_twice(self, simulator: Simulator, retrying_client: Client) -> None:
        """The worst that sending again can do: a second return, a second label, a second refund."""
        self._need(Capability.CREATE_RETURN)
        before = len(simulator.return_ids)
        simulator.faults.drop_after_commit(times=1)
        # With an idempotency key the second sending is answered like the first; without one there is none.
        assert _succeeds(retrying_client, self._case(_WRITES)) == (self.adapter_class.idempotency_header is not None)
        assert len(simulator.return_ids) == before + 1

    @check(Part.WORDS)
    @pytest.mark.parametrize("word", _UNKNOWN_WORDS, ids=ascii)
    def test_an_unknown_status_survives(self, word: str, simulator: Simulator, client: Client) -> None:
        """Vendors and merchants add words: no crash and no guess, the word itself is kept, and counted."""
        if client.adapter.statuses is None:
            pytest.skip(f"{self.adapter_class.provider} has no status words")
        simulator.set_status(self.known_return, word)
        found = client.get_return(self.known_return)
        assert (found.status, found.status_raw) == (Status.UNKNOWN, word)
        assert word[:100] in client.unknown_words()

    @check(Part.WORDS)
    def test_documented_words_mean_something(self) -> None:
        """A word that the vendor documents and nobody mapped is a hole in the table."""
        rows = [row for table in self.adapter_class.vocabularies.values() for row in table.rows.items()]
        assert {word for word, facts in rows if not _asserts_anything(facts)} == self.undefined_words

    @check(Part.WORDS)
    def test_words_have_a_source(self) -> None:
        """Where a word is documented is the first question when it turns out to mean something else."""
        tables = self.adapter_class.vocabularies.values()
        assert all(facts.source or table.source for table in tables for facts in table.rows.values())

    @check(Part.WORDS)
    @pytest.mark.parametrize("word", [*_UNKNOWN_WORDS, "", None], ids=ascii)
    def test_tables_are_total(self, word: str | None) -> None:
        """A look-up that raises takes a whole page of returns with it."""
        tables = [table.extended({}) for table in self.adapter_class.vocabularies.values()]
        assert all(isinstance(table.look_up(word), Facts) for table in tables)

    @check(Part.SECRETS)
    def test_secrets_appear_nowhere(self, driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
        """Logs at the lowest level, ``repr``, errors, tracebacks with their variables: that is where they leak."""
        caplog.set_level(logging.DEBUG)
        adapter, simulator = self._with_canaries()
        calls = [case for case in map(self._good_case, (_READS, _WRITES)) if case is not None]
        seen = [repr(adapter)]
        with serve(simulator) as running:
            urls = simulator.base_urls(running.url)
            for failure in (None, *FAILURES):
                simulator.faults.clear()
                if failure is not None:
                    failure.inject(simulator.faults)
                # A new client for each: one that was refused for its rate goes slower afterwards.
                with open_with(adapter, **urls, driver=driver, timeout=1) as client:
                    seen += [_leakable_output(client, case) for case in calls]
        assert [text for text in [*seen, caplog.text] if CANARY in text] == []
        assert simulator.requests[0].status == 200

    @check(Part.LISTINGS)
    def test_a_listing_is_complete(self, simulator: Simulator, client: Client) -> None:
        """Every return once, whatever the size of a page."""
        self._need(Capability.LIST_RETURNS)
        found = list(client.list_returns(page_size=3))
        assert len({ret.id for ret in found}) == len(found)
        assert _merged_ids(found) == simulator.return_ids

    @check(Part.LISTINGS)
    @pytest.mark.parametrize("status", list(Status), ids=str)
    def test_a_status_filter_is_kept(self, status: Status, client: Client) -> None:
        """Where the vendor has no word for a status, the answer is not everything."""
        self._need(Capability.LIST_RETURNS)
        with suppress(UnsupportedOperation):  # which says so, and is as good
            assert {found.status for found in client.list_returns(status=status)} <= {status}

    @check(Part.LISTINGS)
    def test_a_backfill_is_complete(self, simulator: Simulator, client: Client) -> None:
        """The slices together hold every return."""
        self._need(Capability.BACKFILL)
        slices = client.adapter.backfill(LONG_AGO, FAR_AHEAD)
        pages = [page for part in slices for page in _pages(client, part)]
        assert _merged_ids([found for page in pages for found in page.items]) == simulator.return_ids

    @check(Part.LISTINGS)
    def test_slices_have_keys_of_their_own(self) -> None:
        """Progress is kept under them: two slices with one key would take each other's place."""
        self._need(Capability.BACKFILL)
        keys = [part.key for part in self._adapter(self.make_simulator()).backfill(LONG_AGO, FAR_AHEAD)]
        assert len(set(keys)) == len(keys) > 0

    @check(Part.LISTINGS)
    def test_a_row_that_comes_twice_is_given_once(self, simulator: Simulator, client: Client) -> None:
        """Rows move from page to page while a listing is read."""
        self._need(Capability.LIST_RETURNS)
        simulator.faults.duplicate_rows()
        ids = [found.id for found in client.list_returns()]
        assert len(set(ids)) == len(ids) > 0

    @check(Part.LISTINGS)
    def test_an_empty_page_in_the_middle_is_not_the_end(self, simulator: Simulator, client: Client) -> None:
        """Rows may be filtered away after a page was cut. Where the vendor tells a total, there is more behind it."""
        self._need(Capability.LIST_RETURNS)
        first = client.run(client.adapter.list_returns(ReturnQuery(page_size=3)))
        if self.empty_page_ends or first.total is None:
            pytest.skip("an empty page is this vendor's last, or it tells no total")
        simulator.faults.empty_page(times=1)
        assert _merged_ids(list(client.list_returns(page_size=3))) >= simulator.return_ids - {
            ret.id for ret in first.items
        }

    @check(Part.LISTINGS)
    def test_a_listing_that_repeats_itself_ends(self, simulator: Simulator, client: Client) -> None:
        """A vendor that ignores what page it is asked for must not keep a worker busy for ever."""
        self._need(Capability.LIST_RETURNS)
        simulator.faults.repeated_page()
        ids: list[str] = []
        with suppress(UnexpectedReply):  # which says so, and is as good
            ids += [found.id for found in client.list_returns(page_size=3, **self.listing)]
        assert len(set(ids)) == len(ids)
        assert 1 < len(simulator.requests) < 5

    @check(Part.PATHS)
    @pytest.mark.parametrize("hostile", _HOSTILE_IDS, ids=ascii)
    def test_an_identifier_stays_in_its_place(self, takes_an_id: Capability, hostile: str) -> None:
        """An id with a slash or a hash sign must not ask for something else; what no path can carry is refused."""
        adapter, call = self._adapter(self.make_simulator()), _CALLS_WITH_ID[takes_an_id]
        tame = next(call(adapter, "tame"))
        try:
            request = next(call(adapter, hostile))
        except (ReturnsHubError, ValueError):
            return
        assert re.fullmatch(r"[!-~]*", request.path)
        assert not re.search(r"[?#\\]|/\.{1,2}(/|$)", request.path)
        assert _segments(request) == [segment.replace("tame", hostile) for segment in _segments(tame)]

    @check(Part.DELIVERIES)
    def test_a_valid_delivery_is_accepted(self) -> None:
        """It tells something, is answered with success, and has a key by which its duplicates are known."""
        receiver, delivery = self._receiver("live"), self.delivery(self.secret("live"))
        receipt = receiver.receive(delivery)
        assert receipt.events
        assert 200 <= receipt.answer.status < 300
        assert receipt.dedupe_key == receiver.receive(delivery).dedupe_key

    @check(Part.DELIVERIES)
    def test_published_deliveries_are_accepted(self) -> None:
        """Our own signatures prove that we agree with ourselves; the vendor's examples, that we agree with the vendor."""
        self._need(Capability.RECEIVE)
        if not self.published_deliveries:
            pytest.skip("the vendor publishes no signed example")
        for secret, delivery in self.published_deliveries:
            receiver = self._adapter(self.make_simulator(), **{self.webhook_secrets: [secret]})
            assert receiver.receive(delivery).answer.status < 300

    @check(Part.DELIVERIES)
    def test_header_names_have_no_case(self) -> None:
        """Servers and proxies write them as they like (RFC 9110, section 5.1)."""
        receiver, delivery = self._receiver("live"), self.delivery(self.secret("live"))
        for change in (str.lower, str.upper):
            headers = [(change(name), value) for name, value in delivery.headers]
            assert receiver.receive(evolve(delivery, headers=headers)).events

    @check(Part.DELIVERIES)
    def test_only_the_same_delivery_has_the_same_key(self) -> None:
        """A duplicate is processed once; another delivery that is taken for one is lost."""
        receiver = self._receiver("live")
        keys = [
            receiver.receive(self.delivery(self.secret("live"), body)).dedupe_key for body in (b'{"a": 1}', b'{"a": 2}')
        ]
        assert len(set(keys)) == 2

    @check(Part.DELIVERIES)
    def test_a_stale_delivery_is_refused(self) -> None:
        """What was overheard once must not be believed for ever; nor what comes from the future."""
        if self.tolerance is None:
            pytest.skip("the vendor signs no time")
        receiver, delivery = self._receiver("live"), self.delivery(self.secret("live"))
        for late in (self.tolerance, -self.tolerance):
            near, far = late * 0.9, late * 1.1
            assert receiver.receive(evolve(delivery, received_at=delivery.received_at + near)).events
            with pytest.raises(WebhookRejected) as caught:
                receiver.receive(evolve(delivery, received_at=delivery.received_at + far))
            assert caught.value.reason not in ("wrong_signature", "malformed_signature", "missing_signature")

    @check(Part.DELIVERIES)
    def test_every_live_secret_is_accepted(self) -> None:
        """Secrets are changed: for a while the old and the new one sign."""
        assert self._receiver("another", "live").receive(self.delivery(self.secret("live"))).events

    @check(Part.DELIVERIES)
    def test_a_changed_signature_is_refused(self, attack: Attack) -> None:
        """Anybody can send us a request: every attack ends in the one error, with a reason of its own."""
        receiver, delivery = self._receiver("live"), self.delivery(self.secret("live"))
        with pytest.raises(WebhookRejected) as caught:
            receiver.receive(attack.change(delivery, self.signature_header))
        assert caught.value.reason in attack.reasons

    @check(Part.DELIVERIES)
    def test_a_changed_body_is_refused(self) -> None:
        """The exact bytes are signed: one blank more is another message."""
        receiver, delivery = self._receiver("live"), self.delivery(self.secret("live"))
        if not self.signs_body:
            pytest.skip("the vendor does not sign the body")
        with pytest.raises(WebhookRejected) as caught:
            receiver.receive(evolve(delivery, body=delivery.body + b" "))
        assert caught.value.reason == "wrong_signature"

    @check(Part.DELIVERIES)
    def test_another_secret_is_refused(self) -> None:
        """What was signed for another account is not for this one."""
        with pytest.raises(WebhookRejected) as caught:
            self._receiver("live").receive(self.delivery(self.secret("another")))
        assert caught.value.reason == "wrong_signature"

    @check(Part.DELIVERIES)
    def test_without_a_secret_everything_is_refused(self) -> None:
        """An account that nobody configured must not believe the whole world."""
        with pytest.raises(WebhookRejected) as caught:
            self._receiver().receive(self.delivery(self.secret("live")))
        assert caught.value.reason == "not_configured"

    @check(Part.DELIVERIES)
    @pytest.mark.parametrize("body", _UNREADABLE_BODIES, ids=lambda body: ascii(body[:20]))
    def test_an_unreadable_delivery_is_acknowledged(self, body: bytes) -> None:
        """A vendor that is answered with an error stops delivering, or delivers the same for days."""
        receipt = self._receiver("live").receive(self.delivery(self.secret("live"), body))
        assert receipt.events
        assert receipt.dedupe_key

    @check(Part.ORDER_LOOKUPS)
    @pytest.mark.parametrize("number", _ORDER_NUMBERS, ids=ascii)
    def test_a_valid_order_lookup_is_accepted(self, number: str) -> None:
        """Order numbers are texts, and the shop's own: what arrives is what the customer typed."""
        assert self._asked("live").read_order_lookup(self.order_lookup(self.secret("live"), number)) == number

    @check(Part.ORDER_LOOKUPS)
    def test_every_live_secret_is_accepted_for_order_lookups(self) -> None:
        """Secrets are changed: for a while the old and the new one sign."""
        assert (
            self._asked("another", "live").read_order_lookup(self.order_lookup(self.secret("live"), "#1001")) == "#1001"
        )

    @check(Part.ORDER_LOOKUPS)
    def test_a_changed_order_lookup_is_refused(self, attack: Attack) -> None:
        """The answer is a customer's order: every attack ends in the one error, with a reason of its own."""
        adapter, lookup = self._asked("live"), self.order_lookup(self.secret("live"), "#1001")
        with pytest.raises(WebhookRejected) as caught:
            adapter.read_order_lookup(attack.change(lookup, self.signature_header))
        assert caught.value.reason in attack.reasons

    @check(Part.ORDER_LOOKUPS)
    def test_a_lookup_of_another_order_is_refused(self) -> None:
        """Who has seen one look-up must not read the other orders with it."""
        adapter = self._asked("live")
        seen, other = self.order_lookup(self.secret("live"), "#1001"), self.order_lookup(self.secret("live"), "#1002")
        with pytest.raises(WebhookRejected) as caught:
            adapter.read_order_lookup(evolve(other, headers=seen.headers))
        assert caught.value.reason == "wrong_signature"

    @check(Part.ORDER_LOOKUPS)
    def test_a_lookup_with_another_secret_is_refused(self) -> None:
        """What was signed for another account is not for this one."""
        with pytest.raises(WebhookRejected) as caught:
            self._asked("live").read_order_lookup(self.order_lookup(self.secret("another"), "#1001"))
        assert caught.value.reason == "wrong_signature"

    @check(Part.ORDER_LOOKUPS)
    def test_without_a_secret_no_order_is_looked_up(self) -> None:
        """An account that nobody configured must not tell the whole world about its customers."""
        with pytest.raises(WebhookRejected) as caught:
            self._asked().read_order_lookup(self.order_lookup(self.secret("live"), "#1001"))
        assert caught.value.reason == "not_configured"

    @check(Part.ORDER_LOOKUPS)
    def test_an_order_is_answered_in_json(self) -> None:
        """The vendor shows the customer what stands in it."""
        answer = self._asked("live").answer_order_lookup(_ORDER)
        assert answer.status == 200
        assert _ORDER.number in answer.body.decode()
        assert json.loads(answer.body)

    @check(Part.ORDER_LOOKUPS)
    def test_an_unknown_order_is_answered_otherwise(self) -> None:
        """Not with an error of ours, and not as if there were an order."""
        answer = self._asked("live").answer_order_lookup(None)
        assert answer.status < 500
        assert answer != self._asked("live").answer_order_lookup(_ORDER)

    def _adapter(self, simulator: Simulator, **options: Any) -> Adapter:
        return build_adapter(self.adapter_class, {**self.options, **simulator.options, **options})

    def _receiver(self, *secrets: str) -> Adapter:
        self._need(Capability.RECEIVE)
        return self._with_secrets(secrets)

    def _asked(self, *secrets: str) -> Adapter:
        self._need(Capability.ORDER_LOOKUP)
        return self._with_secrets(secrets)

    def _with_secrets(self, secrets: Sequence[str]) -> Adapter:
        return self._adapter(self.make_simulator(), **{self.webhook_secrets: [self.secret(name) for name in secrets]})

    def _expected_error(self, failure: Failure) -> type[ProviderError]:
        denied = failure.error is PermissionDenied and not self.distinguishes_permissions
        return AuthenticationFailed if denied else failure.error

    def _with_canaries(self) -> tuple[Adapter, Simulator]:
        """An adapter whose every credential is a canary, and a simulator that accepts them."""
        fields = [each for each in attrs.fields(attrs.resolve_types(self.adapter_class)) if each.init]
        named = {a.name: f"{CANARY}-{a.name}" for a in fields if a.type is Secret or Secret in get_args(a.type)}
        # Those of deliveries have a spelling of their own, which hides the canary: nothing is sent with them here.
        secrets = {name: self.secret(text) if name == self.webhook_secrets else text for name, text in named.items()}
        simulator = self.make_simulator(
            **{
                name: secrets[name]
                for name in self.make_simulator().options
                if name in secrets and name != self.webhook_secrets
            }
        )
        return self._adapter(simulator, **secrets), simulator

    def _lacks(self, capability: Capability) -> bool:
        support = self.adapter_class.capabilities.get(capability, Support.NOT_IMPLEMENTED)
        return support in (Support.NO, Support.NOT_IMPLEMENTED)

    def _need(self, capability: Capability) -> None:
        if self._lacks(capability):
            pytest.skip(f"{self.adapter_class.provider} has no {capability}")

    def _case(self, capabilities: Sequence[Capability]) -> Case:
        found = self._good_case(capabilities)
        return found or pytest.skip(f"{self.adapter_class.provider} has none of {', '.join(capabilities)}")

    def _good_case(self, capabilities: Sequence[Capability]) -> Case | None:
        """A case that succeeds, of the first of these capabilities that the adapter has."""
        good = {case.operation: case for case in reversed(self.cases) if case.raises is None}
        return next((good[capability] for capability in capabilities if capability in good), None)

    def _cassette(self, case: Case) -> Path:
        path = self.cassettes / f"{case.name}.yaml"
        if not path.is_file():
            raise NotImplementedError(
                f"cassettes: write {path.name} from the vendor's document, or have it recorded from the simulator with "
                "pytest --record-mode=rewrite"
            )
        return path

    def _play(self, case: Case, driver: Driver) -> tuple[Any, Any]:
        path = self._cassette(case)
        with play(path, redactor=self.redactor):
            return self._outcome(case, driver, self._base_urls(path))

    def _base_urls(self, path: Path) -> BaseUrls:
        """Where what is in a cassette took place: a simulator's paths may begin otherwise than the vendor's."""
        if origin(path) == "sandbox":
            return self.make_simulator().base_urls("https://sandbox.invalid")
        more = {name: urls["production"] for name, urls in self.adapter_class.extra_base_urls.items()}
        return {"base_url": self.adapter_class.base_urls["production"], "extra_base_urls": more}

    def _record(self, case: Case, path: Path) -> None:
        simulator = self.make_simulator(**case.simulator)
        source = f"{type(simulator).__module__}, conformance case {case.name}"
        with serve(simulator) as running, record(path, source=source, redactor=self.redactor):
            self._outcome(case, Driver.BLOCKING, simulator.base_urls(running.url))

    def _outcome(self, case: Case, driver: Driver, base_urls: BaseUrls) -> tuple[Any, Any]:
        """What a case comes to, in a form in which two can be compared: raw values count too."""
        adapter = self._adapter(self.make_simulator(**case.simulator), **case.options)
        with open_with(adapter, **base_urls, driver=driver) as client:
            if case.raises is None:
                result = client.run(case.call(adapter))
                return result, dump(result, raw=True)
            error = _error_of(client, case)
        assert type(error) is case.raises
        return type(error), str(error)


def _error_of(client: Client, case: Case) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        client.run(case.call(client.adapter))
    return caught.value


def _succeeds(client: Client, case: Case) -> bool:
    try:
        client.run(case.call(client.adapter))
    except ProviderError:
        return False
    return True


def _leakable_output(client: Client, case: Case) -> str:
    """All that a log or an error tracker could show of a call."""
    try:
        return repr((client, client.run(case.call(client.adapter))))
    except ReturnsHubError as error:
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "\n".join([str(error), repr(error), repr(error.args), *trace.format()])


def _with_payload(reply: Reply, payload: Any) -> Reply:
    return Reply(status=reply.status, headers=reply.headers, body=json.dumps(payload, default=str).encode())


def _drive(operation: Operation[Any], answers: Iterable[Reply]) -> None:
    """Hand the operation these replies, until it ends or they do."""
    with closing(operation), suppress(StopIteration):
        next(operation)
        for reply in answers:
            operation.send(reply)


def _pages(client: Client, part: Slice) -> Iterator[Page[Return]]:
    page = client.run(part.read(None))
    yield page
    while page.next is not None:
        page = client.run(part.read(page.next))
        yield page


def _merged_ids(returns: Sequence[Return]) -> set[str]:
    """The ids of the returns, without those of the requests that some of them grew from: the two are one life."""
    return {ret.id for ret in returns} - {ret.request_id for ret in returns}


def _parts(value: Any) -> Iterator[Any]:
    """A result and every object in it."""
    if attrs.has(type(value)):
        yield value
        value = [getattr(value, attribute.name) for attribute in attrs.fields(type(value)) if attribute.name != "raw"]
    if isinstance(value, list | tuple):
        for part in value:
            yield from _parts(part)


def _segments(request: Request) -> list[str]:
    return [unquote(segment) for segment in request.path.split("/")]


def _asserts_anything(facts: Facts) -> bool:
    """True if the facts assert anything but an unknown status."""
    silent = evolve(facts, why="", source="", status=None if facts.status is Status.UNKNOWN else facts.status)
    return silent != Facts()
