import os
import traceback
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

import pytest
from attrs import field, frozen

from returns_hub import Account, Adapter, ConfigurationError, Secret
from returns_hub.accounts import build_adapter
from returns_hub.client import open_client
from returns_hub.configuration import Config, examine_config, load_config

CANARY = "canary-77c1e0"


class Plan(StrEnum):
    SMALL = "small"
    LARGE = "large"


@frozen(kw_only=True)
class Everything(Adapter):
    """An adapter with an option of every type that there is."""

    api_key: Secret
    plan: Plan = Plan.SMALL
    currency: str | None = None
    signing_keys: tuple[Secret, ...] = field(default=(), converter=tuple)
    warehouses: tuple[str, ...] = ()
    status_map: Mapping[str, Any] = field(factory=dict)
    margin: Decimal = Decimal(0)
    strict: bool = False
    retries: int = 0
    _derived: str = field(init=False, default="x")

    provider: ClassVar[str] = "everything"
    base_urls: ClassVar[Mapping[str, str]] = {"production": "https://x.test"}


def built(**options: Any) -> Any:
    return build_adapter(Everything, {"api_key": "k", **options})


def refusal(**options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        build_adapter(Everything, options)
    return str(caught.value)


def test_text_becomes_a_secret() -> None:
    assert built().api_key == Secret("k")


def test_secret_stays_one() -> None:
    assert built(api_key=Secret("k")).api_key == Secret("k")


@pytest.mark.parametrize("given", ["a", ["a"], ("a",), [Secret("a")], Secret("a")])
def test_several_secrets_are_one_or_a_list(given: Any) -> None:
    assert built(signing_keys=given).signing_keys == (Secret("a"),)


def test_several_texts_are_one_or_a_list() -> None:
    assert (built(warehouses="a").warehouses, built(warehouses=["a", "b"]).warehouses) == (("a",), ("a", "b"))


def test_word_of_an_enum() -> None:
    assert built(plan="large").plan is Plan.LARGE


@pytest.mark.parametrize("given", [Decimal("1.5"), "1.5"])
def test_exact_number(given: Any) -> None:
    assert built(margin=given).margin == Decimal("1.5")


def test_table_flag_count_and_none() -> None:
    adapter = built(status_map={"Swapped": "closed"}, strict=True, retries=3, currency=None)
    assert (adapter.status_map, adapter.strict, adapter.retries, adapter.currency) == (
        {"Swapped": "closed"},
        True,
        3,
        None,
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "everything: option api_key is missing"),
        ({"api_key": ""}, "everything: option api_key is empty"),
        ({"api_key": 5}, "everything: option api_key must be text, not int"),
        ({"api_key": None}, "everything: option api_key must be text, not NoneType"),
        ({"api_key": "k", "signing_keys": ["a", 5]}, "everything: option signing_keys[1] must be text, not int"),
        ({"api_key": "k", "signing_keys": ["a", ""]}, "everything: option signing_keys[1] is empty"),
        ({"api_key": "k", "plan": "medium"}, "everything: option plan must be one of small, large"),
        ({"api_key": "k", "plan": ["small"]}, "everything: option plan must be one of small, large"),
        ({"api_key": "k", "currency": 5}, "everything: option currency must be text, not int"),
        ({"api_key": "k", "status_map": "x"}, "everything: option status_map must be a table, not str"),
        ({"api_key": "k", "status_map": {1: "x"}}, "everything: option status_map must be a table, not dict"),
        ({"api_key": "k", "margin": 0.1}, "everything: option margin must be a number, as text, not float"),
        ({"api_key": "k", "margin": "1e9"}, "everything: option margin must be a number, as text, not str"),
        ({"api_key": "k", "strict": 1}, "everything: option strict must be true or false, not int"),
        ({"api_key": "k", "retries": True}, "everything: option retries must be a whole number, not bool"),
    ],
)
def test_wrong_option_is_named(options: Any, text: str) -> None:
    assert refusal(**options) == text


def test_unknown_option_is_named_with_the_close_one_and_all_of_them() -> None:
    assert refusal(api_kye="k") == (
        "everything: option api_kye is not known; did you mean 'api_key'? Known: "
        "api_key, currency, margin, page_size, plan, retries, signing_keys, status_map, strict, warehouses"
    )


def test_misspelt_argument_of_connect_is_suggested_too() -> None:
    assert "did you mean 'environment'?" in refusal(api_key="k", enviroment="sandbox")


def test_derived_field_is_no_option() -> None:
    assert "_derived is not known" in refusal(api_key="k", _derived="y")


def test_account_is_named_where_there_is_one() -> None:
    with pytest.raises(ConfigurationError, match=r"^accounts\.acme-au\.api_key is missing$"):
        build_adapter(Everything, {}, account="acme-au")


def test_values_that_the_adapter_itself_refuses_are_not_quoted() -> None:
    @frozen(kw_only=True)
    class Picky(Adapter):
        provider: ClassVar[str] = "picky"
        code: str = field()

        @code.validator
        def _short(self, attribute: Any, value: str) -> None:
            raise ValueError(f"{value} is too long")

    with pytest.raises(ConfigurationError) as caught:
        build_adapter(Picky, {"code": CANARY})
    assert str(caught.value) == "the options of picky were refused (ValueError)"
    assert CANARY not in everything_shown(caught.value)


def everything_shown(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@pytest.mark.parametrize(
    "wrong",
    [{"api_kye": CANARY}, {"api_key": [CANARY]}, {"api_key": "k", "plan": CANARY}, {"api_key": "k", "retries": CANARY}],
)
def test_no_error_shows_a_value(wrong: Any) -> None:
    account = Account(name="a", provider="everything", options=wrong)
    wrong.clear()
    with pytest.raises(ConfigurationError) as caught:
        build_adapter(Everything, account.options)
    assert CANARY not in everything_shown(caught.value) + repr(caught.value.args)


def test_account_shows_the_names_of_its_options_only() -> None:
    account = Account(name="acme-au", provider="everything", options={"api_key": CANARY})
    assert "api_key" in repr(account)
    assert CANARY not in repr(account)


@pytest.mark.parametrize("name", ["", "a/b", "-a", "a b", "ä", "a" * 65, "a\n"])
def test_account_name_must_fit_into_a_url(name: str) -> None:
    with pytest.raises(ConfigurationError, match="account cannot be called"):
        Account(name=name, provider="everything")


# The configuration file


Load = Callable[..., Config]


@pytest.fixture
def load(tmp_path: Path, installed_acme: Any) -> Load:
    def one(text: str | bytes, **environ: str) -> Config:
        path = tmp_path / "returns-hub.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(path, environ=environ)

    return one


def test_configuration_as_the_documentation_shows_it(load: Load, tmp_path: Path) -> None:
    config = load(
        """
        store = "sqlite:///returns.db"
        [accounts.acme-au]
        provider = "acme"
        environment = "sandbox"
        api_key = { env = "ACME_API_KEY" }
        base_url = "http://127.0.0.1:8080/v1"
        rate_limit = "60/min"
        history_start = 2023-06-01
        """,
        ACME_API_KEY="k",
    )
    account = config.accounts["acme-au"]
    assert config.store == f"sqlite:///{tmp_path}/returns.db"
    assert config.warnings == ()
    assert (account.name, account.provider, account.environment) == ("acme-au", "acme", "sandbox")
    assert (account.base_url, account.rate_limit) == ("http://127.0.0.1:8080/v1", "60/min")
    assert account.history_start == date(2023, 6, 1)
    assert dict(account.options) == {"api_key": "k"}


def test_defaults(load: Load, tmp_path: Path) -> None:
    config = load('[accounts.a]\nprovider = "acme"\n')
    account = config.accounts["a"]
    assert config.store == f"sqlite:///{tmp_path}/returns.db"
    assert (account.environment, account.history_start) == ("production", date(2020, 1, 1))


@pytest.mark.parametrize(
    "store", ["sqlite:////var/returns.db", "sqlite:///:memory:", "sqlite://", "postgresql://u:p@db/returns"]
)
def test_other_stores_are_left_as_they_are(store: str, load: Load) -> None:
    assert load(f'store = "{store}"').store == store


def test_store_with_a_password_is_not_shown(load: Load) -> None:
    assert CANARY not in repr(load(f'store = "postgresql://u:{CANARY}@db/returns"'))


def test_store_may_come_from_the_environment(load: Load) -> None:
    assert load('store = { env = "DATABASE" }', DATABASE="postgresql://db/x").store == "postgresql://db/x"


def test_environment_is_found_inside_lists_and_tables(load: Load) -> None:
    config = load(
        """
        [accounts.a]
        provider = "acme"
        keys = ["one", { env = "TWO" }]
        status_map = { Swapped = { status = { env = "WORD" } } }
        """,
        TWO="two",
        WORD="closed",
    )
    assert dict(config.accounts["a"].options) == {
        "keys": ["one", "two"],
        "status_map": {"Swapped": {"status": "closed"}},
    }


@pytest.mark.parametrize("content", ["k", "k\n", "k\r\n"])
def test_a_value_may_be_in_a_file_beside_the_configuration(tmp_path: Path, installed_acme: Any, content: str) -> None:
    (tmp_path / "api_key").write_bytes(content.encode())
    path = tmp_path / "returns-hub.toml"
    path.write_text('[accounts.a]\nprovider = "acme"\napi_key = { file = "api_key" }\n')
    config, problems = examine_config(path, environ={})
    assert (dict(config.accounts["a"].options), config.warnings, problems) == ({"api_key": "k"}, (), ())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff", "is not UTF-8 text"),
        (b"k" * 65537, "is larger than 64 KiB"),
    ],
)
def test_a_file_without_a_value_is_named(load: Load, tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / "api_key"
    if content is not None:
        path.write_bytes(content)
    account = load('[accounts.a]\nprovider = "acme"\napi_key = { file = "api_key" }\n').accounts["a"]
    assert account.unavailable == (f"accounts.a.api_key: the file {path} {problem}",)
    with pytest.raises(ConfigurationError) as caught:
        open_client(account)
    assert str(caught.value) == account.unavailable[0]


def test_variables_that_are_not_set_are_named_and_the_other_accounts_can_be_used(load: Load) -> None:
    config = load(
        '[accounts.a]\nprovider = "acme"\napi_key = { env = "NOWHERE" }\nkeys = ["k", { env = "NO_KEY" }]\n'
        'base_url = { env = "NO_URL" }\nsync_every = "5m"\n[accounts.b]\nprovider = "acme"\napi_key = "k"\n'
    )
    assert config.accounts["a"].unavailable == (
        "accounts.a.api_key: the environment variable NOWHERE is not set",
        "accounts.a.keys[1]: the environment variable NO_KEY is not set",
        "accounts.a.base_url: the environment variable NO_URL is not set",
    )
    assert (config.accounts["a"].sync_every, config.accounts["b"].unavailable) == (timedelta(minutes=5), ())


def test_what_is_wrong_is_all_found_where_that_is_asked_for(tmp_path: Path, installed_acme: Any) -> None:
    path = tmp_path / "returns-hub.toml"
    path.write_text(
        """
stroe = "x"
store = 5
keep_deliveries = "soon"
[accounts.a]
provider = "acne"
history_start = "soon"
[accounts.b]
provider = "acme"
api_key = { env = "NOWHERE" }
[accounts."c d"]
provider = "acme"
""",
        "utf-8",
    )
    config, problems = examine_config(path, environ={})
    assert list(config.accounts) == ["b"]
    assert [(each.account, each.text) for each in problems] == [
        (
            None,
            f"{path}: stroe is not known; did you mean 'store'? Known: accounts, keep_deliveries, store",
        ),
        ("a", "accounts.a.history_start must be a date such as 2024-01-31"),
        ("a", "accounts.a.provider 'acne' is not known; did you mean 'acme'? Known: acme"),
        (
            "c d",
            "an account cannot be called 'c d': letters, digits, '.', '_' and '-', at most 64, are allowed",
        ),
        (None, "store must be text, not int"),
        (None, 'keep_deliveries must look like "30s", "5m", "1h" or "30d"'),
    ]


def test_numbers_with_a_fraction_are_exact(load: Load) -> None:
    config = load('[accounts.a]\nprovider = "acme"\nmargin = 0.1\n')
    assert config.accounts["a"].options["margin"] == Decimal("0.1")


def test_secret_in_the_file_works_and_is_warned_about(tmp_path: Path, installed_acme: Any) -> None:
    path = tmp_path / "returns-hub.toml"
    path.write_text(f'[accounts.acme-au]\nprovider = "acme"\napi_key = "{CANARY}"\n')
    config, problems = examine_config(path, environ={})
    assert problems == ()
    assert config.accounts["acme-au"].options["api_key"] == CANARY
    assert config.warnings == (
        'accounts.acme-au.api_key is written in the file; { env = "NAME" } or { file = "PATH" } keeps it out',
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '[accounts.a]\nprovider = { env = "NOWHERE" }',
            "accounts.a.provider: the environment variable NOWHERE is not set",
        ),
        ('store = { env = "NOWHERE" }', "store: the environment variable NOWHERE is not set"),
        (
            '[accounts.a]\nprovider = "acne"',
            "accounts.a.provider 'acne' is not known; did you mean 'acme'? Known: acme",
        ),
        ('[accounts.a]\napi_key = "k"', "accounts.a.provider is missing; installed: acme"),
        ("[accounts.a]\nprovider = 5", "accounts.a.provider must be text, not int"),
        ('[accounts.a]\nprovider = "acme"\nenvironment = 5', "accounts.a.environment must be text, not int"),
        ('[accounts.a]\nprovider = "acme"\nbase_url = ""', "accounts.a.base_url is empty"),
        ('[accounts.a]\nprovider = "acme"\nrate_limit = 60', "accounts.a.rate_limit must be text, not int"),
        (
            '[accounts.a]\nprovider = "acme"\nhistory_start = "soon"',
            "accounts.a.history_start must be a date such as 2024-01-31",
        ),
        (
            '[accounts.a]\nprovider = "acme"\nhistory_start = 2024-01-31T10:00:00Z',
            "accounts.a.history_start must be a date such as 2024-01-31",
        ),
        ("[accounts]\na = 5", "accounts.a must be a table, not int"),
        ("accounts = 5", "accounts must be a table of accounts, not int"),
        ("store = 5", "store must be text, not int"),
        ("keep_deliveries = 30", 'keep_deliveries must look like "30s", "5m", "1h" or "30d"'),
        ('keep_deliveries = "999999d"', 'keep_deliveries must look like "30s", "5m", "1h" or "30d"'),
        ('store = ""', "store is empty"),
    ],
)
def test_what_is_wrong_is_named(text: str, problem: str, load: Load) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    assert str(caught.value) == problem


def test_unknown_key_is_named_with_the_close_one(load: Load) -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"acount is not known; did you mean 'accounts'\? Known: accounts, keep_deliveries, store$",
    ):
        load("acount = 5")


def test_malformed_file_is_named_with_the_line(load: Load, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load('store = "x"\n[accounts.a\n')
    assert str(caught.value) == (
        f"the configuration file {tmp_path}/returns-hub.toml is not valid TOML: "
        "Expected ']' at the end of a table declaration (at line 2, column 12)"
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"store = '\xff'", "is not UTF-8"),
        (b"#" * (1024 * 1024 + 1), "is larger than 1 MiB"),
        (b"x = " + b"[" * 100_000, "is not valid TOML"),
        (b"x = " + b"1" * 10_000, "is not valid TOML"),
    ],
    ids=["not text", "too large", "too deep", "too long"],
)
def test_hostile_file_is_refused(content: bytes, problem: str, load: Load) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        load(content)


def test_byte_order_mark_in_front_is_no_part_of_the_file(load: Load) -> None:
    assert list(load(b"\xef\xbb\xbf[accounts.a]\nprovider = 'acme'\n").accounts) == ["a"]


@pytest.mark.parametrize("folder", ["a%20b", "a%2Fb", "a?b", "a#b", "a b", "ü", "a?timeout=5"])
def test_relative_store_is_in_the_folder_of_the_file_whatever_its_name(
    folder: str, tmp_path: Path, installed_acme: Any
) -> None:
    path = tmp_path / folder / "returns-hub.toml"
    path.parent.mkdir()
    path.write_text('store = "sqlite:///returns.db?timeout=5"', "utf-8")
    assert load_config(path).store == f"sqlite:///{tmp_path}/{folder}/returns.db?timeout=5"


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml does not exist"):
        load_config(tmp_path / "nowhere.toml")


def test_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        load_config(tmp_path)


def test_file_in_the_current_directory_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: Load
) -> None:
    load('[accounts.a]\nprovider = "acme"\n')
    monkeypatch.chdir(tmp_path)
    config = load_config()
    assert list(config.accounts) == ["a"]
    assert config.store == f"sqlite:///{tmp_path}/returns.db"


def test_neither_file_nor_environment_is_in_a_traceback(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOME_KEY", CANARY)
    path = tmp_path / "bad.toml"
    path.write_text(f'[accounts.a]\nprovider = "acme"\napi_key = "{CANARY}"\nenvironment = 5\n', "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_config(path)
    assert CANARY not in everything_shown(caught.value)
    assert os.environ["SOME_KEY"] == CANARY


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("orders", '"my_shop"', 'accounts.acme.orders must look like "my_shop.lookup:find_order"'),
        ("orders", '"my-shop:find"', 'accounts.acme.orders must look like "my_shop.lookup:find_order"'),
        ("orders", "7", "accounts.acme.orders must be text, not int"),
        ("sync_every", '"5 minutes"', 'accounts.acme.sync_every must look like "30s", "5m", "1h" or "30d"'),
        ("sync_every", '"0s"', 'accounts.acme.sync_every must look like "30s", "5m", "1h" or "30d"'),
        ("sync_every", "300", 'accounts.acme.sync_every must look like "30s", "5m", "1h" or "30d"'),
    ],
)
def test_what_runs_for_an_account_is_checked_when_the_file_is_read(
    tmp_path: Path, key: str, value: str, said: str
) -> None:
    path = tmp_path / "returns-hub.toml"
    path.write_text(f'[accounts.acme]\nprovider = "returnmate"\n{key} = {value}\n', "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_config(path)
    assert str(caught.value) == said


def test_what_runs_for_an_account(tmp_path: Path) -> None:
    path = tmp_path / "returns-hub.toml"
    lines = ["[accounts.acme]", 'provider = "returnless"', 'orders = "my_shop.lookup:find_order"', 'sync_every = "5m"']
    path.write_text("\n".join(lines), "utf-8")
    account = load_config(path).accounts["acme"]
    assert (account.orders, account.sync_every) == ("my_shop.lookup:find_order", timedelta(minutes=5))


def test_deliveries_are_kept_for_thirty_days_by_default(load: Load) -> None:
    kept = [load(text).keep_deliveries for text in ("", 'keep_deliveries = "12h"', 'keep_deliveries = "90d"')]
    assert kept == [timedelta(days=30), timedelta(hours=12), timedelta(days=90)]
