"""How many of our functions stand between the two ends of three paths. No timing: the counts are the same in every run.

    python tests/benchmarks/call_paths.py [--list]

Three paths against ReturnMate's simulator, each run once before it is counted, so that imports, connections and
prepared statements are not part of it: a webhook delivery from its bytes to a handler, a page of a listing to its row in
SQLite, and ``set_status`` to the socket. Counted are Python functions of ``returns_hub`` and of the adapter that are
entered, in any thread; a function that is entered a hundred times is one. Simulators and ``returns_hub.testing`` are
left out. ``--list`` prints the functions.
"""

import argparse
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from returns_hub import Account, Event, Hub, Status, WebhookRequest
from returns_hub.client import open_client
from returns_hub.testing import serve
from returns_hub_returnmate.sandbox import ReturnMateSandbox

SECRET = "whk-call-paths"


def is_ours(frame: FrameType) -> bool:
    package, _, rest = frame.f_globals.get("__name__", "").partition(".")
    return package.startswith("returns_hub") and "sandbox" not in rest and not rest.startswith("testing")


class Trace:
    """The functions of ours that were entered while it was on, and how many of them stood on one another at most."""

    def __init__(self) -> None:
        self.entered: Counter[tuple[str, str]] = Counter()
        self.depth = 0

    def _profile(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call" or not is_ours(frame):
            return
        self.entered[frame.f_globals["__name__"], frame.f_code.co_qualname] += 1
        depth, caller = 0, frame
        while caller is not None:
            depth += is_ours(caller)
            caller = caller.f_back  # type: ignore[assignment]
        self.depth = max(self.depth, depth)

    @contextmanager
    def on(self) -> Iterator[None]:
        if sys.version_info >= (3, 12):
            threading.setprofile_all_threads(self._profile)
        else:
            threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def summary(self) -> str:
        """Functions, the modules they stand in, and the deepest stack of them."""
        return f"{len(self.entered):9} {len({module for module, _ in self.entered}):8} {self.depth:8}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--list", action="store_true", help="print the functions of each path")
    arguments = parser.parse_args()
    vendor = ReturnMateSandbox(count=6)
    heard: list[Event] = []
    with serve(vendor) as running, tempfile.TemporaryDirectory() as folder:
        account = Account(
            name="acme",
            provider="returnmate",
            base_url=running.url + vendor.base_path,
            rate_limit="none",
            options={**vendor.options, "webhook_secrets": [SECRET]},
        )
        with Hub([account], store=f"sqlite:///{Path(folder)}/returns.db") as hub, open_client(account) as client:
            hub.on(name="shop")(heard.append)

            def webhook(status: str) -> None:
                vendor.set_status("rma_abc123", status)
                headers, body = vendor.webhook("rma.updated", "rma_abc123", SECRET)
                url = "https://platform.example/webhooks/acme"
                received_at = datetime.now(UTC)
                hub.receive(
                    "acme", WebhookRequest(method="POST", url=url, headers=headers, body=body, received_at=received_at)
                )
                hub.process()
                hub.dispatch()

            def sync(_status: str) -> None:
                hub.sync(full=True)

            def set_status(status: str) -> None:
                # Not the hub's client: what that writes goes into the mirror too.
                client.set_status("rma_abc123", Status(status))

            paths: dict[str, tuple[Callable[[str], None], str, str]] = {
                "webhook: bytes to handler": (webhook, "completed", "approved"),
                "listing: page to row": (sync, "", ""),
                "set_status: call to socket": (set_status, "rejected", "approved"),
            }
            hub.sync()
            print(f"{'path':32} {'functions':>9} {'modules':>8} {'deepest':>8}")
            for name, (run, first, second) in paths.items():
                run(first)
                trace = Trace()
                with trace.on():
                    run(second)
                print(f"{name:32} {trace.summary()}")
                if arguments.list:
                    for (module, function), times in sorted(trace.entered.items()):
                        print(f"    {module}.{function} ({times})")
    assert heard, "the handler was not called"


if __name__ == "__main__":
    main()
