"""The command as a program: help, usage errors, how it ends, what it imports."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

COMMANDS = (
    "check-adapter",
    "completion",
    "console",
    "deliveries",
    "demo",
    "doctor",
    "erase",
    "events",
    "explain",
    "find",
    "handlers",
    "init",
    "new-adapter",
    "providers",
    "reconcile",
    "returns",
    "sandbox",
    "serve",
    "show",
    "sync",
    "trigger",
    "work",
)


GROUPS = ("deliveries", "handlers")


def test_version_is_that_of_the_distribution(run: Run) -> None:
    from importlib.metadata import version

    assert run("--version").out == f"returns-hub {version('returns-hub')}\n"


def test_help_lists_every_command(run: Run) -> None:
    assert set(re.findall(r"^│ (\w[\w-]*) ", run("--help").out, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize(
    "command", [*(one for one in COMMANDS if one not in GROUPS), *(f"{one} list" for one in GROUPS)]
)
def test_help_of_a_command_has_an_example(run: Run, command: str) -> None:
    assert f"For example:\n  returns-hub {command}" in run(*command.split(), "--help").out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["synk"], "returns-hub: there is no command 'synk'; did you mean sync?"),
        (["sync", "--sinse", "2024-12-01"], "returns-hub: there is no option '--sinse'; did you mean --since?"),
        (["sync", "--since", "yesterday"], "returns-hub: --since takes a date such as 2024-12-30, not 'yesterday'"),
        (["returns", "--status", "redy_to_ship"], "returns-hub: --status takes one of draft, "),
        (["returns", "--limit", "0"], "returns-hub: --limit must be >= 1, not '0'"),
        (["events", "--after", "-1"], "returns-hub: --after must be a sequence"),
        (["find"], "returns-hub: find needs TEXT; "),
        (["sandbox", "--port", "65536"], "returns-hub: --port must be <= 65535, not '65536'"),
        (["sandbox", "--every", "0"], "returns-hub: --every must be > 0, not '0'"),
        (["--config"], "returns-hub: --config needs a value; returns-hub --help says more"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(run: Run, arguments: list[str], line: str) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n"), ran.err[: len(line)]) == (2, "", 1, line)


def test_config_may_stand_before_the_command(run: Run, mirror: Path) -> None:
    assert run("--config", str(mirror), "returns", "--limit", "1").code == 0


def test_config_may_stand_after_the_command(run: Run, mirror: Path) -> None:
    assert run("returns", "--limit", "1", "--config", str(mirror)).code == 0


def test_a_reader_that_goes_away_is_no_error(environment: dict[str, str], mirror: Path) -> None:
    script = Path(sys.executable).parent / "returns-hub"
    read, write = os.pipe()
    os.close(read)
    ran = subprocess.run(
        [script, "--config", mirror, "returns", "--json"],
        env=environment,
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=300,
        check=False,
    )
    os.close(write)
    assert (ran.returncode, ran.stderr) == (141, b"")


def test_a_full_disk_is_one_line_and_code_1(environment: dict[str, str], mirror: Path) -> None:
    script = Path(sys.executable).parent / "returns-hub"
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [script, "--config", mirror, "returns"],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=300,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (1, b"returns-hub: No space left on device\n")


@pytest.mark.parametrize(
    ("missing", "extra", "code"),
    [("cyclopts", "cli", 2), ("rich", "cli", 2), ("sqlalchemy", "store", 1), ("uvicorn", "server", 2)],
)
def test_a_missing_extra_is_one_line_that_names_it(
    environment: dict[str, str], mirror: Path, tmp_path: Path, missing: str, extra: str, code: int
) -> None:
    # What a path entry raises for a module is what Python raises for one that is not installed.
    (tmp_path / f"{missing}.py").write_text(f"raise ModuleNotFoundError(name={missing!r})")
    command = "import sys; from returns_hub.cli import main; sys.exit(main())"
    ran = subprocess.run(
        [sys.executable, "-c", command, "--config", mirror, "demo" if extra == "server" else "returns"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert (ran.returncode, ran.stderr.count("\n")) == (code, 1)
    assert f"'returns-hub[{extra}]'" in ran.stderr


@pytest.mark.parametrize(
    "heavy",
    [
        "sqlalchemy",
        "httpx",
        "uvicorn",
        "rich.progress",
        "returns_hub_returnmate",
        "returns_hub.model",
        "returns_hub.cli.sync",
    ],
)
def test_help_does_not_import(environment: dict[str, str], heavy: str) -> None:
    program = f"import sys; sys.argv[1:] = ['--help']; from returns_hub.cli import main; main(); sys.exit({heavy!r} in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", program], env=environment, stdout=subprocess.DEVNULL, check=False
        ).returncode
        == 0
    )


def test_the_list_of_commands_has_what_each_says_of_itself() -> None:
    from returns_hub.cli.app import _COMMANDS, app

    own = {name: " ".join((app[name].help or "").partition("\n\n")[0].split()) for name, _, _ in _COMMANDS}
    assert {name: summary for name, _, summary in _COMMANDS} == own
