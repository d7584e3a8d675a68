"""What the campaign of hangs sends and asks all the time, and a network that goes mute."""

import http.client
import random
import socket
import socketserver
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import reliability_parts as parts
from attrs import define, field
from reliability_parts import Signed, Vendor


@define
class Network(socketserver.ThreadingTCPServer):
    """Passes connections on to a PostgreSQL on a socket; those that are open when it goes mute hear nothing any more."""

    target: str
    muted: int = 0
    count: int = 0
    daemon_threads = True

    def __attrs_post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self._Passage)

    class _Passage(socketserver.BaseRequestHandler):
        server: "Network"

        def handle(self) -> None:
            self.server.count += 1
            number = self.server.count
            with socket.socket(socket.AF_UNIX) as there:
                there.connect(self.server.target)
                back = threading.Thread(target=self._pump, args=(number, there, self.request), daemon=True)
                back.start()
                self._pump(number, self.request, there)
                back.join()

        def _pump(self, number: int, source: socket.socket, target: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(65536):
                    if number > self.server.muted:
                        target.sendall(data)
                if number > self.server.muted:
                    target.shutdown(socket.SHUT_WR)


@define
class Traffic:
    """Deliveries of an account, one each ``interval`` seconds, each until it is acknowledged."""

    vendor: Vendor
    ports: Sequence[int]
    interval: float
    answers: list[tuple[float, int | None, float]] = field(factory=list)
    """When something was heard, what, and how many seconds that took."""
    sent: dict[bytes, float] = field(factory=dict)
    acknowledged: dict[bytes, float] = field(factory=dict)
    _stopped: threading.Event = field(factory=threading.Event)
    _abandoned: threading.Event = field(factory=threading.Event)
    _sending: ThreadPoolExecutor = field(factory=lambda: ThreadPoolExecutor(200))
    _thread: threading.Thread = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def abandon(self) -> None:
        """Deliver nothing any more, acknowledged or not."""
        self._abandoned.set()
        self.stop()

    def stop(self) -> None:
        """Deliver nothing new, and wait until all is acknowledged."""
        self._stopped.set()
        self._thread.join()
        self._sending.shutdown()

    def _run(self) -> None:
        while not self._stopped.wait(self.interval):
            (signed,) = self.vendor.deliveries(1)
            self.sent[signed[1]] = time.time()
            self._sending.submit(self._send, signed)

    def _send(self, signed: Signed) -> None:
        while signed[1] not in self.acknowledged and not self._abandoned.is_set():
            began = time.time()
            # As vendors do: none waits for half a minute.
            status = parts.post(random.choice(self.ports), signed, account=self.vendor.name, timeout=15)
            now = time.time()
            self.answers.append((now, status, now - began))
            if status == 200:
                self.acknowledged[signed[1]] = now
            else:
                time.sleep(0.5)


@define
class Probe:
    """Asks a server for its health, twice a second."""

    port: int
    seen: dict[str, list[tuple[float, int | None]]] = field(
        factory=lambda: {"/livez": [], "/readyz": [], "/healthz": []}
    )
    _stopped: threading.Event = field(factory=threading.Event)
    _threads: list[threading.Thread] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self._threads += [threading.Thread(target=self._run, args=(path,)) for path in self.seen]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def red_after(self, path: str, since: float) -> float | None:
        """How many seconds after a moment it was red for the first time."""
        return next((at - since for at, status in self.seen[path] if at >= since and status != 200), None)

    def _run(self, path: str) -> None:
        while not self._stopped.wait(0.5):
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=8)) as connection:
                status: int | None = None
                with suppress(OSError, http.client.HTTPException):
                    connection.request("GET", path)
                    status = connection.getresponse().status
            self.seen[path].append((time.time(), status))
