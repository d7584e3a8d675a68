"""What an import must not bring with it, each seen in a fresh interpreter."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = [
    "alembic",
    "cattrs",
    "cyclopts",
    "httpcore",
    "httpx",
    "msgspec",
    "psycopg",
    "rich",
    "sqlalchemy",
    "stamina",
    "starlette",
    "typing_extensions",
    "uvicorn",
]


def modules_after(statement: str) -> list[str]:
    program = f"import sys; {statement}; print(*sys.modules)"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()


def imported_by(statement: str) -> set[str]:
    return {name.partition(".")[0] for name in modules_after(statement)}


@pytest.mark.parametrize("statement", ["import returns_hub", "from returns_hub import Account, connect, connect_async"])
def test_nothing_heavy_is_imported_before_it_is_used(statement: str) -> None:
    assert imported_by(statement) & {*HEAVY, "tenacity", "certifi"} == set()


def test_import_loads_no_adapter() -> None:
    assert [name for name in imported_by("import returns_hub") if name.startswith("returns_hub_")] == []


def test_connecting_loads_only_its_own_adapter() -> None:
    names = imported_by("from returns_hub import connect; connect('returnmate', api_key='k').close()")
    assert {name for name in names if name.startswith("returns_hub_")} == {"returns_hub_returnmate"}
    assert names & {*HEAVY, "tenacity", "certifi"} == set()


def test_asking_who_is_installed_loads_no_adapter() -> None:
    names = imported_by("from returns_hub.registry import providers; assert 'returnmate' in providers()")
    assert [name for name in names if name.startswith("returns_hub_")] == []


@pytest.mark.parametrize(
    ("module", "framework"), [("flask", "flask"), ("starlette", "starlette"), ("django", "django"), ("wsgi", "")]
)
def test_a_framework_brings_no_other_and_no_database(module: str, framework: str) -> None:
    others = {"flask", "django", "fastapi", "starlette", "sqlalchemy", "cyclopts", "rich"} - {framework}
    assert imported_by(f"import returns_hub.contrib.{module}") & others == set()


def test_a_mirror_that_is_a_file_brings_no_other_database(tmp_path: Path) -> None:
    (tmp_path / "returns-hub.toml").write_text('[accounts.a]\nprovider = "returnmate"\napi_key = "k"\n')
    read = f"from returns_hub import Hub; hub = Hub.from_config('{tmp_path}/returns-hub.toml'); list(hub.returns()); hub.close()"
    modules_after(read)  # makes the tables
    others = ("alembic", "returns_hub_", "returns_hub.dispatcher", "sqlalchemy.dialects.postgresql")
    assert [name for name in modules_after(read) if name.startswith(others)] == []
