"""What goes wrong at the vendor, in the configuration or in the store: one line, a code, and a whole mirror."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from returns_hub import Account, AsyncClient, HttpAnswer, connect_async
from returns_hub.cli.app import run as run_command
from returns_hub.testing import json_answer
from returns_hub_returnmate.sandbox import ReturnMateSandbox

Run = Callable[..., Any]


def test_a_missing_configuration_is_named(run: Run) -> None:
    ran = run("sync")
    assert (ran.code, ran.err) == (
        2,
        "returns-hub: the configuration file returns-hub.toml does not exist; returns-hub init writes one\n",
    )


def test_malformed_toml_is_named_with_its_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "returns-hub.toml").write_text("store = \n")
    ran = run("sync")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert ran.err.startswith("returns-hub: the configuration file returns-hub.toml is not valid TOML: ")
    assert "line 1" in ran.err


@pytest.mark.parametrize(
    ("further", "sentence"),
    [
        ('plann = "starter"', "accounts.acme-au.plann is not known; did you mean 'plan'?"),
        ("plan = 3", "accounts.acme-au.plan must be one of starter, professional, enterprise"),
        ('currency = ["AUD"]', "accounts.acme-au.currency must be text, not list"),
        ('status_map = { lost = "gone" }', "status_map, word 'lost': "),
        (
            'webhook_secrets = [{ env = "NOT_SET_ANYWHERE" }]',
            "accounts.acme-au.webhook_secrets[0]: the environment variable NOT_SET_ANYWHERE is not set",
        ),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_read(
    configure: Callable[..., None], run: Run, vendor: ReturnMateSandbox, further: str, sentence: str
) -> None:
    configure(further)
    ran = run("sync")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert sentence in ran.err
    assert vendor.requests == ()


UNSET = """
[accounts.unset]
provider = "returnmate"
api_key = { env = "NOT_SET_ANYWHERE" }
"""
NOT_SET = "accounts.unset.api_key: the environment variable NOT_SET_ANYWHERE is not set"


def test_what_is_in_the_mirror_is_read_without_the_vendors_secrets(
    configure: Callable[..., None], run: Run, vendor: ReturnMateSandbox
) -> None:
    assert run("sync").code == 0
    configure(UNSET)
    for command in (["returns"], ["show", "acme-au", min(vendor.return_ids)], ["events"], ["deliveries", "list"]):
        ran = run(*command, RETURNMATE_API_KEY="")
        assert (ran.code, ran.err, ran.out != "") == (0, "", True)


def test_an_account_whose_variable_is_not_set_is_reported_and_the_others_are_synced(
    configure: Callable[..., None], run: Run
) -> None:
    configure(UNSET)
    ran = run("sync", "--json")
    assert ran.code == 1
    assert [(each["account"], each["read"], each["error"]) for each in ran.objects] == [
        ("acme-au", 60, None),
        ("unset", 0, NOT_SET),
    ]
    assert run("sync", "unset").err == f"returns-hub: {NOT_SET}\n"


@pytest.mark.parametrize("command", ["serve", "work"])
def test_nothing_is_begun_without_all_secrets(configure: Callable[..., None], run: Run, command: str) -> None:
    configure(UNSET)
    ran = run(command)
    assert (ran.code, ran.err) == (2, f"returns-hub: {NOT_SET}\n")


def test_a_missing_key_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "returns-hub.toml").write_text('[accounts.acme-au]\nprovider = "returnmate"\n')
    ran = run("sync")
    assert (ran.code, ran.err) == (2, "returns-hub: accounts.acme-au.api_key is missing\n")


def test_an_unknown_provider_suggests_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "returns-hub.toml").write_text('[accounts.acme-au]\nprovider = "returnmat"\n')
    ran = run("sync")
    assert (ran.code, "did you mean 'returnmate'?" in ran.err, ran.err.count("\n")) == (2, True, 1)


@pytest.mark.parametrize(
    ("store", "line"),
    [
        ("sqlite:///", "the address of the mirror names no file; sqlite:///returns.db does"),
        ("mysql://root:hunter2@localhost/x", "the address of the mirror must look like"),
        ("sqlite:///nowhere/returns.db", "cannot be created: there is no directory"),
        ("sqlite:///directory", "is a directory, not a file"),
        ("sqlite:///text.db", "is a file, but not a database of SQLite"),
    ],
)
@pytest.mark.parametrize("command", ["sync", "returns", "events"])
def test_an_unusable_store_is_one_line(run: Run, tmp_path: Path, store: str, line: str, command: str) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "text.db").write_text("not a database, but long enough to have a header of one hundred bytes. " * 2)
    (tmp_path / "returns-hub.toml").write_text(
        f'store = "{store}"\n[accounts.a]\nprovider = "returnmate"\napi_key = "k"\n'
    )
    ran = run(command)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert line in ran.err
    assert "hunter2" not in ran.err


def too_many_without_headers(vendor: ReturnMateSandbox) -> None:
    vendor.faults.too_many_requests()


def too_many_for_a_day(vendor: ReturnMateSandbox) -> None:
    vendor.faults.too_many_requests(retry_after=7200)


def html_error_page(vendor: ReturnMateSandbox) -> None:
    vendor.faults.server_error(html=True)


def server_error(vendor: ReturnMateSandbox) -> None:
    vendor.faults.server_error()


def truncated_json(vendor: ReturnMateSandbox) -> None:
    vendor.faults.truncated()


def success_false(vendor: ReturnMateSandbox) -> None:
    vendor.faults.answer_with(vendor_error(200, "VALIDATION_ERROR"))


def cut_off(vendor: ReturnMateSandbox) -> None:
    vendor.faults.cut_off()


def no_reply(vendor: ReturnMateSandbox) -> None:
    vendor.faults.drop_before()


def not_found(vendor: ReturnMateSandbox) -> None:
    vendor.faults.answer_with(vendor_error(404, "NOT_FOUND"))


def permission_denied(vendor: ReturnMateSandbox) -> None:
    vendor.faults.answer_with(vendor_error(403, "PERMISSION_DENIED"))


def vendor_error(status: int, code: str) -> HttpAnswer:
    return json_answer(
        status, {"success": False, "error": {"code": code, "message": "said the vendor", "details": None}}
    )


FAULTS = [
    (too_many_without_headers, "RATE_LIMITED"),
    (too_many_for_a_day, "wait 7200 s"),
    (html_error_page, "HTTP 500"),
    (server_error, "SERVER_ERROR"),
    (truncated_json, "the reply is not JSON"),
    (success_false, "HTTP 200, VALIDATION_ERROR"),
    (cut_off, "the connection broke"),
    (no_reply, "the connection broke"),
    (not_found, "NOT_FOUND"),
    (permission_denied, "PERMISSION_DENIED"),
]


@pytest.mark.parametrize(("fault", "fact"), FAULTS, ids=lambda value: getattr(value, "__name__", None))
def test_a_failing_vendor_is_one_line_and_leaves_the_mirror_empty(
    configure: Callable[..., None],
    run: Run,
    vendor: ReturnMateSandbox,
    fault: Callable[[ReturnMateSandbox], None],
    fact: str,
) -> None:
    fault(vendor)
    ran = run("sync")
    assert (ran.code, ran.err.count("\n"), ran.err[: len("returns-hub: acme-au: returnmate ")]) == (
        1,
        1,
        "returns-hub: acme-au: returnmate ",
    )
    assert fact in ran.err
    assert "said the vendor" not in ran.err
    assert run("returns", "--json").lines == run("events", "--json").lines == []


def test_wrong_credentials_are_one_line(configure: Callable[..., None], run: Run) -> None:
    ran = run("sync", RETURNMATE_API_KEY="another-canary")
    assert (ran.code, ran.err.count("\n"), "HTTP 401, AUTHENTICATION_ERROR" in ran.err) == (1, 1, True)
    assert "another-canary" not in ran.out + ran.err


def test_a_failure_as_json_is_in_the_summary_too(
    configure: Callable[..., None], run: Run, vendor: ReturnMateSandbox
) -> None:
    permission_denied(vendor)
    ran = run("sync", "--json")
    (report,) = ran.objects
    assert (ran.code, ran.err) == (1, f"returns-hub: acme-au: {report['error']}\n")


def test_a_sync_that_fails_half_way_keeps_what_it_read_and_goes_on_from_there(
    configure: Callable[..., None], run: Run, vendor: ReturnMateSandbox
) -> None:
    run("sync")
    vendor.set_status("rma_abc123", "approved")
    permission_denied(vendor)
    failed = run("sync")
    vendor.faults.clear()
    (report,) = run("sync", "--json").objects
    assert failed.code == 1
    assert (report["error"], report["events"]) == (None, 1)


def test_one_failing_account_does_not_stop_the_others(configure: Callable[..., None], run: Run, base_url: str) -> None:
    configure(
        '[accounts.second]\nprovider = "returnmate"\nrate_limit = "none"\n'
        f'base_url = "{base_url}"\napi_key = "another-canary"'
    )
    ran = run("sync", "--json")
    assert [(report["account"], report["read"], report["error"] is None) for report in ran.objects] == [
        ("acme-au", 60, True),
        ("second", 0, False),
    ]
    assert (ran.code, ran.err.count("\n"), ran.err.startswith("returns-hub: second: ")) == (1, 1, True)


def test_a_vendor_that_is_too_slow_is_one_line(
    configure: Callable[..., None],
    vendor: ReturnMateSandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # In this process, because the command waits longer than a test may.
    def hasty(account: Account, **_: object) -> AsyncClient:
        return connect_async(account.provider, base_url=account.base_url, timeout=0.2, deadline=1.0, **account.options)

    monkeypatch.setattr("returns_hub.hub.resources.open_async_client", hasty)
    monkeypatch.setenv("RETURNMATE_API_KEY", "rm-canary-5d1c0f7e")
    monkeypatch.chdir(tmp_path)
    vendor.faults.slow(5.0)
    code = run_command(["sync"])
    err = capsys.readouterr().err
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith("returns-hub: acme-au: returnmate ")
