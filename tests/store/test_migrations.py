"""A mirror of an older revision learns what the newer ones need of what is in it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import column, insert, table
from sqlalchemy.dialects import sqlite

from returns_hub import Attention, Secret, Status
from returns_hub.store import Store
from returns_hub.store.database import _MIGRATIONS, Database
from returns_hub.store.schema import Moment
from returns_hub.store.search import UNDATED

Rows: TypeAlias = Sequence[Mapping[str, Any]]


@pytest.fixture(params=["sqlite_url", "empty_postgresql_url"])
def url(request: pytest.FixtureRequest) -> str:
    """The address of a database without any tables, of each kind in turn."""
    url: str = request.getfixturevalue(request.param)
    return url


def make(url: str, revision: str, rows: Mapping[str, Rows]) -> None:
    """Make the tables of a revision, with these rows."""
    database = Database(Secret(url))
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for name, new_rows in rows.items():
            connection.execute(insert(table(name, *map(column, new_rows[0]))), [*new_rows])
    database.close()


def test_the_first_revision_learns_its_names(url: str) -> None:
    items = [
        {
            "account": "acme",
            "return_id": f"r{n}",
            "position": 0,
            "object": {"id": f"{n}", "aliases": [f"line-{n}", "\0é"]},
        }
        for n in range(2100)
    ]
    items.append({"account": "acme", "return_id": "r7", "position": 1, "object": {"id": "x" * 300}})
    shipments = [{"account": "other", "return_id": "r1", "position": 0, "id": "s1", "object": {"id": "s1"}}]
    make(url, "0001", {"items": encoded(items), "shipments": encoded(shipments)})
    with Store.open(url) as store:
        found = [store.find_return("acme", [name]) for name in ("item:2099", "item:line-2099", "item:7", "shipment:s1")]
        assert (found, store.find_return("other", ["shipment:s1"])) == (["r2099", "r2099", "r7", None], "r1")


def test_the_fifth_revision_learns_by_what_its_returns_are_found(url: str) -> None:
    returns: list[dict[str, Any]] = [
        {
            "account": account,
            "id": f"r{n}",
            "provider": "memory",
            "kind": "unknown",
            "status": "approved",
            "attention": " review ",
            "object": {
                "provider": "memory",
                "id": f"r{n}",
                "status": "approved",
                "attention": ["review"],
                "order": {"number": f"#{n}"},
                "customer": {"email": "Jane@Example.com"},
                "items": [{"sku": "A-1"}],
                "shipments": [{"id": f"s{n}", "tracking_number": f"1Z {n}"}],
            },
        }
        for account in ("acme", "other")
        for n in range(300)
    ]
    returns.append({**returns[0], "id": "spoilt", "object": []})
    make(url, "0005", {"returns": encoded(returns)})
    with Store.open(url) as store:
        assert [(found.account, found.ret.id) for found in store.find("299")] == [("other", "r299"), ("acme", "r299")]
        assert [found.ret.id for found in store.returns(tracking="1z7", email="jane@example.com", sku="a-1")] == [
            "r7"
        ] * 2
        assert sum(1 for _ in store.find("a-1")) == 600
        for filters in ({"status": Status.APPROVED}, {"status": Status.APPROVED, "attention": Attention.REVIEW}):
            assert sum(1 for _ in store.returns(**filters, sku="a-1")) == 600


def test_the_tenth_revision_learns_where_its_returns_stand(url: str) -> None:
    common = {"provider": "memory", "kind": "unknown", "status": "approved"}
    returns = [
        {
            **common,
            "account": "acme",
            "id": "r1",
            "attention": " on_hold review ",
            "object": {"provider": "memory", "id": "r1"},
        },
        {**common, "account": "acme", "id": "r2", "attention": "  ", "object": {"provider": "memory", "id": "r2"}},
    ]
    known = {"created_at": time_of(url, UNDATED), "account": "acme", "return_id": "r1"}
    terms = [{"term": f"attention:{word}", **known} for word in ("on_hold", "review")]
    make(url, "0010", {"returns": encoded(returns), "terms": terms})
    with Store.open(url) as store:
        assert [found.ret.id for found in store.returns(status=Status.APPROVED)] == ["r2", "r1"]
        for attention in (Attention.ON_HOLD, Attention.REVIEW):
            found = store.returns(status=Status.APPROVED, attention=attention)
            assert [each.ret.id for each in found] == ["r1"]


def time_of(url: str, moment: datetime) -> Any:
    return moment if url.startswith("postgresql") else Moment().process_bind_param(moment, sqlite.dialect())


def encoded(rows: Rows) -> Rows:
    return [{**row, "object": json.dumps(row["object"])} for row in rows]
