"""The fixtures that users' own test suites get, used by a test suite of its own in another process."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from returns_hub.testing.cassettes import origin, scan

USES = """
import asyncio
from datetime import UTC, datetime

from returns_hub import Hub, Status, connect


def test_a_named_sandbox(returnmate_sandbox):
    with returnmate_sandbox.connect() as client:
        assert {ret.id for ret in client.list_returns()} == returnmate_sandbox.simulator.return_ids
    assert len(returnmate_sandbox.simulator.return_ids) == 20


def test_awaited(returnless_sandbox):
    async def count():
        async with returnless_sandbox.connect_async() as client:
            return len([ret.id async for ret in client.list_returns()])

    assert asyncio.run(count()) > 0


def test_data_time_and_faults(vendor_sandbox):
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    vendor = vendor_sandbox("returnmate", count=3, now=lambda: noon)
    vendor.simulator.faults.unavailable(times=1)
    with vendor.connect() as client:
        assert len(list(client.list_returns())) == 3
        new = client.get_return(vendor.simulator.add_rma())
    assert new.created_at == noon


def test_two_side_by_side_in_a_hub(vendor_sandbox, tmp_path):
    one, other = vendor_sandbox("returnmate", count=3), vendor_sandbox("returnmate", count=4)
    with Hub([one.account("one"), other.account("other")], store=f"sqlite:///{tmp_path}/returns.db") as hub:
        assert [report.read for report in hub.sync()] == [3, 4]
        assert len(list(hub.returns(account="other"))) == 4
"""

CASSETTE = """
from returns_hub import connect


def test_get(cassette):
    key = cassette.secret("VENDOR_KEY")
    with cassette(source="a simulator"), connect("returnmate", api_key=key, base_url="{base_url}") as client:
        assert client.get_return("rma_abc123").number == "RMA-2024-001234"
"""


def run_pytest(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, str(folder)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, cwd=folder, env={"PATH": "", **environ}
    )


def test_sandboxes_are_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_uses.py").write_text(USES, "utf-8")
    ran = run_pytest(tmp_path)
    assert ran.returncode == 0, ran.stdout
    assert "4 passed" in ran.stdout


@pytest.fixture
def suite(tmp_path: Path, returnmate_sandbox: object) -> Path:
    url = returnmate_sandbox.options["base_url"]  # type: ignore[attr-defined]
    (tmp_path / "test_vendor.py").write_text(CASSETTE.format(base_url=url), "utf-8")
    return tmp_path


def test_a_cassette_is_recorded_then_replayed_without_the_vendor(suite: Path) -> None:
    missing = run_pytest(suite)
    assert missing.returncode == 1
    assert "pytest --cassettes=record calls the vendor and writes it" in missing.stdout

    recorded = run_pytest(suite, "--cassettes=record", VENDOR_KEY="rm_sandbox_key")
    assert recorded.returncode == 0, recorded.stdout
    path = suite / "cassettes" / "test_vendor" / "test_get.yaml"
    assert origin(path) == "vendor"
    assert "a simulator" in path.read_text("utf-8")
    assert "rm_sandbox_key" not in path.read_text("utf-8")
    assert scan(path.parent) == ()

    # Nobody listens there now, and no credential is needed.
    module = suite / "test_vendor.py"
    lines = module.read_text("utf-8").splitlines()
    gone = [
        line.split('base_url="')[0] + 'base_url="http://127.0.0.1:9/v1") as client:' if "base_url" in line else line
        for line in lines
    ]
    module.write_text("\n".join(gone) + "\n", "utf-8")
    replayed = run_pytest(suite)
    assert replayed.returncode == 0, replayed.stdout


def test_a_missing_credential_is_named(suite: Path) -> None:
    ran = run_pytest(suite, "--cassettes=record")
    assert ran.returncode == 1
    assert "the environment variable VENDOR_KEY is not set" in ran.stdout


def test_the_vendor_is_compared_with_the_cassette(suite: Path) -> None:
    assert run_pytest(suite, "--cassettes=record", VENDOR_KEY="rm_sandbox_key").returncode == 0
    same = run_pytest(suite, "--cassettes=diff", VENDOR_KEY="rm_sandbox_key")
    assert same.returncode == 0, same.stdout
    path = suite / "cassettes" / "test_vendor" / "test_get.yaml"
    path.write_text(path.read_text("utf-8").replace("rma_number", "rma_no"), "utf-8")
    other = run_pytest(suite, "--cassettes=diff", VENDOR_KEY="rm_sandbox_key")
    assert other.returncode == 1
    assert "exchange 0, GET /v1/rmas/rma_abc123: .data.rma_no is text on file, not there now" in other.stdout
    assert "exchange 0, GET /v1/rmas/rma_abc123: .data.rma_number is not there on file, text now" in other.stdout


PROLOGUE = """
from datetime import UTC, datetime

from returns_hub import Status, connect

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def approve_everything(client):
    for ret in client.list_returns(status=Status.REQUESTED):
        client.set_status(ret.id, Status.APPROVED)


"""


def test_the_fixtures_of_the_documentation_work_as_printed(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (uses, cassette) = [block for block in blocks if "def test_" in block and "import " not in block]
    (tmp_path / "test_uses.py").write_text(PROLOGUE + uses, "utf-8")
    ran = run_pytest(tmp_path)
    assert ran.returncode == 0, ran.stdout
    # The other one calls the vendor, and says how to record it.
    (tmp_path / "test_uses.py").write_text(PROLOGUE + cassette, "utf-8")
    assert "pytest --cassettes=record calls the vendor" in run_pytest(tmp_path).stdout
