import inspect
import subprocess
import sys
from importlib.metadata import version

import pytest

import returns_hub
from returns_hub import errors, events, model, public_names, status

PROMISED = [
    "Account",
    "Adapter",
    "AsyncClient",
    "Capability",
    "Client",
    "Facts",
    "HttpAnswer",
    "Hub",
    "Limits",
    "Operation",
    "Page",
    "Rate",
    "Receipt",
    "Reply",
    "Request",
    "ReturnHint",
    "ReturnObserved",
    "Secret",
    "InvalidRecord",
    "Slice",
    "StatusTable",
    "Support",
    "UnknownEvent",
    "WebhookRequest",
    "body_digest",
    "connect",
    "connect_async",
    "decode_json",
    "dump",
    "format_time",
    "load",
    "parse_time",
    "single_header",
    "structure",
    "verify_hmac_sha256_hex",
]


def classes_of(module: object) -> list[str]:
    """The public classes that a module itself defines."""
    return [
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == getattr(module, "__name__", "") and not name.startswith("_")
    ]


def test_names_are_sorted_and_unique() -> None:
    assert returns_hub.__all__ == sorted(set(returns_hub.__all__))


@pytest.mark.parametrize("name", returns_hub.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(returns_hub, name) is not None


@pytest.mark.parametrize("name", PROMISED)
def test_promised_name_is_public(name: str) -> None:
    assert name in returns_hub.__all__


@pytest.mark.parametrize("module", [errors, events, model, status], ids=lambda module: str(module.__name__))
def test_every_class_of_the_model_is_public(module: object) -> None:
    assert set(classes_of(module)) <= set(returns_hub.__all__)


@pytest.mark.parametrize("name", [name for name in returns_hub.__all__ if name not in ("__version__", "Operation")])
def test_every_public_name_is_documented(name: str) -> None:
    assert (getattr(returns_hub, name).__doc__ or "").strip()


def test_stub_for_type_checkers_has_the_same_names() -> None:
    # `python -m returns_hub.public_names` writes it anew.
    assert public_names.STUB.read_text("utf-8") == public_names.stub(returns_hub._PUBLIC)  # type: ignore[attr-defined]


def test_star_gives_every_public_name() -> None:
    names: dict[str, object] = {}
    exec("from returns_hub import *", names)
    assert set(returns_hub.__all__) <= set(names)


def without_sqlalchemy(program: str) -> str:
    """What a program prints in a core install, where the extras are not there."""
    block = (
        "import sys; sys.modules.update(dict.fromkeys(['sqlalchemy', 'alembic', 'starlette', 'cyclopts', 'rich']))\n"
    )
    done = subprocess.run([sys.executable, "-c", block + program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_core_install_has_every_name() -> None:
    assert (
        without_sqlalchemy(
            "from returns_hub import *; import returns_hub; print(*returns_hub.__all__ - globals().keys())"
        )
        == ""
    )


@pytest.mark.parametrize("asked", ["returns_hub", "returns_hub.Hub", "returns_hub.AsyncHub", "returns_hub.Delivery"])
def test_core_install_has_help_on(asked: str) -> None:
    assert "NAME\n" in without_sqlalchemy("import pydoc; print(pydoc.plain(pydoc.render_doc('returns_hub')))")
    said = without_sqlalchemy(f"import pydoc; print(pydoc.plain(pydoc.render_doc({asked!r})))")
    assert asked.rpartition(".")[2] in said
    assert "Error" not in said.splitlines()[0]


def test_what_needs_an_extra_says_which() -> None:
    program = """
from returns_hub import Account, Hub, StoreError
hub = Hub([Account(name="acme", provider="returnmate", options={"api_key": "k"})], store="sqlite:///returns.db")
try:
    list(hub.returns())
except StoreError as error:
    print(error)
"""
    assert without_sqlalchemy(program) == "the mirror needs the package sqlalchemy: pip install 'returns-hub[store]'"


def test_editors_are_offered_the_public_names() -> None:
    assert set(dir(returns_hub)) == set(returns_hub.__all__)


def test_version_is_the_distributions() -> None:
    assert returns_hub.__version__ == version("returns-hub")


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'returns_hub' has no attribute 'conect'"):
        _ = returns_hub.conect  # type: ignore[attr-defined]  # it is not there, on purpose
