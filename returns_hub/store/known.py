"""What the mirror has of some returns, read before observations of them are merged: everything in one round trip to the database."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from attrs import frozen
from sqlalchemy import Connection, TextualSelect, text

from returns_hub.events import Origin, ReturnCreated
from returns_hub.json_codec import encode_json
from returns_hub.merge import Stamp
from returns_hub.store.database import database_time
from returns_hub.store.schema import Moment


@frozen(kw_only=True)
class KnownReturn:
    """What is stored of one return: how old its newest facts are, and the digest of the observation that asserted them.

    ``object`` and ``layers`` are the JSON of the rest; ``object`` is None if the digest is the one that was given. ``created`` is how
    and when the return came into the mirror.
    """

    stamp: Stamp
    digest: str
    object: str | None
    layers: str | None
    created: tuple[Origin, datetime] | None


@frozen(kw_only=True)
class Known:
    """What is stored of some returns by their ids, and the database's time.

    ``grown`` are those of the ids that name requests from which a return grew. ``has_erased`` and ``has_waiting`` say whether anything
    of the account was erased, and whether anything waits; mostly nothing does.
    """

    now: datetime
    has_erased: bool
    has_waiting: bool
    grown: frozenset[str]
    returns: Mapping[str, KnownReturn]


def read_known(connection: Connection, account: str, ids: Iterable[str], digests: Iterable[str]) -> Known:
    """What is stored of the returns of these ids; without the objects that were made of the observations with these digests."""
    dialect = connection.dialect.name
    as_array = encode_json if dialect == "sqlite" else list[str]
    parameters = {"account": account, "ids": as_array([*ids]), "digests": as_array([*digests])}
    found = connection.execute(_QUERIES[dialect], parameters).all()
    # There is one row in any case.
    first = found[0]
    return Known(
        now=first.now or database_time(connection),
        has_erased=bool(first.has_erased),
        has_waiting=bool(first.has_waiting),
        grown=frozenset(json.loads(first.grown or "[]")),
        returns={
            row.return_id: KnownReturn(
                stamp=Stamp(row.at, row.seen_at),
                digest=row.fingerprint,
                object=row.object,
                layers=row.layers,
                created=None if row.created_at is None else (Origin(row.created_by), row.created_at),
            )
            for row in found
            if row.return_id is not None
        },
    )


def _query(*, now: str, grown: str, marks: str, is_known: str) -> TextualSelect:
    created = (
        f"FROM events WHERE return_id = mark.return_id AND account = mark.account AND type = '{ReturnCreated.type}'"
    )
    query = text(f"""
        SELECT {now} AS now,
            EXISTS (SELECT 1 FROM erased WHERE account = :account) AS has_erased,
            EXISTS (SELECT 1 FROM waiting WHERE account = :account) AS has_waiting,
            (SELECT {grown}) AS grown,
            mark.return_id, mark.at, mark.seen_at, mark.fingerprint,
            CASE WHEN NOT {is_known} THEN mark.layers END AS layers,
            CASE WHEN NOT {is_known} THEN
                (SELECT object FROM returns WHERE account = mark.account AND id = mark.return_id) END AS object,
            CASE WHEN NOT {is_known} THEN (SELECT origin {created}) END AS created_by,
            CASE WHEN NOT {is_known} THEN (SELECT recorded_at {created}) END AS created_at
        FROM (SELECT 1 AS one) AS always LEFT JOIN ({marks}) AS mark ON true
    """)  # noqa: S608 - of our own words
    return query.columns(now=Moment, at=Moment, seen_at=Moment, created_at=Moment)


_QUERIES: Final[Mapping[str, TextualSelect]] = {
    "sqlite": _query(
        now="NULL",
        grown="""json_group_array(request_id) FROM returns
            WHERE account = :account AND request_id IN (SELECT value FROM json_each(:ids))""",
        marks="""SELECT * FROM merge_state
            WHERE account = :account AND return_id IN (SELECT value FROM json_each(:ids))""",
        is_known="mark.fingerprint IN (SELECT value FROM json_each(:digests))",
    ),
    # OFFSET 0 has each id looked up by itself. For a list of ids in a new account PostgreSQL expects so few rows that it would
    # read the whole account instead, and keep that plan while the account grows.
    "postgresql": _query(
        now="clock_timestamp()",
        grown="""CAST(json_agg(wanted.id) AS text) FROM unnest(CAST(:ids AS text[])) AS wanted (id) WHERE EXISTS
            (SELECT 1 FROM returns WHERE account = :account AND request_id = wanted.id OFFSET 0)""",
        marks="""SELECT found.* FROM unnest(CAST(:ids AS text[])) AS wanted (id), LATERAL
            (SELECT * FROM merge_state WHERE account = :account AND return_id = wanted.id OFFSET 0) AS found""",
        is_known="mark.fingerprint = ANY (CAST(:digests AS text[]))",
    ),
}
