"""``init``: write a configuration, or add an account to one."""

import os
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from json import dumps as toml_text  # a TOML string is written as a JSON one
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, get_origin

import attrs
from cyclopts import Parameter

from returns_hub import registry
from returns_hub.accounts import Account, secret_options
from returns_hub.adapter import Adapter
from returns_hub.cli.options import ConfigPath
from returns_hub.cli.output import clean, console, print_line, print_remark
from returns_hub.configuration import DEFAULT_PATH, DEFAULT_STORE, load_config
from returns_hub.errors import ConfigurationError

Option = Annotated[tuple[str, ...], Parameter(show_default=False)]

# Of an account: what has an option of this command, or is no key of its own.
_ELSEWHERE: Final = ("name", "provider", "environment", "options")
_HEADER: Final = "# What each key means: https://returns-hub.readthedocs.io/en/latest/configuration.html\n"


def init(
    *,
    provider: str | None = None,
    account: str | None = None,
    environment: str | None = None,
    store: str = DEFAULT_STORE,
    env: Option = (),
    set_: Annotated[tuple[str, ...], Parameter(name="--set", show_default=False)] = (),
    sandbox: bool = False,
    config: ConfigPath = None,
) -> None:
    """Write a returns-hub.toml, or add an account to the one that is there.

    Without --provider it asks for the vendor, and for the names of the environment
    variables that hold its credentials: a secret itself is never written. With it
    nothing is asked. Afterwards set the variables, and let "doctor" look at it.

    For example:
      returns-hub init
      returns-hub init --provider returnmate --account acme-au --environment sandbox
      returns-hub init --provider returnless --env signing_keys=SHOP_SIGNING_KEY --set order_timezone=Europe/Amsterdam
      returns-hub init --sandbox

    Args:
        provider: The vendor, as "providers" lists it.
        account: Your name for the account; without it, the vendor's.
        environment: The vendor's environment, as "sandbox"; production without it.
        store: The mirror, in a new file: sqlite:///PATH or postgresql://...
        env: OPTION=VARIABLE, again for each: the environment variable that holds this option.
        set_: OPTION=VALUE, again for each: the value of an option that is no secret.
        sandbox: An account at each simulator that "returns-hub sandbox" starts, ready to be used.
        config: The file to write; without it, returns-hub.toml in the current directory.
    """
    path = config or DEFAULT_PATH
    if sandbox:
        if provider or account or environment or env or set_:
            raise ConfigurationError(
                "--sandbox writes the accounts of all simulators, and takes no other option but --store"
            )
        if path.exists():
            raise ConfigurationError(f"{path} is there already; name another file with --config")
        from returns_hub.cli.sandbox import configuration, not_started

        _write(path, configuration(not_started(), store=store))
        print_remark(f"{path} has the accounts of the simulators. Next: returns-hub sandbox")
        return
    asks = provider is None
    if provider is None:
        provider = _ask_provider()
    adapter = registry.adapter_class(provider)
    name = account or (
        _ask("Your name for the account", provider.replace("_", "-")) if asks else provider.replace("_", "-")
    )
    Account(name=name, provider=provider)  # refuses a name that cannot be one
    options = _Options(adapter)
    given = options.read(env, variables=True) | options.read(set_, variables=False)
    if asks:
        environment = environment or _ask_environment(adapter)
        given |= options.ask(skip=given)
        if not path.exists():
            store = _ask("Where the mirror is kept", store)
    else:
        given = options.defaults(skip=given) | given
    own = {"provider": provider} | ({"environment": environment} if environment else {})
    lines = [
        f"[accounts.{toml_text(name) if '.' in name else name}]",
        *(f"{key} = {toml_text(value)}" for key, value in own.items()),
    ]
    lines += [f"{key} = {value}" for key, value in given.items()]
    text = "\n".join(lines) + "\n"
    variables = _write(path, text if path.exists() else f"{_HEADER}store = {toml_text(store)}\n\n{text}", account=name)
    print_remark(f"{path} has the account {name}.")
    if variables:
        print_remark(f"Next: set {', '.join(variables)}, then run: returns-hub doctor")
    else:
        print_remark("Next: returns-hub doctor")


class _Options:
    """The options of an adapter: which are required, and which hold secrets."""

    def __init__(self, adapter: type[Adapter]) -> None:
        self._adapter = adapter
        fields = {each.alias or each.name: each for each in attrs.fields(attrs.resolve_types(adapter)) if each.init}
        self._names = (*fields, *(each.name for each in attrs.fields(Account) if each.name not in _ELSEWHERE))
        self._required = [name for name, each in fields.items() if each.default is attrs.NOTHING]
        self._secrets = secret_options(adapter)
        self._lists = {name for name in self._secrets if get_origin(fields[name].type) is tuple}

    def read(self, texts: Sequence[str], *, variables: bool) -> dict[str, str]:
        """``OPTION=...`` as TOML, by option.

        Raises:
            ConfigurationError: it has another form, or the vendor has no such option.
        """
        flag, form = ("--env", "OPTION=VARIABLE") if variables else ("--set", "OPTION=VALUE")
        found = {}
        for text in texts:
            name, equals, value = text.partition("=")
            if not equals or not value:
                raise ConfigurationError(f"{flag} takes {form}, not {clean(text[:80])!r}")
            self._check(flag, name)
            if variables:
                found[name] = self._variable(name, value)
            elif name in self._secrets:
                raise ConfigurationError(
                    f"--set {name}: a secret does not go into the file; --env {name}=VARIABLE names its variable"
                )
            else:
                found[name] = _toml(value)
        return found

    def defaults(self, skip: Mapping[str, str]) -> dict[str, str]:
        """What the vendor requires, as TOML by option: variables of the environment."""
        return {name: self._variable(name, self._suggest(name)) for name in self._required if name not in skip}

    def ask(self, skip: Mapping[str, str]) -> dict[str, str]:
        """What the vendor requires, and what its webhooks need, as a person answers."""
        found = {}
        for name in self._required:
            if name in skip:
                continue
            found[name] = self._variable(name, _ask(f"Environment variable with {name}", self._suggest(name)))
        for name in self._secrets:
            if name not in self._required and name not in skip:
                variable = _ask(f"Environment variable with {name}, for webhooks (empty: none)", "")
                if variable:
                    found[name] = self._variable(name, variable)
                    if "webhook_url" in self._names:
                        found["webhook_url"] = toml_text(_ask("Webhook address, exactly as registered with the vendor"))
        return found

    def _check(self, flag: str, name: str) -> None:
        if name not in self._names:
            near = get_close_matches(name, self._names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(self._names)}"
            raise ConfigurationError(f"{flag}: {self._adapter.display_name} has no option {clean(name[:60])!r}; {hint}")

    def _suggest(self, name: str) -> str:
        return f"{self._adapter.provider}_{name.removesuffix('s') if name in self._lists else name}".upper()

    def _variable(self, name: str, variable: str) -> str:
        reference = f"{{ env = {toml_text(variable)} }}"
        return f"[{reference}]" if name in self._lists else reference


def _toml(value: str) -> str:
    """The value itself where it is one of TOML, else as text."""
    try:
        tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return toml_text(value)
    return value


def _write(path: Path, text: str, account: str | None = None) -> tuple[str, ...]:
    """Write a new file, or an account behind what is there; the variables of that account that are not set.

    Raises:
        ConfigurationError: what would be written is no configuration; nothing is written.
    """
    before = path.read_text("utf-8-sig") if path.exists() else ""
    if account is not None and account in tomllib.loads(before).get("accounts", {}):
        raise ConfigurationError(f"{path} has an account {account!r} already; --account gives the new one another name")
    whole = f"{before.rstrip()}\n\n{text}" if before else text
    with TemporaryDirectory() as folder:
        trial = Path(folder) / path.name
        trial.write_text(whole, "utf-8")
        load_config(trial, environ=_Everything())
    path.write_text(whole, "utf-8")
    table = tomllib.loads(whole).get("accounts", {}).get(account, {})
    return tuple(name for name in _variables(table) if not os.environ.get(name))


class _Everything(dict[str, str]):
    """An environment that has every variable."""

    def get(self, key: str, default: Any = None) -> str:  # noqa: ARG002 - dict's
        return "x"

    def __getitem__(self, key: str) -> str:
        return "x"


def _variables(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("env"), str):
            yield value["env"]
        else:
            for part in value.values():
                yield from _variables(part)
    elif isinstance(value, list):
        for part in value:
            yield from _variables(part)


def _ask_provider() -> str:
    if not sys.stdin.isatty():
        raise ConfigurationError(
            f"nobody is there to answer: --provider takes one of {', '.join(registry.providers())}"
        )
    print_line("Which vendor? " + ", ".join(registry.providers()))
    return _ask("Vendor", choices=registry.providers())


def _ask_environment(adapter: type[Adapter]) -> str | None:
    known = tuple(adapter.base_urls)
    if len(known) < 2:
        return None
    return _ask("Environment", known[0], choices=known)


def _ask(question: str, default: str | None = None, *, choices: Sequence[str] | None = None) -> str:
    from rich.prompt import Prompt

    ask: Callable[..., str] = Prompt.ask
    while True:
        further = {} if default is None else {"default": default}
        answer = ask(
            question,
            console=console(),
            choices=list(choices) if choices else None,
            show_default=bool(default),
            **further,
        )
        if answer or default is not None:
            return answer or ""
