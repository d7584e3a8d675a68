import importlib
import json
import logging
import os
import pty
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import pytest
from attrs import frozen

from returns_hub import registry
from returns_hub.cli import main, output
from returns_hub.testing import serve
from returns_hub_returnmate.sandbox import ReturnMateSandbox

CANARY = "rm-canary-5d1c0f7e"


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


@contextmanager
def _as_a_new_process(folder: Path, environment: Mapping[str, str], arguments: Sequence[str]) -> Iterator[None]:
    """What a command finds in its process, and may change there; put back afterwards."""
    log, loaded = logging.getLogger("returns_hub"), set(sys.modules)
    handlers, level = list(log.handlers), log.level
    packages = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    with (
        chdir(folder),
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "argv", ["returns-hub", *arguments]),
        mock.patch.object(sys, "path", [*packages, *sys.path]),
        mock.patch.object(tempfile, "tempdir", None),
    ):
        _forget_what_was_found()
        try:
            yield
        finally:
            _forget_what_was_found()
            log.handlers[:] = handlers
            log.setLevel(level)
            for name in set(sys.modules) - loaded:
                file = getattr(sys.modules[name], "__file__", None) or ""
                if file.startswith((f"{folder}/", *packages)):
                    del sys.modules[name]


def _forget_what_was_found() -> None:
    """A new process has found no terminal and no plugin yet."""
    importlib.invalidate_caches()
    for module in (output, registry):
        for member in vars(module).values():
            if hasattr(member, "cache_clear"):
                member.cache_clear()


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Runs the command in ``tmp_path``, in this process, its output in files, and gives what came of it.

    Where the process is the subject (signals, imports, pipes), a test starts the installed command itself.
    """

    def run_command(*arguments: str, **further: str) -> Ran:
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8") as out,
            tempfile.TemporaryFile("w+", encoding="utf-8") as err,
        ):
            with (
                _as_a_new_process(tmp_path, environment | further, arguments),
                redirect_stdout(out),
                redirect_stderr(err),
            ):
                code = main()
            out.seek(0)
            err.seek(0)
            return Ran(code, out.read(), err.read())

    return run_command


@pytest.fixture
def show(tmp_path: Path, environment: dict[str, str]) -> Callable[..., str]:
    """Runs the command on a terminal so many columns wide, and gives all that it wrote there."""

    def run_on_terminal(columns: int, *arguments: str, **further: str) -> str:
        leader, follower = pty.openpty()
        written: list[bytes] = []

        def read() -> None:
            with suppress(OSError):  # that is how a terminal says that nobody writes any more
                while part := os.read(leader, 65536):
                    written.append(part)

        reader = threading.Thread(target=read)
        reader.start()
        terminal = environment | {"TERM": "xterm-256color", "COLUMNS": str(columns)} | further
        with (
            TextIOWrapper(os.fdopen(follower, "wb", buffering=0), encoding="utf-8", write_through=True) as stream,
            _as_a_new_process(tmp_path, terminal, arguments),
            redirect_stdout(stream),
            redirect_stderr(stream),
        ):
            main()
        reader.join()
        os.close(leader)
        return b"".join(written).decode().replace("\r\n", "\n")

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
        with _as_a_new_process(path.parent, environment, ["--config", str(path), "sync", "--details"]):
            assert main() == 0
    return path
