"""A simulator of the Returnless V2 API 2025-01, seeded, for :func:`returns_hub.testing.serve`.

The vendor's reference is not public: what support articles and third parties' code show is imitated, and what nobody says is Laravel's
default, marked "inferred".
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final

from returns_hub import HttpAnswer, parse_time
from returns_hub.testing import (
    Call,
    Faults,
    Refusal,
    SignedRequest,
    Simulator,
    TriggerResult,
    call_platform,
    json_answer,
)
from returns_hub_returnless_v2.sandbox.seed import (
    EXAMPLE_ID,
    REQUEST_STATUSES,
    RETURN_STATUSES,
    Json,
    status,
    timestamp,
)
from returns_hub_returnless_v2.sandbox.state import Account
from returns_hub_returnless_v2.sandbox.webhooks import EVENTS, build_delivery, build_order_lookup

INCLUDES: Final = frozenset(
    {
        *("customer", "customer_address", "form", "notes", "return_question_answers", "return_order_items"),
        *("sales_order", "shipments"),
    }
)
_SORTS: Final = ("order_date", "created_at", "updated_at")
_TIMES: Final = ("created_at", "updated_at", "finalized_at", "order_date")
_FILTER: Final = re.compile(r"filter\[(\w+)\](?:\[(gt|lt|eq|gte|lte)\])?\Z")
_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gt": lambda one, other: one > other,
    "lt": lambda one, other: one < other,
    "eq": lambda one, other: one == other,
    "gte": lambda one, other: one >= other,
    "lte": lambda one, other: one <= other,
}


class ReturnlessV2Sandbox(Simulator):
    """A Returnless V2 account with ``count`` seeded records, the example of the wire reference as the newest.

    A third are requests still. The same arguments give the same data; all people are fictitious.

    - ``test_records``: so many more, of a form in test mode.
    - ``same_created``: so many of the records were created in one second, as an import makes them.
    - ``known_includes``: the names of related data that the server knows; another one is refused.
    - ``plural_filters``: it knows ``filters[...]`` only and ignores ``filter[order_number]``, as one third party's code would have it.
    - ``takes_actor``: whether a note may have an ``actor``.
    - ``now``: the clock, for what changes.
    """

    provider: ClassVar[str] = "returnless_v2"
    base_path: ClassVar[str] = "/2025-01"
    in_demo: ClassVar[bool] = False

    def __init__(
        self,
        *,
        count: int = 200,
        seed: int = 1,
        api_key: str = "v2sandboxkey",
        webhook_secret: str = "v2-sandbox-secret",  # noqa: S107  a simulator's, and not a secret
        lookup_username: str = "returnless",
        lookup_password: str = "v2-lookup-password",  # noqa: S107  a simulator's, and not a secret
        is_allowed: bool = True,
        test_records: int = 0,
        same_created: int = 0,
        known_includes: frozenset[str] = INCLUDES,
        plural_filters: bool = False,
        takes_actor: bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(faults=Faults(error_body=lambda status: {"message": f"A fault was switched on ({status})."}))
        self.options: Mapping[str, Any] = {
            "api_key": api_key,
            "webhook_secrets": [webhook_secret],
            "lookup_username": lookup_username,
            "lookup_password": lookup_password,
            "form_id": "form_1",
            "locale": "nl",
        }
        self._authorization = f"Bearer {api_key}"
        self._webhook_secret = webhook_secret
        self._lookup = (lookup_username, lookup_password)
        self._is_allowed = is_allowed
        self._known_includes = known_includes
        self._plural_filters = plural_filters
        self._takes_actor = takes_actor
        self._now = now
        self._account = Account(now=now)
        self._account.seed(count, seed, test_records=test_records, same_created=same_created)

    @property
    def return_ids(self) -> frozenset[str]:
        """The ids of all records that are not of a form in test mode."""
        with self.lock:
            return frozenset(one for one, record in self._account.records.items() if not record["is_test_record"])

    @property
    def records(self) -> Mapping[str, Json]:
        """Every record by id, with all that belongs to it."""
        with self.lock:
            return dict(self._account.records)

    def set_status(self, return_id: str, word: str) -> None:
        """Move a record to a status, by its id."""
        with self.lock:
            self._account.set_status(self._account.records[return_id], word)

    def set_shipment_status(self, return_id: str, word: str) -> None:
        """Move the first shipment of a record, which leaves the record's own ``updated_at`` alone (inferred)."""
        with self.lock:
            shipment = self._account.records[return_id]["includes"]["shipments"][0]
            shipment.update(status={"id": word}, updated_at=self._account.tick())

    def change(self, return_id: str, **fields: Any) -> None:
        """Replace fields of a record."""
        with self.lock:
            self._account.records[return_id].update(fields)

    def add_return(self, return_id: str) -> None:
        """File a return that is a copy of the example."""
        with self.lock:
            self._account.copy_example(return_id)

    def webhook(
        self,
        event: str,
        return_id: str,
        secret: str | None = None,
        *,
        changes: Mapping[str, Any] = MappingProxyType({}),
    ) -> tuple[Mapping[str, str], bytes]:
        """The headers and the body of a delivery about a record, signed with the webhook's secret or another one."""
        with self.lock:
            chosen = self._webhook_secret if secret is None else secret
            return build_delivery(event, self._account.records[return_id], secret=chosen, changes=changes)

    @property
    def event_names(self) -> tuple[str, ...]:
        """The events that the vendor's pages name."""
        return EVENTS

    def make_event(
        self,
        event: str,
        webhook_url: str,
        *,
        changes: Mapping[str, Any] = MappingProxyType({}),
        secret: str | None = None,
    ) -> SignedRequest:
        """A delivery about the example as it stands."""
        if event not in EVENTS:
            raise ValueError(f"Returnless V2 has no event {event!r}")
        headers, body = self.webhook(event, EXAMPLE_ID, secret, changes=changes)
        return SignedRequest(method="POST", url=webhook_url, headers=headers, body=body)

    def trigger(self, webhook_url: str) -> TriggerResult:
        """The example moves between two statuses of the account."""
        with self.lock:
            is_received = self._account.records[EXAMPLE_ID]["status"]["id"] == "returnstatus_Q2mZ7"
            self.set_status(EXAMPLE_ID, "returnstatus_h4Kx9" if is_received else "returnstatus_Q2mZ7")
            headers, body = self.webhook("return.status_changed", EXAMPLE_ID)
        answer = call_platform("POST", webhook_url, headers, body)
        return TriggerResult(EXAMPLE_ID, (answer.status if answer else None,))

    def make_order_lookup(
        self,
        platform_url: str,
        order_number: str,
        *,
        secret: str | None = None,  # noqa: ARG002 - of webhooks; a look-up has credentials of its own
    ) -> SignedRequest:
        """How a shop is asked for an order, with the Basic credentials."""
        user, password = self._lookup
        return build_order_lookup(platform_url, order_number, user=user, password=password)

    def answer(self, call: Call) -> HttpAnswer:
        """Refuses a wrong key, then whatever is wrong with the call."""
        if "application/json" not in call.headers.get("accept", ""):
            page = b"<html><body>Redirecting to login</body></html>"
            return HttpAnswer(status=200, headers={"content-type": "text/html"}, body=page)
        if call.headers.get("authorization") != self._authorization:
            raise _refusal(401, "Unauthenticated.")
        if not self._is_allowed:
            raise _refusal(403, "This action is unauthorized.")
        if call.segments[:1] != ("2025-01",):
            raise _refusal(404, "The route could not be found.")
        match call.method, call.segments[1:]:
            case "GET", ("return-orders",):
                return self._list(call, list(self._account.records.values()), self._shown)
            case "POST", ("return-order-intents",):
                return self._make_intent(call)
            case "POST", ("return-orders",):
                return self._create(call)
            case "GET", ("return-orders", return_id):
                return json_answer(200, {"data": self._shown(self._found(return_id), self._included(call))})
            case "POST", ("return-orders", return_id, "approve" | "reject" as decision):
                return self._decide(return_id, decision)
            case "PATCH", ("return-orders", return_id, "status"):
                return self._patch_status(call, return_id)
            case "POST", ("return-orders", return_id, "notes"):
                return self._add_note(call, return_id)
            case "GET", ("return-orders", return_id, "shipments"):
                return self._list(call, self._found(return_id)["includes"]["shipments"], _plainly)
            case "GET", ("shipments",):
                return self._list(call, self._account.shipments(), _plainly)
            case "GET", ("shipments", shipment_id):
                return json_answer(200, {"data": self._shipment(shipment_id)})
            case "GET", ("shipments", shipment_id, "statuses"):
                shipment = self._shipment(shipment_id)
                at = shipment.get("updated_at", "2026-10-06T07:30:11+00:00")
                first = {"id": "being-announced", "label": "Being announced", "created_at": "2020-01-01T00:00:00+00:00"}
                return json_answer(200, {"data": [{**shipment["status"], "created_at": at}, first]})
            case "GET", ("return-statuses",):
                return json_answer(200, {"data": [status(one) for one in RETURN_STATUSES]})
            case "GET", ("request-statuses",):
                return json_answer(200, {"data": [status(one) for one in REQUEST_STATUSES]})
        raise _refusal(404, "The route could not be found.")

    def _found(self, return_id: str) -> Json:
        if return_id not in self._account.records:
            raise _refusal(404, "No query results for this model.")
        return self._account.records[return_id]

    def _shipment(self, shipment_id: str) -> Json:
        found = next((each for each in self._account.shipments() if each["id"] == shipment_id), None)
        if found is None:
            raise _refusal(404, "No query results for this model.")
        return found

    def _included(self, call: Call) -> frozenset[str]:
        names = frozenset(filter(None, dict(call.query).get("include", "").split(",")))
        if unknown := names - self._known_includes:
            raise _refusal(400, f"Requested include(s) `{min(unknown)}` are not allowed.")
        return names | {"sales_order"}

    def _shown(self, record: Json, included: frozenset[str]) -> Json:
        """The record with the related data that were asked for; an empty group is PHP's empty list (inferred)."""
        names = {"answers" if name == "return_question_answers" else name for name in included}
        related = {name: value for name, value in record["includes"].items() if name in names}
        return {**record, "includes": related or []}

    def _list(self, call: Call, rows: list[Json], show: Callable[[Json, frozenset[str]], Json]) -> HttpAnswer:
        query = dict(call.query)
        included = self._included(call)
        size = query.get("per_page", "15")
        if not size.isdigit() or not 1 <= int(size) <= 100:
            raise _refusal(422, "The per page field must be between 1 and 100.", per_page="must be between 1 and 100")
        sort = query.get("sort", "id")
        column, is_descending = sort.removeprefix("-"), sort.startswith("-")
        if column not in (*_SORTS, "id"):
            raise _refusal(400, f"Requested sort(s) `{column}` is not allowed.")
        for name, value in call.query:
            rows = self._filtered(rows, name, value)
        rows = sorted(rows, key=lambda row: row[column], reverse=is_descending)
        # The cursor holds the sort column alone: rows that share its value are passed over (inferred).
        if "cursor" in query:
            edge = _decode_cursor(query["cursor"], sort)
            rows = [row for row in rows if (row[column] < edge if is_descending else row[column] > edge)]
        page = rows[: int(size)]
        following = _encode_cursor(page[-1][column], sort) if len(rows) > len(page) else None
        link = f"http://internal.invalid{call.path}?cursor={following}" if following else None
        return json_answer(
            200,
            {
                "data": [show(row, included) for row in page],
                "links": {"first": None, "last": None, "prev": None, "next": link},
                "meta": {"path": call.path, "per_page": int(size), "next_cursor": following, "prev_cursor": None},
            },
        )

    def _filtered(self, rows: list[Json], name: str, value: str) -> list[Json]:
        match = _FILTER.match(name)
        if match is None:
            # An unknown group is ignored.
            return rows
        field, operator = match.groups()
        if field in _TIMES and operator:
            try:
                moment = parse_time(value)
            except ValueError:
                raise _refusal(422, "The filter is not a date.", **{field: "is not a date"}) from None
            compare = _OPERATORS[operator]
            return [row for row in rows if row.get(field) and compare(parse_time(row[field]), moment)]
        match field:
            case "return_type":
                return [row for row in rows if row["state"] == value]
            case "return_status":
                return [row for row in rows if row["state"] == "return" and row["status"]["id"] == value]
            case "request_status":
                return [row for row in rows if row["state"] == "request" and row["status"]["id"] == value]
            case "order_number" if self._plural_filters:
                return rows
            case "order_number":
                return [row for row in rows if row["includes"]["sales_order"]["order_number"] == value]
        raise _refusal(400, f"Requested filter(s) `{field}` are not allowed.")

    def _make_intent(self, call: Call) -> HttpAnswer:
        """Look an order up. Undocumented: every word of its status but ``failed``."""
        body = _read_body(call)
        for name in ("form_id", "input", "order_number"):
            if not isinstance(body.get(name), str) or not body[name]:
                raise _refusal(422, f"The {name} field is required.", **{name: f"The {name} field is required."})
        intent_id = self._account.intend(body["order_number"], body["input"])
        if intent_id is None:
            failed = {"id": "intent_0", "status": "failed", "status_message": "Could not validate sales order"}
            return json_answer(201, {"data": failed, "meta": {}})
        return json_answer(201, {"data": {"id": intent_id, "status": "created", "status_message": None}, "meta": {}})

    def _create(self, call: Call) -> HttpAnswer:
        body = _read_body(call)
        if body.get("return_order_intent_id") not in self._account.intents:
            raise _refusal(
                422, "The selected intent is invalid.", return_order_intent_id="The selected intent is invalid."
            )
        items = body.get("items")
        if not isinstance(items, list) or not items:
            raise _refusal(422, "The items field is required.", items="The items field is required.")
        for index, item in enumerate(items):
            for name in ("id", "quantity", "return_reason_id"):
                if not item.get(name):
                    raise _refusal(422, "A field is required.", **{f"items.{index}.{name}": "The field is required."})
        return json_answer(201, {"data": {"id": self._account.file(body)}, "meta": {}})

    def _decide(self, return_id: str, decision: str) -> HttpAnswer:
        record = self._found(return_id)
        if record["state"] != "request":
            raise _refusal(409, "The return order is not a request.")
        if decision == "approve":
            record["state"] = "return"
        self._account.set_status(record, "returnstatus_h4Kx9" if decision == "approve" else "requeststatus_a9Jd2")
        return json_answer(200, {"data": {"id": return_id}, "meta": {}})

    def _patch_status(self, call: Call, return_id: str) -> HttpAnswer:
        record = self._found(return_id)
        status_id = _read_body(call).get("status_id")
        own = RETURN_STATUSES if record["state"] == "return" else REQUEST_STATUSES
        if status_id not in own:
            raise _refusal(422, "The selected status id is invalid.", status_id="The selected status id is invalid.")
        self._account.set_status(record, status_id)
        return json_answer(200, {"data": self._shown(record, frozenset()), "meta": {}})

    def _add_note(self, call: Call, return_id: str) -> HttpAnswer:
        record, body = self._found(return_id), _read_body(call)
        if not isinstance(body.get("note"), str) or not body["note"]:
            raise _refusal(422, "The note field is required.", note="The note field is required.")
        if "actor" in body and not self._takes_actor:
            raise _refusal(422, "The selected actor is invalid.", actor="The selected actor is invalid.")
        notes = record["includes"].setdefault("notes", [])
        # A note leaves the record's own `updated_at` alone (inferred).
        note = {"id": f"note_{return_id[-4:]}_{len(notes)}", "note": body["note"], "created_at": timestamp(self._now())}
        notes.append(note)
        return json_answer(201, {"data": note, "meta": {}})


def _plainly(row: Json, _: frozenset[str]) -> Json:
    return row


def _refusal(code: int, message: str, **errors: str) -> Refusal:
    body: Json = {"message": message}
    if errors:
        body["errors"] = {name: [problem] for name, problem in errors.items()}
    return Refusal(json_answer(code, body))


def _read_body(call: Call) -> Json:
    try:
        body = json.loads(call.body)
    except (ValueError, RecursionError):
        raise _refusal(422, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise _refusal(422, "The body is not an object.")
    return body


def _encode_cursor(value: str, sort: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"value": value, "sort": sort}).encode()).decode()


def _decode_cursor(token: str, sort: str) -> str:
    try:
        position = json.loads(base64.urlsafe_b64decode(token))
        if position["sort"] == sort:
            return str(position["value"])
    except (ValueError, KeyError, TypeError):
        pass
    raise _refusal(422, "The cursor is invalid.", cursor="The cursor is invalid.")
