"""What the simulated Return Helper refuses in a request, and the envelope around everything that it answers.

Envelope and soft errors are those of Return Helper API, Getting started, Response Structure, and of the error-code page. The texts of the messages are not: no client may match on them.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from returns_hub import HttpAnswer, parse_time
from returns_hub.testing import Call, Refusal, json_answer

Json: TypeAlias = dict[str, Any]
Check: TypeAlias = Callable[[Any], str | None]
"""What is wrong with a value, in a sentence; None if nothing is."""

_WHOLE: Final = re.compile(r"-?\d{1,18}\Z", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,12}(\.\d{1,6})?\Z", re.ASCII)
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\Z")
# White space, control characters and invisible Unicode ("Seller reference number").
_INVISIBLE: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
# Legacy announcement: requests that carry one are rejected since 2025-03-01.
OUTPUT_ONLY: Final = frozenset({"returnRequestNumber", "shipmentNumber", "returnRequestLineItemNumber"})
INVALID: Final = "VALIDATION_FAILED"


class Invalid(Exception):
    """The request is refused under HTTP 200: ``problems`` has a sentence for each property that is wrong."""

    def __init__(self, problems: Mapping[str, str], code: str = INVALID) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems
        self.code = code


def invalid(name: str, problem: str) -> Invalid:
    """A refusal for one property."""
    return Invalid({name: problem})


def envelope(payload: Mapping[str, Any], correlation_id: str) -> HttpAnswer:
    """A success: the payload stands beside ``meta``, not in it (Return Helper API, Getting started, Response Structure)."""
    return json_answer(200, {**payload, "correlationId": correlation_id, "meta": _meta(200, None, {})})


def failure(status: int, code: str | None, problems: Mapping[str, str], correlation_id: str) -> Json:
    """The body of a failure (Return Helper API, Getting started, Response Structure)."""
    return {"correlationId": correlation_id, "meta": _meta(status, code, problems)}


def _meta(status: int, code: str | None, problems: Mapping[str, str]) -> Json:
    return {"status": status, "data": {}, "errorCode": code, "error": dict(problems)}


# The query


@frozen
class Parameter:
    """One query parameter: how its text becomes a value, and what that value must be besides."""

    read: Callable[[str], Any]
    check: Check = lambda _: None
    required: bool = True
    many: bool = False


def read_query(call: Call, parameters: Mapping[str, Parameter], *, ignore_unknown: bool) -> Json:
    """The values of a query by name; those left out are not in it.

    Undocumented: an unknown parameter is refused here, unless ``ignore_unknown``, and so is one that is repeated; a list
    takes repeated keys, as ASP.NET does.

    Raises:
        Invalid: naming every parameter that is missing, malformed or out of range.
    """
    texts: dict[str, list[str]] = {}
    for name, text in call.query:
        texts.setdefault(name, []).append(text)
    problems = {} if ignore_unknown else dict.fromkeys(texts.keys() - parameters.keys(), "Unknown parameter.")
    values: Json = {}
    for name, parameter in parameters.items():
        given = texts.get(name, [])
        if not given:
            if parameter.required:
                problems[name] = f"A value for the '{name}' parameter was not provided."
            continue
        if len(given) > 1 and not parameter.many:
            problems[name] = "Given more than once."
            continue
        try:
            read = [parameter.read(text) for text in given]
        except ValueError:
            problems[name] = (
                f"The value '{given[0]}' is not valid."  # Return Helper API, Getting started, its sample of a failure
            )
            continue
        values[name] = read if parameter.many else read[0]
        if problem := parameter.check(values[name]):
            problems[name] = problem
    if problems:
        raise Invalid(problems)
    return values


def whole(text: str) -> int:
    """A whole number of a query."""
    if not _WHOLE.match(text):
        raise ValueError(text)
    return int(text)


def decimal(text: str) -> Decimal:
    """A number of a query."""
    if not _NUMBER.match(text):
        raise ValueError(text)
    return Decimal(text)


def moment(text: str) -> datetime:
    """An ISO 8601 time of a query; without a zone it is UTC (Return Helper API, Introduction, General Remarks; the zone is inferred)."""
    return parse_time(text)


def some(text: str) -> str:
    """A text of a query that is not empty."""
    if not text.strip():
        raise ValueError(text)
    return text


def between(least: int, most: int | None = None) -> Check:
    """A number within bounds, both included."""

    def check(value: Any) -> str | None:
        if value < least or (most is not None and value > most):
            return f"must be from {least}" + ("" if most is None else f" to {most}")
        return None

    return check


PAGING: Final[Mapping[str, Parameter]] = {
    "pageSize": Parameter(whole, between(1, 50)),  # Return Helper API, List return inventories, Required parameters
    "offset": Parameter(whole, between(0)),
}


# The body


@frozen
class Field:
    """One field of a JSON body: a value of its own, an object with fields, or a list of such objects."""

    check: Check
    required: bool = True
    inside: Mapping[str, "Field"] | None = None
    many: bool = False


def optional(one: Field) -> Field:
    """The same field, but it may be left out or null."""
    return evolve(one, required=False)


def read_body(call: Call, fields: Mapping[str, Field], *, ignore_unknown: bool) -> Json:
    """The JSON object of a request, checked to the last field; numbers with a fraction are ``Decimal``.

    Undocumented: that a field which no document has is refused, unless ``ignore_unknown``, so that a client which misspells
    one is given.

    Raises:
        Invalid: naming every field that is missing, of the wrong type or out of range.
    """
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise invalid("body", "must be sent as application/json")  # Return Helper API, Introduction, Authentication
    try:
        body = json.loads(call.body, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise invalid("body", "must be JSON") from None
    if not isinstance(body, dict):
        raise invalid("body", "must be a JSON object")
    problems: dict[str, list[str]] = {}
    _check_object(body, fields, "", problems, ignore_unknown=ignore_unknown)
    if problems:
        # "Several messages are joined by commas".
        raise Invalid({name: ",".join(sentences) for name, sentences in problems.items()})
    return body


def _check_object(
    value: Json, fields: Mapping[str, Field], at: str, problems: dict[str, list[str]], *, ignore_unknown: bool
) -> None:
    for name in value.keys() - fields.keys():
        if name in OUTPUT_ONLY or not ignore_unknown:
            problems.setdefault(at + name, []).append("is not accepted")
    for name, wanted in fields.items():
        given = value.get(name)
        if given is None:
            if wanted.required:
                problems.setdefault(at + name, []).append(f"'{name}' must not be empty.")
            continue
        if problem := wanted.check(given):
            problems.setdefault(at + name, []).append(problem)
        elif wanted.inside is not None:
            parts = given if wanted.many else [given]
            for index, part in enumerate(parts):
                place = f"{at}{name}[{index}]." if wanted.many else f"{at}{name}."
                if isinstance(part, dict):
                    _check_object(part, wanted.inside, place, problems, ignore_unknown=ignore_unknown)
                else:
                    problems.setdefault(place.rstrip("."), []).append("must be an object")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def text(most: int | None = None, *, empty: bool = False) -> Field:
    """A text, not blank unless ``empty``, of at most ``most`` characters."""

    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return "must be text"
        if not empty and not value.strip():
            return "must not be empty"
        return f"must have at most {most} characters" if most is not None and len(value) > most else None

    return Field(check)


def word(words: Collection[str]) -> Field:
    """One of a code table, in its spelling."""
    return Field(lambda value: None if isinstance(value, str) and value in words else "is not a known code")


def email() -> Field:
    """An e-mail address."""
    return Field(lambda value: None if isinstance(value, str) and _EMAIL.match(value) else "is not an e-mail address")


def reference() -> Field:
    """A ``sellerReferenceNumber``: empty, or 1 to 50 characters without white space or anything invisible."""

    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return "must be text"
        if len(value) > 50:
            return "must have at most 50 characters"
        return "must not have white space or invisible characters" if _INVISIBLE.search(value) else None

    return optional(Field(check))


def positive() -> Field:
    """A JSON number above zero."""
    return Field(lambda value: None if _is_number(value) and value > 0 else "must be a number greater than 0")


def identifier() -> Field:
    """An id as a JSON number."""
    return Field(lambda value: None if _is_whole(value) and value > 0 else "must be an id")


def identifier_of(known: Collection[int]) -> Field:
    """The id of one of these, as a JSON number."""
    return Field(lambda value: None if _is_whole(value) and value in known else "was not found")


def identifier_text() -> Field:
    """An id as text that parses to a long."""
    return Field(lambda value: None if isinstance(value, str) and _WHOLE.match(value) else "must be an id as text")


def identifier_either() -> Field:
    """An id as a JSON number, or as text of at most 35 characters."""
    return Field(lambda value: identifier().check(value) and identifier_text().check(value))


def flag() -> Field:
    """True or false."""
    return Field(lambda value: None if isinstance(value, bool) else "must be true or false")


def count(least: int, most: int) -> Field:
    """A whole number within bounds, both included."""
    return Field(lambda value: None if _is_whole(value) and least <= value <= most else f"must be {least} to {most}")


def identifiers(most: int | None = None) -> Field:
    """A list of ids, not empty, none twice, at most ``most``."""

    def check(value: Any) -> str | None:
        if not isinstance(value, list) or not value or any(identifier().check(one) for one in value):
            return "must be a list of ids"
        if len(set(value)) < len(value):
            return "must not have an id twice"
        return f"must have at most {most} ids" if most is not None and len(value) > most else None

    return Field(check)


def texts() -> Field:
    """An object of text to text."""

    def check(value: Any) -> str | None:
        fine = isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
        return None if fine else "must be an object of text to text"

    return Field(check)


def inside(fields: Mapping[str, Field]) -> Field:
    """An object."""
    return Field(lambda value: None if isinstance(value, dict) else "must be an object", inside=fields)


def many(fields: Mapping[str, Field]) -> Field:
    """A list of objects, not empty."""
    return Field(
        lambda value: None if isinstance(value, list) and value else "must be a list that is not empty",
        inside=fields,
        many=True,
    )


# The few cases of real HTTP errors


def refusal(status: int, correlation_id: str) -> Refusal:
    """A real HTTP 401, 403 or 409.

    Only the numbers are documented; that such a body has the envelope is inferred.
    """
    return Refusal(json_answer(status, failure(status, None, {}, correlation_id)))


# Endpoints


@frozen
class Endpoint:
    """One call: what it takes, and what it answers beside the envelope. ``body`` None: it takes a query."""

    answer: Callable[[Json], Mapping[str, Any]]
    query: Mapping[str, Parameter] = field(factory=dict)
    body: Mapping[str, Field] | None = None

    def run(self, call: Call, *, ignore_unknown: bool) -> Mapping[str, Any]:
        """The payload for one request.

        Raises:
            Invalid: the request is not acceptable.
        """
        if self.body is None:
            return self.answer(read_query(call, self.query, ignore_unknown=ignore_unknown))
        read_query(call, {}, ignore_unknown=ignore_unknown)
        return self.answer(read_body(call, self.body, ignore_unknown=ignore_unknown))


Routes: TypeAlias = Mapping[tuple[str, str], Endpoint]
"""Endpoints by method and path, as under the host's root: ``/user/api/...`` or ``/public/api/...``."""

WINDOW: Final[Mapping[str, Parameter]] = {"createFrom": Parameter(moment), "createTo": Parameter(moment), **PAGING}


class Dated(Protocol):
    """A record with the time of its creation."""

    @property
    def created(self) -> datetime:
        """When it was made."""
        ...


D = TypeVar("D", bound=Dated)


def rows_of_window(records: Sequence[D], values: Json, days: int) -> Sequence[D]:
    """Those of ``records``, which are in order of creation, that a window covers: whole UTC days, both ends included.

    Return Helper API, List return inventories, Window semantics. Undocumented: that a day is one of UTC.

    Raises:
        Invalid: the window is wider than ``days`` calendar days.
    """
    first, last = values["createFrom"].date(), values["createTo"].date()
    if (last - first).days > days:
        raise invalid("createTo", f"must be at most {days} days after createFrom")
    begin = bisect_left(records, first, key=lambda one: one.created.date())
    end = bisect_right(records, last, key=lambda one: one.created.date())
    return records[begin:end]


def page(rows: Sequence[D], values: Json, render: Callable[[D], Json], *, total: bool) -> Json:
    """One page of rows, and the number of all of them where that call has it."""
    chosen = rows[values["offset"] : values["offset"] + values["pageSize"]]
    counted = {"totalNumberOfRecords": len(rows)} if total else {}
    return {"data": [render(one) for one in chosen], **counted}
