"""The examples of the README and the documentation are run as they are printed, against the simulator."""

import inspect
import re
import runpy
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from returns_hub import registry
from returns_hub.testing import serve

ROOT = Path(__file__).parents[2]
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[str]:
    return PYTHON_BLOCK.findall((ROOT / page).read_text("utf-8"))


def whole_programs(page: str) -> list[object]:
    programs = [block for block in blocks(page) if "import " in block]
    return [pytest.param(block, id=f"{page}-{number}") for number, block in enumerate(programs)]


# How the examples spell an account's credentials, by the name of the option.
CREDENTIALS = {
    "api_key": "YOUR_API_KEY",
    "api_token": "YOUR_API_TOKEN",
    "user": "YOUR_API_USER",
    "password": "YOUR_API_PASSWORD",
}


@pytest.fixture
def _vendors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every vendor, where the examples expect the real one."""
    monkeypatch.setenv("RETURNMATE_API_KEY", "YOUR_API_KEY")
    with ExitStack() as servers:
        for provider in registry.sandboxes():
            make, adapter = registry.sandbox_class(provider), registry.adapter_class(provider)
            simulator = make(count=30, **{name: CREDENTIALS[name] for name in make().options if name in CREDENTIALS})
            urls = simulator.base_urls(servers.enter_context(serve(simulator)).url)
            monkeypatch.setattr(adapter, "base_urls", dict.fromkeys(adapter.base_urls, urls["base_url"]))
            extra = {name: dict.fromkeys(adapter.base_urls, url) for name, url in urls["extra_base_urls"].items()}
            monkeypatch.setattr(adapter, "extra_base_urls", extra)
        yield


# What an example that is no whole program stands in; the fixtures of testing.md have a test of their own.
SURROUNDINGS = {
    "docs/errors.md": """
from returns_hub import NewItem, NewReturn, ProviderError, connect
new = NewReturn(order_number="#1001", customer_email="a@b.example", items=(NewItem(sku="PROD-001", reason="defective"),))
client = connect("returnmate", api_key="YOUR_API_KEY", environment="sandbox")
""",
    "docs/events.md": """
from itertools import islice
from returns_hub import Hub
hub = Hub.from_config()
hub.sync()
events, hub.events = hub.events, lambda **asked: islice(events(**{**asked, "after": 3}), 5)
""",
    "docs/mirror.md": """
from returns_hub import Hub
hub = Hub.from_config()
""",
    "docs/order-lookup.md": """
from returns_hub import Order
""",
}
PAGES = ["README.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("**/[a-z]*.md"))]


def run_as_printed(program: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    configuration = re.search(
        r"^```toml\n(store.*?)^```$", (ROOT / "docs/quickstart.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert configuration
    (folder / "returns-hub.toml").write_text(configuration[1], "utf-8")
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(program, "<example>", "exec"), names)
    for left_open in ("client", "hub"):
        if left_open in names:
            names[left_open].close()


@pytest.mark.parametrize("program", [program for page in PAGES for program in whole_programs(page)])
@pytest.mark.usefixtures("_vendors")
def test_example_runs_as_printed(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_as_printed(program, tmp_path, monkeypatch)


@pytest.mark.parametrize("page", SURROUNDINGS)
@pytest.mark.usefixtures("_vendors")
def test_the_other_examples_run_in_their_surroundings(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for block in blocks(page):
        if "import " not in block:
            run_as_printed(SURROUNDINGS[page] + block, tmp_path, monkeypatch)


def test_no_example_is_left_out() -> None:
    without_import = {page for page in PAGES for block in blocks(page) if "import " not in block}
    assert without_import == {*SURROUNDINGS, "docs/testing.md"}


def test_the_example_account_file_is_valid(tmp_path: Path) -> None:
    from returns_hub.configuration import load_config

    config = load_config(ROOT / "docs" / "examples" / "returns-hub.toml", environ={"RETURNMATE_API_KEY": "k"})
    assert "acme-au" in config.accounts


def test_the_readme_promises_only_commands_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    promised = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE))
    assert promised >= {"demo", "test"}
    assert {target for target in promised if f"\n{target}:" not in makefile} == set()


def test_the_first_steps_run_without_a_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("RETURNMATE_API_KEY", raising=False)
    runpy.run_path(str(ROOT / "docs" / "examples" / "first_steps.py"), run_name="__main__")
    assert "RMA-2024-001234: approved, australia_post" in capsys.readouterr().out


def test_every_page_receives_at_the_port_where_serve_listens() -> None:
    from returns_hub.cli.sandbox import DEFAULT_RECEIVER
    from returns_hub.cli.serve import serve as command

    port = str(inspect.signature(command).parameters["port"].default)
    assert f":{port}/" in DEFAULT_RECEIVER
    folders = ("docs", "returns_hub", "adapters")
    sources = [ROOT / "README.md", *(path for each in folders for path in (ROOT / each).rglob("*.[mp][dy]"))]
    pattern = re.compile(r"(?:127\.0\.0\.1|localhost):(\d+)/(?:webhooks|orders|healthz)|serve [^\n]*--port (\d+)")
    # A port that cannot be is a mistake there.
    sources = [path for path in sources if path.name != "mistakes.md"]
    named = {
        found for path in sources for match in pattern.findall(path.read_text("utf-8")) for found in match if found
    }
    assert named == {port}


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        *(f"docs/{name}.md" for name in ("index", "install", "quickstart", "zero-to-production", "command")),
        *(f"docs/{name}.md" for name in ("webhooks", "events", "mirror", "order-lookup", "testing")),
        *(page for page in PAGES if page.startswith("docs/providers/") and "-" not in page),
    ],
)
def test_a_page_where_people_arrive_says_how_to_install(page: str) -> None:
    beginning = (ROOT / page).read_text("utf-8")[:2500]
    assert re.search(r"^pip install [\"']?returns-hub", beginning, re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/quickstart.md"])
def test_the_first_program_needs_no_key(page: str) -> None:
    assert "key=" not in blocks(page)[0]
    assert "sandbox(" in blocks(page)[0]
