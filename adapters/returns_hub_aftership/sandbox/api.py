"""A simulator of the AfterShip Returns API 2026-07, strict and seeded, for :func:`returns_hub.testing.serve`.

What the vendor's pages leave open is decided here and marked "undocumented"; where a client must be ready for either decision, there is an
option.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final

from attrs import evolve

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
from returns_hub_aftership.sandbox.seed import EXAMPLE_CREATED, EXAMPLE_ID, Json, timestamp
from returns_hub_aftership.sandbox.state import APPROVABLE, REJECTABLE, RESOLVABLE, Organisation
from returns_hub_aftership.sandbox.webhooks import EVENTS, build_delivery

_APPROVALS: Final = ("submitted", "approved", "done", "rejected", "expired")
_PARAMETERS: Final = frozenset(
    {
        *("created_at_min", "created_at_max", "approval_status", "customer_email", "outcome", "return_method"),
        *("order_name", "page", "limit"),
    }
)
_METHODS: Final = frozenset(
    {
        *("retailer_label", "customer_courier", "happy_returns", "in_store", "green_return", "retail_reworks"),
        "carrier_pickup",
    }
)
_CODES: Final[Mapping[int, tuple[int, str]]] = MappingProxyType(
    {
        400: (40000, "BadRequest"),
        401: (40100, "Unauthorized"),
        403: (40300, "Forbidden"),
        404: (40400, "NotFound"),
        409: (40900, "Conflict"),
        422: (42200, "UnprocessableEntity"),
        429: (42900, "TooManyRequests"),
        500: (50000, "InternalError"),
        503: (50300, "ServiceUnavailable"),
    }
)


class AfterShipSandbox(Simulator):
    """An AfterShip organisation with ``count`` seeded returns, the example of the wire reference as the newest.

    The same arguments give the same data; all people are fictitious.

    - ``is_allowed``: whether the key may use the Returns product.
    - ``max_limit``: the largest ``limit``; the vendor's pages say both 50 and 20.
    - ``data_is_list``: ``data`` of the list is the array, and ``pagination`` is missing, as a client of 2024-10 saw.
    - ``per_second``: the rate limit, by the whole second; None sets none.
    - ``now``: the clock; the listing reaches 365 days back from it. Given one, the example is filed when the reference says;
      else it was filed four days ago, for what is a year old is in no listing.
    """

    provider: ClassVar[str] = "aftership"
    base_path: ClassVar[str] = "/returns/2026-07"
    in_demo: ClassVar[bool] = False
    sends_date: ClassVar[bool] = True
    """Every answer has a ``Date``, by the simulator's own clock."""

    def __init__(
        self,
        *,
        count: int = 200,
        seed: int = 1,
        api_key: str = "asat_sandbox_key",
        webhook_secret: str = "aftership-sandbox-secret",  # noqa: S107  a simulator's, and not a secret
        is_allowed: bool = True,
        max_limit: int = 50,
        data_is_list: bool = False,
        per_second: int | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        super().__init__(faults=Faults(error_body=lambda status: _envelope(status, "A fault was switched on")))
        self.options: Mapping[str, Any] = {
            "api_key": api_key,
            "webhook_secrets": [webhook_secret],
            "platform": "shopify",
            "store_id": "demo-shoes",
        }
        self.violations = 0
        self._api_key = api_key
        self._webhook_secret = webhook_secret
        self._is_allowed = is_allowed
        self._max_limit = max_limit
        self._data_is_list = data_is_list
        self._per_second = per_second
        self._now = now or (lambda: datetime.now(UTC))
        self._used: Counter[int] = Counter()
        self._events = 0
        self._organisation = Organisation(now=self._now)
        filed = EXAMPLE_CREATED if now else self._now() - timedelta(days=4)
        self._organisation.seed(count, seed, example_created=filed)

    @property
    def return_ids(self) -> frozenset[str]:
        """The ids of all returns."""
        with self.lock:
            return frozenset(self._organisation.returns)

    @property
    def returns(self) -> Mapping[str, Json]:
        """Every return by id, as its detail is answered."""
        with self.lock:
            return dict(self._organisation.returns)

    def set_status(self, return_id: str, word: str) -> None:
        """Move a return: ``approved/in_transit``, or the approval alone."""
        approval, _, shipping = word.partition("/")
        with self.lock:
            wire = self._organisation.returns[return_id]
            wire.update(approval_status=approval, shipping_status=shipping or None)

    def change(self, return_id: str, **fields: Any) -> None:
        """Replace fields of a return, as it happens at the vendor."""
        with self.lock:
            self._organisation.returns[return_id].update(fields)

    def add_return(self, return_id: str, **fields: Any) -> None:
        """File a return that is a copy of the example, with these fields."""
        with self.lock:
            example = json.loads(json.dumps(self._organisation.returns[EXAMPLE_ID]))
            self._organisation.returns[return_id] = {**example, "id": return_id, **fields}

    def make_labels(self, *, fail: bool = False) -> None:
        """Make the labels that were asked for when returns were approved, or fail to."""
        with self.lock:
            self._organisation.make_labels(fail=fail)

    def webhook(
        self,
        event: str,
        return_id: str,
        secret: str | None = None,
        *,
        old: bool = False,
        is_test: bool = False,
        changes: Mapping[str, Any] = MappingProxyType({}),
    ) -> tuple[Mapping[str, str], bytes]:
        """The headers and the body of a delivery about a return, signed with the organisation's secret or another one."""
        with self.lock:
            self._events += 1
            return build_delivery(
                event,
                self._organisation.returns[return_id],
                event_id=f"{0xE7000000000000000000000000000000 + self._events:032x}",
                secret=self._webhook_secret if secret is None else secret,
                at=self._now(),
                old=old,
                is_test=is_test,
                changes=changes,
            )

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
            raise ValueError(f"AfterShip has no event {event!r}")
        # Another id each time: those of the simulator are the same in each process, and a receiver drops duplicates.
        changes = {"id": f"{int(self._now().timestamp() * 1_000_000):032x}", **changes}
        headers, body = self.webhook(event, EXAMPLE_ID, secret, changes=changes)
        return SignedRequest(method="POST", url=webhook_url, headers=headers, body=body)

    def trigger(self, webhook_url: str) -> TriggerResult:
        """The example's parcel arrives, or goes on its way again."""
        with self.lock:
            wire = self._organisation.returns[EXAMPLE_ID]
            arrives = wire["shipping_status"] != "delivered"
            wire["shipping_status"] = "delivered" if arrives else "in_transit"
            wire["shipments"][0]["tracking_status"] = "Delivered" if arrives else "InTransit"
            wire["shipments"][0]["tracking_status_updated_at"] = timestamp(self._now())
            headers, body = self.webhook("return.shipment.updated", EXAMPLE_ID)
        answer = call_platform("POST", webhook_url, headers, body)
        return TriggerResult(EXAMPLE_ID, (answer.status if answer else None,))

    def answer(self, call: Call) -> HttpAnswer:
        """Refuses a wrong key, then too many calls, then whatever is wrong with the call."""
        headers = {
            "as-api-version": "2026-07",
            "as-trace-id": f"trace-{len(self._requests):06d}",
            "date": format_datetime(self._now().astimezone(UTC), usegmt=True),
        }
        try:
            answer = self._checked(call, headers)
        except Refusal as refused:
            answer = refused.answer
        return evolve(answer, headers=(*answer.headers, *headers.items()))

    def _checked(self, call: Call, headers: dict[str, str]) -> HttpAnswer:
        if call.headers.get("as-api-key") != self._api_key:
            raise _refusal(401, "The API key is invalid")
        if self._per_second is not None:
            second = int(self._now().timestamp())
            left = self._per_second - self._used[second]
            headers |= {
                "ratelimit-limit": str(self._per_second),
                "ratelimit-remaining": str(max(0, left - 1)),
                "ratelimit-reset": str(second + 1),
            }
            if left <= 0:
                self.violations += 1
                raise _refusal(429, "You have exceeded the API call rate limit")
            self._used[second] += 1
        if not self._is_allowed:
            raise _refusal(403, "The key has no access to Returns")
        return self._route(call)

    def _route(self, call: Call) -> HttpAnswer:
        if call.segments[:2] != ("returns", "2026-07"):
            raise _refusal(404, "No such endpoint")
        match call.method, call.segments[2:]:
            case "GET", ("returns",):
                return self._list(call)
            case "POST", ("returns",):
                return self._create(call)
            case "GET", ("returns", return_id):
                return _data(200, self._found(return_id))
            case "POST", ("returns", return_id, "approve"):
                return self._approve(call, return_id)
            case "POST", ("returns", return_id, "resolve"):
                return self._move(call, return_id, "done", RESOLVABLE, stamp="resolved_at")
            case "POST", ("returns", return_id, "reject"):
                return self._move(call, return_id, "rejected", REJECTABLE, stamp="rejected_at")
            case "POST", ("returns", return_id, "receive-items"):
                return self._receive(call, return_id)
            case "POST", ("returns", return_id, "attach-shipments"):
                return self._attach(call, return_id)
        raise _refusal(404, "No such endpoint")

    def _found(self, return_id: str) -> Json:
        if return_id not in self._organisation.returns:
            raise _refusal(404, "Return not found")
        return self._organisation.returns[return_id]

    def _list(self, call: Call) -> HttpAnswer:
        query = dict(call.query)
        # Undocumented: that a parameter that is not known is refused.
        if unknown := query.keys() - _PARAMETERS:
            raise _invalid(min(unknown), "is not a parameter")
        if query.get("approval_status", "done") not in _APPROVALS:
            raise _invalid("approval_status", "is not one of the values")
        page = _whole(query, "page", 1, 200)
        limit = _whole(query, "limit", 10, self._max_limit)
        now = self._now()
        floor = now - timedelta(days=365)
        # What lies further back is cut without a word.
        start = max(floor, _moment(query, "created_at_min") or floor)
        rows = [
            wire
            for wire in self._organisation.created_between(start, _moment(query, "created_at_max") or now)
            if _matches(wire, query)
        ]
        shown = rows[(page - 1) * limit : page * limit]
        if self._data_is_list:
            return _data(200, shown)
        more = page * limit < len(rows)
        pagination = {"total": len(rows), "page": page, "limit": limit, "has_next_page": more}
        return _data(200, {"returns": shown, "pagination": pagination})

    def _create(self, call: Call) -> HttpAnswer:
        body = _read_body(call)
        order, items = body.get("order"), body.get("return_items")
        if not isinstance(order, dict) or not order.get("external_id") or not isinstance(order.get("store"), dict):
            raise _invalid("order.external_id", "order.external_id is a required field")
        if not isinstance(items, list) or not items:
            raise _invalid("return_items", "return_items is a required field")
        for index, item in enumerate(items):
            for name in ("external_order_item_id", "intended_return_quantity", "return_reason", "resolution"):
                if not item.get(name):
                    raise _invalid(f"return_items[{index}].{name}", f"{name} is a required field")
        if body.get("refund_destination") not in ("original_payment", "store_credit"):
            raise _invalid("refund_destination", "refund_destination is a required field")
        method = body.get("return_method")
        if method is not None and method.get("type") not in _METHODS:
            raise _invalid("return_method.type", "is not one of the values")
        if not re.fullmatch(r"\d+", order["external_id"]):
            # Without `errors`: what the shop says of it.
            raise _refusal(422, "items mismatch order items")
        return _data(201, self._organisation.insert(body))

    def _approve(self, call: Call, return_id: str) -> HttpAnswer:
        wire, body = self._found(return_id), _read_body(call)
        self._require(wire, APPROVABLE, "approve")
        self._organisation.approve(wire, label=bool(body.get("generate_label")))
        return _data(202, wire, code=20200)

    def _move(self, call: Call, return_id: str, word: str, starts: tuple[str, ...], *, stamp: str) -> HttpAnswer:
        wire, body = self._found(return_id), _read_body(call)
        self._require(wire, starts, word)
        if word == "rejected":
            reason = body.get("reject_reason")
            if not isinstance(reason, str) or not 1 <= len(reason) <= 1000:
                raise _invalid("reject_reason", "reject_reason is a required field")
            wire["reject_reason"] = reason
        wire["approval_status"] = word
        wire[stamp] = timestamp(self._now())
        return _data(200, wire, code=20200)

    def _receive(self, call: Call, return_id: str) -> HttpAnswer:
        wire, body = self._found(return_id), _read_body(call)
        self._require(wire, ("approved",), "receive")
        items = body.get("items")
        if not isinstance(items, list) or not items:
            raise _invalid("items", "items is a required field")
        code = self._organisation.receive(wire, {item["external_id"]: item["quantity"] for item in items})
        if code is not None:
            raise _refusal(422, "The items cannot be received", code=int(code))
        return _data(200, wire)

    def _attach(self, call: Call, return_id: str) -> HttpAnswer:
        wire, body = self._found(return_id), _read_body(call)
        shipments = body.get("shipments")
        if not isinstance(shipments, list) or len(shipments) != 1:
            raise _invalid("shipments", "shipments must contain exactly 1 item")
        for name in ("tracking_number", "slug", "label"):
            if not shipments[0].get(name):
                raise _invalid(f"shipments[0].{name}", f"{name} is a required field")
        shipment_id = f"{0x66000000000000000000000000000000 + len(self._requests):032x}"
        attached = {"id": shipment_id, "tracking_status": None, "source": "merchant_api", **shipments[0]}
        wire.setdefault("shipments", []).append(attached)
        wire["shipping_status"] = "pending"
        return _data(200, wire)

    def _require(self, wire: Json, starts: tuple[str, ...], action: str) -> None:
        if wire["approval_status"] not in starts:
            raise _refusal(409, f"Only returns that are {' or '.join(starts)} can be moved by {action}")


def _data(status: int, data: Any, *, code: int | None = None) -> HttpAnswer:
    return json_answer(status, {"meta": {"code": code or status * 100, "type": "OK", "message": "OK"}, "data": data})


def _envelope(status: int, message: str, *, code: int | None = None, errors: list[Json] | None = None) -> Json:
    known, kind = _CODES.get(status, (status * 100, "Error"))
    meta: Json = {"code": code or known, "type": kind, "message": message}
    return {"meta": meta | ({"errors": errors} if errors else {}), "data": None}


def _refusal(status: int, message: str, *, code: int | None = None) -> Refusal:
    return Refusal(json_answer(status, _envelope(status, message, code=code)))


def _invalid(path: str, info: str) -> Refusal:
    return Refusal(json_answer(422, _envelope(422, "The request is invalid", errors=[{"path": path, "info": info}])))


def _whole(query: Mapping[str, str], name: str, default: int, maximum: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch(r"[1-9]\d{0,5}", text, re.ASCII) or int(text) > maximum:
        raise _invalid(name, f"must be from 1 to {maximum}")
    return int(text)


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        return parse_time(query[name])
    except ValueError:
        raise _invalid(name, "must be an ISO 8601 time") from None


def _matches(wire: Json, query: Mapping[str, str]) -> bool:
    emails = {wire.get("contact_email"), *wire["order"].get("customer", {}).get("emails", [])}
    return (
        ("approval_status" not in query or wire["approval_status"] == query["approval_status"])
        and ("customer_email" not in query or query["customer_email"] in emails)
        and ("order_name" not in query or wire["order"]["order_name"] == query["order_name"])
        and ("outcome" not in query or query["outcome"] in wire["outcomes"])
    )


def _read_body(call: Call) -> Json:
    try:
        body = json.loads(call.body)
    except (ValueError, RecursionError):
        raise _refusal(400, "The body is not JSON") from None
    if not isinstance(body, dict):
        raise _refusal(400, "The body is not an object")
    return body
