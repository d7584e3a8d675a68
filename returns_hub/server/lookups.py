"""Order look-ups, with a time-out and a limit for each account: they run a function of the platform's."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from returns_hub.hub import AsyncHub, Hub
from returns_hub.hub.answers import TRY_LATER
from returns_hub.operation import HttpAnswer, WebhookRequest
from returns_hub.server.bodies import RequestRefused

DEFAULT_LOOKUP_TIMEOUT: Final = 10.0
"""Seconds that ``find_order`` has."""

_MAX_LOOKUPS: Final = 8


class OrderLookups:
    """Answers the order look-ups of a hub: so many at once of each account, so that no account takes another one's place.

    A plain function that hangs cannot be ended. Its thread keeps its place until it ends, and keeps no process alive.
    """

    def __init__(self, hub: Hub | AsyncHub, timeout: float) -> None:
        self._hub = hub
        self._timeout = timeout
        self._running: Counter[str] = Counter()

    async def answer(self, account: str, request: WebhookRequest) -> HttpAnswer:
        """What to answer the vendor.

        Raises:
            RequestRefused: 503, it takes too long, or too many of the account are running.
        """
        if self._running[account] >= _MAX_LOOKUPS:
            raise RequestRefused(503, "too_many_lookups", TRY_LATER)
        self._running[account] += 1
        looking: asyncio.Future[HttpAnswer]
        if isinstance(self._hub, AsyncHub):
            looking = asyncio.ensure_future(self._hub.answer_order_lookup(account, request))
        else:
            looking = _in_thread(partial(self._hub.answer_order_lookup, account, request))
        looking.add_done_callback(lambda _: self._running.subtract([account]))
        done, _ = await asyncio.wait([looking], timeout=self._timeout)
        if done:
            return looking.result()
        if isinstance(self._hub, AsyncHub):
            looking.cancel()
        raise RequestRefused(503, "lookup_timeout", TRY_LATER)


def _in_thread(call: Callable[[], HttpAnswer]) -> "asyncio.Future[HttpAnswer]":
    """The result of the call, in a daemon thread of its own: it does not keep the process alive."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[HttpAnswer] = loop.create_future()

    def run() -> None:
        settle: Callable[[], None]
        try:
            settle = partial(future.set_result, call())
        except BaseException as error:  # noqa: BLE001 - whatever the platform's function raises, the look-up has failed
            settle = partial(_fail, future, error)
        # The loop may have ended meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=run, name="returns-hub-lookup", daemon=True).start()
    return future


def _fail(future: "asyncio.Future[HttpAnswer]", error: BaseException) -> None:
    failure = error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
    if failure is not error:
        failure.__cause__ = error
    future.set_exception(failure)
    # Marked as retrieved: after a time-out nobody does, and asyncio would log it.
    future.exception()
