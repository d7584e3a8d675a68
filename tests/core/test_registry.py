import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from returns_hub import Adapter, ConfigurationError, PluginError, registry

Install = Callable[..., None]


@pytest.fixture(autouse=True)
def _forget_loaded() -> Iterator[None]:
    registry.adapter_class.cache_clear()
    registry.sandbox_class.cache_clear()
    yield
    registry.adapter_class.cache_clear()
    registry.sandbox_class.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a distribution with one module, as far as anyone who looks for entry points can tell."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def one(
        name: str, provider: str, module: str, source: str, *, attribute: str = "It", group: str = registry.ADAPTERS
    ) -> None:
        sys.modules.pop(module, None)
        (tmp_path / f"{module}.py").write_text(source, "utf-8")
        info = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
        (info / "entry_points.txt").write_text(f"[{group}]\n{provider} = {module}:{attribute}\n", "utf-8")

    return one


GOOD = """
from returns_hub import Adapter

class It(Adapter):
    provider = "{provider}"
    display_name = "Good"
    base_urls = {{"production": "https://x.test"}}
    capabilities = {{}}
"""


def test_installed_vendors_are_listed_without_importing_them(install: Install) -> None:
    install("acme-returns", "acme", "acme_broken", "raise RuntimeError")
    assert "acme" in registry.providers()
    assert list(registry.providers()) == sorted(registry.providers())


def test_adapter_of_an_installed_vendor(install: Install) -> None:
    install("acme-returns", "acme", "acme_good", GOOD.format(provider="acme"))
    assert issubclass(registry.adapter_class("acme"), Adapter)


def test_unknown_provider_is_answered_with_a_suggestion(install: Install) -> None:
    install("acme-returns", "acme", "acme_good", GOOD.format(provider="acme"))
    with pytest.raises(ConfigurationError, match=r"no provider 'acne'; did you mean 'acme'\? Installed: .*acme"):
        registry.adapter_class("acne")


def test_unknown_provider_with_nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_entries", lambda group: ())
    with pytest.raises(ConfigurationError, match=r"no provider 'acme'\. Installed: none"):
        registry.adapter_class("acme")


def test_adapter_that_cannot_be_imported(install: Install) -> None:
    install("acme-returns", "acme", "acme_missing", "import a_module_that_is_nowhere")
    with pytest.raises(PluginError) as caught:
        registry.adapter_class("acme")
    assert str(caught.value) == (
        "the distribution acme-returns, which provides 'acme', cannot be imported "
        "(ModuleNotFoundError: No module named 'a_module_that_is_nowhere'); install what it needs, or uninstall it"
    )
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_entry_point_that_names_nothing(install: Install) -> None:
    install("acme-returns", "acme", "acme_empty", "")
    with pytest.raises(PluginError, match=r"acme-returns.*AttributeError"):
        registry.adapter_class("acme")


def test_entry_point_that_is_no_adapter(install: Install) -> None:
    install("acme-returns", "acme", "acme_dict", "It = dict")
    with pytest.raises(
        PluginError, match=r"acme-returns.*acme_dict:It, which is not a subclass of returns_hub.Adapter"
    ):
        registry.adapter_class("acme")


def test_adapter_that_calls_itself_something_else(install: Install) -> None:
    install("acme-returns", "acme", "acme_other", GOOD.format(provider="other"))
    with pytest.raises(PluginError, match=r"acme-returns.*calls itself 'other'"):
        registry.adapter_class("acme")


def test_adapter_that_lacks_what_every_adapter_has(install: Install) -> None:
    install(
        "acme-returns", "acme", "acme_bare", "from returns_hub import Adapter\nclass It(Adapter): provider = 'acme'"
    )
    with pytest.raises(PluginError, match="does not set display_name, base_urls, capabilities"):
        registry.adapter_class("acme")


def test_two_distributions_with_one_provider(install: Install) -> None:
    install("acme-returns", "acme", "acme_good", GOOD.format(provider="acme"))
    install("other-acme", "acme", "acme_rival", GOOD.format(provider="acme"))
    with pytest.raises(PluginError, match=r"acme-returns \(acme_good:It\) and other-acme \(acme_rival:It\)"):
        registry.adapter_class("acme")


def test_one_distribution_that_is_found_twice_is_one(monkeypatch: pytest.MonkeyPatch, install: Install) -> None:
    install("acme-returns", "acme", "acme_good", GOOD.format(provider="acme"))
    entry = EntryPoint("acme", "acme_good:It", registry.ADAPTERS)
    monkeypatch.setattr(registry, "_entries", lambda group: (entry, entry))
    assert registry.adapter_class("acme").provider == "acme"


def test_sandbox_of_a_vendor(install: Install) -> None:
    install("acme-returns", "acme", "acme_box", "def It(**given): return given", group=registry.SANDBOXES)
    assert registry.sandboxes() == tuple(sorted({*registry.sandboxes(), "acme"}))
    assert registry.sandbox_class("acme")(count=3) == {"count": 3}


def test_sandbox_that_cannot_be_called(install: Install) -> None:
    install("acme-returns", "acme", "acme_value", "It = 3", group=registry.SANDBOXES)
    with pytest.raises(PluginError, match="cannot be called"):
        registry.sandbox_class("acme")


def test_vendor_without_a_sandbox() -> None:
    with pytest.raises(ConfigurationError, match="no sandbox 'nobody'"):
        registry.sandbox_class("nobody")


def test_loaded_adapter_is_kept(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("acme-returns", "acme", "acme_good", GOOD.format(provider="acme"))
    first: Any = registry.adapter_class("acme")
    monkeypatch.setattr(registry, "_entries", lambda group: ())
    assert registry.adapter_class("acme") is first
