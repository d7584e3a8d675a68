"""The server as a process: whom it hangs up on, what it holds meanwhile, and how it ends."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen

from returns_hub import Hub

# The bounds of production, in a tenth of the time.
PROGRAM = """
import socket, sys
from returns_hub import Account, Hub
from returns_hub.server import bodies, create_app, endpoint, http_server

http_server._HEAD_TIMEOUT = float(sys.argv[3])
http_server._MAX_CONNECTIONS = 60
endpoint._LINGER_SECONDS = 0.5
bodies._FIRST_SECONDS = float(sys.argv[3])
account = Account(name="mate", provider="returnmate", options={"api_key": "k", "webhook_secrets": [sys.argv[2]]})
with Hub([account], store=sys.argv[1]) as hub, socket.create_server(("127.0.0.1", 0)) as listener:
    http_server.run(create_app(hub), listener, on_started=lambda: print(listener.getsockname()[1], flush=True))
print("ended", flush=True)
"""
BODY = b'{"event": "rma.updated", "data": {"rma_id": "rma_1"}}'
SLOW_SENDERS = 40


@frozen
class Server:
    process: "subprocess.Popen[str]"
    port: int

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def wait_until_deaf(self) -> None:
        """Until nobody listens on the port any more."""
        with suppress(OSError):
            while True:
                self.connect().close()
                time.sleep(0.01)

    @property
    def peak_kilobytes(self) -> int:
        """The most memory that it ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0])


@pytest.fixture(params=[1.0])
def server(request: pytest.FixtureRequest, store_path: Path) -> Iterator[Server]:
    """The process; the parameter is how many seconds it waits for a head, or the beginning of a body."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, f"sqlite:///{store_path}", "whsec-canary-71c0", str(request.param)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    yield Server(process, int(process.stdout.readline()))
    process.kill()
    process.communicate()


@pytest.fixture
def honest(server: Server, caller: Any) -> Any:
    """Calls the process."""
    return evolve(caller, url=f"http://127.0.0.1:{server.port}")


def wait_until_closed(connection: socket.socket) -> None:
    """Until the server has closed a connection, whatever it answers before; it fails by the connection's own time-out."""
    with suppress(ConnectionResetError):
        while connection.recv(65536):
            pass


@pytest.mark.parametrize(
    "begun",
    [b"", b"POST /webho", b"POST /webhooks/mate HTTP/1.1\r\nHost: x\r\nX-A: ", b"\r\n\r\n"],
    ids=["silent", "in the line", "in a header", "only line ends"],
)
def test_a_head_that_never_ends_is_cut_off(server: Server, begun: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(begun)
        wait_until_closed(connection)


def test_a_head_that_trickles_is_cut_off(server: Server) -> None:
    with server.connect() as connection:
        stop = threading.Event()

        def trickle() -> None:
            with suppress(OSError):
                connection.sendall(b"GET /healthz HTTP/1.1\r\nX-A: ")
                while not stop.wait(0.05):
                    connection.sendall(b"a")

        sending = threading.Thread(target=trickle)
        sending.start()
        wait_until_closed(connection)
        stop.set()
        sending.join()


def test_the_next_request_of_a_connection_must_not_trickle_either(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 ")
        connection.sendall(b"GET /heal")
        wait_until_closed(connection)


def test_a_head_without_end_is_cut_off_before_it_fills_the_memory(server: Server, honest: Any) -> None:
    honest.deliver()
    before = server.peak_kilobytes
    with server.connect() as connection, suppress(OSError):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-A: ")
        for _ in range(2000):  # 128 MB
            connection.sendall(b"a" * 65536)
    assert server.peak_kilobytes - before < 8_000


def test_a_body_without_end_is_cut_off_before_it_fills_the_memory(server: Server, honest: Any) -> None:
    honest.deliver()
    before = server.peak_kilobytes
    with server.connect() as connection, suppress(OSError):
        connection.sendall(b"POST /webhooks/mate HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n")
        for _ in range(2000):
            connection.sendall(b"a" * 65536)
    assert server.peak_kilobytes - before < 16_000


def test_chunks_without_end_are_cut_off(server: Server, honest: Any) -> None:
    with server.connect() as connection, suppress(OSError):
        connection.sendall(b"POST /webhooks/nobody HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(2000):
            connection.sendall(b"1;" + b"x" * 65000 + b"\r\na\r\n")
        pytest.fail("the server took it all")
    assert honest.deliver().status == 200


def test_slow_senders_hold_up_nobody_and_little_memory(server: Server, honest: Any) -> None:
    honest.deliver()
    before = server.peak_kilobytes
    head = b"POST /webhooks/mate HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    with ExitStack() as connections:
        slow = [connections.enter_context(server.connect()) for _ in range(SLOW_SENDERS)]
        for connection in slow:
            connection.sendall(head)
        statuses = set()
        for number in range(10):
            for connection in slow:
                with suppress(OSError):
                    connection.sendall(b"x")
            statuses.add(honest.deliver(BODY + b" " * number).status)
        answers = [connection.recv(12) for connection in slow]
    assert statuses == {200}
    assert set(answers) == {b"HTTP/1.1 408"}
    assert server.peak_kilobytes - before < 16_000


@pytest.mark.parametrize("server", [3600.0], indirect=True)
def test_connections_beyond_the_bound_are_closed_at_once(server: Server, honest: Any) -> None:
    with ExitStack() as connections:
        many = [connections.enter_context(server.connect()) for _ in range(70)]
        wait_until_closed(many[-1])
    assert honest.deliver().status == 200


def ended(server: Server) -> tuple[int, str]:
    """How it ended, once it has, and what it printed at last."""
    out, _ = server.process.communicate(timeout=60)
    return server.process.returncode, out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(server: Server, number: signal.Signals) -> None:
    with server.connect():  # idle: nobody to wait for
        server.process.send_signal(number)
        assert ended(server) == (0, "ended\n")


@pytest.mark.parametrize("server", [3600.0], indirect=True)
def test_a_request_that_has_begun_is_answered_before_the_end(
    server: Server, hub: Hub, honest: Any, signature: Any
) -> None:
    head = b"POST /webhooks/mate HTTP/1.1\r\nHost: x\r\nX-Webhook-Signature: %s\r\nContent-Length: %d\r\n\r\n"
    with server.connect() as connection:
        connection.sendall(head % (signature("mate", BODY).encode(), len(BODY)) + BODY[:10])
        honest.send("GET", "/healthz")  # the server has read the head by now
        server.process.send_signal(signal.SIGTERM)
        server.wait_until_deaf()
        connection.sendall(BODY[10:])
        assert connection.recv(12) == b"HTTP/1.1 200"
    assert ended(server) == (0, "ended\n")
    assert [delivery.body for delivery in hub.deliveries()] == [BODY]


@pytest.mark.parametrize("server", [3600.0], indirect=True)
def test_a_sender_that_has_closed_its_side_is_answered(server: Server, hub: Hub, signature: Any) -> None:
    head = b"POST /webhooks/mate HTTP/1.1\r\nHost: x\r\nX-Webhook-Signature: %s\r\nContent-Length: %d\r\n\r\n"
    with server.connect() as connection:
        connection.sendall(head % (signature("mate", BODY).encode(), len(BODY)) + BODY)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(12) == b"HTTP/1.1 200"
        wait_until_closed(connection)
    assert [delivery.body for delivery in hub.deliveries()] == [BODY]


@pytest.mark.parametrize("server", [3600.0], indirect=True)
def test_whoever_hangs_up_on_pipelined_requests_leaves_no_traceback(
    server: Server, honest: Any, signature: Any
) -> None:
    head = b"POST /webhooks/mate HTTP/1.1\r\nHost: x\r\nX-Webhook-Signature: %s\r\nContent-Length: %d\r\n\r\n"
    with server.connect() as connection:
        connection.sendall((head % (signature("mate", BODY).encode(), len(BODY)) + BODY) * 3)
    assert honest.deliver().status == 200
    server.process.send_signal(signal.SIGTERM)
    _, log = server.process.communicate(timeout=60)
    assert (server.process.returncode, "Traceback" in log) == (0, False)


@pytest.mark.parametrize("server", [3600.0], indirect=True)
def test_a_second_signal_waits_for_nobody(server: Server, honest: Any) -> None:
    with server.connect() as connection:
        connection.sendall(b"POST /webhooks/mate HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        honest.send("GET", "/healthz")
        for _ in range(2):
            server.process.send_signal(signal.SIGTERM)
            server.wait_until_deaf()
        assert ended(server) == (0, "ended\n")
