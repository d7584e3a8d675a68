"""``new-adapter`` writes a vendor package that is found; ``check-adapter`` says what is done and what to write."""

import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from returns_hub.cli import check_adapter

Run = Callable[..., Any]
ROOT = Path(__file__).parents[2]


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
def project(tmp_path: Path, run: Run) -> Path:
    """The skeleton of a vendor package, in a directory of its own."""
    made = run("new-adapter", "parcel_wise", "--display", "Parcel Wise", "--into", ".")
    assert (made.code, made.err) == (0, "")
    assert "returns-hub check-adapter parcel_wise" in made.out
    return tmp_path


@pytest.fixture
def site(project: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A directory for PYTHONPATH in which the package is installed."""
    folder = tmp_path_factory.mktemp("site")
    install(project, folder)
    return str(folder)


def test_a_new_adapter_is_found_and_its_structure_passes(run: Run, site: str) -> None:
    assert "parcel_wise" in [row["provider"] for row in run("providers", "--json", PYTHONPATH=site).objects]

    ran = run("check-adapter", "parcel_wise", "--json", PYTHONPATH=site)
    assert (ran.code, ran.err) == (1, "")
    checks = {row["id"]: row for row in ran.objects}
    assert {row["outcome"] for row in checks.values() if row["part"] == "declaration"} == {"passed"}
    assert {row["outcome"] for row in checks.values() if row["part"] == "webhooks"} == {"skipped"}
    assert not [row["id"] for row in checks.values() if row["outcome"] == "failed"]
    found = checks["a-listing-is-complete"]["found"]
    assert found.startswith("NotImplementedError: adapter.py: write list_returns.")


def test_the_report_says_what_to_write_next_and_explains_what_failed(run: Run, project: Path, site: str) -> None:
    adapter = project / "returns_hub_parcel_wise" / "adapter.py"
    text = adapter.read_text("utf-8").replace("api_key: Secret", "api_key: str").replace(".reveal()", "")
    adapter.write_text(text, "utf-8")
    ran = run("check-adapter", "parcel_wise", PYTHONPATH=site)
    assert ran.code == 1
    assert "  ✓ it-names-itself" in ran.out
    assert "  … a-listing-is-complete (2 of 2 cases)" in ran.out
    assert "… adapter.py: write get_return." in ran.out
    assert "… cassettes: write get_return.yaml" in ran.out
    assert "  ✗ credentials-are-secrets" in ran.out
    assert "why it is there: A credential in a plain ``str`` ends up in a ``repr``" in ran.out
    assert "'api_key'" in ran.out
    unproved = ran.out.partition("Not proved\n")[2]
    assert "  … item.quantity; state the value in a case's `expects`, or name it in `not_given`" in unproved
    assert "It is done." not in ran.out


@pytest.mark.parametrize("tool", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]])
def test_the_skeleton_is_in_good_style_and_typed(project: Path, site: str, tool: list[str]) -> None:
    command = [str(Path(sys.executable).with_name(tool[0])), *tool[1:]]
    ran = subprocess.run(
        command, cwd=project, env={"PATH": "", "MYPYPATH": site}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout


def test_pytest_is_green_on_the_skeleton_and_says_what_is_unwritten(project: Path, site: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "stated or credentials"]
    ran = subprocess.run(command, cwd=project, env={"PYTHONPATH": site}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "test_what_the_data_mean_is_stated[item.quantity] - not proved: item.quantity" in ran.stdout


def test_a_case_is_explained_with_its_exchanges_and_values(run: Run) -> None:
    suite = str(ROOT / "tests" / "returnmate" / "test_returnmate_conformance.py")
    ran = run("check-adapter", "returnmate", "--suite", suite, "--explain", "get_return-documented")
    assert (ran.code, ran.err) == (0, "")
    assert "  GET https://api.returnmate.io/v1/rmas/rma_abc123" in ran.lines
    assert '      "rma_number": "RMA-2024-001234",' in ran.lines
    row = next(line for line in ran.lines if line.startswith("rma_abc123  number "))
    assert row.split() == ["rma_abc123", "number", "RMA-2024-001234", "RMA-2024-001234", "-"]


def test_what_is_not_there_to_explain_is_said(run: Run) -> None:
    suite = str(ROOT / "tests" / "returnmate" / "test_returnmate_conformance.py")
    ran = run("check-adapter", "returnmate", "--suite", suite, "--explain", "get_nothing")
    assert (ran.code, ran.out) == (2, "")
    assert "no case of returnmate is called 'get_nothing'" in ran.err


def test_without_a_suite_only_the_declaration_is_checked(run: Run, project: Path, site: str) -> None:
    (project / "tests" / "test_conformance.py").unlink()
    ran = run("check-adapter", "parcel_wise", PYTHONPATH=site)
    assert (ran.code, ran.err) == (0, "")
    assert "what the adapter says of itself is in order" in ran.out
    assert "--suite FILE names another" in ran.out


def test_only_a_whole_suite_that_passed_is_called_done(capsys: pytest.CaptureFixture[str]) -> None:
    check_adapter._print_verdict("parcel_wise", Counter(passed=57, skipped=3), whole=True)
    check_adapter._print_verdict("parcel_wise", Counter(passed=57, unwritten=1), whole=True)
    check_adapter._print_verdict("parcel_wise", Counter(passed=6), whole=False)
    assert [("It is done." in line) for line in capsys.readouterr().out.splitlines()] == [True, False, False, False]


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
def test_what_cannot_be_is_said(run: Run, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "empty.py").write_text("", "utf-8")
    (tmp_path / "broken.py").write_text("def\n", "utf-8")
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
