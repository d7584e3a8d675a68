"""``new-adapter`` writes a vendor package that is found; ``check-adapter`` says what is done and what to write."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("returns-hub")
ROOT = Path(__file__).parents[2]


def run(*arguments: str, cwd: Path, site: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(site or ""), "NO_COLOR": "1"}
    return subprocess.run(
        [str(COMMAND), *arguments], capture_output=True, text=True, check=False, cwd=cwd, env=environ, timeout=120
    )


def install(project: Path, site: Path) -> None:
    """Put the package where Python finds it, with the entry points that its pyproject.toml declares."""
    told = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    (package,) = project.glob("returns_hub_*")
    site.mkdir(exist_ok=True)
    (site / package.name).symlink_to(package)
    info = site / f"{package.name}-{told['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n", "utf-8"
    )
    groups = told["entry-points"].items()
    lines = [line for group, names in groups for line in (f"[{group}]", *(f"{n} = {v}" for n, v in names.items()))]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = run("new-adapter", "parcel_wise", "--display", "Parcel Wise", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "returns-hub check-adapter parcel_wise" in made.stdout
    install(tmp_path / "returns-hub-parcel-wise", tmp_path / "site")
    return tmp_path / "returns-hub-parcel-wise"


def test_a_new_adapter_is_found_and_its_structure_passes(project: Path) -> None:
    site = project.parent / "site"
    listed = run("providers", "--json", cwd=project, site=site)
    assert "parcel_wise" in [json.loads(line)["provider"] for line in listed.stdout.splitlines()]

    ran = run("check-adapter", "parcel_wise", "--json", cwd=project, site=site)
    assert ran.returncode == 1, ran.stderr
    checks = {row["id"]: row for row in map(json.loads, ran.stdout.splitlines())}
    assert {row["outcome"] for row in checks.values() if row["part"] == "itself"} == {"passed"}
    assert {row["outcome"] for row in checks.values() if row["part"] == "deliveries"} == {"passed", "skipped"}
    assert not [row["id"] for row in checks.values() if row["outcome"] == "failed"]
    found = checks["a-listing-is-complete"]["found"]
    assert found.startswith("NotImplementedError: adapter.py: write list_returns.")


def test_the_report_says_what_to_write_next(project: Path) -> None:
    ran = run("check-adapter", "parcel_wise", cwd=project, site=project.parent / "site")
    assert ran.returncode == 1
    assert "  ✓ it-names-itself" in ran.stdout
    assert "  … a-listing-is-complete (2 of 2 cases)" in ran.stdout
    assert "… adapter.py: write get_return." in ran.stdout
    assert "… cassettes: write get_return.yaml" in ran.stdout
    assert "0 failed" in ran.stdout


def test_a_failed_check_is_explained(project: Path) -> None:
    adapter = project / "returns_hub_parcel_wise" / "adapter.py"
    text = adapter.read_text("utf-8").replace("api_key: Secret", "api_key: str").replace(".reveal()", "")
    adapter.write_text(text, "utf-8")
    ran = run("check-adapter", "parcel_wise", cwd=project, site=project.parent / "site")
    assert ran.returncode == 1
    assert "  ✗ credentials-are-secrets" in ran.stdout
    assert "why it is there: A credential in a plain ``str`` ends up in a ``repr``" in ran.stdout
    assert "'api_key'" in ran.stdout


def test_without_a_suite_what_it_says_of_itself_is_checked(project: Path) -> None:
    ran = run("check-adapter", "parcel_wise", cwd=project.parent, site=project.parent / "site")
    assert ran.returncode == 0, ran.stderr
    assert "what the adapter says of itself is in order" in ran.stdout
    assert "--suite FILE names another" in ran.stdout


def test_a_finished_adapter_is_called_done(tmp_path: Path) -> None:
    suite = ROOT / "tests" / "conformance" / "test_returnmate_conformance.py"
    ran = run("check-adapter", "returnmate", "--suite", str(suite), cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout
    assert "It is done." in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("new-adapter", "Parcel-Wise"), "a vendor cannot be called 'Parcel-Wise'"),
        (("new-adapter", "returnmate"), "the provider 'returnmate' is installed already"),
        (("new-adapter", "class"), "a vendor cannot be called 'class'"),
        (("new-adapter", "x", "--display", 'a"""b'), "--display"),
        (("new-adapter", "x", "--into", "."), "the directory is not empty"),
        (("check-adapter", "parcelwise"), "there is no provider 'parcelwise'"),
        (("check-adapter", "returnmate", "--suite", "none.py"), "there is no such file"),
        (("check-adapter", "returnmate", "--suite", "empty.py"), "no class in it inherits AdapterConformance"),
        (
            ("check-adapter", "returnmate", "--suite", "broken.py"),
            "broken.py cannot be run: SyntaxError: invalid syntax",
        ),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "empty.py").write_text("", "utf-8")
    (tmp_path / "broken.py").write_text("def\n", "utf-8")
    ran = run(*arguments, cwd=tmp_path)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert ran.stdout == ""
