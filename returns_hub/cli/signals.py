"""How commands that run until a signal stop: an event for the signal, and a check that standard output is still read."""

import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from returns_hub.errors import ReturnsHubError
from returns_hub.logs import log_event

if TYPE_CHECKING:
    from returns_hub.hub import Hub

_SIGNAL_CHECK_SECONDS: Final = 0.5
DEFAULT_GRACE: Final = 25.0
"""How many seconds what is in hand may take at the end; container platforms kill after 30."""


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


def wait_for_signal(signalled: threading.Event) -> None:
    """Wait until the event is set by a signal.

    A wait without an end is left at a signal only if the system gives that to the main thread, and after SIGSTOP and
    SIGCONT it may be another one.
    """
    while not signalled.wait(_SIGNAL_CHECK_SECONDS):
        pass


@contextmanager
def reloading(reload: Callable[[], object]) -> Iterator[None]:
    """Inside, SIGHUP has ``reload`` called, in a thread, one call after the other; what it raises is logged.

    Where SIGHUP is ignored, as under ``nohup``, it stays ignored.
    """
    hangup = getattr(signal, "SIGHUP", None)  # on Windows there is none
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        yield
        return
    asked, done = threading.Event(), threading.Event()

    def work() -> None:
        while asked.wait() and not done.is_set():
            asked.clear()
            try:
                reload()
            except ReturnsHubError as error:
                log_event("configuration.refused", "not reloaded, the configuration before stays: %s", error)
            except Exception as error:  # noqa: BLE001 - what the platform's modules raise must not end the serving
                log_event("configuration.refused", "not reloaded, the configuration before stays", error=error)

    worker = threading.Thread(target=work, name="returns-hub-reload", daemon=True)
    worker.start()
    before = signal.signal(hangup, lambda *_: asked.set())
    try:
        yield
    finally:
        signal.signal(hangup, before)
        done.set()
        asked.set()
        worker.join()


@contextmanager
def interruptible(grace: float) -> Iterator[None]:
    """Inside, SIGTERM and Ctrl-C raise :exc:`KeyboardInterrupt`, and have ended the process after ``grace`` seconds.

    A second one ends it at once. A signal that is ignored, as Ctrl-C in the background of a shell, stays ignored.
    """
    signals = [each for each in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(each) is not signal.SIG_IGN]

    def stop(*_: object) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_DFL)
        end_within(grace)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_within(seconds: float) -> None:
    """End this process after so many seconds, if it has not ended by itself: what hangs in a thread would keep it alive.

    Claims that are not given back by then end by themselves. The exit code is 1.
    """

    def end() -> None:
        sys.stderr.write(f"returns-hub: not finished {seconds:g} s after the signal: ended\n")
        logging.shutdown()
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def work_until_signalled(
    hub: "Hub", *, concurrency: int, grace: float, on_started: Callable[[], object], reload: Callable[[], object]
) -> None:
    """Do the work of the hub until SIGTERM or Ctrl-C; SIGHUP has ``reload`` called.

    What is in hand at the end is finished, or released in good time.

    Raises:
        StoreError: the store cannot be opened.
    """
    with (
        until_signalled(signal.SIGTERM, signal.SIGINT) as signalled,
        hub.working(concurrency=concurrency, grace=grace * 0.8),
        reloading(reload),
    ):
        on_started()
        wait_for_signal(signalled)
        end_within(grace)


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
