import subprocess
import sys

import pytest

import returns_hub.testing

WITHOUT_PYTEST = """
import sys
sys.modules.update(dict.fromkeys(("pytest", "vcr", "yaml", "hypothesis")))  # importing them fails
from returns_hub.testing import FakeVendor, serve
from returns_hub_returnmate.sandbox import ReturnMateSandbox
with serve(ReturnMateSandbox(count=1)), serve(FakeVendor()) as running:
    print(running.url)
"""


@pytest.mark.parametrize("name", returns_hub.testing.__all__)
def test_a_public_name_is_there(name: str) -> None:
    assert getattr(returns_hub.testing, name)


def test_public_names_are_sorted() -> None:
    assert returns_hub.testing.__all__ == sorted(returns_hub.testing.__all__)


def test_another_name_is_not_there() -> None:
    assert not hasattr(returns_hub.testing, "nothing")


def test_simulators_run_where_pytest_and_vcrpy_are_not_installed() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_PYTEST], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("http://127.0.0.1:")
