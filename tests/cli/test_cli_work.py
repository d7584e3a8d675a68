"""``work``: the installed command, given something to do, and ended as operators end it."""

import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from returns_hub import Event, Hub, ReturnCreated, WebhookRequest

Run = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]

SCRIPT = Path(sys.executable).parent / "returns-hub"
SECRET = "whsec-canary-3b9e"
SHOP = """
from pathlib import Path
from returns_hub import Hub, ReturnCreated

hub = Hub.from_config()
nothing = None

@hub.on(ReturnCreated, name="shop", since="beginning", backfill=True)
def note(event):
    with Path("told.txt").open("a") as lines:
        lines.write(event.return_id + "\\n")
"""


@pytest.fixture
def account(configure: Callable[..., None], tmp_path: Path) -> Callable[[str], None]:
    """Configures the account with a secret for its webhooks, and further lines; there is a shop with a handler."""
    (tmp_path / "shop_of_acme.py").write_text(SHOP)
    (tmp_path / "broken_shop.py").write_text("raise ValueError('canary-77ab')")
    return lambda further: configure('webhook_secrets = { env = "WEBHOOK_SECRET" }\n' + further)


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str], account: Callable[[str], None]) -> Iterator[Start]:
    """Runs ``work``, and gives it once it says that it works."""
    processes = []

    def run(*arguments: str, further: str = "") -> "subprocess.Popen[str]":
        account(further)
        process = subprocess.Popen(
            [SCRIPT, "work", *arguments],
            cwd=tmp_path,
            env=environment | {"WEBHOOK_SECRET": SECRET},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "Working for 1 account; Ctrl-C ends it.\n"
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def hub(tmp_path: Path, account: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub of another process, which receives."""
    account("")
    monkeypatch.setenv("RETURNMATE_API_KEY", "rm-canary-5d1c0f7e")
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    with Hub.from_config(tmp_path / "returns-hub.toml") as opened:
        yield opened


def deliver(hub: Hub) -> None:
    body = json.dumps({"event": "rma.updated", "data": {"rma_id": "rma_abc123"}}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Webhook-Signature": signature}
    request = WebhookRequest(method="POST", url="https://x/", headers=headers, body=body, received_at=datetime.now(UTC))
    assert hub.receive("acme-au", request).status == 200


def wait_until(met: Callable[[], bool]) -> None:
    ends = time.monotonic() + 120
    while not met():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_another_process_received_is_processed_until_a_signal_ends_it(
    number: signal.Signals, start: Start, hub: Hub
) -> None:
    process = start("--concurrency", "2")
    deliver(hub)
    wait_until(lambda: hub.get_return("acme-au", "rma_abc123") is not None)
    wait_until(lambda: hub.health().pending == 0)
    process.send_signal(number)
    assert (process.wait(120), process.communicate()) == (0, ("", ""))


def test_a_worker_that_was_stopped_and_goes_on_still_hears_the_signal(start: Start) -> None:
    process = start()
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0


def test_events_are_dispatched_to_the_handlers_of_a_hub(start: Start, hub: Hub, tmp_path: Path) -> None:
    process = start("--hub", "shop_of_acme:hub")
    deliver(hub)
    told = tmp_path / "told.txt"
    wait_until(told.exists)
    process.send_signal(signal.SIGTERM)
    assert (process.wait(120), told.read_text()) == (0, "rma_abc123\n")


STUCK_SHOP = """
import threading
from pathlib import Path
from returns_hub import Hub, ReturnCreated

hub = Hub.from_config()

@hub.on(ReturnCreated, name="shop", since="beginning")
def hangs(event):
    Path("begun.txt").touch()
    threading.Event().wait()
"""


def test_what_hangs_is_released_when_its_time_is_over(start: Start, hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "stuck_shop.py").write_text(STUCK_SHOP)
    process = start("--hub", "stuck_shop:hub", "--grace", "1")
    deliver(hub)
    wait_until((tmp_path / "begun.txt").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) in (0, 1)
    taken: list[Event] = []
    hub.on(ReturnCreated, name="shop", since="beginning")(taken.append)
    assert (hub.dispatch(), [event.return_id for event in taken]) == (1, ["rma_abc123"])


def test_a_process_ends_though_one_of_its_threads_does_not() -> None:
    program = """
import threading
from returns_hub.cli.signals import end_within

end_within(0.1)
threading.Event().wait()
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=300)
    assert done.returncode == 1


def test_an_account_is_synced_as_often_as_it_says(start: Start, hub: Hub) -> None:
    process = start(further='sync_every = "1h"')
    wait_until(lambda: len(list(hub.returns())) == 60)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0


def test_a_changed_configuration_is_taken_up_at_a_hangup(
    start: Start, hub: Hub, account: Callable[[str], None]
) -> None:
    process = start()
    account('sync_every = "1h"')
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(list(hub.returns())) == 60)
    account("no TOML")
    process.send_signal(signal.SIGHUP)
    assert process.stderr is not None
    assert "not reloaded, the configuration before stays: the configuration file" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--hub", "shop_of_acme:nothing"), "--hub shop_of_acme:nothing: shop_of_acme has no Hub nothing"),
        (("--hub", "broken_shop:hub"), "--hub broken_shop:hub: importing broken_shop fails with ValueError"),
        (
            ("--hub", "no_such_shop:hub"),
            "--hub no_such_shop:hub: there is no module no_such_shop; work looks in this directory, in PYTHONPATH and in what is installed",
        ),
        (("--hub", "shop_of_acme"), "--hub must look like my_shop.returns:hub"),
        (("--hub", ":hub"), "--hub must look like my_shop.returns:hub"),
    ],
)
def test_a_hub_that_cannot_be_used_is_named(
    arguments: tuple[str, ...], complaint: str, run: Run, account: Callable[[str], None]
) -> None:
    account("")
    ran = run("work", *arguments, WEBHOOK_SECRET=SECRET)
    assert (ran.code, ran.out, ran.err) == (2, "", f"returns-hub: {complaint}\n")


def test_a_hub_has_a_configuration_of_its_own(run: Run, tmp_path: Path) -> None:
    ran = run("--config", str(tmp_path / "other.toml"), "work", "--hub", "shop_of_acme:hub")
    assert ran.code == 2
    assert "--hub brings its own configuration" in ran.err


@pytest.mark.parametrize("concurrency", ["0", "65", "many"])
def test_a_concurrency_that_cannot_be_meant_is_refused(concurrency: str, run: Run) -> None:
    assert run("work", "--concurrency", concurrency).code == 2
