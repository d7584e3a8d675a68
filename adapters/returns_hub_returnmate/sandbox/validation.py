"""What the ReturnMate simulator refuses, and how: parameters, bodies, the error envelope of the API Reference."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from returns_hub import parse_time
from returns_hub.testing import Call, Refusal, json_answer
from returns_hub_returnmate.sandbox.state import Json

# API Reference, Error Codes.
HTTP_STATUS: Final = MappingProxyType(
    {
        "AUTHENTICATION_ERROR": 401,
        "PERMISSION_DENIED": 403,
        "NOT_FOUND": 404,
        "VALIDATION_ERROR": 400,
        "RATE_LIMITED": 429,
        "SERVER_ERROR": 500,
    }
)
CODES: Final = MappingProxyType({status: code for code, status in HTTP_STATUS.items()})


ORDER_NUMBER: Final = re.compile(r"#?[\w-]{1,40}\Z")
EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\Z")


def error(code: str, message: str, details: Mapping[str, str] | None = None) -> Json:
    """The error envelope of the API Reference, Response Format. Undocumented: what is in `details`; here a sentence by field."""
    return {"success": False, "error": {"code": code, "message": message, "details": dict(details or {})}}


def refusal(code: str, message: str, details: Mapping[str, str] | None = None) -> Refusal:
    """An error answer, to be raised."""
    return Refusal(json_answer(HTTP_STATUS[code], error(code, message, details)))


def invalid(name: str, problem: str, message: str = "Invalid request data") -> Refusal:
    """The refusal of one parameter or field."""
    return refusal("VALIDATION_ERROR", message, {name: problem})


def whole_number(query: Mapping[str, list[str]], name: str, *, default: int) -> int:
    """A parameter that is a whole number from 1 on."""
    text = query.get(name, [str(default)])[0]
    if not re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII):
        raise invalid(name, "must be a whole number from 1")
    return int(text)


def moment(query: Mapping[str, list[str]], name: str) -> datetime | None:
    """A datetime, or a bare date as in the API Reference, Filtering: its midnight in UTC (undocumented)."""
    if name not in query:
        return None
    try:
        return parse_time(query[name][0])
    except ValueError:
        raise invalid(name, "must be a date or a datetime") from None


def day(query: Mapping[str, list[str]], name: str) -> date | None:
    """A parameter that is a calendar date."""
    if name not in query:
        return None
    try:
        return date.fromisoformat(query[name][0])
    except ValueError:
        raise invalid(name, "must be a date") from None


def is_descending(query: Mapping[str, list[str]]) -> bool:
    """The API Reference, Sorting, shows `sort=created_at&order=desc`. Undocumented: `asc`, other fields, the default."""
    if query.get("sort", ["created_at"]) != ["created_at"]:
        raise invalid("sort", "must be created_at")
    if query.get("order", ["desc"])[0] not in ("asc", "desc"):
        raise invalid("order", "must be asc or desc")
    return query.get("order") != ["asc"]


Check: TypeAlias = Callable[[Any], bool]


def read_body(call: Call, *, required: Mapping[str, Check] | None = None, optional: Mapping[str, Check]) -> Json:
    """The JSON object of a request. Undocumented: that anything else, or more than is documented, is refused."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise invalid("body", "must be sent as application/json")
    try:
        body = json.loads(call.body)
    except (ValueError, RecursionError):
        raise invalid("body", "must be JSON") from None
    checks = {**(required or {}), **optional}
    if not isinstance(body, dict) or not body:
        raise invalid("body", "must be a JSON object")
    if unknown := body.keys() - checks.keys():
        raise invalid(min(unknown), "unknown field")
    for name in required or {}:
        if name not in body:
            raise invalid(name, "is required")
    for name, value in body.items():
        if not checks[name](value):
            message = "Invalid order number format" if name == "order_number" else f"Invalid {name}"
            raise invalid(name, "is not acceptable", message)
    return body


def is_text(value: Any) -> bool:
    """True of a text that is not blank."""
    return isinstance(value, str) and bool(value.strip())


def is_bool(value: Any) -> bool:
    """True of true and false."""
    return isinstance(value, bool)


def is_order_number(value: Any) -> bool:
    """True of an order number, with or without its ``#``."""
    return isinstance(value, str) and bool(ORDER_NUMBER.match(value))


def is_email(value: Any) -> bool:
    """True of an address."""
    return isinstance(value, str) and bool(EMAIL.match(value))


def are_items(value: Any) -> bool:
    """True of the items of a new RMA."""
    return isinstance(value, list) and bool(value) and all(_is_item(item) for item in value)


def _is_item(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() <= {"sku", "quantity", "reason", "notes"}
        and is_text(value.get("sku"))
        and type(value.get("quantity")) is int
        and value["quantity"] > 0
        and is_text(value.get("reason"))
        and is_text(value.get("notes", "none"))
    )
