"""``serve``: the installed command, called as vendors call it, and ended as operators end it."""

import hashlib
import hmac
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from returns_hub_returnmate.sandbox import ReturnMateSandbox

Run = Callable[..., Any]
SCRIPT = Path(sys.executable).parent / "returns-hub"
SECRET = "whsec-canary-3b9e"
SHOP = """
def find_order(number):
    return None
"""


class Serving:
    """The command, running, and what it announced."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.announced: list[str] = []
        assert process.stdout
        for line in process.stdout:
            self.announced.append(line.rstrip())
            if line.startswith("Ready. Health: "):
                break
        self.url = self.announced[-1].removeprefix("Ready. Health: ").partition("/healthz")[0]

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=120)) as connection:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            reply = connection.getresponse()
            return reply.status, reply.read()

    def deliver(self, return_id: str, account: str = "acme-au") -> int:
        body = json.dumps({"event": "rma.updated", "data": {"rma_id": return_id}}).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return self.send("POST", f"/webhooks/{account}", body, X_Webhook_Signature=signature)[0]

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """The exit code, and what it wrote after its announcement and to its log."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, err


@pytest.fixture
def start(
    tmp_path: Path, environment: dict[str, str], configure: Callable[..., None]
) -> Iterator[Callable[..., Serving]]:
    """Runs ``serve`` on a free port, with a secret for the webhooks of ``acme-au`` and an account that is looked up at."""
    configure(
        'webhook_secrets = { env = "WEBHOOK_SECRET" }\n[accounts.acme-nl]\nprovider = "returnless"\n'
        'user = "u"\npassword = "p"\nsigning_keys = ["k"]\norders = "shop_of_acme:find_order"'
    )
    (tmp_path / "shop_of_acme.py").write_text(SHOP)
    processes = []

    def run(*arguments: str) -> Serving:
        process = subprocess.Popen(
            [SCRIPT, "serve", "--port", "0", *arguments],
            cwd=tmp_path,
            env=environment | {"WEBHOOK_SECRET": SECRET},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return Serving(process)

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def states(run: Run) -> list[str]:
    return [delivery["state"] for delivery in run("deliveries", "list", "--json", WEBHOOK_SECRET=SECRET).objects]


def test_it_announces_where_each_account_is_called(start: Callable[..., Serving]) -> None:
    serving = start("--no-work")
    assert serving.announced == [
        f"acme-au: webhooks {serving.url}/webhooks/acme-au",
        f"acme-nl: webhooks {serving.url}/webhooks/acme-nl, orders {serving.url}/orders/acme-nl/",
        f"Ready. Health: {serving.url}/healthz. Ctrl-C stops the server.",
    ]


def test_it_listens_on_loopback_by_default(start: Callable[..., Serving]) -> None:
    assert start("--no-work").url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_success(start: Callable[..., Serving], number: signal.Signals) -> None:
    code, out, err = start().end(number)
    assert (code, out, err) == (0, "", "")


def test_what_is_delivered_is_processed(start: Callable[..., Serving], run: Run, vendor: ReturnMateSandbox) -> None:
    serving = start()
    return_id = min(vendor.return_ids)
    assert serving.deliver(return_id) == 200
    patience = time.monotonic() + 120
    while states(run) != ["processed"] and time.monotonic() < patience:
        time.sleep(0.05)
    assert states(run) == ["processed"]
    assert [event["type"] for event in run("events", "--json", WEBHOOK_SECRET=SECRET).objects] == ["return.created"]


def test_without_work_it_only_receives(start: Callable[..., Serving], run: Run, vendor: ReturnMateSandbox) -> None:
    serving = start("--no-work")
    assert serving.deliver(min(vendor.return_ids)) == 200
    assert serving.end()[0] == 0
    assert (states(run), vendor.requests) == (["pending"], ())


def test_an_order_is_looked_up_with_a_function_beside_the_configuration(start: Callable[..., Serving]) -> None:
    signature = hmac.new(b"k", b"ORD1", hashlib.sha256).hexdigest()
    status, body = start("--no-work").send("GET", "/orders/acme-nl/ORD1", Returnless_Signature=signature)
    assert (status, json.loads(body)["return_message"]) == (404, "Order is not found.")


def test_the_log_has_a_line_for_each_request_and_no_secret(start: Callable[..., Serving]) -> None:
    serving = start("--no-work")
    serving.deliver("rma_log_canary")
    serving.send("POST", "/webhooks/acme-au", b"{}", X_Webhook_Signature="0" * 64)
    _, _, err = serving.end()
    lines = [line.partition("returns_hub.server ")[2] for line in err.splitlines() if "returns_hub.server" in line]
    assert [line.partition(" ms=")[0] for line in lines] == [
        "method=POST route=/webhooks/{account} account=acme-au status=200",
        "method=POST route=/webhooks/{account} account=acme-au status=401",
    ]
    assert ("canary" in err, "0" * 64 in err) == (False, False)


@pytest.mark.parametrize("option", [(), ("--no-work",)])
def test_nothing_is_ready_whose_store_cannot_be_opened(
    configure: Callable[..., None], run: Run, tmp_path: Path, option: tuple[str, ...]
) -> None:
    configure()
    (tmp_path / "returns.db").mkdir()
    ran = run("serve", *option, "--port", "0")
    assert (ran.code, ran.out, "Ready" in ran.err) == (1, "", False)
    assert "returns-hub: " in ran.err
    assert "returns.db" in ran.err


def test_a_changed_configuration_is_taken_up_while_it_listens(
    start: Callable[..., Serving], configure: Callable[..., None]
) -> None:
    serving = start("--no-work")
    statuses: set[int] = set()
    done = threading.Event()

    def deliver() -> None:
        while not done.is_set():
            statuses.add(serving.deliver("rma_1"))

    sending = threading.Thread(target=deliver, daemon=True)
    sending.start()
    configure(
        f'webhook_secrets = ["{SECRET}"]\n[accounts.second]\nprovider = "returnmate"\n'
        f'api_key = "k"\nwebhook_secrets = ["{SECRET}"]'
    )
    serving.process.send_signal(signal.SIGHUP)
    # Until then nobody knows the account.
    patience = time.monotonic() + 120
    while serving.deliver("rma_1", account="second") == 404:
        assert time.monotonic() < patience, "it was never taken up"
    configure("no TOML")
    serving.process.send_signal(signal.SIGHUP)
    assert serving.process.stderr
    refused = next(line for line in serving.process.stderr if "not reloaded" in line)
    done.set()
    sending.join()
    assert "returns-hub.toml is not valid TOML" in refused
    assert (serving.deliver("rma_1", account="second"), serving.deliver("rma_1", account="acme-nl")) == (200, 404)
    assert statuses == {200}
    assert serving.end()[0] == 0


def test_a_port_that_is_taken_is_named(run: Run, configure: Callable[..., None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("serve", "--port", str(port))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"returns-hub: port {port} of 127.0.0.1: Address already in use")


def test_a_host_that_is_none_is_named(run: Run, configure: Callable[..., None]) -> None:
    ran = run("serve", "--host", "no such host")
    assert (ran.code, ran.out, ran.err.startswith("returns-hub: port 8000 of no such host: ")) == (1, "", True)


def test_an_account_with_wrong_options_is_an_error_at_once(run: Run, configure: Callable[..., None]) -> None:
    configure('[accounts.second]\nprovider = "returnmate"')
    ran = run("serve", "--port", "0")
    assert (ran.code, ran.out, ran.err) == (2, "", "returns-hub: accounts.second.api_key is missing\n")


def test_a_function_for_orders_that_is_not_there_is_an_error_at_once(run: Run, configure: Callable[..., None]) -> None:
    configure('orders = "no_such_shop:find_order"')
    ran = run("serve", "--port", "0")
    assert (ran.code, ran.out) == (2, "")
    assert "no_such_shop" in ran.err
