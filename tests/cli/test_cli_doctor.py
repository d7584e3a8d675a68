"""``doctor``: each check, when all is well and when it is not."""

import hashlib
import hmac
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from returns_hub import Account, Hub, WebhookRequest
from returns_hub.configuration import load_config
from returns_hub_returnmate import ReturnMate
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


def test_a_vendor_that_cannot_be_reached_fails(
    configure: Callable[..., None], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: 0.0)  # no pause between two attempts
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


def test_fields_that_could_not_be_read_are_named(
    configure: Callable[..., None], run: Run, vendor: ReturnMateSandbox, findings: Findings
) -> None:
    assert "unreadable" not in findings()
    vendor.rmas["rma_abc123"]["customer"] = {"email": "jane@example.com", "name": ["Jane"]}
    ran = run("sync")
    named = "could not be read and left empty: rma_abc123 customer.name"
    assert (ran.code, ran.lines[-1]) == (0, f"acme-au: {named}")
    assert findings()["unreadable"] == ("warning", named)


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
        "no webhook secret is configured for this account; every delivery is refused (401)",
    )


def test_with_a_webhook_secret_an_unsigned_delivery_is_refused(
    configure: Callable[..., None], findings: Findings
) -> None:
    configure('webhook_secrets = ["whsec"]')
    result, detail = findings("--offline")["webhooks"]
    assert (result, detail[:31]) == ("ok", "an unsigned delivery is refused")


SIGNED_ADDRESS = """
[accounts.acme-us]
provider = "return_helper"
api_key = "k"
api_token = "t"
signing_keys = ["c2lnbmluZy1rZXk="]
webhook_url = "{url}"
"""


@pytest.mark.parametrize(
    ("url", "result", "detail"),
    [
        (
            "https://shop.example/returns/webhooks/acme-us",
            "ok",
            "signatures are checked for https://shop.example/returns/webhooks/acme-us",
        ),
        (
            "https://shop.example/hooks?token=canary",
            "warning",
            "https://shop.example/hooks does not end in /webhooks/acme-us: something has to lead there what comes in at it",
        ),
    ],
)
def test_the_address_that_is_signed_is_shown_without_its_query(
    configure: Callable[..., None], findings: Findings, url: str, result: str, detail: str
) -> None:
    configure(SIGNED_ADDRESS.format(url=url))
    assert findings("--offline", "acme-us")["webhook address"] == (result, detail)


def test_how_far_a_signed_time_may_be_off_is_reported(configure: Callable[..., None], findings: Findings) -> None:
    configure(SIGNED_ADDRESS.format(url="https://shop.example/webhooks/acme-us"))
    assert findings("--offline", "acme-us")["webhook time"] == (
        "ok",
        "a signed time may be 15 minutes from this clock",
    )


def test_an_address_that_is_missing_is_reported(configure: Callable[..., None], findings: Findings) -> None:
    configure(SIGNED_ADDRESS.replace('webhook_url = "{url}"\n', ""))
    assert findings("--offline", "acme-us")["webhooks"] == (
        "warning",
        "no webhook_url is configured for this account: it is part of what is signed; every delivery is refused (401)",
    )


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
def test_a_clock_that_differs_is_reported(
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


@pytest.fixture
def delivered(configure: Callable[..., None], tmp_path: Path) -> Callable[[timedelta], None]:
    """Puts a delivery into the inbox that came so long ago."""
    configure('webhook_secrets = ["whsec"]')
    config = load_config(tmp_path / "returns-hub.toml", environ={"RETURNMATE_API_KEY": "k"})

    def deliver(age: timedelta) -> None:
        signature = hmac.new(b"whsec", b"{}", hashlib.sha256).hexdigest()
        request = WebhookRequest(
            method="POST",
            url="https://shop.example/webhooks/acme-au",
            headers={"X-Webhook-Signature": signature},
            body=b"{}",
            received_at=datetime.now(UTC) - age,
        )
        with Hub(config.accounts, store=config.store) as hub:
            hub.receive("acme-au", request)

    return deliver


def test_an_inbox_that_is_worked_on_is_well(delivered: Callable[[timedelta], None], findings: Findings) -> None:
    delivered(timedelta(0))
    assert findings("--offline")["deliveries"] == ("ok", "pending: 1, dead: 0")


def test_a_delivery_that_waits_too_long_is_reported(delivered: Callable[[timedelta], None], findings: Findings) -> None:
    delivered(timedelta(hours=3))
    assert findings("--offline")["deliveries"] == (
        "warning",
        "pending: 1, the oldest for 3 hours; returns-hub serve works on them",
    )


def test_a_dead_delivery_is_reported(
    delivered: Callable[[timedelta], None], findings: Findings, tmp_path: Path
) -> None:
    delivered(timedelta(0))
    with closing(sqlite3.connect(tmp_path / "returns.db")) as database, database:
        database.execute("UPDATE deliveries SET state = 'dead'")
    assert findings("--offline")["deliveries"] == (
        "warning",
        "dead: 1, see returns-hub deliveries list --state dead; pending: 0",
    )


def test_a_delivery_whose_attempts_do_not_end_fails(
    delivered: Callable[[timedelta], None], run: Run, tmp_path: Path
) -> None:
    delivered(timedelta(0))
    with closing(sqlite3.connect(tmp_path / "returns.db")) as database, database:
        long_ago = "2026-03-01T12:00:00.000000Z"
        database.execute("UPDATE deliveries SET claim = 'c', claimed_until = ?, due_at = ?", (long_ago, long_ago))
    ran = run("doctor", "--offline")
    assert ran.code == 1
    assert "deliveries: stuck: 1 of 1 pending, no attempt comes to an end" in " ".join(ran.out.split())


def test_a_mirror_that_was_never_filled_is_reported(configure: Callable[..., None], findings: Findings) -> None:
    assert findings("--offline")["mirror"] == (
        "warning",
        "was never synced to the end; returns-hub sync does it",
    )


def test_how_far_the_mirror_is_behind_is_reported(configure: Callable[..., None], run: Run, findings: Findings) -> None:
    assert run("sync").code == 0
    result, detail = findings("--offline")["mirror"]
    assert (result, detail.endswith(" s behind the vendor")) == ("ok", True)


@pytest.mark.skipif(sqlite3.sqlite_version_info >= (3, 51, 3), reason="this SQLite has the repair")
def test_an_old_sqlite_is_warned_about(configure: Callable[..., None], findings: Findings) -> None:
    assert findings("--offline")["store"][0] == "warning"


TEN_FAULTS = """stroe = "sqlite:///returns.db"
store = "sqlite:///nowhere/returns.db"
[accounts.unset]
provider = "returnmate"
api_key = {{ env = "NOT_SET_ANYWHERE" }}
[accounts.misspelt]
provider = "returnmate"
api_keey = {{ env = "RETURNMATE_API_KEY" }}
[accounts.stranger]
provider = "returnmat"
[accounts.refused]
provider = "returnmate"
environment = "sandbox"
base_url = "{base_url}"
api_key = {{ env = "WRONG_KEY" }}
[accounts.away]
provider = "returnmate"
base_url = "http://127.0.0.1:9/v1"
api_key = {{ env = "RETURNMATE_API_KEY" }}
[accounts.shop]
provider = "returnless"
base_url = "http://127.0.0.1:9"
user = {{ env = "RETURNMATE_API_KEY" }}
password = {{ env = "RETURNMATE_API_KEY" }}
orders = "nope.lookup:find"
[accounts.undated]
provider = "returnmate"
history_start = "soon"
[accounts.elsewhere]
provider = "returnmate"
environment = "staging"
api_key = {{ env = "RETURNMATE_API_KEY" }}
[accounts.well]
provider = "returnmate"
base_url = "{base_url}"
api_key = {{ env = "RETURNMATE_API_KEY" }}
webhook_secrets = [{{ env = "RETURNMATE_API_KEY" }}]
"""


def test_ten_different_faults_are_all_named_in_one_run(
    run: Run, tmp_path: Path, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: 0.0)  # no pause between two attempts
    (tmp_path / "returns-hub.toml").write_text(TEN_FAULTS.format(base_url=base_url), "utf-8")
    ran = run("doctor", WRONG_KEY="another-canary")
    failed = [line.removeprefix("failed").strip() for line in ran.lines if line.startswith("failed")]
    assert (ran.code, ran.err) == (1, "")
    for words in (
        "configuration: returns-hub.toml: stroe is not known; did you mean 'store'? Known: accounts, keep_deliveries, store",
        "stranger: configuration: accounts.stranger.provider 'returnmat' is not known; did you mean 'returnmate'? ",
        "undated: configuration: accounts.undated.history_start must be a date such as 2024-01-31",
        f"store: the mirror {tmp_path}/nowhere/returns.db cannot be created: there is no directory {tmp_path}/nowhere",
        "unset: options: accounts.unset.api_key: the environment variable NOT_SET_ANYWHERE is not set",
        "misspelt: options: accounts.misspelt.api_keey is not known; did you mean 'api_key'? ",
        "refused: credentials: returnmate check_credentials: ",
        "away: vendor: returnmate check_credentials: ",
        'shop: orders: orders = "nope.lookup:find": importing nope.lookup fails with ModuleNotFoundError',
        "elsewhere: options: accounts.elsewhere.environment 'staging' is not known",
    ):
        (line,) = [line for line in failed if line.startswith(words)]
        failed.remove(line)
        if words.startswith("refused"):
            assert "asked at 127.0.0.1" in line
            assert line.endswith(": are the credentials of the environment sandbox?")
    assert [line.partition(": returnless")[0] for line in failed] == ["shop: vendor"]
    assert "ok       well: credentials: accepted" in ran.lines
    assert "canary" not in ran.out


def test_a_delivery_that_is_signed_here_is_received_here(configure: Callable[..., None], findings: Findings) -> None:
    configure('webhook_secrets = ["whsec"]')
    received = ("ok", "a delivery signed with the account's own secret is received")
    assert findings("--offline")["signature"] == received
    configure(SIGNED_ADDRESS.format(url="https://shop.example/webhooks/acme-us"))
    assert findings("--offline", "acme-us")["signature"] == received
    configure('[accounts.less]\nprovider = "returnless"\nuser = "u"\npassword = "p"\nsigning_keys = ["k"]')
    assert findings("--offline", "less")["signature"] == received


def test_a_signature_that_the_account_itself_would_refuse_fails(
    configure: Callable[..., None], findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure('webhook_secrets = ["whsec"]')
    monkeypatch.setattr(ReturnMate, "sign_webhook", lambda adapter, request: request)
    assert findings("--offline")["signature"] == (
        "failed",
        "a delivery signed with the account's own secret is refused: the header X-Webhook-Signature is missing",
    )


def test_the_function_that_finds_orders_is_tried(
    configure: Callable[..., None], findings: Findings, tmp_path: Path
) -> None:
    (tmp_path / "shop_of_doctor.py").write_text("def find(number): return None\n", "utf-8")
    configure('orders = "shop_of_doctor:find"')
    assert findings("--offline")["orders"] == ("ok", "shop_of_doctor:find can be imported")


def test_the_module_of_the_handlers_is_tried(configure: Callable[..., None], run: Run, tmp_path: Path) -> None:
    (tmp_path / "hub_of_doctor.py").write_text(
        "from returns_hub import Hub\nhub = Hub([], store='sqlite:///own.db')\nhub.on(name='mail')(print)\n", "utf-8"
    )
    ran = run("doctor", "--hub", "hub_of_doctor:hub")
    assert (ran.code, ran.lines[0]) == (0, "ok       handlers: hub_of_doctor:hub can be imported; accounts: none")
    assert "ok       handler mail: lag: 0" in ran.lines
    ran = run("doctor", "--offline", "--hub", "hub_of_doctor:hup")
    assert ran.code == 1
    assert ran.lines[0] == "failed   handlers: --hub hub_of_doctor:hup: hub_of_doctor has no Hub hup"
    assert "ok       acme-au: options: complete for ReturnMate" in ran.lines


def test_accounts_are_asked_side_by_side(tmp_path: Path) -> None:
    # Nobody is answered before all have asked.
    together = Barrier(3)

    class Vendor(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            together.wait(30)
            self.send_response(200)
            self.send_header("Content-Length", "12")
            self.end_headers()
            self.wfile.write(b'{"data": []}')

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Vendor) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        accounts = [
            Account(name=name, provider="returnmate", base_url=url, options={"api_key": "k"})
            for name in ("c", "a", "b")
        ]
        with Hub(accounts, store=f"sqlite:///{tmp_path}/returns.db") as hub:
            found = [each.account for each in hub.diagnose() if (each.check, each.result) == ("credentials", "ok")]
        server.shutdown()
    assert found == ["c", "a", "b"]
