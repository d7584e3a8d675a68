"""Serves an ASGI application over real HTTP on loopback; needs the extra ``server``."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import uvicorn
from attrs import frozen
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
_ABORT: Final = "returns_hub.abort"
_MAX_BODY: Final = 1 << 20


@frozen
class RunningServer:
    """A server that accepts connections."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """``http://HOST:PORT``, without a slash at its end."""
        return f"http://{self.host}:{self.port}"


@contextmanager
def serve(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, lifespan: bool = False) -> Iterator[RunningServer]:
    """A server for ``app`` in a thread: it accepts connections on entry and is gone on exit.

    Port 0 takes a free one. Any number may run side by side. Connections still open on exit are aborted. ``lifespan`` for
    an application that opens something when it starts, and closes it when it ends.
    """
    with socket.create_server((host, port)) as listener:
        server = _Server(app, lifespan=lifespan)
        thread = threading.Thread(target=server.run_on, args=(listener,), name=f"serve {host}", daemon=True)
        thread.start()
        try:
            server.ready.wait()
            if not server.started:
                raise RuntimeError("the server did not start; its log says why")
            yield RunningServer(*listener.getsockname()[:2])
        finally:
            server.stop()
            thread.join()


class _AbortableProtocol(HttpToolsProtocol):
    """uvicorn's protocol; it also gives the application a way to abort the connection, and logs no requests."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False  # Config(access_log=False) would silence every uvicorn of the process

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[_ABORT] = self.transport.abort  # type: ignore[typeddict-unknown-key]  # a key of our own


class _Server(uvicorn.Server):
    """uvicorn's server; it says when it is ready, and ends at once instead of at its next tick."""

    def __init__(self, app: ASGIApp, *, lifespan: bool) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_AbortableProtocol,
                ws="none",
                lifespan="on" if lifespan else "off",
                log_config=None,
                proxy_headers=False,
                # A simulator with a clock of its own sends the time by that.
                date_header=not getattr(app, "sends_date", False),
            )
        )
        self.ready = threading.Event()
        self._wake: Callable[[], object] = int

    def run_on(self, listener: socket.socket) -> None:
        try:
            self.run(sockets=[listener])
        finally:
            self.ready.set()  # also where it could not start: nobody may wait for ever

    def stop(self) -> None:
        self.should_exit = True
        self._wake()

    async def main_loop(self) -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(stopping.set)
        while not await self.on_tick(0):  # refreshes the Date header
            self.ready.set()
            try:
                await asyncio.wait_for(stopping.wait(), 1)
            except TimeoutError:
                continue

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  uvicorn's signature
        for listener in self.servers:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)
        await self.lifespan.shutdown()


async def read_body(receive: Receive) -> bytes:
    """The body of a request; of one above the maximum, a part that is too long."""
    body = bytearray()
    more = True
    while more and len(body) <= _MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


async def is_disconnected(receive: Receive, *, within: float | None = None) -> bool:
    """True as soon as the caller's connection is gone, False if it is still there after ``within`` seconds."""
    try:
        await asyncio.wait_for(receive(), within)
    except TimeoutError:
        return False
    return True


async def abort_connection(scope: Scope, receive: Receive) -> None:
    """Closes the connection without another byte; returns when it is closed. Only under :func:`serve`."""
    scope[_ABORT]()
    await is_disconnected(receive)
