"""What Django has beside the views: settings and their checks, models in handlers, commands."""

import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.core.management import CommandError, call_command

from returns_hub import ConfigurationError, Hub
from returns_hub.contrib.django import conf
from returns_hub.contrib.django.checks import check_settings
from returns_hub.contrib.django.conf import store_address

PROJECT = Path(__file__).parents[2] / "docs" / "examples" / "shop_django"
RETURN_SIGNATURE = "81950974af2e73c8f1d94de702d15d46f1627eb6c64b9d542ffa4300528b5f32"  # of 371141, with demo-key-1
ACCOUNT = {"provider": "returnmate", "api_key": "k"}


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Any], list[str]]:
    """What the checks say of a setting: the id and the sentence of each."""
    databases = {
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "shop.db"},
        "other": {"ENGINE": "django.db.backends.mysql"},
    }
    monkeypatch.setattr(settings, "DATABASES", databases)
    connections = {"default": a_connection("sqlite"), "other": a_connection("mysql")}
    monkeypatch.setattr(conf, "connections", connections)
    monkeypatch.setattr("returns_hub.contrib.django.checks.connections", connections)

    def check(setting: Any) -> list[str]:
        monkeypatch.setattr(settings, "RETURNS_HUB", setting, raising=False)
        return [f"{each.id[-4:]} {each.msg}" for each in check_settings()]

    return check


def a_connection(vendor: str, **more: Any) -> Any:
    return SimpleNamespace(vendor=vendor, settings_dict={"OPTIONS": {}}, **more)


def test_a_right_setting_has_no_problem(says: Callable[[Any], list[str]]) -> None:
    assert says({"accounts": {"acme": ACCOUNT}, "store": "sqlite:///returns.db", "keep_deliveries": "7d"}) == []


MISTAKES: dict[str, tuple[Any, str]] = {
    "missing": (
        None,
        'E001 RETURNS_HUB is missing: RETURNS_HUB = {"accounts": {...}}, or the path of a returns-hub.toml',
    ),
    "a list": ([], "E001 RETURNS_HUB must be a path or a dictionary, not list"),
    "no such file": ("nowhere.toml", "E001 RETURNS_HUB: the configuration file nowhere.toml does not exist"),
    "misspelt key": (
        {"acounts": {}},
        "E001 RETURNS_HUB: acounts is not known; did you mean 'accounts'? Known: accounts, keep_deliveries, store",
    ),
    "a key beside the file": (
        {"config": "returns-hub.toml", "store": "sqlite:///x.db"},
        "E001 RETURNS_HUB: 'store' stands beside \"config\": put it into that file",
    ),
    "no provider": (
        {"accounts": {"acme": {}}},
        "E001 RETURNS_HUB: accounts.acme.provider is missing; installed: ",
    ),
    "unset variable": (
        {"accounts": {"acme": {"provider": "returnmate", "api_key": {"env": "NOT_SET_ANYWHERE"}}}},
        "W002 RETURNS_HUB: accounts.acme.api_key: the environment variable NOT_SET_ANYWHERE is not set",
    ),
    "misspelt option": (
        {"accounts": {"acme": {"provider": "returnmate", "api_kee": "k"}}},
        "E002 RETURNS_HUB: accounts.acme.api_kee is not known; did you mean 'api_key'?",
    ),
    "missing option": (
        {"accounts": {"acme": {"provider": "returnmate"}}},
        "E002 RETURNS_HUB: accounts.acme.api_key is missing",
    ),
    "no such function": (
        {"accounts": {"acme": {**ACCOUNT, "orders": "nowhere.orders:find"}}},
        (
            'E003 RETURNS_HUB: accounts.acme.orders: orders = "nowhere.orders:find": importing nowhere.orders fails with '
            "ModuleNotFoundError"
        ),
    ),
    "a store of no use": (
        {"store": "mysql://x"},
        "E004 RETURNS_HUB: the address of the mirror must look like sqlite:///returns.db or postgresql://user@host/name",
    ),
    "no such database": ({"database": "main"}, 'E001 RETURNS_HUB["database"] must be one of DATABASES: default, other'),
    "a database of another kind": (
        {"database": "other"},
        (
            "E001 RETURNS_HUB[\"database\"]: the mirror can be in PostgreSQL or SQLite, and 'other' is mysql; "
            'give it a "store" of its own'
        ),
    ),
    "two databases": (
        {"database": "default", "store": "sqlite:///x.db"},
        'E001 RETURNS_HUB has "store" and "database": the mirror is in one of them',
    ),
    "atomic without a database": (
        {"atomic_handlers": True},
        'E001 RETURNS_HUB["atomic_handlers"] is True or False, and needs "database"',
    ),
    "deferred transactions": (
        {"database": "default"},
        (
            "W001 DATABASES['default'] is a SQLite file that the mirror shares: transactions that read first and write later "
            "fail with 'database is locked' while the worker writes"
        ),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence_of_the_check(mistake: str, says: Callable[[Any], list[str]]) -> None:
    setting, expected = MISTAKES[mistake]
    (said,) = says(setting)
    assert said.startswith(expected)


def test_every_account_that_is_wrong_is_named_in_one_run(says: Callable[[Any], list[str]]) -> None:
    accounts = {"a": {"provider": "returnmate"}, "b": {"provider": "returnless"}, "c": ACCOUNT, "d": {}}
    said = says({"accounts": accounts, "stor": "sqlite:///x.db", "keep_deliveries": 5})
    assert [" ".join(each.split()[2:4]) for each in said] == [
        "stor is",
        "accounts.d.provider is",
        "keep_deliveries must",
        "accounts.a.api_key is",
        "accounts.b.user is",
    ]


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found: dict[str, Any] = {}
    monkeypatch.setattr(conf, "connections", found)
    return found


def test_the_mirror_is_in_the_file_that_django_has_now(connections: dict[str, Any]) -> None:
    connections["default"] = a_connection("sqlite", is_in_memory_db=lambda: False)
    connections["default"].settings_dict["NAME"] = Path("/srv/shop/test_shop.db")
    assert store_address("default") == "sqlite:////srv/shop/test_shop.db?shared=true"


def test_a_database_in_memory_is_refused_with_what_to_do(connections: dict[str, Any]) -> None:
    connections["default"] = a_connection("sqlite", is_in_memory_db=lambda: True)
    with pytest.raises(ConfigurationError, match=r'"TEST"\] = {"NAME": "test.sqlite3"} has tests use a file'):
        store_address("default")


def test_the_mirror_has_a_schema_in_djangos_postgresql(connections: dict[str, Any]) -> None:
    parameters = {
        "dbname": "shop",
        "user": "django",
        "password": "p@ss/word",
        "host": "/run/postgresql",
        "port": "5433",
        "client_encoding": "UTF8",
        "sslmode": "require",
        "prepare_threshold": None,
        "context": object(),
        "cursor_factory": object,
    }
    connections["default"] = a_connection("postgresql", get_connection_params=lambda: parameters)
    assert store_address("default") == (
        "postgresql://django:p%40ss%2Fword@:5433/shop?host=%2Frun%2Fpostgresql&schema=returns_hub&sslmode=require"
    )


@pytest.mark.parametrize(("terminated", "stored"), [(True, [b"{}"]), (False, [])])
def test_a_body_in_chunks_is_stored_or_refused(terminated: bool, stored: list[bytes], django_hub: Hub) -> None:
    from returns_hub.contrib.django.views import receive

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/returns/webhooks/acme-nl/371141",
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "HTTP_RETURNLESS_SIGNATURE": RETURN_SIGNATURE,
        "wsgi.input": BytesIO(b"{}"),
        "wsgi.input_terminated": terminated,
        "wsgi.url_scheme": "http",
    }
    answer = receive(WSGIRequest(environ), account="acme-nl", rest="371141")
    assert (answer.status_code, [each.body for each in django_hub.deliveries()]) == (201 if terminated else 401, stored)


@pytest.mark.parametrize(("length", "status"), [("3", 400), ("-2", 400), ("99999999999", 413)])
def test_a_length_that_is_not_what_was_sent_is_refused(length: str, status: int, django_hub: Hub) -> None:
    from returns_hub.contrib.django.views import receive

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "CONTENT_LENGTH": length,
        "wsgi.input": BytesIO(b"{}"),
        "wsgi.url_scheme": "http",
    }
    assert receive(WSGIRequest(environ), account="acme-nl").status_code == status


KILLS = """
import os, signal, sys
import django
sys.path.insert(0, os.getcwd())
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()
from django.core.management import call_command
from django.db import connection
from returns_hub import telemetry
from returns_hub.contrib.django import hub
from shop.models import CustomerReturn

call_command("migrate", run_syncdb=True, verbosity=0)
kill, moment = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL), ""

@hub.on(name="kills", since="beginning", backfill=True)
def book(event):
    row, _ = CustomerReturn.objects.get_or_create(return_id=event.return_id)
    row.changes += 1
    row.save()
    if moment == "before the commit":
        kill()

hub.sync("acme-nl")
connection.close()
for moment in ("before the commit", "after the commit", "never"):
    child = os.fork()
    if not child:
        if moment == "after the commit":
            telemetry.count = kill
        print("dispatched", hub.dispatch(), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print(moment, sorted(CustomerReturn.objects.values_list("changes", flat=True)), flush=True)
    with connection.cursor() as cursor:  # what a killed worker had claimed may be claimed by another one
        table = "parked_events" if connection.vendor == "sqlite" else "returns_hub.parked_events"
        cursor.execute(f"UPDATE {table} SET claimed_until = '2020-01-01T00:00:00.000000Z' WHERE claim IS NOT NULL")
    connection.close()
"""


class Project:
    """The project of the docs in a folder of its own, and its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def use(self, postgresql: str) -> None:
        """Have the project in another database: of a PostgreSQL, by an address as those of the tests are."""
        url = urlsplit(postgresql)
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.path[1:],
            "USER": url.username,
            "HOST": url.query.removeprefix("host="),
        }
        with (self.folder / "settings.py").open("a", encoding="utf-8") as lines:
            lines.write(f"\nDATABASES['default'] = {database!r}\n")

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        program = [sys.executable, "manage.py", *arguments]
        return subprocess.run(program, cwd=self.folder, capture_output=True, text=True, check=False)

    @contextmanager
    def running(self, *arguments: str, says: str) -> Iterator["subprocess.Popen[str]"]:
        program = [sys.executable, "-u", "manage.py", *arguments]
        with subprocess.Popen(program, cwd=self.folder, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            while says not in (line := process.stdout.readline()):
                assert line, "it has ended"
            try:
                yield process
            finally:
                process.kill()

    def rows(self) -> list[tuple[str, str, int]]:
        with closing(sqlite3.connect(self.folder / "shop.sqlite3")) as connection:
            query = "SELECT return_id, status, changes FROM shop_customerreturn ORDER BY return_id"
            return connection.execute(query).fetchall()


@pytest.fixture
def project(configured: Path) -> Project:
    shutil.copytree(PROJECT, configured / "project")
    content = (configured / "returns-hub.toml").read_text("utf-8").replace("my_shop:", "shop.orders:")
    (configured / "project" / "returns-hub.toml").write_text(content, "utf-8")
    return Project(configured / "project")


def test_the_project_of_the_docs_from_the_webhook_to_its_model(project: Project, vendor: Any) -> None:
    assert project.run("migrate", "--run-syncdb").returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        project.running("runserver", "--noreload", str(port), says="Starting development server"),
        project.running("returns_hub_work", says="Working for 2 accounts; Ctrl-C ends it.") as worker,
    ):
        url = f"http://127.0.0.1:{port}/returns"
        vendor.set_status("371141", "received")
        assert vendor.deliver_webhook(f"{url}/webhooks/acme-nl/", "371141").acknowledged
        assert vendor.call_order_lookup(f"{url}/orders/acme-nl/", "ORD000212").status == 200
        for _ in range(1200):
            if project.rows():
                break
            with pytest.raises(subprocess.TimeoutExpired):  # it works on
                worker.wait(0.1)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(120) == 0
    assert project.rows() == [("371141", "received", 1)]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_model_is_written_exactly_once_however_the_worker_is_killed(
    database: str, project: Project, request: pytest.FixtureRequest
) -> None:
    if database == "postgresql":
        project.use(request.getfixturevalue("empty_postgresql_url"))
    (project.folder / "shop" / "return_handlers.py").unlink()
    program = [sys.executable, "-c", KILLS]
    done = subprocess.run(program, cwd=project.folder, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "before the commit []",
        "after the commit [1]",
        "dispatched 7",
        "never [1, 1, 1, 1, 1, 1, 1, 1]",
    ], done.stderr


def test_the_commands_sync_and_reconcile_and_say_what_is_wrong(django_hub: Hub, vendor: Any) -> None:
    for command, line in [
        ("returns_hub_sync", "acme-nl: 10 read, 8 new"),
        ("returns_hub_reconcile", "acme-nl: 10 checked"),
    ]:
        written = StringIO()
        call_command(command, "acme-nl", stdout=written)
        assert written.getvalue().startswith(line)
        with pytest.raises(CommandError, match="there is no account 'acme-nk'; did you mean 'acme-nl'"):
            call_command(command, "acme-nk")


def test_a_worker_without_its_secrets_does_not_begin(configured: Path, django_hub: Hub) -> None:
    (configured / "returns-hub.toml").write_text(
        '[accounts.acme]\nprovider = "returnmate"\napi_key = { env = "NOT_SET_ANYWHERE" }\n', "utf-8"
    )
    conf.configured_hub.cache_clear()
    with pytest.raises(
        CommandError, match=r"accounts\.acme\.api_key: the environment variable NOT_SET_ANYWHERE is not set"
    ):
        call_command("returns_hub_work")


def test_handlers_leave_no_connection_open_but_that_of_a_test() -> None:
    closed: list[str] = []
    inside = SimpleNamespace(in_atomic_block=True, close=lambda: closed.append("inside"))
    outside = SimpleNamespace(in_atomic_block=False, close=lambda: closed.append("outside"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(conf, "connections", SimpleNamespace(all=lambda initialized_only: [inside, outside]))
        patched.setattr(conf, "close_old_connections", lambda: None)
        with conf._handler_context(None):
            pass
    assert closed == ["outside"]
