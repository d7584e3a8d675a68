"""Filters that a vendor does not have, or may ignore: compared with the returns that came."""

from collections.abc import Collection

from returns_hub.model import Return, ReturnQuery
from returns_hub.wire.requests import comparable


def may_match(query: ReturnQuery, ret: Return, *, words: Collection[str | None] | None = None) -> bool:
    """False if a return itself says that it is not one of those asked for. What it does not say excludes nothing.

    E-mails and order numbers are compared as loosely as any vendor may: without case and blanks, a number also without its ``#``.
    ``words`` are those of the vendor by which a ``raw_status`` may name the return; its ``status_raw`` unless given.
    """
    email = ret.customer.email if ret.customer else None
    number = ret.order.number if ret.order else None
    created, updated = ret.created_at, ret.updated_at
    named = {ret.status_raw} if words is None else set(words)
    return (
        (not query.status or ret.status in query.status)
        and (not query.raw_status or not named.isdisjoint(query.raw_status))
        and (query.created_after is None or created is None or created >= query.created_after)
        and (query.created_before is None or created is None or created <= query.created_before)
        and (query.updated_after is None or updated is None or updated >= query.updated_after)
        and (not (query.customer_email and email) or comparable(email) == comparable(query.customer_email))
        and (not (query.order_number and number) or _bare(number) == _bare(query.order_number))
    )


def _bare(order_number: str) -> str:
    return comparable(order_number).removeprefix("#")
