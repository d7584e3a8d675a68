"""What a client is opened on: an adapter, where its vendor is, how often it may be asked and how patiently."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, TypeVar, Unpack, overload
from urllib.parse import urlsplit

from attrs import field, fields, fields_dict, frozen

from returns_hub import registry
from returns_hub.accounts import Account, Options, build_adapter
from returns_hub.adapter import Adapter, Rate
from returns_hub.client.clients import AsyncClient, Client
from returns_hub.errors import ConfigurationError, suggestion
from returns_hub.rate_limits import Limiter, RateLimiter
from returns_hub.secret import Secret
from returns_hub.tokens import OwnTokens, Tokens
from returns_hub.transport import AsyncTransport, Transport, TransportOptions
from returns_hub.transport.replies import KeptReplies
from returns_hub.transport.urls import parse_base_url

AdapterT = TypeVar("AdapterT", bound=Adapter)
if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    ClientT = TypeVarWithDefault("ClientT", bound=Client[Any], default=Client)
    AsyncClientT = TypeVarWithDefault("AsyncClientT", bound=AsyncClient[Any], default=AsyncClient)
else:
    ClientT, AsyncClientT = TypeVar("ClientT"), TypeVar("AsyncClientT")


class LimiterFactory(Protocol):
    """Makes the rate limiter of an account's requests, or where they have a rate of their own of those that write."""

    def __call__(self, rate: Rate | None, *, writes: bool = False) -> Limiter:
        """The limiter for a rate."""
        ...


@frozen(kw_only=True)
class SharedState:
    """What all clients of an account share: its rate limiters, its token and the answers of its look-up tables.

    ``tokens`` makes the place of the token, for the account's own secrets.
    """

    limiter: LimiterFactory
    tokens: Callable[[Sequence[Secret]], Tokens]
    replies: KeptReplies = field(factory=KeptReplies)


class ConnectionOptions(TypedDict, total=False):
    """What :func:`returns_hub.connect` takes beside the vendor's own options."""

    environment: str
    """``production`` by default; it decides the vendor's base URL."""
    base_url: str | None
    """Replaces the vendor's own base URL."""
    rate_limit: str | None
    """Replaces the vendor's published rate limit: ``"20/s"``, ``"60/min"``, ``"300/h"``, ``"none"``."""
    timeout: float
    """Seconds that one attempt may take."""
    deadline: float
    """Seconds that a whole call may take, with its retries and waits."""
    attempts: int
    """How often one request is sent at most."""
    max_reply_bytes: int
    """A larger reply is not read."""
    app: str | None
    """The platform's name in front of the ``User-Agent``: ``my-shop/2.1``."""
    proxy: Secret | str | None
    """Replaces the proxy that the environment names."""
    ca_bundle: Path | str | None
    """A file of the certificate authorities to trust."""
    client_certificate: Path | str | None
    client_key: Path | str | None
    transport_factory: Callable[[], Any] | None
    """Makes what sends the requests: an ``httpx.BaseTransport``, or for ``connect_async`` an ``AsyncBaseTransport``."""


@overload
def connect(provider: AdapterT, **options: Unpack[ConnectionOptions]) -> Client[AdapterT]: ...
@overload
def connect(provider: str, **options: Any) -> Client: ...
def connect(provider: Adapter | str, **options: Any) -> Client[Any]:
    """A client of one account. Nothing is sent yet.

    ``provider`` is an adapter with its options, ``connect(ReturnMate(api_key=...))``, which type checkers understand; or
    the name of a vendor, with the vendor's options (credentials above all) beside those of :class:`ConnectionOptions`:
    ``environment`` ("production"), ``base_url`` (replaces the vendor's own), ``rate_limit`` (``"60/min"``, ``"none"``;
    replaces the published one), ``timeout`` (30 seconds an attempt), ``deadline`` (120 seconds a call with its retries
    and waits), ``attempts`` (5), ``max_reply_bytes`` (16 MiB), ``app`` (goes in front of the ``User-Agent``), ``proxy``,
    ``ca_bundle``, ``client_certificate``, ``client_key`` and ``transport_factory`` (the way to HTTP; see
    :class:`returns_hub.transport.TransportOptions`).

    Raises:
        ConfigurationError: the provider, the environment or an option is unknown, missing or wrong.
        PluginError: the vendor's package cannot be used.
    """
    # A traceback that shows local variables must not show the credentials.
    sealed = Options(options)
    del options
    return _Connection.build(provider, sealed).client()


@overload
def connect_async(provider: AdapterT, **options: Unpack[ConnectionOptions]) -> AsyncClient[AdapterT]: ...
@overload
def connect_async(provider: str, **options: Any) -> AsyncClient: ...
def connect_async(provider: Adapter | str, **options: Any) -> AsyncClient[Any]:
    """A client of one account, to be awaited; as :func:`connect`. It belongs to the event loop it is first used on."""
    # A traceback that shows local variables must not show the credentials.
    sealed = Options(options)
    del options
    return _Connection.build(provider, sealed).async_client()


def open_client(
    account: Account,
    *,
    shared: SharedState | None = None,
    factory: Callable[[Adapter, Transport, str], ClientT] = Client,  # type: ignore[assignment]  # ClientT is Client then
) -> ClientT:
    """A client of a configured account.

    ``shared`` is what it shares with the account's other clients; without it the client keeps its own. ``factory`` makes the
    client itself, of adapter, transport and title.

    Raises:
        ConfigurationError: the account says something that its vendor's adapter does not know.
        PluginError: the vendor's package cannot be used.
    """
    return _Connection.of(account).client(shared, factory)


def open_async_client(
    account: Account,
    *,
    shared: SharedState | None = None,
    factory: Callable[[Adapter, AsyncTransport, str], AsyncClientT] = AsyncClient,  # type: ignore[assignment]
) -> AsyncClientT:
    """A client of a configured account, to be awaited; as :func:`open_client`."""
    return _Connection.of(account).async_client(shared, factory)


@frozen(kw_only=True)
class _Connection:
    """An account whose options have been checked, ready to be opened."""

    adapter: Adapter
    environment: str
    base_url: str
    extra_base_urls: Mapping[str, str]
    rate: Rate | None
    write_rate: Rate | None
    transport_options: TransportOptions

    @classmethod
    def of(cls, account: Account) -> "_Connection":
        """The connection of a configured account. What is wrong is said with the account's name."""
        if account.unavailable:
            raise ConfigurationError(account.unavailable[0])
        own = {"environment": account.environment, "base_url": account.base_url, "rate_limit": account.rate_limit}
        problem = ""
        try:
            return cls.build(account.provider, Options({**account.options, **own}), account=account.name)
        except ConfigurationError as error:
            problem = str(error)
        prefix = f"accounts.{account.name}"
        raise ConfigurationError(problem if problem.startswith(prefix) else f"{prefix}: {problem}")

    @classmethod
    def build(cls, provider: Adapter | str, options: Options, *, account: str = "") -> "_Connection":
        """The connection that the options describe."""
        if not isinstance(provider, Adapter | str):
            raise ConfigurationError(
                "the provider is the name of a vendor, or an adapter with its options: ReturnMate(...)"
            )
        kind = type(provider) if isinstance(provider, Adapter) else registry.adapter_class(provider)
        environment = options.get("environment", "production")
        if environment not in kind.base_urls:
            raise _unknown_environment(kind, environment, account)
        roots = {f"{name}_base_url": name for name in kind.extra_base_urls}
        replaced = {roots[key]: value for key, value in options.items() if key in roots}
        patience = {key: value for key, value in options.items() if key in fields_dict(TransportOptions)}
        taken = {*roots, *patience, "environment", "base_url", "rate_limit"}
        own = Options({key: value for key, value in options.items() if key not in taken})
        if isinstance(provider, Adapter):
            if own:
                raise ConfigurationError(
                    f"{kind.provider}: {next(iter(own))} is an option of the adapter: give it there"
                )
            adapter = provider
        else:
            adapter = build_adapter(kind, own, account=account, other_options=fields_dict(TransportOptions))
        base_url, rate_limit = options.get("base_url"), options.get("rate_limit")
        # Where the base is replaced, the vendor's own further hosts must not get the credentials.
        known = {} if base_url else {name: urls.get(environment) for name, urls in kind.extra_base_urls.items()}
        extra = {**{name: url for name, url in known.items() if url}, **replaced}
        url = base_url or adapter.base_url_for(environment)
        for each in (url, *extra.values()):
            parse_base_url(each)
        adapter.check_base_url(url)
        return cls(
            adapter=adapter,
            environment=environment,
            base_url=url,
            extra_base_urls=extra,
            rate=adapter.limits.rate if rate_limit is None else Rate.parse(rate_limit),
            # What the account says is for all of its requests together.
            write_rate=adapter.limits.write_rate if rate_limit is None else None,
            transport_options=TransportOptions(**patience),
        )

    @property
    def title(self) -> str:
        """What a client's ``repr`` shows: no more of the address than its host."""
        return f"{self.adapter.provider} {self.environment} {urlsplit(self.base_url).hostname}"

    def client(
        self,
        shared: SharedState | None = None,
        factory: Callable[[Any, Transport, str], ClientT] = Client,  # type: ignore[assignment]
    ) -> ClientT:
        """A blocking client."""
        return factory(self.adapter, Transport(self.adapter, **self._transport(shared)), self.title)

    def async_client(
        self,
        shared: SharedState | None = None,
        factory: Callable[[Any, AsyncTransport, str], AsyncClientT] = AsyncClient,  # type: ignore[assignment]
    ) -> AsyncClientT:
        """A client to be awaited."""
        return factory(self.adapter, AsyncTransport(self.adapter, **self._transport(shared)), self.title)

    def _transport(self, shared: SharedState | None) -> dict[str, Any]:
        shared = shared or SharedState(limiter=_own_limiter, tokens=lambda _: OwnTokens())
        return {
            "base_url": self.base_url,
            "extra_base_urls": self.extra_base_urls,
            "limiter": shared.limiter(self.rate),
            "write_limiter": shared.limiter(self.write_rate, writes=True) if self.write_rate else None,
            "tokens": shared.tokens(_secrets_of(self.adapter)) if self.adapter.uses_tokens else None,
            "replies": shared.replies,
            "options": self.transport_options,
        }


def _own_limiter(rate: Rate | None, *, writes: bool = False) -> Limiter:  # noqa: ARG001 - each has one of its own
    return RateLimiter(rate)


def _secrets_of(adapter: Adapter) -> list[Secret]:
    """The credentials among an account's options, in the order of their declaration."""
    values = [getattr(adapter, each.name) for each in fields(type(adapter)) if each.init]
    return [
        secret
        for value in values
        for secret in (value if isinstance(value, tuple) else (value,))
        if isinstance(secret, Secret)
    ]


def _unknown_environment(kind: type[Adapter], environment: object, account: str) -> ConfigurationError:
    place = f"accounts.{account}.environment" if account else f"{kind.provider}: environment"
    hint = suggestion(str(environment), kind.base_urls)
    return ConfigurationError(
        f"{place} {str(environment)[:60]!r} is not known{hint} Known: {', '.join(kind.base_urls)}"
    )
