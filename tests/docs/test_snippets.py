"""The examples of the README and the documentation are run as they are printed, against the simulator."""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from returns_hub.testing import serve
from returns_hub_return_helper import ReturnHelper
from returns_hub_return_helper.sandbox import ReturnHelperSandbox
from returns_hub_returnless import Returnless
from returns_hub_returnless.sandbox import ReturnlessSandbox
from returns_hub_returnmate import ReturnMate
from returns_hub_returnmate.sandbox import ReturnMateSandbox

ROOT = Path(__file__).parents[2]
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[str]:
    return PYTHON_BLOCK.findall((ROOT / page).read_text("utf-8"))


def whole_programs(page: str) -> list[object]:
    programs = [block for block in blocks(page) if "import " in block]
    return [pytest.param(block, id=f"{page}-{number}") for number, block in enumerate(programs)]


@pytest.fixture
def _vendors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every vendor, where the examples expect the real one."""
    returnmate = ReturnMateSandbox(count=30, api_key="YOUR_API_KEY")
    returnless = ReturnlessSandbox(count=30, user="YOUR_API_USER", password="YOUR_API_PASSWORD")
    return_helper = ReturnHelperSandbox(count=30, api_key="YOUR_API_KEY", api_token="YOUR_API_TOKEN")
    with serve(returnmate) as first, serve(returnless) as second, serve(return_helper) as third:
        url = first.url + returnmate.base_path
        monkeypatch.setattr(ReturnMate, "base_urls", {"production": url, "sandbox": url})
        monkeypatch.setattr(Returnless, "base_urls", {"production": second.url})
        roots = return_helper.base_urls(third.url)
        monkeypatch.setattr(ReturnHelper, "base_urls", {"production": roots["base_url"], "sandbox": roots["base_url"]})
        public = {"public": {"sandbox": roots["more_base_urls"]["public"]}}
        monkeypatch.setattr(ReturnHelper, "more_base_urls", public)
        monkeypatch.setenv("RETURNMATE_API_KEY", "YOUR_API_KEY")
        yield


@pytest.mark.parametrize(
    "program",
    [
        *whole_programs("README.md"),
        *whole_programs("docs/index.md"),
        *whole_programs("docs/quickstart.md"),
        *whole_programs("docs/testing.md"),
        *whole_programs("docs/webhooks.md"),
        *whole_programs("docs/providers/returnmate.md"),
        *whole_programs("docs/providers/returnless.md"),
        *whole_programs("docs/providers/return_helper.md"),
    ],
)
@pytest.mark.usefixtures("_vendors")
def test_example_runs_as_printed(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    configuration = re.search(
        r"^```toml\n(store.*?)^```$", (ROOT / "docs/quickstart.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert configuration
    (tmp_path / "returns-hub.toml").write_text(configuration[1], "utf-8")
    exec(compile(program, "<example>", "exec"), {"__name__": "__main__"})


def test_the_example_account_file_is_valid(tmp_path: Path) -> None:
    from returns_hub.accounts import load_config

    config = load_config(ROOT / "examples" / "returns-hub.toml", environ={"RETURNMATE_API_KEY": "k"})
    assert "acme-au" in config.accounts


def test_the_readme_promises_only_commands_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    promised = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE))
    assert promised >= {"demo", "test"}
    assert {target for target in promised if f"\n{target}:" not in makefile} == set()


def test_the_first_steps_run_without_a_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("RETURNMATE_API_KEY", raising=False)
    runpy.run_path(str(ROOT / "examples" / "first_steps.py"), run_name="__main__")
    assert "RMA-2024-001234: approved, australia_post" in capsys.readouterr().out
