"""Cursors of lists in URLs: the key of a row, so that a page is found without those before it being read."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from returns_hub.console.visit import Refusal
from returns_hub.scalars import format_time, parse_time
from returns_hub.store.overview import ReturnRow

PAGE_SIZE: Final = 50


def cursor_of(row: ReturnRow) -> str:
    """The cursor of the rows behind this one."""
    key = [row.created_at and format_time(row.created_at), row.account, row.id]
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[datetime | None, str, str] | None:
    """The key that a cursor names; None for ``""``.

    Raises:
        Refusal: it is no cursor.
    """
    if not text:
        return None
    try:
        created_at, account, return_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        key = (None if created_at is None else parse_time(created_at), str(account), str(return_id))
    except (ValueError, TypeError):
        raise Refusal(404, "There is no such page of this list.") from None
    return key


def split_page(rows: Sequence[ReturnRow]) -> tuple[Sequence[ReturnRow], str]:
    """The rows of a page of which one more was read, and the cursor of the next one, ``""`` if there is none."""
    page = rows[:PAGE_SIZE]
    return page, cursor_of(page[-1]) if len(rows) > PAGE_SIZE else ""
