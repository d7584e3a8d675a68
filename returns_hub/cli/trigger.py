"""``trigger``: one webhook or one order look-up of a simulated vendor, delivered or shown."""

import inspect
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import attrs
from attrs import evolve
from cyclopts import Parameter

from returns_hub import registry
from returns_hub.accounts import Account
from returns_hub.cli.options import ConfigPath
from returns_hub.cli.output import clean, print_error, print_line, print_remark
from returns_hub.cli.sandbox import DEFAULT_RECEIVER
from returns_hub.client import open_client
from returns_hub.configuration import DEFAULT_PATH, load_config
from returns_hub.errors import ConfigurationError, UnsupportedOperation, suggestion
from returns_hub.operation import WebhookRequest
from returns_hub.secret import Secret

if TYPE_CHECKING:
    from returns_hub.testing import SignedRequest, Simulator

_REASONS: Final = {
    401: "it does not accept the signature, or its account has no secret; its log names the reason",
    404: "it has no such account, or no such order",
    503: "its store cannot take it, or its configuration is wrong; returns-hub doctor says what",
}


def trigger(
    provider: str,
    event: str | None = None,
    /,
    *,
    set_: Annotated[tuple[str, ...], Parameter(name="--set")] = (),
    order: str | None = None,
    url: str | None = None,
    account: str | None = None,
    print_: Annotated[bool, Parameter(name="--print")] = False,
    config: ConfigPath = None,
) -> int:
    """Deliver one webhook of a simulated vendor to your receiver, or ask it for one order.

    Without EVENT and --order it lists the vendor's events. An event happens to the
    newest return of the simulator that it can happen to: the data of
    "returns-hub sandbox". The vendor's account in returns-hub.toml signs it, with its
    secret and for the address that is registered there; without such an account, the
    simulator does. The exit code is 1 unless it is answered with
    success.

    For example:
      returns-hub trigger returnmate
      returns-hub trigger returnmate rma.approved --set data.id=rma_abc123
      returns-hub trigger returnless --order 1001 --url https://staging.your.shop/orders/acme-nl/
      returns-hub trigger return_helper labelGenerated --print

    Args:
        provider: The vendor, as "providers" lists it.
        event: The event, as the vendor names it.
        set_: PATH=VALUE, again for each: another value in the body, such as data.id=rma_abc123 or items.0.quantity=2.
        order: Ask for the order with this number, as the vendor does when a customer starts a return.
        url: The address to call; without it, that of "returns-hub serve" on this machine.
        account: The account that is meant, where the configuration has several of this vendor.
        print_: Show the signed request, and send nothing.
        config: The configuration file.
    """
    simulator: Simulator = registry.sandbox_class(provider)()
    if event is None and order is None:
        for name in simulator.event_names:
            print_line(name)
        if not simulator.event_names:
            print_remark(f"{provider} sends no events.")
        return 0
    if event is not None and order is not None:
        raise ConfigurationError("an event or --order, not both")
    if event is not None and event not in simulator.event_names:
        known = simulator.event_names
        hint = suggestion(event, known).removesuffix(".")
        raise ConfigurationError(
            f"{provider} has no event {clean(event[:60])!r}{hint}; returns-hub trigger {provider} lists them"
        )
    configured = _account(provider, account, config)
    name = configured.name if configured else f"{provider.replace('_', '-')}-sandbox"
    secret = None
    if configured is not None:
        simulator = _simulator_of(configured)
        secret = _signing_secret(configured)
    try:
        if event is None:
            url = url or f"{DEFAULT_RECEIVER.removesuffix('webhooks')}orders/{name}/"
            request = simulator.make_order_lookup(_checked(url), order or "", secret=secret)
        else:
            url = _checked(url or f"{DEFAULT_RECEIVER}/{name}")
            registered = configured.options.get("webhook_url") if configured else None
            request = simulator.make_event(event, registered or url, changes=_changes(set_), secret=secret)
            if configured is not None:
                request = _signed(configured, request)
            # What is signed is the registered address, as behind a proxy; what is called is the other one.
            request = evolve(request, url=url + request.url.removeprefix(registered or url))
    except (ValueError, NotImplementedError) as problem:
        raise ConfigurationError(str(problem)) from problem
    if print_:
        _print(request)
        return 0
    return _send(request)


def _account(provider: str, name: str | None, config: ConfigPath) -> Account | None:
    """The account that is meant; None where the configuration has none of this vendor, or there is no configuration."""
    if name is None and config is None and not DEFAULT_PATH.exists():
        return None
    accounts = load_config(config).accounts
    if name is not None:
        if name not in accounts:
            raise ConfigurationError(f"there is no account {clean(name[:60])!r}{suggestion(name, accounts)}")
        if accounts[name].provider != provider:
            raise ConfigurationError(f"the account {name} is one of {accounts[name].provider}, not of {provider}")
        return accounts[name]
    fitting = [each for each in accounts.values() if each.provider == provider]
    if len(fitting) > 1:
        names = ", ".join(each.name for each in fitting)
        raise ConfigurationError(
            f"the configuration has several accounts of {provider}: --account takes one of {names}"
        )
    return fitting[0] if fitting else None


def _simulator_of(account: Account) -> "Simulator":
    """The vendor's simulator, with the account's credentials where it takes them."""
    make = registry.sandbox_class(account.provider)
    taken = inspect.signature(make).parameters
    given = {name: value.reveal() if isinstance(value, Secret) else value for name, value in account.options.items()}
    simulator: Simulator = make(
        **{name: value for name, value in given.items() if name in taken and isinstance(value, str)}
    )
    return simulator


def _signed(account: Account, request: "SignedRequest") -> "SignedRequest":
    """The simulator's delivery, signed by the account's own adapter; as it is, where the adapter does not sign.

    Raises:
        ConfigurationError: the account lacks what is signed with: it would refuse the delivery.
    """
    delivery = WebhookRequest(
        method=request.method,
        url=request.url,
        headers=request.headers,
        body=request.body,
        received_at=datetime.now(UTC),
    )
    with open_client(account) as client:
        try:
            signed = client.adapter.sign_webhook(delivery)
        except UnsupportedOperation:
            return request
        except ConfigurationError as problem:
            raise ConfigurationError(f"the account {account.name} refuses every delivery: {problem}") from problem
    return evolve(request, headers=dict(signed.headers))


def _signing_secret(account: Account) -> str | None:
    """The first of the secrets that the account's deliveries are signed with, if it has one."""
    fields = attrs.fields(attrs.resolve_types(registry.adapter_class(account.provider)))
    for each in fields:
        if each.type == tuple[Secret, ...]:
            secrets = account.options.get(each.alias or each.name) or ()
            for secret in secrets if isinstance(secrets, list | tuple) else (secrets,):
                return secret.reveal() if isinstance(secret, Secret) else str(secret)
    return None


def _changes(texts: tuple[str, ...]) -> Mapping[str, Any]:
    """``PATH=VALUE`` as values by path: a number, true, false or a list where the value is one, else text."""
    changes = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not path or not equals:
            raise ConfigurationError(f"--set takes PATH=VALUE, not {clean(text[:80])!r}")
        try:
            changes[path] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            changes[path] = value
    return changes


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"--url takes an address like {DEFAULT_RECEIVER}/acme-au, not {clean(url[:80])!r}")
    return url


def _print(request: "SignedRequest") -> None:
    parts = urlsplit(request.url)
    print_line(f"{request.method} {parts.path}{'?' if parts.query else ''}{parts.query} HTTP/1.1")
    print_line(f"Host: {parts.netloc}")
    for header, value in request.headers.items():
        print_line(f"{header}: {value}")
    print_line()
    if request.body:
        print_line(request.body.decode())


def _send(request: "SignedRequest") -> int:
    answer = request.send()
    if answer is None:
        print_error(f"nobody answers on {request.url}; is returns-hub serve running there?")
        return 1
    print_line(f"{request.method} {request.url}: answered {answer.status}")
    if request.method == "GET" and answer.body:
        print_line(answer.body.decode(errors="replace"))
    if answer.status in (200, 201):
        return 0
    print_error(f"the receiver answers {answer.status}: {_REASONS.get(answer.status, 'its log says why')}")
    return 1
