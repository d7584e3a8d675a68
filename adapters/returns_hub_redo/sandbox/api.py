"""A simulator of Redo's API v2.2, strict and seeded, for :func:`returns_hub.testing.serve`.

Paths, headers, bodies and words are those of the vendor's OpenAPI schema. What it leaves open is decided here and marked "undocumented".
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
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
from returns_hub_redo.sandbox.seed import EXAMPLE_ID, Json
from returns_hub_redo.sandbox.state import Store, orders_of
from returns_hub_redo.sandbox.webhooks import build_delivery
from returns_hub_redo.webhooks import EVENTS

SCOPES: Final = frozenset({"returns_read", "returns_write", "webhooks_read", "webhooks_write"})

_STATUSES: Final = frozenset(
    {
        *("pre_shipment", "open", "in_transit", "delivered", "needs_review", "in_review", "flagged", "complete"),
        *("rejected", "deleted"),
    }
)
_SETTABLE: Final = frozenset({"complete", "open", "flagged", "rejected", "deleted"})
_FILTERS: Final = frozenset({"updated_at_min", "updated_at_max", "status", "shopify_order_name", "provider_order_name"})
_TITLES: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "Bad Request",
        401: "Unauthorized",
        403: "Forbidden",
        404: "Not Found",
        409: "Conflict",
        422: "Unprocessable Entity",
        429: "Too Many Requests",
        500: "Internal Server Error",
        503: "Service Unavailable",
    }
)


class RedoSandbox(Simulator):
    """A Redo store with ``count`` seeded returns, the example of the wire reference as the newest.

    The same arguments give the same data; all people are fictitious.

    - ``scopes``: what the token may do.
    - ``short_pages``: a page may hold one row less than was asked for, as the schema allows.
    - ``now``: the clock, for what changes.
    """

    provider: ClassVar[str] = "redo"
    base_path: ClassVar[str] = "/v2.2"
    in_demo: ClassVar[bool] = False

    def __init__(
        self,
        *,
        count: int = 200,
        seed: int = 1,
        api_key: str = "redo-sandbox-secret",
        store_id: str = "65a00000000000000000feed",
        webhook_secret: str = "redo-sandbox-token-of-thirty-two-chars",  # noqa: S107  a simulator's, and not a secret
        scopes: Iterable[str] = SCOPES,
        short_pages: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(faults=Faults(error_body=_problem))
        self.options: Mapping[str, Any] = {
            "api_key": api_key,
            "store_id": store_id,
            "webhook_secrets": [webhook_secret],
        }
        self._authorization = f"Bearer {api_key}"
        self._store_id = store_id
        self._webhook_secret = webhook_secret
        self._scopes = frozenset(scopes)
        self._short_pages = short_pages
        self._now = now
        self._store = Store(now=now)
        self._store.seed(count, seed)
        self._webhooks: dict[str, Json] = {}
        self.replayed: list[tuple[str, datetime]] = []
        """The subscriptions that were replayed, each with its start."""

    @property
    def return_ids(self) -> frozenset[str]:
        """The ids of all returns."""
        with self.lock:
            return frozenset(self._store.returns)

    @property
    def returns(self) -> Mapping[str, Json]:
        """Every return by id, as its detail is answered."""
        with self.lock:
            return dict(self._store.returns)

    @property
    def comments(self) -> Mapping[str, list[Json]]:
        """The comments that were added, by the id of the return."""
        with self.lock:
            return dict(self._store.comments)

    @property
    def subscriptions(self) -> Mapping[str, Json]:
        """The subscriptions by id."""
        with self.lock:
            return dict(self._webhooks)

    def set_status(self, return_id: str, word: str) -> None:
        """Move a return to a status."""
        with self.lock:
            self._store.set_status(return_id, word)

    def change(self, return_id: str, **fields: Any) -> None:
        """Replace fields of a return, as it happens at the vendor."""
        with self.lock:
            wire = self._store.returns[return_id]
            wire.update(fields)
            self._store.touch(wire)

    def add_return(self, return_id: str) -> None:
        """File a return that is a copy of the example."""
        with self.lock:
            self._store.copy_example(return_id)

    def webhook(
        self,
        event: str,
        return_id: str,
        secret: str | None = None,
        *,
        changes: Mapping[str, Any] = MappingProxyType({}),
    ) -> tuple[Mapping[str, str], bytes]:
        """The headers and the body of a delivery about a return, with the store's token or another one."""
        with self.lock:
            wire = self._store.returns[return_id]
            return build_delivery(
                event,
                wire,
                self._store.orders[wire["order"]["id"]],
                token=self._webhook_secret if secret is None else secret,
                at=self._now(),
                changes=changes,
            )

    @property
    def event_names(self) -> tuple[str, ...]:
        """The events of the OpenAPI schema."""
        return tuple(sorted(EVENTS))

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
            raise ValueError(f"Redo has no event {event!r}")
        headers, body = self.webhook(event, EXAMPLE_ID, secret, changes=changes)
        return SignedRequest(method="POST", url=webhook_url, headers=headers, body=body)

    def trigger(self, webhook_url: str) -> TriggerResult:
        """The example's parcel arrives, or goes on its way again."""
        with self.lock:
            is_delivered = self._store.returns[EXAMPLE_ID]["status"] == "delivered"
            self._store.set_status(EXAMPLE_ID, "in_transit" if is_delivered else "delivered")
            headers, body = self.webhook("updated", EXAMPLE_ID)
        answer = call_platform("POST", webhook_url, headers, body)
        return TriggerResult(EXAMPLE_ID, (answer.status if answer else None,))

    def answer(self, call: Call) -> HttpAnswer:
        """Refuses a wrong token, then whatever is wrong with the call."""
        if call.headers.get("authorization") != self._authorization:
            raise _refusal(401, "The token is missing or wrong")
        if call.segments[:1] != ("v2.2",):
            raise _refusal(404, "No such endpoint")
        match call.method, call.segments[1:]:
            case "GET", ("stores", self._store_id, "returns"):
                return self._list(call)
            case "POST", ("stores", self._store_id, "returns"):
                return self._create(call)
            case "GET", ("returns", return_id):
                self._require("returns_read")
                return json_answer(200, self._single(self._found(return_id)))
            case "GET", ("returns", return_id, "status"):
                self._require("returns_read")
                return json_answer(200, {"status": self._found(return_id)["status"]})
            case "PUT", ("returns", return_id, "status"):
                return self._set_status(call, return_id)
            case "GET", ("returns", return_id, "comments"):
                self._require("returns_read")
                self._found(return_id)
                return json_answer(200, {"comments": self._store.comments.get(return_id, [])})
            case "POST", ("returns", return_id, "comments"):
                return self._comment(call, return_id)
            case "POST", ("returns", return_id, "process"):
                return self._process(call, return_id)
            case "POST", ("stores", self._store_id, "webhooks"):
                return self._subscribe(call)
            case _, ("webhooks", webhook_id, *rest):
                return self._manage_webhook(call, webhook_id, rest)
        raise _refusal(404, "No such endpoint")

    def _require(self, scope: str) -> None:
        if scope not in self._scopes:
            raise Refusal(
                json_answer(
                    403,
                    _problem(403) | {"type": "com.getredo.api:scope/forbidden", "detail": f"Missing scope: {scope}"},
                    {"content-type": "application/problem+json"},
                )
            )

    def _found(self, return_id: str) -> Json:
        if return_id not in self._store.returns:
            raise _refusal(404, "No such return")
        return self._store.returns[return_id]

    def _single(self, wire: Json) -> Json:
        return {"return": wire, "order": self._store.orders[wire["order"]["id"]]}

    def _list(self, call: Call) -> HttpAnswer:
        self._require("returns_read")
        query = dict(call.query)
        # Undocumented: that a parameter that is not known is refused; the guide's page-size in the query is one.
        if unknown := query.keys() - _FILTERS:
            raise _refusal(400, f"Unknown parameter: {min(unknown)}")
        if query.get("status", "open") not in _STATUSES:
            raise _refusal(400, "status is not one of the words of the schema")
        size = call.headers.get("x-page-size", "20")
        if not size.isdigit() or not 1 <= int(size) <= 500:
            raise _refusal(400, "X-Page-Size must be from 1 to 500")
        rows = [wire for wire in self._store.newest_first() if _matches(wire, query)]
        if (token := call.headers.get("x-page-continue")) is not None:
            edge = _decode_cursor(token)
            rows = [wire for wire in rows if (wire["createdAt"], wire["id"]) < edge]
        wanted = max(1, int(size) - 1) if self._short_pages else int(size)
        page = rows[:wanted]
        headers = {}
        if len(rows) > wanted:
            headers["x-page-next"] = _encode_cursor(page[-1])
        return json_answer(200, {"returns": page, "orders": orders_of(self._store, page)}, headers)

    def _create(self, call: Call) -> HttpAnswer:
        self._require("returns_write")
        body = _read_body(call)
        data = body.get("data")
        if not isinstance(data, dict) or not _is_new_return(data):
            raise _refusal(400, "data lacks a required field")
        key = call.headers.get("idempotency-key")
        if key in self._store.created:
            earlier, return_id = self._store.created[key]
            if earlier != body:
                raise _refusal(409, "The key was used with another body")
            return json_answer(200, {"return": self._store.returns[return_id], "externalRMAResponses": []})
        order = self._store.order_by_shop_id(data["externalOrderId"])
        if order is None:
            raise _refusal(404, "No such order")
        wire = self._store.insert(order, data)
        if key is not None:
            self._store.created[key] = (body, wire["id"])
        return json_answer(201, {"return": wire, "externalRMAResponses": []})

    def _set_status(self, call: Call, return_id: str) -> HttpAnswer:
        self._require("returns_write")
        self._found(return_id)
        body = _read_body(call)
        if body.keys() != {"status"} or body["status"] not in _SETTABLE:
            raise _refusal(422, "status is not one that can be set")
        self._store.set_status(return_id, body["status"])
        return HttpAnswer(status=204)

    def _comment(self, call: Call, return_id: str) -> HttpAnswer:
        self._require("returns_write")
        wire = self._found(return_id)
        comment = _read_body(call).get("comment")
        if not isinstance(comment, dict) or comment.keys() not in ({"message"}, {"image"}):
            raise _refusal(400, "comment holds either a message or an image")
        self._store.comments.setdefault(return_id, []).append(comment)
        self._store.touch(wire)
        return json_answer(201, {"comment": comment})

    def _process(self, call: Call, return_id: str) -> HttpAnswer:
        self._require("returns_write")
        wire = self._found(return_id)
        products = _read_body(call).get("products")
        items = {item["id"]: item for item in wire["items"]}
        if not isinstance(products, list) or not all(product.get("_id") in items for product in products):
            raise _refusal(422, "products must name items of the return")
        for product in products:
            item = items[product["_id"]]
            item["status"] = "rejected" if product.get("reject") else "complete"
            if "processInput" in product:
                item["outcome"] = "restock" if product["processInput"]["restock"] else "dispose"
        if all(item["status"] in ("complete", "rejected") for item in wire["items"]):
            wire["status"] = "complete"
        self._store.touch(wire)
        return json_answer(200, {"message": "Processing was triggered"})

    def _subscribe(self, call: Call) -> HttpAnswer:
        self._require("webhooks_write")
        webhook = _read_body(call).get("webhook")
        if (
            not isinstance(webhook, dict)
            or webhook.get("topic") != "return"
            or not isinstance(webhook.get("callback"), dict)
        ):
            raise _refusal(400, "webhook must have the topic return and a callback")
        known = [
            one
            for one in self._webhooks.values()
            if webhook.get("externalId") and one["externalId"] == webhook["externalId"]
        ]
        webhook_id = known[0]["id"] if known else f"65a0{len(self._webhooks):020x}"
        self._webhooks[webhook_id] = {**webhook, "id": webhook_id}
        return json_answer(200 if known else 201, {"webhook": self._webhooks[webhook_id]})

    def _manage_webhook(self, call: Call, webhook_id: str, rest: list[str]) -> HttpAnswer:
        self._require("webhooks_read" if call.method == "GET" else "webhooks_write")
        if webhook_id not in self._webhooks:
            raise _refusal(404, "No such webhook")
        match call.method, rest:
            case "GET", []:
                return json_answer(200, {"webhook": self._webhooks[webhook_id]})
            case "DELETE", []:
                del self._webhooks[webhook_id]
                return HttpAnswer(status=204)
            case "POST", ["replay"]:
                body = _read_body(call)
                if body.keys() != {"start"}:
                    raise _refusal(400, "start is required")
                self.replayed.append((webhook_id, parse_time(body["start"])))
                return HttpAnswer(status=202)
        raise _refusal(404, "No such endpoint")


def _problem(status: int) -> Json:
    """A problem (RFC 7807), as every error of the schema."""
    return {"type": "about:blank", "title": _TITLES.get(status, "Error"), "instance": "urn:sandbox"}


def _refusal(status: int, detail: str) -> Refusal:
    body = _problem(status) | {"detail": detail}
    return Refusal(json_answer(status, body, {"content-type": "application/problem+json"}))


def _read_body(call: Call) -> Json:
    try:
        body = json.loads(call.body)
    except (ValueError, RecursionError):
        raise _refusal(400, "The body is not JSON") from None
    if not isinstance(body, dict):
        raise _refusal(400, "The body is not an object")
    return body


def _matches(wire: Json, query: Mapping[str, str]) -> bool:
    changed = parse_time(wire["updatedAt"])
    name = query.get("provider_order_name", query.get("shopify_order_name"))
    return (
        ("updated_at_min" not in query or changed >= _moment(query["updated_at_min"]))
        and ("updated_at_max" not in query or changed < _moment(query["updated_at_max"]))
        and ("status" not in query or wire["status"] == query["status"])
        and (name is None or wire["order"]["name"] == name)
    )


def _moment(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError:
        raise _refusal(400, "A time is not ISO 8601") from None


def _encode_cursor(wire: Json) -> str:
    position = json.dumps({"createdAt": wire["createdAt"], "id": wire["id"]})
    return base64.urlsafe_b64encode(position.encode()).decode()


def _decode_cursor(token: str) -> tuple[str, str]:
    try:
        position = json.loads(base64.urlsafe_b64decode(token))
        return position["createdAt"], position["id"]
    except (ValueError, KeyError, TypeError):
        raise _refusal(400, "X-Page-Continue is not a cursor of this list") from None


def _is_new_return(data: Mapping[str, Any]) -> bool:
    address, items = data.get("shippingAddress"), data.get("items")
    return (
        all(isinstance(data.get(name), str) for name in ("provider", "externalOrderId"))
        and isinstance(address, dict)
        and all(address.get(name) for name in ("line1", "city", "state", "postalCode", "country"))
        and isinstance(items, list)
        and bool(items)
        and all(_is_new_item(item) for item in items)
    )


def _is_new_item(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and all(isinstance(item.get(name), str) and item[name] for name in ("lineItemId", "reason"))
        and type(item.get("quantity")) is int
        and item["quantity"] >= 1
        and item.get("compensation") in ("refund", "store_credit")
    )
