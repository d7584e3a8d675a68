"""What every part of the suite stands on: the attributes that a vendor's test class sets, fixtures, and clients."""
# ruff: noqa: S101  assertions are what this module is made of

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final
from weakref import WeakKeyDictionary

import pytest
from attrs import evolve

from returns_hub import (
    Adapter,
    Capability,
    Client,
    Support,
    WebhookRequest,
    dump,
)
from returns_hub.accounts import build_adapter
from returns_hub.testing.cassettes import Redactor, origin, play, record
from returns_hub.testing.conformance.case import Case, error_of
from returns_hub.testing.conformance.expected import Filter, Variation
from returns_hub.testing.drivers import Driver, open_with
from returns_hub.testing.server import serve
from returns_hub.testing.simulator import BaseUrls, Simulator

LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
FAR_AHEAD: Final = datetime(2100, 1, 1, tzinfo=UTC)
READS: Final = (Capability.GET_RETURN, Capability.LIST_RETURNS, Capability.GET_SHIPMENT, Capability.LIST_SHIPMENTS)
WRITES: Final = (Capability.CREATE_RETURN, Capability.CREATE_LABEL, Capability.ADD_NOTE, Capability.SET_STATUS)

# Of each conformance class the options of an account at its plain simulator.
_PLAIN_OPTIONS: Final = WeakKeyDictionary["type[ConformanceSuite]", Mapping[str, Any]]()


class ConformanceSuite:
    """The attributes and methods of :class:`returns_hub.testing.AdapterConformance`, without any check."""

    adapter_class: ClassVar[type[Adapter]]
    options: ClassVar[Mapping[str, Any]] = {}
    known_return: ClassVar[str]
    cassettes: ClassVar[Path]
    cases: ClassVar[tuple[Case, ...]]
    filters: ClassVar[tuple[Filter, ...]] = ()
    variations: ClassVar[tuple[Variation, ...]] = ()
    states_every_value: ClassVar[bool] = False
    not_given: ClassVar[frozenset[str]] = frozenset()
    oldest_return: ClassVar[str | None] = None
    newest_return: ClassVar[str | None] = None
    redactor: ClassVar[Redactor] = Redactor()
    record_secrets: ClassVar[tuple[str, ...]] = ()
    listing: ClassVar[Mapping[str, Any]] = {}
    undefined_words: ClassVar[frozenset[str]] = frozenset()
    distinguishes_permissions: ClassVar[bool] = True
    empty_page_ends: ClassVar[bool] = False
    webhook_secrets: ClassVar[str] = "webhook_secrets"
    signature_header: ClassVar[str] = ""
    signs_body: ClassVar[bool] = True
    lookup_secrets: ClassVar[str | None] = None
    lookup_header: ClassVar[str | None] = None
    signs_order_number: ClassVar[bool] = True
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
        """Parametrizes each test by what it asks for: one that needs a ``driver`` runs with both, and so on."""
        values: Mapping[str, Iterable[Any]] = {
            "driver": Driver,
            "capability": Capability,
            "missing": [one for one in Capability if self._lacks(one)],
            "case": self.cases,
            "good_case": [case for case in self.cases if case.raises is None],
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
        with open_with(self._adapter(simulator.options), **base_urls, driver=driver) as client:
            yield client

    @pytest.fixture
    def retrying_client(self, simulator: Simulator, base_urls: BaseUrls, driver: Driver) -> Iterator[Client]:
        """A client that sends again what may be sent again."""
        with open_with(self._adapter(simulator.options), **base_urls, driver=driver, attempts=3) as client:
            yield client

    def _options(self, arguments: Mapping[str, Any] = MappingProxyType({})) -> Mapping[str, Any]:
        """An account's options at a simulator with these arguments; the plain one is made once, which takes longer than most checks."""
        if arguments:
            return self.make_simulator(**arguments).options
        if type(self) not in _PLAIN_OPTIONS:
            _PLAIN_OPTIONS[type(self)] = self.make_simulator().options
        return _PLAIN_OPTIONS[type(self)]

    def _adapter(self, account: Mapping[str, Any], **options: Any) -> Adapter:
        return build_adapter(self.adapter_class, {**self.options, **account, **options})

    def _receiving_adapter(self, *secrets: str) -> Adapter:
        self._need(Capability.RECEIVE)
        return self._with_secrets(self.webhook_secrets, secrets)

    def _lookup_adapter(self, *secrets: str) -> Adapter:
        self._need(Capability.ORDER_LOOKUP)
        return self._with_secrets(self.lookup_secrets or self.webhook_secrets, secrets)

    def _with_secrets(self, option: str, secrets: Sequence[str]) -> Adapter:
        return self._adapter(self._options(), **{option: [self.secret(name) for name in secrets]})

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

    @property
    def _redactor(self) -> Redactor:
        return evolve(self.redactor, secret_paths=self.adapter_class.secret_paths)

    def cassette(self, case: Case) -> Path:
        """The cassette of a case."""
        path = self.cassettes / f"{case.name}.yaml"
        if not path.is_file():
            raise NotImplementedError(
                f"cassettes: write {path.name} from the vendor's document, or have it recorded from the simulator with "
                "pytest --record-mode=rewrite"
            )
        return path

    def _play(self, case: Case, driver: Driver) -> tuple[Any, Any]:
        path = self.cassette(case)
        with play(path, redactor=self._redactor):
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
        with serve(simulator) as running, record(path, source=source, redactor=self._redactor):
            self._outcome(case, Driver.BLOCKING, simulator.base_urls(running.url))

    def _outcome(self, case: Case, driver: Driver, base_urls: BaseUrls) -> tuple[Any, Any]:
        """What a case comes to, in a form in which two can be compared: raw values count too."""
        adapter = self._adapter(self._options(case.simulator), **case.options)
        with open_with(adapter, **base_urls, driver=driver) as client:
            if case.raises is None:
                result = client.run(case.call(adapter))
                return result, dump(result, raw=True)
            error = error_of(client, case)
        assert type(error) is case.raises
        return type(error), str(error)
