"""Deliveries and order look-ups through the proxies and servers that people run, feature by feature.

    python tests/benchmarks/proxies.py [--only TEXT] [--full] [--keep]

Every server (`returns-hub serve`, uvicorn with both parsers, hypercorn, gunicorn with Flask and Django) is
called directly and through every configuration of nginx, HAProxy and Caddy that is in `PROXIES`, as docs/webhooks.md
shows them. A cell is right if what was sent arrived to the byte and was answered as documented. Programs that are not
installed are named and left out: `apt-get install nginx haproxy caddy`, `pip install gunicorn hypercorn`.
"""

import argparse
import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from itertools import count, groupby
from operator import itemgetter
from pathlib import Path
from string import Template
from typing import Final, TypeAlias

from attrs import define, frozen

BIN: Final = Path(sys.executable).parent
SECRET: Final = "proxies-secret"
PREFIX: Final = "/returns"
PATIENCE: Final = 30.0

CONFIGURATION: Final = f"""
store = "sqlite:///returns.db"

[accounts.mate]
provider = "returnmate"
api_key = "k"
webhook_secrets = ["{SECRET}"]

[accounts.shop]
provider = "returnless"
user = "u"
password = "p"
signing_keys = ["{SECRET}"]
orders = "lookup:find_order"
"""
LOOKUP: Final = """
from datetime import UTC, datetime
from returns_hub import Order

def find_order(number):
    return Order(number=number, id="1", email="a@example.com", created_at=datetime(2026, 1, 1, tzinfo=UTC))
"""
MODULES: Final = {
    "asgi": """
from returns_hub import Hub
from returns_hub.server import create_app

app = create_app(Hub.from_config())
""",
    "mounted": f"""
from starlette.applications import Starlette
from returns_hub import AsyncHub
from returns_hub.contrib.starlette import lifespan, mount

hub = AsyncHub.from_config()
app = Starlette(lifespan=lifespan(hub, work=False))
mount(app, hub, "{PREFIX}")
""",
    "in_flask": """
from flask import Flask
from returns_hub import Hub
from returns_hub.contrib.flask import blueprint

app = Flask(__name__)
app.register_blueprint(blueprint(Hub.from_config()))
""",
    "in_django": """
from django.conf import settings

settings.configure(
    ROOT_URLCONF="urls_of_django", ALLOWED_HOSTS=["*"], SECRET_KEY="k", DATABASES={},
    INSTALLED_APPS=["returns_hub.contrib.django"], RETURNS_HUB="returns-hub.toml",
)
from django.core.wsgi import get_wsgi_application

app = get_wsgi_application()
""",
    "urls_of_django": """
from django.urls import include, path

urlpatterns = [path("", include("returns_hub.contrib.django.urls"))]
""",
}

# By name: the program that must be there, and the command; $port is where to listen. They run in a directory of their own.
SERVERS: Final[Mapping[str, tuple[str, str]]] = {
    "serve": ("", f"{BIN}/returns-hub serve --no-work --port $port"),
    "uvicorn-httptools": ("", f"{BIN}/uvicorn asgi:app --http httptools --port $port"),
    "uvicorn-h11": ("", f"{BIN}/uvicorn asgi:app --http h11 --port $port"),
    "uvicorn-mounted": ("", f"{BIN}/uvicorn mounted:app --port $port"),
    "hypercorn": ("hypercorn", f"{BIN}/hypercorn asgi:app -b 127.0.0.1:$port"),
    "gunicorn-sync-flask": ("gunicorn", f"{BIN}/gunicorn -k sync in_flask:app -b 127.0.0.1:$port"),
    "gunicorn-gthread-flask": (
        "gunicorn",
        f"{BIN}/gunicorn -k gthread --threads 4 in_flask:app -b 127.0.0.1:$port",
    ),
    "gunicorn-sync-django": ("gunicorn", f"{BIN}/gunicorn -k sync in_django:app -b 127.0.0.1:$port"),
    "gunicorn-gthread-django": (
        "gunicorn",
        f"{BIN}/gunicorn -k gthread --threads 4 in_django:app -b 127.0.0.1:$port",
    ),
}
# It is mounted at the prefix by itself: nothing may strip that.
MOUNTED: Final = "uvicorn-mounted"


@frozen
class Proxy:
    """A proxy: its command, what stands around its sites, and its sites by name; $listen and $up are ports."""

    program: str
    command: str
    around: str
    sites: Mapping[str, str]

    @property
    def is_here(self) -> bool:
        """True if the program is installed."""
        return shutil.which(self.program, path=SEARCH_PATH) is not None


SEARCH_PATH: Final = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])

# A site whose name ends in "prefix" is called under PREFIX, and takes it away unless it is "kept".
PROXIES: Final[Mapping[str, Proxy]] = {
    "nginx": Proxy(
        "nginx",
        "nginx -p $home -c $config -e stderr",
        "daemon off; pid $home/nginx.pid; user root; error_log stderr; events {}\n"
        "http { access_log off; client_body_temp_path $home/a; proxy_temp_path $home/b; fastcgi_temp_path $home/c;\n"
        "uwsgi_temp_path $home/d; scgi_temp_path $home/e;\n"
        'map $$request_uri $$without_prefix { "~^/returns(?<rest>/.*)$$" $$rest; }\n$sites}\n',
        {
            "whole host": "server { listen 127.0.0.1:$listen; location / { proxy_pass http://127.0.0.1:$up; } }\n",
            "unbuffered": "server { listen 127.0.0.1:$listen; location / { proxy_pass http://127.0.0.1:$up; "
            "proxy_http_version 1.1; proxy_set_header Connection ''; proxy_request_buffering off; } }\n",
            "slash strips prefix": "server { listen 127.0.0.1:$listen; location /returns/ { "
            "proxy_pass http://127.0.0.1:$up/; } }\n",
            "rewrite strips prefix": "server { listen 127.0.0.1:$listen; location /returns/ { "
            "rewrite ^/returns/(.*)$$ /$$1 break; proxy_pass http://127.0.0.1:$up; } }\n",
            "map strips prefix": "server { listen 127.0.0.1:$listen; location /returns/ { "
            "proxy_pass http://127.0.0.1:$up$$without_prefix; } }\n",
            "set strips prefix": "server { listen 127.0.0.1:$listen; location /returns/ { "
            'if ($$request_uri ~ "^/returns(/.*)$$") { set $$raw $$1; } proxy_pass http://127.0.0.1:$up$$raw; } }\n',
            "kept prefix": "server { listen 127.0.0.1:$listen; location /returns/ { proxy_pass http://127.0.0.1:$up; } }\n",
        },
    ),
    "haproxy": Proxy(
        "haproxy",
        "haproxy -db -f $config",
        "defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n$sites",
        {
            "whole host": "listen l$listen\n bind 127.0.0.1:$listen\n server s 127.0.0.1:$up\n",
            "replace-path strips prefix": "listen l$listen\n bind 127.0.0.1:$listen\n"
            " http-request replace-path /returns(/.*) \\1\n server s 127.0.0.1:$up\n",
            "set-path strips prefix": "listen l$listen\n bind 127.0.0.1:$listen\n"
            " http-request set-path %[path,regsub(^/returns,)]\n server s 127.0.0.1:$up\n",
            "kept prefix": "listen l$listen\n bind 127.0.0.1:$listen\n server s 127.0.0.1:$up\n",
        },
    ),
    "caddy": Proxy(
        "caddy",
        "caddy run --config $config --adapter caddyfile",
        "{\n admin off\n auto_https off\n}\n$sites",
        {
            "whole host": "http://:$listen {\n bind 127.0.0.1\n reverse_proxy 127.0.0.1:$up\n}\n",
            "handle_path strips prefix": "http://:$listen {\n bind 127.0.0.1\n handle_path /returns/* {\n"
            "  reverse_proxy 127.0.0.1:$up\n }\n}\n",
            "strip_prefix strips prefix": "http://:$listen {\n bind 127.0.0.1\n uri strip_prefix /returns\n"
            " reverse_proxy 127.0.0.1:$up\n}\n",
            "kept prefix": "http://:$listen {\n bind 127.0.0.1\n reverse_proxy 127.0.0.1:$up\n}\n",
        },
    ),
}


@define
class Way:
    """A way to a server: the port and the prefix to call, and the inbox that it leads to."""

    name: str
    server: str
    port: int
    prefix: str
    inbox: Path

    def connect(self) -> socket.socket:
        """A connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def head(self, method: str, path: str, *headers: tuple[str, str]) -> bytes:
        """The head of a request, its path as it is given."""
        lines = [f"{method} {self.prefix}{path} HTTP/1.1", "Host: shop.example"]
        return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin-1")

    def exchange(self, *parts: bytes) -> "Answer":
        """The answer to a request on a connection of its own."""
        with self.connect() as connection:
            connection.sendall(b"".join(parts))
            return receive(connection)

    def new_body(self, size: int = 0) -> bytes:
        """A body that was not sent before."""
        more = "x" * size
        return json.dumps({"event": "rma.updated", "data": {"rma_id": f"rma_{next(NUMBERS)}"}, "more": more}).encode()

    def has(self, body: bytes) -> bool:
        """True if the inbox has these bytes."""
        with closing(sqlite3.connect(self.inbox / "returns.db", timeout=PATIENCE)) as connection:
            found = connection.execute("SELECT count(*) FROM deliveries WHERE body = ?", (body,)).fetchone()
        return bool(found[0])


@frozen
class Answer:
    """What came back. ``status`` is 0 where nothing did."""

    status: int
    body: bytes = b""
    closes: bool = True


Feature: TypeAlias = Callable[[Way], str]


def receive(connection: socket.socket) -> Answer:
    """The next answer on a connection."""
    reply = http.client.HTTPResponse(connection)
    try:
        reply.begin()
        body = reply.read()
    except (OSError, http.client.HTTPException):
        return Answer(0)
    return Answer(reply.status, body, reply.will_close)


def signature(text: bytes) -> str:
    """The signature of both vendors."""
    return hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()


def delivery_headers(body: bytes) -> tuple[tuple[str, str], ...]:
    """The headers of a delivery but for its length."""
    return ("Content-Type", "application/json"), ("X-Webhook-Signature", signature(body))


def chunked(body: bytes) -> bytes:
    """The body in two chunks."""
    parts = body[:10], body[10:]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def expect_stored(way: Way, answer: Answer, body: bytes) -> str:
    """``""`` if the body was acknowledged and is in the inbox."""
    if answer.status != 200:
        return f"{answer.status}"
    return "" if way.has(body) else "another body"


def deliver(way: Way, size: int = 0) -> str:
    """A body with its length."""
    body = way.new_body(size)
    head = way.head("POST", "/webhooks/mate", *delivery_headers(body), ("Content-Length", str(len(body))))
    return expect_stored(way, way.exchange(head, body), body)


def deliver_large(way: Way) -> str:
    """A body of 900 kB."""
    return deliver(way, 900_000)


def deliver_chunked(way: Way) -> str:
    """A body in chunks."""
    body = way.new_body()
    head = way.head("POST", "/webhooks/mate", *delivery_headers(body), ("Transfer-Encoding", "chunked"))
    return expect_stored(way, way.exchange(head, chunked(body)), body)


def deliver_upgrade(way: Way) -> str:
    """A body behind the wish for another protocol: taken whole, or not acknowledged."""
    body = way.new_body()
    number = str(next(NUMBERS))
    head = way.head(
        "POST",
        f"/webhooks/shop/{number}",
        ("Returnless-Signature", signature(number.encode())),
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
        ("Transfer-Encoding", "chunked"),
    )
    answer = way.exchange(head, chunked(body))
    if answer.status == 201:
        return "" if way.has(body) else "acknowledged unread"
    return "" if answer.status >= 400 else f"{answer.status}"


def deliver_expecting(way: Way) -> str:
    """A body that is sent once the server has asked for it."""
    body = way.new_body()
    headers = (*delivery_headers(body), ("Content-Length", str(len(body))), ("Expect", "100-continue"))
    with way.connect() as connection:
        connection.sendall(way.head("POST", "/webhooks/mate", *headers))
        told = b""
        while not told.endswith(b"\r\n\r\n"):
            part = connection.recv(1)
            if not part:
                return "cut off"
            told += part
        if not told.startswith(b"HTTP/1.1 100"):
            return told[9:12].decode()
        connection.sendall(body)
        return expect_stored(way, receive(connection), body)


def deliver_twice(way: Way) -> str:
    """Two deliveries on one connection, unless the server says that it closes it."""
    with way.connect() as connection:
        for _ in range(2):
            body = way.new_body()
            head = way.head("POST", "/webhooks/mate", *delivery_headers(body), ("Content-Length", str(len(body))))
            connection.sendall(head + body)
            answer = receive(connection)
            if problem := expect_stored(way, answer, body):
                return problem
            if answer.closes:
                return ""
    return ""


def deliver_with_id(way: Way) -> str:
    """A delivery whose path ends in the id that is signed, with and without a slash behind it."""
    for slash in ("", "/"):
        number = str(next(NUMBERS))
        body = way.new_body()
        headers = (("Returnless-Signature", signature(number.encode())), ("Content-Length", str(len(body))))
        answer = way.exchange(way.head("POST", f"/webhooks/shop/{number}{slash}", *headers), body)
        if answer.status != 201 or not way.has(body):
            return f"{answer.status}{slash}"
    return ""


def look_up(number: str, *spellings: str) -> Feature:
    """An order number, in each of its spellings in a path."""

    def ask(way: Way) -> str:
        for spelling in spellings:
            head = way.head("GET", f"/orders/shop/{spelling}", ("Returnless-Signature", signature(number.encode())))
            answer = way.exchange(head)
            if answer.status != 200:
                return f"{answer.status} {spelling}"
            if json.loads(answer.body)["result"]["id"] != number:
                return f"another number for {spelling}"
        return ""

    return ask


FEATURES: Final[Mapping[str, Feature]] = {
    "length": deliver,
    "large": deliver_large,
    "chunked": deliver_chunked,
    "Upgrade": deliver_upgrade,
    "Expect": deliver_expecting,
    "keep-alive": deliver_twice,
    "id in path": deliver_with_id,
    "number": look_up("ORD-1", "ORD-1", "ORD-1/"),
    "slash raw": look_up("2026/12", "2026/12", "2026/12/"),
    "slash encoded": look_up("2026/12", "2026%2F12", "2026%2f12"),
    "percent": look_up("50% é", "50%25%20%C3%A9"),
    "percent twice": look_up("A%2FB", "A%252FB"),
    "plus": look_up("A+B", "A+B", "A%2BB"),
    "reserved": look_up("#1001;a=b&c:d@e", "%231001;a=b&c:d@e", "%231001%3Ba%3Db%26c%3Ad%40e"),
}


@contextmanager
def running(command: str, home: Path, **environment: str) -> Iterator[None]:
    """A program in a directory, which is ended with all its children."""
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command.split(),
            cwd=home,
            env={**os.environ, "PATH": SEARCH_PATH, "HOME": str(home), **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def wait_for(port: int, name: str, home: Path) -> None:
    """Until somebody listens on the port."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"{name} does not listen:\n{(home / 'log').read_text('utf-8', 'replace')[-2000:]}")


def start_server(name: str, command: str, root: Path, stack: ExitStack) -> tuple[int, Path]:
    """Where a server listens, and its directory."""
    home, port = root / name, free_port()
    home.mkdir()
    (home / "returns-hub.toml").write_text(CONFIGURATION)
    (home / "lookup.py").write_text(LOOKUP)
    for module, text in MODULES.items():
        (home / f"{module}.py").write_text(text)
    stack.enter_context(running(Template(command).substitute(port=port), home, PYTHONPATH=str(home)))
    wait_for(port, name, home)
    return port, home


def start_proxy(
    name: str, sites: Sequence[tuple[str, str]], servers: Mapping[str, tuple[int, Path]], root: Path, stack: ExitStack
) -> list[Way]:
    """The ways through a proxy: of each pair of a site and a server."""
    home, proxy = root / name, PROXIES[name]
    home.mkdir()
    ways, texts = [], []
    for site, server in sites:
        up, inbox = servers[server]
        listen = free_port()
        texts.append(Template(proxy.sites[site]).substitute(listen=listen, up=up))
        prefix = PREFIX if "prefix" in site or server == MOUNTED else ""
        ways.append(Way(f"{name}: {site}", server, listen, prefix, inbox))
    config = home / "config"
    config.write_text(Template(proxy.around).substitute(home=home, sites="".join(texts)))
    command = Template(proxy.command).substitute(home=home, config=config)
    stack.enter_context(running(command, home, XDG_DATA_HOME=str(home), XDG_CONFIG_HOME=str(home)))
    for way in ways:
        wait_for(way.port, name, home)
    return ways


def plan(only: str) -> tuple[list[tuple[str, str, str]], list[str]]:
    """The ways to try, each as proxy, site and server, of which ``only`` is a part; and what is not installed."""
    missing = [name for name, (package, _) in SERVERS.items() if package and find_spec(package) is None]
    missing += [name for name, proxy in PROXIES.items() if not proxy.is_here]
    ways = [("direct", "", server) for server in SERVERS]
    for name, proxy in PROXIES.items():
        for site in proxy.sites:
            # What is mounted at the prefix needs it, and nothing else can do with it.
            is_kept, is_stripped = site == "kept prefix", site.endswith("strips prefix")
            ways += [(name, site, server) for server in SERVERS if not (is_stripped if server == MOUNTED else is_kept)]
    here = [way for way in ways if not {way[0], way[2]} & set(missing)]
    return [way for way in here if only in " ".join(filter(None, way))], missing


NUMBERS: Final = count(100_000)


def try_all(ways: Sequence[Way], *, full: bool) -> bool:
    """Print what every way makes of every feature; True if all is right."""
    wrong: dict[tuple[str, str], dict[str, list[str]]] = {}
    servers: dict[str, set[str]] = {}
    for way in ways:
        servers.setdefault(way.name, set()).add(way.server)
        for name, feature in FEATURES.items():
            try:
                problem = feature(way)
            except (OSError, ValueError) as error:
                problem = type(error).__name__
            if problem:
                wrong.setdefault((way.name, name), {}).setdefault(problem, []).append(way.server)
            if full:
                print(f"{way.name:40} {way.server:26} {name:14} {problem or 'ok'}", flush=True)
    print(f"| Way | servers | {' | '.join(FEATURES)} |")
    print("|" + " --- |" * (len(FEATURES) + 2))
    for name, reached in servers.items():
        cells = ["right" if not (found := wrong.get((name, feature))) else describe(found) for feature in FEATURES]
        print(f"| {name} | {len(reached)} | {' | '.join(cells)} |")
    return not wrong


def describe(found: Mapping[str, Sequence[str]]) -> str:
    """What is wrong in a cell, and with which servers."""
    return "; ".join(f"**{problem}**: {', '.join(servers)}" for problem, servers in found.items())


def main() -> int:
    """Try every way; 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", default="", help="only ways whose proxy, site and server hold this, such as 'direct serve'"
    )
    parser.add_argument("--full", action="store_true", help="a line for every cell")
    parser.add_argument("--keep", action="store_true", help="keep the directory with configurations and logs")
    arguments = parser.parse_args()
    planned, missing = plan(arguments.only)
    if missing:
        print(f"not installed, and left out: {', '.join(missing)}", flush=True)
    root = Path(tempfile.mkdtemp(prefix="proxies-"))
    root.chmod(0o755)
    try:
        with ExitStack() as stack:
            wanted = dict.fromkeys(server for _, _, server in planned)
            servers = {name: start_server(name, SERVERS[name][1], root, stack) for name in wanted}
            ways = []
            for proxy, group in groupby(planned, key=itemgetter(0)):
                sites = [(site, server) for _, site, server in group]
                if proxy == "direct":
                    ways += [
                        Way(proxy, one, servers[one][0], PREFIX if one == MOUNTED else "", servers[one][1])
                        for _, one in sites
                    ]
                else:
                    ways += start_proxy(proxy, sites, servers, root, stack)
            return 0 if try_all(ways, full=arguments.full) else 1
    finally:
        if arguments.keep:
            print(root)
        else:
            shutil.rmtree(root)


if __name__ == "__main__":
    sys.exit(main())
