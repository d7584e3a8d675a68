"""What is shown of an account: no credential, whatever its vendor calls it, and whatever option it stands in."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, get_args

import attrs
import pytest

from returns_hub import Account, Adapter, ConfigurationError, Secret, connect
from returns_hub.accounts import build_adapter
from returns_hub.registry import adapter_class, providers

CANARY = "canary-4e8b17"
# What people put into options: the second and third are refused by those that can hold neither an address nor a user.
ADDRESS = f"https://user:{CANARY}@shop.example/hooks?token={CANARY}"
USER = f"{CANARY}@shop.example"


def name_of(option: "attrs.Attribute[Any]") -> str:
    return option.alias or option.name


def kinds(option: "attrs.Attribute[Any]") -> tuple[Any, ...]:
    return (option.type, *get_args(option.type))


def is_secret(option: "attrs.Attribute[Any]") -> bool:
    return Secret in kinds(option)


def texts_for(option: "attrs.Attribute[Any]") -> tuple[str, ...]:
    if is_secret(option):
        return (CANARY, "0" * 40 + "canary", "c2FtcGxlLWtleS1zYW1wbGU=")
    return (ADDRESS, USER) if str in kinds(option) else ()


def options_of(provider: str) -> list["attrs.Attribute[Any]"]:
    return [option for option in attrs.fields(attrs.resolve_types(adapter_class(provider))) if option.init]


def accounts(provider: str) -> Iterator[tuple[dict[str, str], Adapter]]:
    """Every account of the vendor that can be opened with one option, or all secrets, holding what must not be shown."""
    secrets = {name_of(option): texts_for(option) for option in options_of(provider) if is_secret(option)}
    needed = {name_of(option) for option in options_of(provider) if option.default is attrs.NOTHING}
    for number in range(3):
        base = {name: texts[number] for name, texts in secrets.items()}
        for option in options_of(provider):
            for text in texts_for(option):
                given = {**dict.fromkeys(needed, "plain"), **base, name_of(option): text}
                with suppress(ConfigurationError):
                    yield given, build_adapter(adapter_class(provider), given)


@pytest.mark.parametrize("provider", providers())
def test_no_repr_shows_what_an_option_holds(provider: str) -> None:
    opened = list(accounts(provider))
    assert opened
    for given, adapter in opened:
        account = Account(name="a", provider=provider, options=given)
        with connect(adapter) as client:
            shown = f"{adapter!r} {adapter} {client!r} {client} {account!r} {account.options!r}"
        assert [text for text in (CANARY, *given.values()) if text != "plain" and text in shown] == []


@pytest.mark.parametrize("provider", providers())
def test_every_credential_is_tried(provider: str) -> None:
    secrets = {name_of(option) for option in options_of(provider) if is_secret(option)}
    assert {name for given, _ in accounts(provider) for name in given if name in secrets} == secrets
