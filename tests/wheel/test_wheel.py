"""The built wheel where it is installed: run by ``make wheel``, in an environment that has never seen the tree."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distribution, entry_points, packages_distributions
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import returns_hub
from returns_hub import Hub, registry
from returns_hub.server import create_app
from returns_hub.testing import serve

HOME = Path(__file__).parents[2]
PACKAGES = sorted(name for name in packages_distributions() if name.startswith("returns_hub"))


def test_it_is_the_installed_wheel_that_is_tested() -> None:
    where = Path(returns_hub.__file__)
    assert "site-packages" in where.parts
    assert not where.is_relative_to(HOME / "returns_hub")


def test_every_package_of_the_tree_is_in_it() -> None:
    tree = {path.parent.name for path in HOME.glob("adapters/*/__init__.py")}
    assert {*tree, "returns_hub"} <= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_that_it_is_typed(package: str) -> None:
    assert files(package).joinpath("py.typed").is_file()


def test_what_is_no_code_is_in_it() -> None:
    shipped = {str(path) for path in distribution("returns-hub").files or ()}
    assert {path for path in shipped if "/skeleton/" in path}
    assert {path for path in shipped if "/migrations/" in path}
    assert [path for path in shipped if path.endswith("licenses/LICENSE")]
    assert not [path for path in shipped if path.startswith(("tests/", "cassettes/", "docs/"))]


def test_the_entry_points_lead_somewhere() -> None:
    assert set(registry.sandboxes()) <= set(registry.providers())
    for provider in registry.providers():
        assert registry.adapter_class(provider).provider == provider
    assert [entry.value for entry in entry_points(group="console_scripts", name="returns-hub")] == [
        "returns_hub.cli:main"
    ]


@pytest.mark.parametrize("provider", registry.sandboxes())
def test_a_sync_and_a_webhook(provider: str, vendor_sandbox: Callable[..., Any], tmp_path: Path) -> None:
    vendor = vendor_sandbox(provider)
    with Hub([vendor.account("acme")], store=f"sqlite:///{tmp_path}/returns.db") as hub:
        (report,) = hub.sync()
        assert report.error is None
        # Of a request and the return that grew from it the vendor has two, and the mirror one.
        mirrored = {name for stored in hub.returns() for name in (stored.ret.id, stored.ret.request_id) if name}
        assert mirrored >= vendor.simulator.return_ids
        with serve(create_app(hub)) as receiver:
            result = vendor.simulator.trigger(f"{receiver.url}/webhooks/acme")
        if result is not None:  # None: this simulator delivers nothing
            hub.process()
            assert {delivery.state.value for delivery in hub.deliveries()} == {"processed"}


def test_the_demo_ends_well() -> None:
    command = Path(sys.executable).with_name("returns-hub")
    done = subprocess.run([command, "demo", "--count", "20"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
