"""A hub over simulators, its console, and browsers that ask it: each request goes through the whole application."""

import asyncio
import html
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from attrs import define, field, frozen

from returns_hub import Customer, Hub, Note, Return, Status
from returns_hub.cli.sandbox import Started, configuration, running
from returns_hub.console import Access, create_console, hash_password
from returns_hub.console.sandbox import Sandbox, SandboxShop, SandboxVendor
from returns_hub.events import Origin
from returns_hub.merge import observed

PASSWORD = "canary-password-8f2c"
API_KEY = "canary-api-key-51d0"


@frozen
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def words(self) -> str:
        """The text that somebody reads."""
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.text)).split())

    def token(self, path: str) -> str:
        """The token of the form that posts to a path."""
        found = re.search(rf'action="{re.escape(path)}".*?name="form_token" value="([^"]+)"', self.text, re.DOTALL)
        assert found is not None, f"no form for {path}"
        return found[1]


@define
class Browser:
    """Keeps cookies, and calls an ASGI application as a server would."""

    app: Any
    host: str = "127.0.0.1:8080"
    peer: str = "127.0.0.1"
    root: str = ""
    cookies: dict[str, str] = field(factory=dict)
    set_cookies: list[str] = field(factory=list)

    def get(self, path: str, **headers: str) -> Reply:
        return self.send("GET", path, headers)

    def post(self, path: str, form: Iterable[tuple[str, str]] | Mapping[str, str] = (), **headers: str) -> Reply:
        pairs = list(form.items()) if isinstance(form, Mapping) else list(form)
        given = {"content-type": "application/x-www-form-urlencoded", **headers}
        return self.send("POST", path, given, urlencode(pairs).encode())

    def act(self, page: str, path: str, form: Iterable[tuple[str, str]] | Mapping[str, str] = ()) -> Reply:
        """Open a page, and send the form on it that posts to a path."""
        pairs = list(form.items()) if isinstance(form, Mapping) else list(form)
        return self.post(path, [("form_token", self.get(page).token(path)), *pairs])

    def follow(self, reply: Reply) -> Reply:
        assert reply.status == 303, reply.words
        return self.get(reply.headers["location"])

    def log_in(self, name: str, password: str = PASSWORD) -> Reply:
        return self.act("/console/login", "/console/login", {"name": name, "password": password})

    def send(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        target = urlsplit(path)
        given = {"host": self.host, **{name.replace("_", "-"): value for name, value in (headers or {}).items()}}
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": self.root + _decoded(target.path),
            "raw_path": (self.root + target.path).encode(),
            "root_path": self.root,
            "query_string": target.query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": (self.peer, 50000),
            "server": ("127.0.0.1", 8080),
        }
        sent: list[dict[str, Any]] = []
        asyncio.run(_call(self.app, scope, body, sent))
        start = next(message for message in sent if message["type"] == "http.response.start")
        pairs = [(name.decode().lower(), value.decode("latin-1")) for name, value in start["headers"]]
        for name, value in pairs:
            if name == "set-cookie":
                self.set_cookies.append(value)
                self.cookies.update({key: morsel.value for key, morsel in SimpleCookie(value).items()})
        content = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        return Reply(start["status"], dict(pairs), content)


async def _call(app: Any, scope: dict[str, Any], body: bytes, sent: list[dict[str, Any]]) -> None:
    told = False

    async def receive() -> dict[str, Any]:
        nonlocal told
        if told:
            await asyncio.sleep(3600)
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)


def _decoded(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path)


@frozen
class World:
    """Simulated vendors, the hub that mirrors them, and the console over it."""

    hub: Hub
    started: tuple[Started, ...]
    app: Any
    access: Access

    def browser(self, person: str = "", **options: Any) -> Browser:
        """A browser, logged in as somebody where one is named."""
        browser = Browser(self.app, **options)
        if person:
            assert browser.log_in(person).status == 303
        return browser

    def simulator(self, provider: str) -> Any:
        return next(one.simulator for one in self.started if one.provider == provider)

    @property
    def warehoused(self) -> str:
        """The id of a return of Return Helper's with an item that has arrived."""
        returns = self.hub.returns(account="return-helper-sandbox")
        return next(each.ret.id for each in returns if any(item.id for item in each.ret.items))

    def wait_for_jobs(self) -> None:
        """Wait until no sync that a console has started is running any more."""
        for thread in threading.enumerate():
            if thread.name in ("returns-hub-sync", "returns-hub-reconcile"):
                thread.join()

    @property
    def audited(self) -> int:
        """How many acts were written down: each is before it is done."""
        from returns_hub.store.audit import AuditLog

        newest = AuditLog(self.hub.open_store().database).find(limit=1)
        return newest[0].id if newest else 0

    @property
    def called(self) -> int:
        """How often the vendors were called."""
        return sum(len(one.simulator.requests) for one in self.started)


@pytest.fixture(scope="session")
def people() -> Mapping[str, Any]:
    """The setting of who may use the console: ada may act, ron may look."""
    hashed = hash_password(PASSWORD)
    return {"ada": {"password": hashed, "role": "act"}, "ron": {"password": hashed, "role": "read"}}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, people: Mapping[str, Any]) -> Iterator[World]:
    """Twelve returns at each vendor, synced; a handler that fails; deliveries that came, one of them dead."""
    folder = tmp_path_factory.mktemp("console")
    with running(count=12, seed=1) as started:
        file = folder / "returns-hub.toml"
        file.write_text(configuration(started, store="sqlite:///returns.db", orders="returns_hub.cli.demo:find_order"))
        with Hub.from_config(file) as hub:

            @hub.on(name="erp", attempts=1)
            def erp(_: Any) -> None:
                raise LookupError("the ERP is closed")

            hub.sync()
            put_strange_returns(hub)
            hub.dispatch()
            access = Access.from_settings({"console_users": dict(people)})
            vendors = {
                one.account: SandboxVendor(
                    one.account,
                    one.simulator,
                    "http://127.0.0.1:9",
                    orders=hub.accounts[one.account].orders is not None,
                )
                for one in started
            }
            sandbox = Sandbox(vendors, SandboxShop())
            world = World(hub, started, create_console(hub, access=access, sandbox=sandbox), access)
            yield world
            world.wait_for_jobs()


def put_strange_returns(hub: Hub) -> None:
    """Returns whose status the vendor calls by a word that nobody has documented; the handler fails at their events."""
    for number in ("odd", "odder", "oddest"):
        ret = Return(
            provider="returnmate",
            id=f"rma_{number}",
            number=f"RMA-{number.upper()}",
            status=Status.UNKNOWN,
            status_raw="waiting for godot",
            customer=Customer(name="Vera Canary", email="vera.canary@example.com", phone="+44 20 7946 0958"),
            notes=(Note(text="Call Vera Canary on +44 20 7946 0958", author="desk"),),
        )
        observation = observed(ret, seen_at=hub.open_store().now(), origin=Origin.POLL)
        hub.open_store().apply("returnmate-sandbox", [observation])


@pytest.fixture
def deliver(world: World) -> Callable[[], int]:
    """Has ReturnMate deliver a webhook; the id of the stored delivery, which is pending."""
    from returns_hub.server import create_app
    from returns_hub.testing import serve

    def trigger() -> int:
        with serve(create_app(world.hub)) as server:
            result = world.simulator("returnmate").trigger(f"{server.url}/webhooks/returnmate-sandbox")
        assert result.statuses == (200,)
        return next(world.hub.deliveries(limit=1)).id

    return trigger


@pytest.fixture(scope="session")
def config_with_secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("secrets") / "returns-hub.toml"
    file.write_text(f'[accounts.acme]\nprovider = "returnmate"\napi_key = "{API_KEY}"\n')
    return file
