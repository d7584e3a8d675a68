"""What it costs to begin, beside ``import httpx``, each in a fresh interpreter: imports, a client, the command.

    python tests/benchmarks/import_time.py [--rounds N] [--max-ratio R]

Processor time, of which an interpreter that imports nothing is taken off. Rounds are interleaved, so that whatever else the
machine does falls on all alike; the ratio is that of the medians. ``import httpx`` also imports rich and click where they are
installed, which would flatter us: they are hidden from it. With ``--max-ratio`` the exit status is 1 above it, for
``import returns_hub``.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HIDE = "import sys; sys.modules.update(click=None, rich=None)"
CONNECT = "from returns_hub import connect"
SCRIPT = str(Path(sys.executable).with_name("returns-hub"))
STATEMENTS = (
    "import httpx",
    "import returns_hub",
    CONNECT,
    f"{CONNECT}; connect('returnmate', api_key='k').close()",
    f"{CONNECT}; from returns_hub_returnmate import ReturnMate; connect(ReturnMate(api_key='k')).close()",
    "from returns_hub import Hub",
)
# What none of the command's own modules can undercut.
LIBRARIES = ("import cyclopts.help, rich.console, rich.table", "import sqlalchemy")
COMMANDS = ("--help", "sync --help", "returns")
CONFIGURATION = '[accounts.acme]\nprovider = "returnmate"\napi_key = { env = "HOME" }\n'


def programs() -> dict[str, list[str]]:
    """What is measured, by its name."""
    hidden = {statement: [sys.executable, "-c", f"{HIDE}; {statement}"] for statement in ("pass", *STATEMENTS)}
    libraries = {statement: [sys.executable, "-c", statement] for statement in LIBRARIES}
    return hidden | libraries | {f"returns-hub {command}": [SCRIPT, *command.split()] for command in COMMANDS}


def seconds(program: list[str]) -> float:
    """Processor time."""
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, program)
    return usage.ru_utime + usage.ru_stime


def main(rounds: int, max_ratio: float | None) -> int:
    # Without byte code every start compiles all modules, which no installation does.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    measured = programs()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("returns-hub.toml").write_text(CONFIGURATION, "utf-8")
        for program in measured.values():
            seconds(program)  # writes the byte code, and makes the store
        times = {name: [seconds(program)] for name, program in measured.items()}
        for _ in range(rounds - 1):
            for name, program in measured.items():
                times[name].append(seconds(program))
        os.chdir("/")
    empty = statistics.median(times.pop("pass"))
    beyond = {name: statistics.median(found) - empty for name, found in times.items()}
    ratios = {name: found / beyond["import httpx"] for name, found in beyond.items()}
    print(f"{'what':104} {'ms':>6} {'ratio':>6}")
    for name, found in beyond.items():
        print(f"{name:104} {found * 1000:6.0f} {ratios[name]:6.2f}")
    return int(max_ratio is not None and ratios["import returns_hub"] > max_ratio)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--max-ratio", type=float)
    options = parser.parse_args()
    sys.exit(main(options.rounds, options.max_ratio))
