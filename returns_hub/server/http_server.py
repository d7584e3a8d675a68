"""The process of ``returns-hub serve``: uvicorn with limits that it does not have, and an orderly shutdown."""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final
from weakref import WeakSet

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from returns_hub.errors import ReturnsHubError

# uvicorn waits without an end for the head of a request, takes heads of any size, and any number of connections.
_HEAD_TIMEOUT: Final = 10.0
_MAX_HEAD_BYTES: Final = 64 * 1024
# With what chunks and trailers add to a body of the largest size that is read.
_MAX_MESSAGE_BYTES: Final = 8 << 20
_MAX_CONNECTIONS: Final = 800
# Longer than proxies keep a connection for the next request: the proxy closes it, and never finds it closed.
_KEEP_ALIVE_TIMEOUT: Final = 75
DEFAULT_SHUTDOWN_TIMEOUT: Final = 10
"""Seconds that requests have for their answers once the server is to end."""
_BACKLOG: Final = 1024


def run(
    app: ASGIApp,
    listener: socket.socket,
    *,
    on_started: Callable[[], object],
    on_stopping: Callable[[], object] = lambda: None,
    shutdown_timeout: int = DEFAULT_SHUTDOWN_TIMEOUT,
) -> None:
    """Serve ``app`` on a listening socket until SIGINT or SIGTERM; ``on_started`` is called once it is served.

    At a signal ``on_stopping`` is called, no connection is accepted any more, requests that have begun get so many seconds
    for their answers, and this returns. A second signal ends it at once. To be called in the main thread.
    """
    config = uvicorn.Config(
        app,
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # it writes paths, and with them the numbers of orders
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_TIMEOUT,
        timeout_graceful_shutdown=shutdown_timeout,
    )
    _Server(config, on_started, on_stopping).run(sockets=[listener])


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens.

    Raises:
        ReturnsHubError: the address is no address, or taken.
    """
    problem = ""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        other = (
            "choose another port" if error.errno == errno.EADDRINUSE else "the host must be an address of this machine"
        )
        problem = f"port {port} of {host}: {error.strerror}; {other}"
    else:
        with listener:
            yield listener
        return
    raise ReturnsHubError(problem)


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a time-out and a size limit for the head of a request, and a limit of connections."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._message_bytes = 0
        self._cycles: WeakSet[RequestResponseCycle] = WeakSet()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """A connection: one too many is closed at once, so that files of the store can still be opened."""
        super().connection_made(transport)
        if len(self.connections) > _MAX_CONNECTIONS:
            transport.abort()
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of a connection."""
        self._head_arrived()
        super().connection_lost(exc)
        # uvicorn notifies the last of several pipelined requests only, and the others would write to what is gone.
        for cycle in self._cycles:
            cycle.disconnected = True
            cycle.message_event.set()

    def eof_received(self) -> bool:  # type: ignore[override]  # as asyncio has it
        """The sender will send no more: True, and the connection stays, while one whose request is whole is still answered."""
        waits = self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        if waits:
            self.cycle.keep_alive = False
        return waits

    def data_received(self, data: bytes) -> None:
        """Some bytes, which begin, continue or end a request."""
        if self.cycle is None or self.cycle.response_complete:
            self._expect_head()
        super().data_received(data)
        self._message_bytes += len(data)
        if self._message_bytes > (_MAX_MESSAGE_BYTES if self._head_timer is None else _MAX_HEAD_BYTES):
            self.transport.abort()

    def on_message_begin(self) -> None:
        """The first bytes of a request."""
        self._message_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The last bytes of a request's head."""
        self._head_arrived()
        super().on_headers_complete()
        if self.cycle is not None:
            self._cycles.add(self.cycle)

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(_HEAD_TIMEOUT, self.transport.abort)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class _Server(uvicorn.Server):
    """uvicorn's server; a signal ends it, and not the process besides."""

    def __init__(
        self, config: uvicorn.Config, on_started: Callable[[], object], on_stopping: Callable[[], object]
    ) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._on_stopping = on_stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as a handler of signals is called
        if not self.should_exit:
            self._on_stopping()
        self.force_exit = self.should_exit
        self.should_exit = True
