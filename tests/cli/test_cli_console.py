"""``console`` and ``serve --console``: started as people start them."""

import http.client
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from returns_hub.console.access import verify_password

Run = Callable[..., Any]
SCRIPT = Path(sys.executable).parent / "returns-hub"
TOKEN = 'console_token = { env = "CONSOLE" }'
CONFIG = """
store = "sqlite:///returns.db"
{top}
[accounts.acme-au]
provider = "returnmate"
api_key = {{ env = "NOT_SET_ANYWHERE" }}
"""


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., tuple[Any, str]]]:
    """Runs a command on a free port; the process, and the console's address."""
    processes = []

    def run(*arguments: str, top: str = "", **variables: str) -> tuple[Any, str]:
        (tmp_path / "returns-hub.toml").write_text(CONFIG.format(top=top))
        process = subprocess.Popen(
            [SCRIPT, *arguments, "--port", "0"], cwd=tmp_path, env=environment | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )  # fmt: skip
        processes.append(process)
        for line in process.stdout or ():
            if found := re.search(r"http://(127.0.0.1:\d+)/console/", line):
                return process, found[1]
        raise AssertionError(process.communicate())

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def get(host: str, path: str, **headers: str) -> tuple[int, str, str]:
    with closing(http.client.HTTPConnection(host, timeout=60)) as connection:
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.getheader("location") or "", reply.read().decode()


def test_it_starts_without_the_vendors_secrets_and_says_which_is_missing(start: Callable[..., tuple[Any, str]]) -> None:
    process, host = start("console")
    assert get(host, "/")[:2] == (303, "/console/")
    status, _, page = get(host, "/console/accounts/acme-au")
    assert status == 200
    assert "accounts.acme-au.api_key: the environment variable NOT_SET_ANYWHERE is not set" in page
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0


def test_serve_has_it_for_people_who_log_in(start: Callable[..., tuple[Any, str]], tmp_path: Path) -> None:
    process, host = start(
        "serve", "--console", "--no-work", top=TOKEN, NOT_SET_ANYWHERE="key", CONSOLE="a-token-of-some-length"
    )
    assert get(host, "/console/")[:2] == (303, "/console/login?next=%2Fconsole%2F")
    assert get(host, "/livez")[0] == 200
    # People are read again at a hangup, as accounts are; nobody can log in without any, and that is refused.
    people = f'{TOKEN}\nconsole_user_header = "Remote"\nconsole_users = {{ kim = {{ role = "act" }} }}'
    (tmp_path / "returns-hub.toml").write_text(CONFIG.format(top=people))
    process.send_signal(signal.SIGHUP)
    patience = time.monotonic() + 60
    while get(host, "/console/", Remote="kim")[0] != 200:
        assert time.monotonic() < patience, "they were never read again"
    (tmp_path / "returns-hub.toml").write_text(CONFIG.format(top=""))
    process.send_signal(signal.SIGHUP)
    refusal = "not reloaded, the configuration before stays: serve --console needs people"
    assert any(refusal in line for line in process.stderr)
    assert get(host, "/console/", Remote="kim")[0] == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_the_demo_has_it_over_simulators(start: Callable[..., tuple[Any, str]]) -> None:
    process, host = start("demo", "--console", "--count", "3")
    status, _, page = get(host, "/console/sandbox?vendor=returnmate-sandbox")
    assert status == 200
    assert "<option>rma.approved</option>" in page
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("console", "--host", "0.0.0.0"), "on 0.0.0.0 anybody could use the console: configure console_users or console_token, or listen on 127.0.0.1"),
        (("serve", "--console"), "serve --console needs people who log in: configure console_users or console_token"),
    ],
)  # fmt: skip
def test_it_refuses_to_be_anybodys(run: Run, tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    (tmp_path / "returns-hub.toml").write_text(CONFIG.format(top=""))
    ran = run(*arguments, NOT_SET_ANYWHERE="key")
    assert (ran.code, ran.err) == (2, f"returns-hub: {sentence}\n")


def test_a_password_is_hashed(environment: dict[str, str]) -> None:
    command = [str(SCRIPT), "console", "--hash-password"]
    ran = subprocess.run(
        command, env=environment, input="a password of mine\n", capture_output=True, text=True, check=True
    )
    assert verify_password("a password of mine", ran.stdout.strip())
    short = subprocess.run(command, env=environment, input="short\n", capture_output=True, text=True, check=False)
    assert (short.returncode, short.stderr) == (2, "returns-hub: a password has at least 12 characters\n")
