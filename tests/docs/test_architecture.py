"""The page on architecture names modules that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"(?<![\w/<])((?:[a-z_]+/)*[a-z_]+\.py)\b", PAGE.partition("## The way of a call")[2])))


@pytest.mark.parametrize("path", [path for path in NAMED if not path.startswith("tests/")])
def test_a_module_on_the_way_exists(path: str) -> None:
    assert (ROOT / "returns_hub" / path).is_file()


@pytest.mark.parametrize("vendor", sorted((ROOT / "adapters").glob("returns_hub_*")), ids=lambda folder: folder.name)
def test_a_vendor_package_has_the_one_shape(vendor: Path) -> None:
    modules = {path.stem for path in vendor.glob("*.py")}
    assert {"adapter", "protocol", "wire", "statuses", "pagination", "webhooks"} <= modules
    assert not modules & {"base", "parts", "utils"}
    assert {"__init__", "api", "state", "seed", "webhooks"} <= {path.stem for path in (vendor / "sandbox").glob("*.py")}
