"""``doctor``: each check, when all is well and when it is not."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from returns_hub_returnmate.sandbox import ReturnMateSandbox

Run = Callable[..., Any]


@pytest.fixture
def findings(run: Run) -> Callable[..., dict[str, tuple[str, str]]]:
    """Runs ``doctor --json`` and gives result and detail by the name of the check; of several, the last."""

    def examine(*arguments: str) -> dict[str, tuple[str, str]]:
        ran = run("doctor", "--json", *arguments)
        assert ran.err == ""
        return {one["check"]: (one["result"], one["detail"]) for one in ran.objects}

    return examine


Findings = Callable[..., dict[str, tuple[str, str]]]


def test_all_is_well(configure: Callable[..., None], run: Run) -> None:
    configure('webhook_secrets = ["whsec"]')
    ran = run("doctor")
    assert (ran.code, ran.err, "failed" in ran.out) == (0, "", False)


def test_a_finding_as_json_has_its_keys(configure: Callable[..., None], run: Run) -> None:
    first, *_ = run("doctor", "--json", "--offline").objects
    assert list(first) == ["account", "check", "result", "detail"]


def test_a_secret_in_the_file_is_warned_about(configure: Callable[..., None], run: Run) -> None:
    configure('webhook_secrets = ["literal-canary"]')
    ran = run("doctor", "--offline")
    assert ran.code == 0
    assert "warning  configuration: accounts.acme-au.webhook_secrets is written in the file" in ran.out
    assert "literal-canary" not in ran.out


def test_the_credentials_are_tried_with_one_row(
    configure: Callable[..., None], findings: Findings, vendor: ReturnMateSandbox
) -> None:
    assert findings()["credentials"] == ("ok", "accepted")
    (request,) = vendor.requests
    assert ("per_page", "1") in request.query


def test_offline_calls_no_vendor(configure: Callable[..., None], run: Run, vendor: ReturnMateSandbox) -> None:
    assert run("doctor", "--offline").code == 0
    assert vendor.requests == ()


def test_wrong_credentials_fail(configure: Callable[..., None], run: Run) -> None:
    ran = run("doctor", RETURNMATE_API_KEY="another-canary")
    assert (ran.code, ran.err) == (1, "")
    assert "failed   acme-au: credentials: " in ran.out
    assert "AUTHENTICATION_ERROR" in ran.out
    assert "another-canary" not in ran.out


def test_a_vendor_that_cannot_be_reached_fails(configure: Callable[..., None], run: Run, tmp_path: Path) -> None:
    path = tmp_path / "returns-hub.toml"
    path.write_text(path.read_text("utf-8").replace("base_url = ", 'base_url = "http://127.0.0.1:9/v1" #'), "utf-8")
    ran = run("doctor")
    assert ran.code == 1
    assert "failed   acme-au: vendor: " in ran.out


def test_wrong_options_fail_and_the_rest_is_checked(configure: Callable[..., None], run: Run) -> None:
    configure('[accounts.second]\nprovider = "returnmate"')
    ran = run("doctor")
    assert ran.code == 1
    assert "failed   second: options: accounts.second.api_key is missing" in ran.lines
    assert "ok       acme-au: credentials: accepted" in ran.lines


def test_only_the_named_account_is_checked(configure: Callable[..., None], run: Run) -> None:
    configure('[accounts.second]\nprovider = "returnmate"')
    assert run("doctor", "acme-au").code == 0


def test_an_account_that_is_not_there_is_wrong_usage(configure: Callable[..., None], run: Run) -> None:
    ran = run("doctor", "acme-uk")
    assert (ran.code, ran.out, ran.err) == (
        2,
        "",
        "returns-hub: there is no account 'acme-uk'; did you mean 'acme-au'?\n",
    )


def test_an_account_without_a_webhook_secret_refuses_every_delivery(
    configure: Callable[..., None], findings: Findings
) -> None:
    assert findings("--offline")["webhooks"] == (
        "warning",
        "no secret is configured: every delivery is refused (401)",
    )


def test_with_a_webhook_secret_an_unsigned_delivery_is_refused(
    configure: Callable[..., None], findings: Findings
) -> None:
    configure('webhook_secrets = ["whsec"]')
    result, detail = findings("--offline")["webhooks"]
    assert (result, detail[:31]) == ("ok", "an unsigned delivery is refused")


def test_a_clock_that_agrees_is_well(configure: Callable[..., None], findings: Findings) -> None:
    assert findings()["clock"][0] == "ok"


@pytest.fixture
def wrong_clock(tmp_path: Path) -> Iterator[Callable[[int], None]]:
    """Puts a vendor whose clock is so many minutes off into the configuration."""
    servers = []

    def start(minutes: int) -> None:
        class Vendor(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "12")
                self.end_headers()
                self.wfile.write(b'{"data": []}')

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string(time.time() + 60 * minutes)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Vendor)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        (tmp_path / "returns-hub.toml").write_text(
            f"""
[accounts.acme-au]
provider = "returnmate"
base_url = "http://127.0.0.1:{server.server_port}/v1"
api_key = {{ env = "RETURNMATE_API_KEY" }}
"""
        )

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("minutes", "side"), [(-10, "ahead of"), (10, "behind")])
def test_a_clock_that_differs_is_told(
    wrong_clock: Callable[[int], None], findings: Findings, minutes: int, side: str
) -> None:
    wrong_clock(minutes)
    result, detail = findings()["clock"]
    assert (result, side in detail) == ("warning", True)


def test_a_store_that_cannot_be_opened_fails(configure: Callable[..., None], run: Run, tmp_path: Path) -> None:
    (tmp_path / "returns.db").mkdir()
    ran = run("doctor", "--offline")
    assert (ran.code, ran.err) == (1, "")
    assert "failed   store: the mirror" in ran.out


@pytest.mark.skipif(sqlite3.sqlite_version_info >= (3, 51, 3), reason="this SQLite has the repair")
def test_an_old_sqlite_is_warned_about(configure: Callable[..., None], findings: Findings) -> None:
    assert findings("--offline")["store"][0] == "warning"
