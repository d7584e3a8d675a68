"""``sync`` against the ReturnMate simulator over real HTTP."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from returns_hub import HttpAnswer
from returns_hub.store import Store
from returns_hub.store.leases import Leases
from returns_hub_returnmate.sandbox import ReturnMateSandbox

Run = Callable[..., Any]

REPORT_KEYS = [
    "account",
    "requests",
    "pages",
    "read",
    "created",
    "changed",
    "unchanged",
    "events",
    "invalid_records",
    "unreadable",
    "unknown_words",
    "gaps",
    "duration_s",
    "error",
    "retry_at",
    "skipped",
]


@pytest.fixture
def synced(configure: Callable[..., None], run: Run) -> Any:
    """The first sync of an account."""
    return run("sync", "--json")


def test_the_summary_as_json_has_the_documented_keys(synced: Any) -> None:
    (report,) = synced.objects
    assert (synced.code, synced.err, list(report)) == (0, "", REPORT_KEYS)


def test_the_first_sync_reads_everything(synced: Any, vendor: ReturnMateSandbox) -> None:
    (report,) = synced.objects
    assert (report["account"], report["read"], report["created"], report["events"]) == ("acme-au", 60, 60, 60)


def test_the_mirror_has_the_exact_set(synced: Any, vendor: ReturnMateSandbox, run: Run) -> None:
    assert {ret["id"] for ret in run("returns", "--json").objects} == set(vendor.rmas)


def test_the_second_sync_changes_nothing(synced: Any, run: Run) -> None:
    (report,) = run("sync", "--json").objects
    assert (report["created"], report["changed"], report["events"]) == (0, 0, 0)


def test_a_change_at_the_vendor_is_one_event(synced: Any, vendor: ReturnMateSandbox, run: Run) -> None:
    last = run("events", "--json").objects[-1]["sequence"]
    vendor.set_status("rma_abc123", "approved")
    (report,) = run("sync", "--json").objects
    (event,) = run("events", "--after", str(last), "--json").objects
    assert report["events"] == 1
    assert (event["type"], event["return_id"], event["changes"]) == (
        "return.status_changed",
        "rma_abc123",
        {"status": ["requested", "approved"], "status_raw": ["pending", "approved"]},
    )


def test_an_unknown_word_is_counted_and_explained(
    synced: Any, vendor: ReturnMateSandbox, configure: Callable[..., None], run: Run
) -> None:
    vendor.set_status("rma_abc123", "Warten auf Teile")
    ran = run("sync")
    assert (ran.code, ran.err) == (0, "")
    assert "acme-au: unknown words: 'Warten auf Teile' (" in ran.out


def test_a_word_mapped_in_the_configuration_is_known(
    vendor: ReturnMateSandbox, configure: Callable[..., None], run: Run
) -> None:
    vendor.set_status("rma_abc123", "Quality Hold")
    configure('status_map = { "Quality Hold" = { status = "received", attention = ["review"] } }')
    run("sync")
    (ret,) = run("show", "acme-au", "rma_abc123", "--json").objects
    assert (ret["status"], ret["status_raw"], ret["attention"]) == ("received", "Quality Hold", ["review"])


def test_people_get_a_line_for_each_account(configure: Callable[..., None], run: Run) -> None:
    ran = run("sync")
    assert (ran.code, len(ran.lines)) == (0, 1)
    assert ran.out.startswith("acme-au: 60 read, 60 new, 0 changed, 60 events (1 request, ")


def test_a_terminal_gets_a_progress_bar(configure: Callable[..., None], show: Callable[..., str]) -> None:
    written = show(80, "sync")
    assert "acme-au backfill" in written
    assert "60 of 60" in written


def test_quiet_leaves_nothing_but_failures(configure: Callable[..., None], run: Run, show: Callable[..., str]) -> None:
    assert (run("--quiet", "sync").out, show(80, "--quiet", "sync")) == ("", "")
    assert run("sync", "--quiet", "--json").objects[0]["account"] == "acme-au"


def test_a_record_that_cannot_be_read_is_reported_and_the_others_are_kept(
    vendor: ReturnMateSandbox, configure: Callable[..., None], run: Run
) -> None:
    vendor.rmas["rma_abc123"]["id"] = {"not": "an id"}
    ran = run("sync")
    assert (ran.code, ran.err) == (
        1,
        "returns-hub: acme-au: 1 record could not be read; they are missing in the mirror\n",
    )
    assert len(run("returns", "--json").lines) == 59


def test_a_field_that_cannot_be_read_is_named_and_is_no_failure(
    vendor: ReturnMateSandbox, configure: Callable[..., None], run: Run
) -> None:
    vendor.rmas["rma_abc123"]["order_number"] = {"not": "text"}
    ran = run("sync", "--json")
    (report,) = map(json.loads, ran.lines)
    assert (ran.code, ran.err) == (0, "")
    assert (report["invalid_records"], report["unreadable"]) == (0, [{"id": "rma_abc123", "field": "order_number"}])
    assert len(run("returns", "--json").lines) == 60


def test_an_unknown_account_is_refused_before_anything_is_read(
    vendor: ReturnMateSandbox, configure: Callable[..., None], run: Run
) -> None:
    ran = run("sync", "acme-uk")
    assert (ran.code, ran.err) == (2, "returns-hub: there is no account 'acme-uk'; did you mean 'acme-au'?\n")
    assert vendor.requests == ()


@pytest.mark.parametrize("arguments", [["sync"], ["sync", "--json"], ["--verbose", "sync"], ["--verbose", "doctor"]])
def test_the_credential_appears_nowhere(
    configure: Callable[..., None], run: Run, tmp_path: Path, arguments: list[str]
) -> None:
    ran = run(*arguments)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert "rm-canary-5d1c0f7e" not in ran.out + ran.err
    assert b"rm-canary-5d1c0f7e" not in written


def test_verbose_logs_the_requests(configure: Callable[..., None], run: Run) -> None:
    ran = run("sync", "--verbose", "--json")
    assert len(ran.objects) == 1
    assert "returnmate GET /rmas: 200 in " in ran.err


def test_the_store_is_beside_the_configuration(
    configure: Callable[..., None], run: Run, tmp_path: Path, environment: dict[str, str]
) -> None:
    run("sync", "--config", str(tmp_path / "returns-hub.toml"))
    with sqlite3.connect(tmp_path / "returns.db") as database:
        assert database.execute("select count(*) from returns").fetchone() == (60,)


def test_an_account_that_another_process_is_syncing_is_left_to_it(
    vendor: ReturnMateSandbox, configure: Callable[..., None], run: Run, tmp_path: Path
) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'returns.db'}") as store:
        Leases(store.database).take("sync acme-au")
        ran = run("sync")
        (report,) = run("sync", "--json").objects
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("acme-au: left to another sync: process ")
    assert report["skipped"].startswith("process ")
    assert vendor.requests == ()


def test_an_allowance_that_is_used_up_is_said_with_when_it_is_back(
    vendor: ReturnMateSandbox, configure: Callable[..., None], run: Run
) -> None:
    vendor.faults.too_many_requests(retry_after=36_000)
    ran = run("sync")
    assert (ran.code, len(ran.lines)) == (1, 1)
    assert ran.err == (
        "returns-hub: acme-au: returnmate list_returns: A long allowance, a day's for instance, is used up "
        "(HTTP 429, RATE_LIMITED, wait 36000 s); what was read is kept\n"
    )
    (report,) = run("sync", "--json").objects
    assert report["retry_at"].endswith("Z")


def test_a_connection_that_fails_again_and_again_is_an_event_about_no_return(
    vendor: ReturnMateSandbox, configure: Callable[..., None], run: Run
) -> None:
    vendor.faults.answer_with(_unauthorized(), "unauthorized")
    for _ in range(3):
        run("sync")
    (event,) = run("events", "--json").objects
    assert (event["type"], event["account"], event["return_id"]) == ("connection.degraded", "acme-au", None)


@pytest.mark.parametrize("interval", ["5", "0m", "5 m", "1d", "m", "-5m", "5m5s"])
def test_an_interval_that_is_none_is_refused(configure: Callable[..., None], run: Run, interval: str) -> None:
    ran = run("sync", f"--every={interval}")
    assert (ran.code, ran.err) == (2, f"returns-hub: --every takes 30s, 5m or 1h, for instance, not {interval!r}\n")


@pytest.mark.parametrize("option", ["--full", "--since=2024-12-01"])
def test_again_and_again_goes_with_what_changed_only(configure: Callable[..., None], run: Run, option: str) -> None:
    ran = run("sync", "--every", "5m", option)
    assert (ran.code, ran.err) == (
        2,
        "returns-hub: --every reads what changed: --full and --since are for a sync of their own\n",
    )


@pytest.fixture
def again_and_again(
    configure: Callable[..., None], tmp_path: Path, environment: dict[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    """A command that syncs every second."""
    command = [str(Path(sys.executable).parent / "returns-hub"), "sync", "--every", "1s", "--json"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_again_and_again_until_a_signal(
    again_and_again: "subprocess.Popen[str]", vendor: ReturnMateSandbox, tmp_path: Path, by: signal.Signals
) -> None:
    assert again_and_again.stdout is not None
    first = json.loads(again_and_again.stdout.readline())
    vendor.set_status("rma_abc123", "approved")
    second, third = (json.loads(again_and_again.stdout.readline()) for _ in range(2))
    again_and_again.send_signal(by)
    _, complaints = again_and_again.communicate(timeout=120)
    assert (first["created"], second["changed"] + third["changed"]) == (60, 1)
    assert (again_and_again.returncode, complaints) == (0, "")
    with sqlite3.connect(tmp_path / "returns.db") as database:
        assert database.execute("select * from leases").fetchall() == []


def test_again_and_again_also_after_a_failure(
    again_and_again: "subprocess.Popen[str]", vendor: ReturnMateSandbox
) -> None:
    assert again_and_again.stdout is not None
    vendor.faults.answer_with(_unauthorized(), "unauthorized", times=1)
    reports = [json.loads(again_and_again.stdout.readline()) for _ in range(2)]
    assert [report["error"] is None for report in reports] == [False, True]


def _unauthorized() -> HttpAnswer:
    return HttpAnswer(status=401)
