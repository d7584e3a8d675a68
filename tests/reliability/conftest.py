"""What the tests of reliability share: the campaigns of ``tests/benchmarks/``, each small."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

Campaign: TypeAlias = Callable[..., str]


@pytest.fixture
def campaign(request: pytest.FixtureRequest) -> Campaign:
    """Runs a script of ``tests/benchmarks/`` that must succeed, and gives what it printed."""

    def run(script: str, *arguments: str) -> str:
        if "postgresql" in arguments:
            request.getfixturevalue("postgresql_programs")
        command = [sys.executable, str(BENCHMARKS / script), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    return run
