"""What Flask has beside the views: an application context for handlers, and commands."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from flask import Flask, current_app

from returns_hub import Event, Hub
from returns_hub.contrib.flask import blueprint

FLASK = Path(sys.executable).parent / "flask"
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def shop_of(hub: Hub) -> Flask:
    app = Flask("shop")
    app.register_blueprint(blueprint(hub))
    return app


def test_handlers_are_called_in_the_applications_context(configured: Path) -> None:
    seen: list[str] = []
    with Hub.from_config() as hub:
        shop_of(hub)

        @hub.on(name="shop", backfill=True)
        def note(event: Event) -> None:
            seen.append(current_app.name)

        hub.dispatch()
        hub.sync("acme-nl")
        assert hub.dispatch() == len(seen) > 0
    assert set(seen) == {"shop"}


def test_sync_is_a_command(configured: Path) -> None:
    with Hub.from_config() as hub:
        runner = shop_of(hub).test_cli_runner()
        done = runner.invoke(args=["returns-hub", "sync", "acme-nl", "--since", "2020-01-01"])
        assert (done.exit_code, done.output.splitlines()[0][:8]) == (0, "acme-nl:")
        wrong = runner.invoke(args=["returns-hub", "sync", "acme-nk"])
        assert (wrong.exit_code, wrong.output) == (1, "Error: there is no account 'acme-nk'; did you mean 'acme-nl'?\n")


def test_work_is_a_command(configured: Path) -> None:
    process = subprocess.Popen(
        [FLASK, "--app", "shop_flask", "returns-hub", "work"],
        env={**os.environ, "PYTHONPATH": str(EXAMPLES)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "Working for 2 accounts; Ctrl-C ends it.\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    process.stdout.close()
