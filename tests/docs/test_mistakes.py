"""The page of what is said of mistakes: what was typed, and the one line that is said, row by row."""

import re
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from returns_hub import Hub, ItemInstruction, Money, connect
from returns_hub.cli import main, output

PAGE = (Path(__file__).parents[2] / "docs" / "mistakes.md").read_text("utf-8")
CONFIGURATION = re.search(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
# Where nothing listens: what a row says is said before a vendor is asked.
NOBODY = 'base_url = "http://127.0.0.1:9/v1"\nattempts = 1\n'


def rows(title: str) -> list[tuple[str, str]]:
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", section, re.MULTILINE)


def fits(text: str, line: str) -> bool:
    """Whether this is the line; … stands for something longer."""
    assert re.fullmatch(".+".join(map(re.escape, line.split("…"))), text), text
    return True


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with the configuration of the page."""
    assert CONFIGURATION
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOT_SET", raising=False)
    Path("returns-hub.toml").write_text(CONFIGURATION[1] + NOBODY, "utf-8")


def said(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command says on standard error."""
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    monkeypatch.setattr(sys, "path", list(sys.path))
    output.display.cache_clear()
    code, complaint = main(), capsys.readouterr().err
    output.display.cache_clear()
    assert (code in (1, 2), complaint.count("\n")) == (True, 1), complaint
    return complaint.removeprefix("returns-hub: ").rstrip("\n")


@pytest.mark.parametrize(("typed", "line"), rows("At the command line"))
def test_a_command(typed: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert fits(said(typed, monkeypatch, capsys), line)


@pytest.mark.parametrize(("typed", "line"), rows("In returns-hub.toml"))
def test_a_configuration(
    typed: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = typed.partition(" = ")[0]
    text = re.sub(
        rf"^({name}|{'api_key' if name == 'api_keey' else name}) = .*\n",
        "",
        Path("returns-hub.toml").read_text("utf-8"),
        flags=re.MULTILINE,
    )
    Path("returns-hub.toml").write_text(f"{typed}\n{text}" if name == "store" else f"{text}{typed}\n", "utf-8")
    assert fits(said("returns-hub sync", monkeypatch, capsys), line)


@pytest.mark.parametrize(("typed", "line"), rows("In Python"))
def test_a_call(typed: str, line: str) -> None:
    with Hub.from_config() as hub, connect("returnmate", api_key="secret") as client:
        names: dict[str, Any] = {"hub": hub, "client": client, "connect": connect, "datetime": datetime}
        names |= {"Hub": Hub, "ItemInstruction": ItemInstruction, "Money": Money}
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which one, the row says
            list(eval(typed, names))
    assert fits(f"{type(caught.value).__name__}: {caught.value}", line)


def test_there_are_thirty_and_more() -> None:
    found = [row for title in ("At the command line", "In returns-hub.toml", "In Python") for row in rows(title)]
    assert len(found) == PAGE.count("\n| `") >= 60
