"""Checkpoints: how far the reading of an account has come, stored in one transaction with what was read."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Connection, delete, select

from returns_hub.json_codec import encode_json
from returns_hub.store import rows
from returns_hub.store.schema import CHECKPOINTS
from returns_hub.store.sql import upsert

COVERED: Final = "covered"
"""The checkpoint that says of which span everything is in the mirror: ``since`` and ``until``."""


def load_checkpoints(connection: Connection, account: str, names: Collection[str] = ()) -> dict[str, Any]:
    """The checkpoints of an account by name: those that are named, or all of them."""
    query = select(CHECKPOINTS.c.name, CHECKPOINTS.c.value).where(CHECKPOINTS.c.account == account)
    if names:
        query = query.where(CHECKPOINTS.c.name.in_(names))
    return {row.name: rows.decode(row.value) for row in connection.execute(query)}


def save_checkpoints(connection: Connection, account: str, checkpoints: Mapping[str, Any]) -> None:
    """Store the checkpoints, and remove those whose value is None."""
    table = CHECKPOINTS.c
    removed = [name for name, value in checkpoints.items() if value is None]
    if removed:
        connection.execute(delete(CHECKPOINTS).where(table.account == account, table.name.in_(removed)))
    saved = {name: encode_json(value) for name, value in checkpoints.items() if value is not None}
    upsert(connection, CHECKPOINTS, [{"account": account, "name": name, "value": saved[name]} for name in saved])
