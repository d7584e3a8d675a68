"""A vendor whose deliveries tell facts, and a worker of its account as a process of its own.

``python a_worker.py URL FILE [POINT NTH]``: the handler writes a line into FILE for each event; at the nth time that
POINT is reached the process is gone.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from returns_hub import (
    Adapter,
    Client,
    Event,
    HttpAnswer,
    Receipt,
    Return,
    ReturnObserved,
    Status,
    WebhookRequest,
    body_digest,
    parse_time,
)
from returns_hub.deliveries import Processor
from returns_hub.dispatcher import EventDispatcher
from returns_hub.handlers import HandlerRegistry
from returns_hub.store import Store
from returns_hub.store.inbox import Deliveries
from returns_hub.store.subscriptions import Subscriptions
from returns_hub.transport import Transport
from returns_hub.worker import Worker


class Teller(Adapter):
    """Believes its deliveries: each says where a return stands, and since when."""

    provider = "teller"
    display_name = "Teller"

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        told = json.loads(request.body)
        ret = Return(provider="teller", id=told["id"], status=Status(told["status"]))
        event = ReturnObserved(name="told", observed=ret, occurred_at=parse_time(told["at"]))
        return Receipt(events=(event,), answer=HttpAnswer(status=200), dedupe_key=body_digest(request.body))


def client_of(_: str) -> Client:
    """Nothing is ever asked of the vendor."""
    return Client(Teller(), Transport(Teller(), base_url="http://127.0.0.1:9"), "teller")


def die_at(point: str, nth: int) -> None:
    """Have the process killed at a point: before or after it does something."""
    name, _, when = point.partition(":")
    owner: Any = {
        "claim": Deliveries,
        "finish": Deliveries,
        "claim-events": Subscriptions,
        "finish-event": Subscriptions,
    }[name]
    method = name.partition("-")[0]
    real = getattr(owner, method)
    reached = 0

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal reached
        if when == "before":
            reached += 1
            if reached == nth:
                os.kill(os.getpid(), signal.SIGKILL)
        result = real(self, *args, **kwargs)
        if when == "after" and result:
            reached += 1
            if reached == nth:
                os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, method, call)


def main(url: str, file: str, point: str = "", nth: str = "0") -> None:
    """Work until SIGTERM."""
    if point:
        die_at(point, int(nth))
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    handlers = HandlerRegistry(awaits=False)

    @handlers.on(name="shop", since="beginning")
    def write_down(event: Event) -> None:
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([event.sequence, event.id, event.return_id]) + "\n")

    with Store.open(url) as store:
        processor = Processor(store, client_of)
        with Worker(store, processor=processor, dispatcher=EventDispatcher(store, handlers)):
            stopped.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
