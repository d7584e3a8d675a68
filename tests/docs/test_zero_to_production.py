"""The page that leads from nothing to production: every command and program on it, in its order."""

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from returns_hub import Hub
from returns_hub.cli import main, sandbox, trigger
from returns_hub.server import create_app
from returns_hub.testing import serve
from returns_hub_returnmate import ReturnMate
from returns_hub_returnmate.sandbox import ReturnMateSandbox

PAGE = (Path(__file__).parents[2] / "docs" / "zero-to-production.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def _vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """ReturnMate, where the page expects the real one."""
    simulator = ReturnMateSandbox(count=30, api_key="YOUR_API_KEY")
    with serve(simulator) as running:
        url = running.url + simulator.base_path
        monkeypatch.setattr(ReturnMate, "base_urls", dict.fromkeys(ReturnMate.base_urls, url))
        yield


@pytest.mark.usefixtures("_vendor")
def test_every_command_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    printed: dict[str, str] = {}
    with ExitStack() as running:

        def run(line: str) -> None:
            words = shlex.split(line, comments=True)
            match words[:2]:
                case ["python3" | "pip", _]:
                    pass
                case ["export", setting]:
                    monkeypatch.setenv(*setting.split("=", 1))
                case ["returns-hub", "serve"]:
                    receiver = running.enter_context(serve(create_app(running.enter_context(Hub.from_config()))))
                    monkeypatch.setattr(trigger, "DEFAULT_RECEIVER", f"{receiver.url}/webhooks")
                case ["returns-hub", "work"]:
                    hub = running.enter_context(importlib.import_module("my_shop").hub)
                    hub.process()
                    hub.dispatch()
                case ["returns-hub", command]:
                    monkeypatch.setattr(sys, "argv", words)
                    assert main() == 0, line
                    printed[command] = capsys.readouterr().out
                case _:
                    raise AssertionError(f"the page has a line that nobody runs: {line}")

        for language, block in BLOCKS:
            if language == "python":
                (tmp_path / "my_shop.py").write_text(block, "utf-8")
            elif not language:
                for line in block.replace("\\\n", " ").splitlines():
                    run(line)
    sys.modules.pop("my_shop", None)
    assert sandbox.DEFAULT_RECEIVER == "http://127.0.0.1:8000/webhooks"
    assert "RMA-2024-001234" in printed["show"]
    assert "acme-au" in printed["deliveries"]
    assert "refund" in printed["handlers"]
