"""Returns: the list with its filters, the search, and the list as CSV."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from starlette.responses import RedirectResponse, Response, StreamingResponse

from returns_hub.console.display import machine, path_part
from returns_hub.console.paging import PAGE_SIZE, read_cursor, split_page
from returns_hub.console.visit import Page, Query, Refusal, Visit
from returns_hub.status import Attention, Status
from returns_hub.store import start_of
from returns_hub.store.overview import MAX_COUNT, Overview, ReturnRow

_WORDS: Final = ("order", "number", "tracking", "sku")
_MAX_FOUND: Final = 100
_MAX_CSV_ROWS: Final = 100_000
_CSV_PAGE: Final = 1000
_CSV: Final = (
    "account",
    "id",
    "provider",
    "number",
    "status",
    "status_raw",
    "attention",
    "order_number",
    "created_at",
    "updated_at",
)
# A spreadsheet takes a cell that begins like this for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def list_returns(visit: Visit) -> Response:
    """A page of the returns that match the filters, newest first."""
    found = visit.query("find")
    if found:
        return _found(visit, found)
    filters = _filters(visit)
    overview = visit.console.overview
    rows = overview.returns(**filters, after=read_cursor(visit.query("after")), limit=PAGE_SIZE + 1)
    page, after = split_page(rows)
    return visit.render(
        "returns.html",
        rows=page,
        total=overview.count_returns(**filters),
        max_count=MAX_COUNT,
        given=_given(visit),
        older=visit.url("/console/returns", **_given(visit), after=after) if after else "",
        first=visit.url("/console/returns", **_given(visit)) if visit.query("after") else "",
        csv=visit.url("/console/returns.csv", **_given(visit)),
        statuses=list(Status),
        attentions=list(Attention),
        searched="",
    )


def find(visit: Visit) -> Response:
    """What a text names. An e-mail address is looked for here, and does not come into the address bar."""
    text = visit.field("find", most=300)
    if "@" in text:
        return _found(visit, text)
    return RedirectResponse(visit.url("/console/returns", find=text), 303)


def as_csv(visit: Visit) -> Response:
    """The list as CSV, without the customers."""
    filters = _filters(visit)
    headers = {"Content-Disposition": 'attachment; filename="returns.csv"'}
    return StreamingResponse(
        _csv_lines(visit.console.overview, filters), media_type="text/csv; charset=utf-8", headers=headers
    )


def _found(visit: Visit, text: str) -> Response:
    found = list(visit.console.hub.find(text, limit=_MAX_FOUND + 1))
    if len(found) == 1:
        return RedirectResponse(visit.url(return_path(found[0].account, found[0].ret.id)), 303)
    rows = [
        ReturnRow(
            account=each.account,
            id=each.ret.id,
            provider=each.ret.provider,
            number=each.ret.number,
            status=each.ret.status,
            status_raw=each.ret.status_raw,
            attention=tuple(sorted(each.ret.attention)),
            order_number=each.ret.order.number if each.ret.order else None,
            customer_email=each.ret.customer.email if each.ret.customer else None,
            created_at=each.ret.created_at,
            updated_at=each.ret.updated_at,
        )
        for each in found[:_MAX_FOUND]
    ]
    return visit.render(
        "returns.html",
        rows=rows,
        total=len(found),
        max_count=_MAX_FOUND,
        given=dict.fromkeys(("account", "status", "attention", "since", *_WORDS), ""),
        older="",
        first="",
        csv="",
        statuses=list(Status),
        attentions=list(Attention),
        searched=text,
    )


def _given(visit: Visit) -> Mapping[str, str]:
    return {name: visit.query(name) for name in ("account", "status", "attention", "since", *_WORDS)}


def _filters(visit: Visit) -> dict[str, Any]:
    return {
        "account": visit.known_account(visit.query("account")) if visit.query("account") else None,
        "status": _word(Status, visit.query("status")),
        "attention": _word(Attention, visit.query("attention")),
        "since": _since(visit.query("since")),
        "words": {name: visit.query(name) or None for name in _WORDS},
    }


def _word(kind: Any, text: str) -> Any:
    try:
        return kind(text) if text else None
    except ValueError:
        raise Refusal(404, f"There is no {kind.__name__.lower()} of that name.") from None


def _since(text: str) -> datetime | None:
    try:
        return start_of(date.fromisoformat(text)) if text else None
    except ValueError:
        raise Refusal(404, "The date is none: it looks like 2026-01-31.") from None


def _csv_lines(overview: Overview, filters: Mapping[str, Any]) -> Iterator[str]:
    yield _csv_line(_CSV)
    after, written = None, 0
    while written < _MAX_CSV_ROWS:
        rows = overview.returns(**filters, after=after, limit=_CSV_PAGE)
        yield "".join(_csv_line([_cell(getattr(row, name)) for name in _CSV]) for row in rows)
        written += len(rows)
        if len(rows) < _CSV_PAGE:
            return
        after = (rows[-1].created_at, rows[-1].account, rows[-1].id)


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return machine(value)
    text = " ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def return_path(account: str, return_id: str) -> str:
    """The path of a return's page."""
    return f"/console/returns/{path_part(account)}/{path_part(return_id)}"


ROUTES: Final = (
    Page("/console/returns", list_returns),
    Page("/console/returns.csv", as_csv),
    Query("/console/find", find),
)
