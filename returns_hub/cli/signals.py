"""How commands that run until a signal stop: an event for the signal, and a check that standard output is still read."""

import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def until_signalled(*signals: signal.Signals) -> Iterator[threading.Event]:
    """An event that is set by any of the signals, which end nothing by themselves meanwhile."""
    received = threading.Event()
    before = {number: signal.signal(number, lambda *_: received.set()) for number in signals}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_within(seconds: float) -> None:
    """End this process after so many seconds, if it has not ended by itself: what hangs in a thread would keep it alive.

    Claims that are not given back by then end by themselves. The exit code is 1.
    """

    def end() -> None:
        logging.getLogger("returns_hub").error("not finished %.0f s after the signal: ended", seconds)
        logging.shutdown()
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def watching_output(stop: Callable[[], bool]) -> Callable[[], bool]:
    """``stop``, which also fails as writing would once nobody reads standard output any more.

    Whoever writes rarely would learn of that late, or never.
    """
    if not hasattr(select, "poll"):  # on Windows
        return stop
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)

    def ask() -> bool:
        if any(state & (select.POLLERR | select.POLLHUP) for _, state in poll.poll(0)):
            raise BrokenPipeError(os.strerror(32))
        return stop()

    return ask
