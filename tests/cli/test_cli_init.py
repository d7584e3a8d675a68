"""``init`` and ``completion``: the first things that are typed."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from returns_hub import registry
from returns_hub.configuration import load_config

Run = Callable[..., Any]


@pytest.mark.parametrize("provider", registry.providers())
def test_doctor_accepts_what_was_written(provider: str, run: Run, tmp_path: Path) -> None:
    ran = run("init", "--provider", provider, "--account", "acme.au", RETURNMATE_API_KEY="")
    assert (ran.code, ran.err) == (0, "")
    variables = [word.strip(",") for word in ran.lines[1].split() if word.strip(",").isupper()]
    assert variables
    checked = run("doctor", "--offline", "--json", **dict.fromkeys(variables, "k"))
    assert [each for each in checked.objects if each["result"] == "failed"] == []


def test_a_second_account_is_added_and_nothing_else_changes(run: Run, tmp_path: Path) -> None:
    run("init", "--provider", "returnmate", "--environment", "sandbox", "--store", "sqlite:///other.db")
    before = (tmp_path / "returns-hub.toml").read_text("utf-8") + "# mine\n"
    (tmp_path / "returns-hub.toml").write_text(before, "utf-8")
    run("init", "--provider", "returnless", "--account", "nl", "--env", "signing_keys=KEY", "--set", "sync_every=5m")
    after = (tmp_path / "returns-hub.toml").read_text("utf-8")
    assert after.startswith(before)
    assert after.endswith(
        '[accounts.nl]\nprovider = "returnless"\nuser = { env = "RETURNLESS_USER" }\n'
        'password = { env = "RETURNLESS_PASSWORD" }\nsigning_keys = [{ env = "KEY" }]\nsync_every = "5m"\n'
    )


def test_the_accounts_of_the_simulators_are_those_that_sandbox_starts(run: Run, tmp_path: Path) -> None:
    assert run("init", "--sandbox").code == 0
    config = load_config(tmp_path / "returns-hub.toml", environ={})
    assert {each.provider for each in config.accounts.values()} == set(registry.sandboxes())
    urls = [
        config.accounts[f"{provider.replace('_', '-')}-sandbox"].base_url or "" for provider in registry.sandboxes()
    ]
    assert [urlsplit(url).port for url in urls] == list(range(8700, 8700 + len(urls)))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--provider", "retrunmate"], "there is no provider 'retrunmate'; did you mean 'returnmate'?"),
        (["--provider", "returnmate", "--set", "api_key=x"], "--env api_key=VARIABLE names its variable"),
        (
            ["--provider", "returnmate", "--set", "curency=AUD"],
            "ReturnMate has no option 'curency'; did you mean 'currency'?",
        ),
        (["--provider", "returnmate", "--env", "api_key"], "--env takes OPTION=VARIABLE, not 'api_key'"),
        (["--provider", "returnmate", "--set", "sync_every=soon"], "accounts.returnmate.sync_every must look like"),
        (["--provider", "returnmate", "--account", "a b"], "an account cannot be called 'a b'"),
        (["--sandbox", "--provider", "returnmate"], "takes no other option but --store"),
        ([], "nobody is there to answer: --provider takes one of"),
    ],
)
def test_what_makes_no_configuration_writes_none(run: Run, tmp_path: Path, arguments: list[str], sentence: str) -> None:
    ran = run("init", *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert sentence in ran.err
    assert not (tmp_path / "returns-hub.toml").exists()


def test_an_account_is_not_written_twice(run: Run) -> None:
    assert run("init", "--provider", "returnmate").code == 0
    ran = run("init", "--provider", "returnmate")
    assert (ran.code, "has an account 'returnmate' already" in ran.err) == (2, True)


def test_bash_completes_commands_options_and_values(run: Run) -> None:
    script = run("completion", "bash").out

    def completed(*words: str) -> list[str]:
        quoted = " ".join(map(repr, words))
        program = f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _returns_hub; echo ${{COMPREPLY[@]}}"
        return subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert completed("returns-hub", "rec") == ["reconcile"]
    assert completed("returns-hub", "deliveries", "rep") == ["replay"]
    assert completed("returns-hub", "returns", "--att") == ["--attention"]
    assert completed("returns-hub", "returns", "--status", "re") == [
        "requested",
        "ready_to_ship",
        "received",
        "resolved",
        "rejected",
    ]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_can_read_their_script(run: Run, shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(run("completion", shell).out)
    subprocess.run([shell, "-n", tmp_path / "script"], check=True)
