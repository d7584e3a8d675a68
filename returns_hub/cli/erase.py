"""``erase``: remove a return and everything stored of it, for a customer who asks for that."""

from typing import Any

from attrs import asdict

from returns_hub.cli.options import ConfigPath
from returns_hub.cli.output import plural, print_error, print_json, print_line
from returns_hub.reports import Erased


def erase(
    account: str,
    id: str,
    /,
    *ids: str,
    allow_resync: bool = False,
    json: bool = False,
    config: ConfigPath = None,
) -> int:
    """Remove a return and everything stored of it. There is no way back.

    The return, the request that it grew from, its deliveries with their bytes and
    the personal values of its events are gone, from the database's files too. It
    is not stored again, whatever the vendor sends; digests of its ids remain for
    that. The vendor, backups and your own tables are not touched.

    For example:
      returns-hub erase acme-au rma_abc123
      returns-hub erase acme-au rma_abc123 --allow-resync

    Args:
        account: The account's name in the configuration.
        id: The vendor's id of the return, as "returns" lists it.
        ids: Further ones of the same account.
        allow_resync: The next sync may store it again, and an earlier erasure no longer prevents that.
        json: One JSON object a line: what was removed of each return.
        config: The configuration file.
    """
    from returns_hub.hub import Hub

    vacuumed = True
    with Hub.from_config(config) as hub:
        for return_id in (id, *ids):
            erased = hub.erase(account, return_id, allow_resync=allow_resync)
            vacuumed = vacuumed and erased.vacuumed
            if json:
                print_json(_data(account, return_id, erased))
            else:
                print_line(_sentence(account, return_id, erased))
    if not json:
        print_line("The next sync may store it again." if allow_resync else "It is not stored again.")
    if not vacuumed:
        print_error("another process kept reading, and the file may still hold some of it; erase it once more")
    return 0 if vacuumed else 1


def _data(account: str, return_id: str, erased: Erased) -> dict[str, Any]:
    return {"account": account, "id": return_id, **asdict(erased)}


def _sentence(account: str, return_id: str, erased: Erased) -> str:
    removed = [
        plural(erased.returns, "return"),
        f"the values of {plural(erased.events, 'event')}",
        f"{erased.deliveries} {'delivery' if erased.deliveries == 1 else 'deliveries'}",
        plural(erased.waiting, "waiting observation"),
    ]
    if not (erased.returns or erased.events or erased.deliveries or erased.waiting or erased.pending):
        return f"{account} {return_id}: nothing was stored of it."
    later = f" Pending deliveries about other returns too: {erased.pending}; their bytes go when they are processed."
    return f"{account} {return_id}: removed {', '.join(removed)}.{later if erased.pending else ''}"
