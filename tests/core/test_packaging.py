"""Every vendor package below ``adapters`` is packed, found and held by the import rules, without anybody having to remember it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path.name for path in (ROOT / "adapters").glob("returns_hub_*") if (path / "adapter.py").is_file())
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def import_rules() -> list[tuple[str, set[str]]]:
    """The lists of import-linter that name vendor packages."""
    linter = PROJECT["tool"]["importlinter"]
    lists = [("root_packages", linter["root_packages"])]
    lists += [
        (f"{contract['name']}: {key}", value)
        for contract in linter["contracts"]
        for key, value in contract.items()
        if isinstance(value, list)
    ]
    return [(name, set(value)) for name, value in lists if {"returns_hub_returnmate"} & set(value)]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_vendor_package_has_its_entry_points(package: str) -> None:
    points = PROJECT["project"]["entry-points"]
    provider = package.removeprefix("returns_hub_")
    assert points["returns_hub.adapters"][provider].partition(":")[0] == package
    assert points["returns_hub.sandboxes"][provider].partition(":")[0] == f"{package}.sandbox"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_vendor_package_is_in_every_list_of_the_import_rules(package: str) -> None:
    rules = import_rules()
    assert len(rules) == 6
    assert [name for name, packages in rules if package not in packages] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_vendor_package_has_its_page(package: str) -> None:
    assert (ROOT / "docs" / "providers" / f"{package.removeprefix('returns_hub_')}.md").is_file()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_vendor_package_says_that_it_is_typed(package: str) -> None:
    assert (ROOT / "adapters" / package / "py.typed").is_file()
