import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import pytest
from attrs import frozen

from returns_hub.testing import serve
from returns_hub_returnmate.sandbox import ReturnMateSandbox

CANARY = "rm-canary-5d1c0f7e"
SCRIPT = Path(sys.executable).parent / "returns-hub"


@frozen
class Ran:
    """What a run of the command came to."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.lines]


class Run(Protocol):
    def __call__(self, *arguments: str, **environment: str) -> Ran: ...


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of the command: nothing of the one that runs the tests but where programs are."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path_factory.mktemp("home")),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "RETURNMATE_API_KEY": CANARY,
    }


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Runs the installed command in ``tmp_path``, its output piped, and gives what came of it."""

    def run_command(*arguments: str, **further: str) -> Ran:
        done = subprocess.run(
            [SCRIPT, *arguments],
            cwd=tmp_path,
            env=environment | further,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run_command


@pytest.fixture
def show(tmp_path: Path, environment: dict[str, str]) -> Callable[..., str]:
    """Runs the installed command on a terminal so many columns wide, and gives all that it wrote there."""

    def run_on_terminal(columns: int, *arguments: str, **further: str) -> str:
        leader, follower = pty.openpty()
        command = subprocess.Popen(
            [SCRIPT, *arguments],
            cwd=tmp_path,
            env=environment | {"TERM": "xterm-256color", "COLUMNS": str(columns)} | further,
            stdin=subprocess.DEVNULL,
            stdout=follower,
            stderr=follower,
        )
        os.close(follower)
        written = b""
        with suppress(OSError):  # that is how a terminal says that nobody writes any more
            while part := os.read(leader, 65536):
                written += part
        os.close(leader)
        command.wait(60)
        return written.decode().replace("\r\n", "\n")

    return run_on_terminal


CONFIGURATION = """\
store = "sqlite:///returns.db"

[accounts.acme-au]
provider = "returnmate"
base_url = "{base_url}"
api_key = {{ env = "RETURNMATE_API_KEY" }}
rate_limit = "none"
{further}
"""


@pytest.fixture
def vendor() -> ReturnMateSandbox:
    """ReturnMate with 60 RMAs."""
    return ReturnMateSandbox(count=60, api_key=CANARY)


@pytest.fixture
def base_url(vendor: ReturnMateSandbox) -> Iterator[str]:
    """Where ``vendor`` listens."""
    with serve(vendor) as running:
        yield running.url + vendor.base_path


@pytest.fixture
def configure(tmp_path: Path, base_url: str) -> Callable[..., None]:
    """Writes returns-hub.toml with the account ``acme-au`` at ``vendor``, and further lines for it; once without any."""

    def write(further: str = "") -> None:
        (tmp_path / "returns-hub.toml").write_text(CONFIGURATION.format(base_url=base_url, further=further), "utf-8")

    write()
    return write


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """The configuration of a mirror that holds 60 RMAs with all their details; to be read only."""
    path = tmp_path_factory.mktemp("mirror") / "returns-hub.toml"
    simulator = ReturnMateSandbox(count=60, api_key=CANARY)
    with serve(simulator) as running:
        path.write_text(CONFIGURATION.format(base_url=running.url + simulator.base_path, further=""), "utf-8")
        subprocess.run([SCRIPT, "--config", path, "sync", "--details"], env=environment, check=True, timeout=60)
    return path
