"""A hub of two accounts, the application that receives for it on loopback, and senders, honest and others."""

import hashlib
import hmac
import http.client
import json
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from attrs import frozen

from returns_hub import (
    Account,
    Capability,
    HttpAnswer,
    Hub,
    Order,
    Secret,
    Support,
    WebhookRequest,
    registry,
)
from returns_hub.server import create_app
from returns_hub.testing import serve
from returns_hub.testing.fake import FakeAdapter
from returns_hub.wire import decode_object, verify_basic

SECRET = "whsec-canary-71c0"
KEY = "signing-canary-52fa"


def hex_hmac(key: str, message: bytes) -> str:
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


@frozen
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@frozen
class Caller:
    """Calls a server over HTTP. Bodies for ReturnMate are signed as a whole, for Returnless the last part of the path."""

    url: str

    def send(self, method: str, path: str, body: Any = None, headers: Iterable[tuple[str, str]] = ()) -> Reply:
        """One request as it is given; a body that is no bytes goes out in chunks."""
        host = self.url.removeprefix("http://").partition("/")[0]
        prefix = self.url.removeprefix(f"http://{host}")
        with closing(http.client.HTTPConnection(host, timeout=20)) as connection:
            connection.putrequest(method, prefix + path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            given = [name.lower() for name, _ in headers]
            chunked = body is not None and not isinstance(body, bytes)
            if chunked:
                connection.putheader("Transfer-Encoding", "chunked")
            elif body is not None and "content-length" not in given:
                connection.putheader("Content-Length", str(len(body)))
            with suppress(BrokenPipeError, ConnectionResetError):  # it was answered, and cut off
                connection.endheaders(body, encode_chunked=chunked)
            reply = connection.getresponse()
            return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())

    def deliver(
        self, body: bytes = b'{"event": "rma.updated", "data": {"rma_id": "rma_1"}}', *, path: str = ""
    ) -> Reply:
        """A delivery of ReturnMate's."""
        return self.send("POST", path or "/webhooks/mate", body, [("X-Webhook-Signature", hex_hmac(SECRET, body))])

    def hint(self, return_id: str = "371141", *, after: str = "") -> Reply:
        """A delivery of Returnless's."""
        signed = [("Returnless-Signature", hex_hmac(KEY, return_id.encode()))]
        return self.send("POST", f"/webhooks/less/{return_id}{after}", b"{}", signed)

    def look_up(self, number: str, *, typed: str | None = None, account: str = "less") -> Reply:
        """An order look-up of Returnless's; ``typed`` is what is signed, if the path has it encoded."""
        signed = [("Returnless-Signature", hex_hmac(KEY, (number if typed is None else typed).encode()))]
        return self.send("GET", f"/orders/{account}/{number}", headers=signed)

    def raw(self, sent: bytes, *, patience: float = 5) -> bytes:
        """All that comes back for these bytes until the server closes, or nothing has come for a while."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=patience) as connection:
            connection.sendall(sent)
            answer = b""
            with suppress(TimeoutError):
                while part := connection.recv(65536):
                    answer += part
            return answer


@pytest.fixture
def signature() -> Callable[[str, bytes], str]:
    """The hexadecimal HMAC-SHA256 of a message under the secret of ``mate``, or the key of ``less``."""
    keys = {"mate": SECRET, "less": KEY}
    return lambda account, message: hex_hmac(keys[account], message)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The platform's module that the account ``less`` names; its ``find_order`` notes what it is asked for."""
    module: Any = ModuleType("shop_of_the_tests")
    module.asked = []
    module.orders = {}

    def find_order(number: str) -> Order | None:
        module.asked.append(number)
        found: Order | None = module.orders.get(number)
        return found

    module.find_order = find_order
    monkeypatch.setitem(sys.modules, "shop_of_the_tests", module)
    return module


@frozen(kw_only=True)
class BasicVendor(FakeAdapter):
    """A vendor that looks orders up by POST, with HTTP Basic."""

    provider: ClassVar[str] = "basic"
    capabilities: ClassVar[Mapping[Capability, Support]] = {
        **FakeAdapter.capabilities,
        Capability.ORDER_LOOKUP: Support.YES,
    }
    order_lookup_method: ClassVar[str] = "POST"

    def read_order_lookup(self, request: WebhookRequest) -> str:
        verify_basic(request, Secret("shop"), [Secret("pass-canary-1")])
        return decode_object(request.body)["order_number"]  # type: ignore[no-any-return]

    def answer_order_lookup(self, order: Order | None) -> HttpAnswer:
        found = {} if order is None else {"order_number": order.number}
        return HttpAnswer(status=200 if found else 404, body=json.dumps(found).encode())


@pytest.fixture
def accounts(shop: Any, monkeypatch: pytest.MonkeyPatch) -> list[Account]:
    find = registry.adapter_class
    monkeypatch.setattr(registry, "adapter_class", lambda name: BasicVendor if name == "basic" else find(name))
    return [
        Account(name="basic", provider="basic", orders="shop_of_the_tests:find_order", options={"api_key": "k"}),
        Account(name="mate", provider="returnmate", options={"api_key": "k", "webhook_secrets": [SECRET]}),
        Account(
            name="less",
            provider="returnless",
            orders="shop_of_the_tests:find_order",
            options={"user": "u", "password": "p", "signing_keys": [KEY]},
        ),
        Account(name="unset", provider="returnmate", options={"api_key": "k"}),
        Account(name="broken", provider="returnmate", options={}),
    ]


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "returns.db"


@pytest.fixture
def hub(accounts: list[Account], store_path: Path) -> Iterator[Hub]:
    with Hub(accounts, store=f"sqlite:///{store_path}?timeout=0.2") as hub:
        yield hub


@contextmanager
def calling(app: Any, *, lifespan: bool = False) -> Iterator[Caller]:
    with serve(app, lifespan=lifespan) as running:
        yield Caller(running.url)


@pytest.fixture
def serving() -> Any:
    """Serves an application while a block lasts, and gives what calls it."""
    return calling


@pytest.fixture
def caller(hub: Hub) -> Iterator[Caller]:
    """Calls the application as it is by default."""
    with calling(create_app(hub)) as caller:
        yield caller
