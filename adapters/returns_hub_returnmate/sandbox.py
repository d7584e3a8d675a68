"""A simulator of the ReturnMate API, strict and seeded, for :func:`returns_hub.testing.serve`.

Paths, parameters, permissions, limits, envelopes and error codes are those of ReturnMate API Reference.
What it leaves open is decided here and marked "undocumented"; where a client must be ready for either decision, there
is an option.
"""

import hashlib
import hmac
import itertools
import json
import random
import re
import string
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, TypeAlias

from attrs import define, evolve, frozen

from returns_hub import HttpAnswer, format_time, parse_time
from returns_hub.testing import Call, Faults, Refusal, Simulator, TriggerResult, call_platform, json_answer

Json: TypeAlias = dict[str, Any]

# ReturnMate API Reference, API Key Permissions. Which endpoint needs which is undocumented; see each handler.
PERMISSIONS: Final = frozenset(
    {
        "rmas:read",
        "rmas:write",
        "shipments:read",
        "shipments:write",
        "customers:read",
        "reports:read",
        "settings:read",
        "settings:write",
    }
)
# ReturnMate API Reference, Error Codes.
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
_CODES: Final = MappingProxyType({status: code for code, status in HTTP_STATUS.items()})


@frozen
class Plan:
    """How many requests are allowed; ``per_day`` None is unlimited."""

    per_minute: int
    per_day: int | None = None


# ReturnMate API Reference, Rate Limits.
PLANS: Final = MappingProxyType(
    {"starter": Plan(60, 10_000), "professional": Plan(120, 50_000), "enterprise": Plan(300)}
)


@frozen
class Vocabulary:
    """The status words of a shop and how often each occurs; ``shipped`` are those under which there is a parcel."""

    new: str
    done: str
    refused: str
    weights: Mapping[str, int]
    shipped: frozenset[str]


VOCABULARIES: Final = MappingProxyType(
    {
        # ReturnMate API Reference: the words of its examples.
        "seed": Vocabulary(
            new="pending",
            done="completed",
            refused="rejected",
            weights={"pending": 20, "approved": 25, "rejected": 10, "completed": 45},
            shipped=frozenset({"approved", "completed"}),
        ),
        # ReturnMate help centre, statuses (December 2024): names as shown to people.
        "display": Vocabulary(
            new="Pending",
            done="Resolved",
            refused="Rejected",
            weights={
                "Pending": 15,
                "Approved": 10,
                "Label Sent": 10,
                "In Transit": 15,
                "Received": 10,
                "Inspected": 5,
                "Resolved": 25,
                "Rejected": 5,
                "Cancelled": 5,
            },
            shipped=frozenset({"Label Sent", "In Transit", "Received", "Inspected", "Resolved"}),
        ),
        # ReturnMate help centre, workflow guide (April 2026): codes in capitals.
        "codes": Vocabulary(
            new="SUBMITTED",
            done="CLOSED",
            refused="REJECTED",
            weights={
                "DRAFT": 3,
                "SUBMITTED": 12,
                "APPROVED": 10,
                "WAITING_CUSTOMER": 5,
                "LABEL_ISSUED": 10,
                "IN_TRANSIT": 15,
                "RECEIVED": 10,
                "INSPECTED": 5,
                "REFUNDED": 10,
                "RESOLVED": 5,
                "REJECTED": 5,
                "CLOSED": 10,
            },
            shipped=frozenset(
                {"LABEL_ISSUED", "IN_TRANSIT", "RECEIVED", "INSPECTED", "REFUNDED", "RESOLVED", "CLOSED"}
            ),
        ),
    }
)

REASONS: Final = ("defective", "wrong_size", "changed_mind")  # ReturnMate API Reference, Returns Summary
# ReturnMate API Reference shows the first pair. The others are offered in the admin; their codes are undocumented.
CARRIERS: Final = (("australia_post", "express_post"), ("startrack", "standard"), ("tnt", "express"))
FIRST_NAMES: Final = ("Ada", "Ben", "Chloé", "Dinh", "Ewa", "Finn", "Grace", "Hugo", "Ines", "Jörg", "Kiri", "Li")
LAST_NAMES: Final = ("Sample", "Example", "Tester", "Placeholder", "Fictional", "Specimen", "Demo", "Muster")
JOHN_SMITH: Final = MappingProxyType(
    {"email": "customer@example.com", "name": "John Smith"}
)  # ReturnMate API Reference, List RMAs

OLDEST: Final = datetime(2023, 1, 1, tzinfo=UTC)
NEWEST: Final = datetime(2024, 12, 30, 10, 30, tzinfo=UTC)  # ReturnMate API Reference: created_at of rma_abc123
# From a count of 300 on, the Returns Summary of these days is ReturnMate API Reference's example to the digit.
SUMMARY_FROM: Final = datetime(2024, 1, 1, tzinfo=UTC)
SUMMARY_UNTIL: Final = datetime(2024, 7, 1, tzinfo=UTC)

PAGING: Final = frozenset({"page", "per_page", "sort", "order"})
FILTERS: Final = frozenset({"status", "status[]", "created_after", "created_before", "customer_email", "order_number"})
ROW: Final = ("id", "rma_number", "status", "order_number", "customer", "items", "created_at")
ORDER_NUMBER: Final = re.compile(r"#?[\w-]{1,40}\Z")
EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\Z")


@define(kw_only=True)
class _Rma:
    """One RMA: its detail as the API tells it, and what no endpoint tells."""

    wire: Json
    created: datetime
    refunded: Decimal


@frozen(kw_only=True)
class _Selection:
    """The filters and the order of one listing."""

    statuses: frozenset[str] = frozenset()
    created_after: datetime | None = None
    created_before: datetime | None = None
    email: str | None = None
    order_number: str | None = None
    descending: bool = True


class ReturnMateSandbox(Simulator):
    """ReturnMate with ``count`` seeded RMAs, the examples of its API reference among them.

    ``rma_abc123`` is the newest; its customer's statistics are the documented ones, and so is the Returns Summary of
    the first half of 2024 where ``count`` is at least 300. All people are fictitious. The same arguments give the same
    data.

    - ``plan``: the rate limit, by name or as a :class:`Plan`; None sets none and sends no such headers.
    - ``permissions``: what the key may do.
    - ``vocabulary``: the shop's status words: ``seed``, ``display`` (names of 2024) or ``codes`` (capitals of 2026).
    - ``total_pages``: whether ``meta`` has it; the reference shows both.
    - ``clamp_per_page``: more than 100 rows are clamped instead of refused.
    - ``ignore_unknown_parameters``: instead of refusing them.
    - ``refuse_unknown_status``: filtering by a word that the shop does not have is an error, not an empty list.
    - ``exclusive_bounds``: ``created_after`` and ``created_before`` leave out the moment itself.
    - ``now``: the clock, for the limits and for what is created by a call.
    """

    provider: ClassVar[str] = "returnmate"
    base_path: ClassVar[str] = "/v1"

    def __init__(
        self,
        *,
        count: int = 300,
        seed: int = 1,
        api_key: str = "rm_sandbox_key",
        webhook_secret: str = "rm_sandbox_secret",  # noqa: S107  a simulator's, and not a secret
        plan: Literal["starter", "professional", "enterprise"] | Plan | None = None,
        permissions: Iterable[str] = PERMISSIONS,
        vocabulary: Literal["seed", "display", "codes"] = "seed",
        total_pages: bool = False,
        clamp_per_page: bool = False,
        ignore_unknown_parameters: bool = False,
        refuse_unknown_status: bool = False,
        exclusive_bounds: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(
            faults=Faults(
                error_body=lambda status: _error(_CODES.get(status, "SERVER_ERROR"), "A fault was switched on"),
                soft_error_body=_error("SERVER_ERROR", "A fault was switched on"),
            )
        )
        self.options: Mapping[str, Any] = {"api_key": api_key, "webhook_secrets": [webhook_secret]} | (
            {"plan": plan} if isinstance(plan, str) else {}
        )
        self.violations = 0
        self._authorization = f"Bearer {api_key}"
        self._webhook_secret = webhook_secret
        self._plan = PLANS[plan] if isinstance(plan, str) else plan
        self._permissions = frozenset(permissions)
        self._vocabulary = VOCABULARIES[vocabulary]
        self._total_pages = total_pages
        self._clamp_per_page = clamp_per_page
        self._ignore_unknown_parameters = ignore_unknown_parameters
        self._refuse_unknown_status = refuse_unknown_status
        self._exclusive_bounds = exclusive_bounds
        self._now = now
        self._random = random.Random(seed)  # noqa: S311  test data, not keys
        self._used: Counter[tuple[str, int]] = Counter()
        self._rmas: dict[str, _Rma] = {}
        self._by_time: list[tuple[datetime, int, str]] = []
        self._selected: dict[_Selection, Sequence[Json]] = {}
        self._shipments: dict[str, Json] = {}
        self._numbers = itertools.count(1)
        self._ids = itertools.count(1)
        for draft in _drafts(count, self._random, self._vocabulary):
            self._populate(draft)

    @property
    def rmas(self) -> Mapping[str, Json]:
        """Every RMA by id, oldest first, as its detail is answered."""
        with self.lock:
            return {rma_id: self._rmas[rma_id].wire for _, _, rma_id in self._by_time}

    @property
    def return_ids(self) -> frozenset[str]:
        """The ids of all RMAs."""
        with self.lock:
            return frozenset(self._rmas)

    def set_status(self, return_id: str, word: str) -> None:
        """Move an RMA to a status, as staff would in the admin: any word goes, for shops add their own."""
        with self.lock:
            self._rmas[return_id].wire["status"] = word
            self._tell(self._rmas[return_id], "status", f"Status changed to {word}")
            self._selected.clear()

    def add_rma(
        self,
        *,
        status: str | None = None,
        order_number: str = "#2001",
        customer: Mapping[str, str | None] = JOHN_SMITH,
        items: Sequence[Json] = ({"sku": "PROD-002", "quantity": 1, "reason": "wrong_size"},),
        created_at: datetime | None = None,
        rma_id: str | None = None,
    ) -> str:
        """A new RMA, created now unless told otherwise; its id."""
        with self.lock:
            rma = self._insert(
                created=(created_at or self._now()).replace(microsecond=0),
                status=status or self._vocabulary.new,
                order_number=order_number,
                customer=dict(customer),
                items=[dict(item) for item in items],
                rma_id=rma_id,
            )
            return str(rma.wire["id"])

    def delete(self, return_id: str) -> None:
        """Forget an RMA and its shipments. No endpoint does that; the admin may."""
        with self.lock:
            rma = self._rmas.pop(return_id)
            self._by_time = [entry for entry in self._by_time if entry[2] != return_id]
            for shipment in rma.wire["shipments"]:
                del self._shipments[shipment["id"]]
            self._selected.clear()

    def trigger(self, webhook_url: str) -> TriggerResult:
        """Somebody approves the newest RMA that waits for that, or a customer asks for a new one."""
        with self.lock:
            new = [one for one, wire in self.rmas.items() if wire["status"] == self._vocabulary.new]
            if new:
                self.set_status(new[-1], next(word for word in self._vocabulary.weights if word.lower() == "approved"))
            return_id, event = (new[-1], "rma.approved") if new else (self.add_rma(), "rma.created")
            headers, body = self.webhook(event, return_id)
        answer = call_platform("POST", webhook_url, headers, body)
        return TriggerResult(return_id, (answer.status if answer else None,))

    def webhook(self, event: str, return_id: str, secret: str | None = None) -> tuple[Mapping[str, str], bytes]:
        """The headers and the body of a delivery about an RMA, signed with the shop's secret or another one.

        Header and signature are those of the marketing page "Webhooks & REST API"; the body is undocumented.
        """
        with self.lock:
            payload = {
                "id": f"evt_{next(self._ids):06d}",
                "event": event,
                "created_at": format_time(self._now()),
                "data": _row(self._rmas[return_id].wire),
            }
        body = json.dumps(payload).encode()
        key = self._webhook_secret if secret is None else secret
        signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Webhook-Signature": signature}, body

    def answer(self, call: Call) -> HttpAnswer:
        """Refuses a wrong key, then too many calls, then whatever is wrong with the call."""
        if call.headers.get("authorization") != self._authorization:
            raise _refusal("AUTHENTICATION_ERROR", "Invalid or missing API key")
        allowed, limits = self._count_in()
        try:
            answer = self._route(call) if allowed else _refusal("RATE_LIMITED", "Too many requests").answer
        except Refusal as refusal:
            answer = refusal.answer
        return evolve(answer, headers=(*answer.headers, *limits.items()))

    def _count_in(self) -> tuple[bool, Mapping[str, str]]:
        """Whether the plan allows one more request, and the headers that tell (ReturnMate API Reference, Rate Limits).

        Undocumented: windows are whole minutes and UTC days, a refused request does not count, and the headers speak
        of the minute until the day is used up.
        """
        if self._plan is None:
            return True, {}
        now = int(self._now().timestamp())
        minute, day = ("minute", now // 60), ("day", now // 86_400)
        limit, resets = self._plan.per_minute, (minute[1] + 1) * 60
        left = limit - self._used[minute]
        if self._plan.per_day is not None and self._used[day] >= self._plan.per_day:
            limit, resets, left = self._plan.per_day, (day[1] + 1) * 86_400, 0
        if left > 0:
            self._used.update((minute, day))
        else:
            self.violations += 1
        return left > 0, {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(max(0, left - 1)),
            "x-ratelimit-reset": str(resets),
        }

    def _route(self, call: Call) -> HttpAnswer:
        match call.method, call.segments:
            case "GET", ("v1", "rmas"):
                return self._list_rmas(call)
            case "POST", ("v1", "rmas"):
                return self._create_rma(call)
            case "GET", ("v1", "rmas", rma_id):
                return self._get_rma(call, rma_id)
            case "PATCH", ("v1", "rmas", rma_id):
                return self._update_rma(call, rma_id)
            case "POST", ("v1", "rmas", rma_id, "notes"):
                return self._add_note(call, rma_id)
            case "POST", ("v1", "rmas", rma_id, "shipments"):
                return self._create_label(call, rma_id)
            case "GET", ("v1", "shipments"):
                return self._list_shipments(call)
            case "GET", ("v1", "shipments", shipment_id):
                return self._get_shipment(call, shipment_id)
            case "GET", ("v1", "shipments", shipment_id, "tracking"):
                return self._track(call, shipment_id)
            case "GET", ("v1", "customers", email, "rmas"):
                return self._list_customer_rmas(call, email)
            case "GET", ("v1", "customers", email, "stats"):
                return self._customer_stats(call, email)
            case "GET", ("v1", "reports", "returns"):
                return self._returns_summary(call)
            case "GET", ("v1", "reports", "reasons"):
                return self._reason_analytics(call)
            case "GET", ("v1", "reports", "carriers"):
                return self._carrier_performance(call)
        raise _refusal("NOT_FOUND", "No such endpoint")

    def _list_rmas(self, call: Call) -> HttpAnswer:
        self._require("rmas:read")
        query = self._parameters(call, FILTERS | PAGING)
        selection = _Selection(
            statuses=self._statuses(query),
            created_after=_moment(query, "created_after"),
            created_before=_moment(query, "created_before"),
            # Undocumented: an address matches in any case, an order number only as it is stored.
            email=query["customer_email"][0].casefold() if "customer_email" in query else None,
            order_number=query["order_number"][0] if "order_number" in query else None,
            descending=_descending(query),
        )
        return self._page(query, self._select(selection), render=_row)

    def _list_customer_rmas(self, call: Call, email: str) -> HttpAnswer:
        # Undocumented: the parameters and the reply; both are taken from List RMAs.
        self._require("customers:read")
        query = self._parameters(call, PAGING)
        selection = _Selection(email=email.casefold(), descending=_descending(query))
        return self._page(query, self._select(selection), render=_row)

    def _get_rma(self, call: Call, rma_id: str) -> HttpAnswer:
        self._require("rmas:read")
        self._parameters(call, frozenset())
        return _found(self._rma(rma_id).wire)

    def _create_rma(self, call: Call) -> HttpAnswer:
        # Undocumented: what is required, and the reply, here 201 with the detail.
        self._require("rmas:write")
        body = _body(
            call,
            required={"order_number": _is_order_number, "customer_email": _is_email, "items": _are_items},
            optional={"return_type": lambda value: value == "refund"},  # the only one ever shown
        )
        rma = self._insert(
            created=self._now().replace(microsecond=0),
            status=self._vocabulary.new,
            order_number=body["order_number"],
            customer={"email": body["customer_email"], "name": self._name_of(body["customer_email"])},
            items=body["items"],
        )
        return _found(rma.wire, status=201)

    def _update_rma(self, call: Call, rma_id: str) -> HttpAnswer:
        # Undocumented: the reply, which words are accepted, and what becomes of `notes`; here the detail, the
        # vocabulary's words, and a line in the timeline.
        self._require("rmas:write")
        rma = self._rma(rma_id)
        body = _body(call, optional={"status": self._vocabulary.weights.__contains__, "notes": _is_text})
        if "status" in body:
            self.set_status(rma_id, body["status"])
        if "notes" in body:
            self._tell(rma, "note", body["notes"])
        return _found(rma.wire)

    def _add_note(self, call: Call, rma_id: str) -> HttpAnswer:
        # Undocumented: the default of `internal` and the reply; here true, and 201 with the note.
        self._require("rmas:write")
        rma = self._rma(rma_id)
        body = _body(call, required={"content": _is_text}, optional={"internal": _is_bool})
        note = self._tell(rma, "note", body["content"], internal=body.get("internal", True))
        return _found({"id": f"note_{next(self._ids):06d}", **note}, status=201)

    def _create_label(self, call: Call, rma_id: str) -> HttpAnswer:
        # The reply has the label's URL and a tracking number; under what names is undocumented.
        self._require("shipments:write")
        rma = self._rma(rma_id)
        body = _body(
            call,
            required={"carrier": _is_text, "service": _is_text},
            optional={"direction": lambda value: value == "return"},  # the only one ever shown
        )
        return _found(self._ship(rma, body["carrier"], body["service"], self._now()), status=201)

    def _list_shipments(self, call: Call) -> HttpAnswer:
        # Undocumented: parameters and reply. "List endpoints support pagination"; oldest first here.
        self._require("shipments:read")
        query = self._parameters(call, frozenset({"page", "per_page"}))
        return self._page(query, list(self._shipments.values()), render=dict)

    def _get_shipment(self, call: Call, shipment_id: str) -> HttpAnswer:
        self._require("shipments:read")
        self._parameters(call, frozenset())
        return _found(self._shipment(shipment_id))

    def _track(self, call: Call, shipment_id: str) -> HttpAnswer:
        # Undocumented: the shape of an event, and their order.
        self._require("shipments:read")
        self._parameters(call, frozenset())
        return _found(_scans(self._shipment(shipment_id)))

    def _customer_stats(self, call: Call, email: str) -> HttpAnswer:
        """The bare reply of ReturnMate API Reference, Customer Return History.

        Undocumented: `last_return` is the last completed one here, and a customer has ordered eight times as often as
        returned.
        """
        self._require("customers:read")
        self._parameters(call, frozenset())
        own = [rma for rma in self._rmas.values() if _email_of(rma.wire) == email.casefold()]
        if not own:
            raise _refusal("NOT_FOUND", "Customer not found")
        done = [rma.created for rma in own if rma.wire["status"] == self._vocabulary.done]
        return json_answer(
            200,
            {
                "total_returns": len(own),
                "total_refunded": _money(own),
                "return_rate": Decimal("12.5"),
                "last_return": format_time(max(done)) if done else None,
            },
        )

    def _returns_summary(self, call: Call) -> HttpAnswer:
        """The `data`-only reply of ReturnMate API Reference, Returns Summary. Undocumented: what `group_by` changes; nothing here."""
        chosen = self._reported(call, extra=frozenset({"group_by"}))
        return json_answer(
            200,
            {
                "data": {
                    "total_rmas": len(chosen),
                    "total_refunded": _money(chosen),
                    "by_status": Counter(rma.wire["status"] for rma in chosen),
                    "by_reason": Counter(rma.wire["items"][0]["reason"] for rma in chosen),
                }
            },
        )

    def _reason_analytics(self, call: Call) -> HttpAnswer:
        # Undocumented altogether.
        counts = Counter(item["reason"] for rma in self._reported(call) for item in rma.wire["items"])
        return json_answer(200, {"data": [{"reason": reason, "count": n} for reason, n in sorted(counts.items())]})

    def _carrier_performance(self, call: Call) -> HttpAnswer:
        # Undocumented altogether.
        counts = Counter(parcel["carrier"] for rma in self._reported(call) for parcel in rma.wire["shipments"])
        return json_answer(
            200, {"data": [{"carrier": carrier, "shipments": n} for carrier, n in sorted(counts.items())]}
        )

    def _reported(self, call: Call, extra: frozenset[str] = frozenset()) -> list[_Rma]:
        """The RMAs created from `start_date` to `end_date`; the end counts whole (undocumented)."""
        self._require("reports:read")
        query = self._parameters(call, frozenset({"start_date", "end_date"}) | extra)
        if query.get("group_by", ["day"])[0] not in ("day", "week", "month"):
            raise _invalid("group_by", "must be day, week or month")
        start, end = _day(query, "start_date") or date.min, _day(query, "end_date") or date.max
        return [rma for rma in self._rmas.values() if start <= rma.created.date() <= end]

    def _page(
        self, query: Mapping[str, list[str]], rows: Sequence[Any], *, render: Callable[[Any], Json]
    ) -> HttpAnswer:
        """The full envelope of ReturnMate API Reference, List RMAs. A page past the end is empty (undocumented)."""
        page = _whole_number(query, "page", default=1)
        per_page = _whole_number(query, "per_page", default=25)
        if per_page > 100 and not self._clamp_per_page:
            raise _invalid("per_page", "must not be more than 100")
        per_page = min(per_page, 100)
        meta = {"page": page, "per_page": per_page, "total": len(rows)}
        if self._total_pages:
            meta["total_pages"] = ceil(len(rows) / per_page)
        chosen = rows[(page - 1) * per_page : page * per_page]
        return json_answer(200, {"success": True, "data": [render(row) for row in chosen], "meta": meta})

    def _select(self, wanted: _Selection) -> Sequence[Json]:
        """The RMAs that match, in order; kept until something changes, so that a page costs what is on it."""
        if wanted not in self._selected:
            if len(self._selected) >= 50:
                self._selected.clear()
            candidates = (self._rmas[rma_id].wire for rma_id in self._created_between(wanted))
            rows = [
                rma
                for rma in candidates
                if (not wanted.statuses or rma["status"] in wanted.statuses)
                and (wanted.email is None or _email_of(rma) == wanted.email)
                and (wanted.order_number is None or rma["order_number"] == wanted.order_number)
            ]
            self._selected[wanted] = rows[::-1] if wanted.descending else rows
        return self._selected[wanted]

    def _created_between(self, wanted: _Selection) -> list[str]:
        first, last = 0, len(self._by_time)
        moment = itemgetter(0)
        if wanted.created_after is not None:
            cut = bisect_right if self._exclusive_bounds else bisect_left
            first = cut(self._by_time, wanted.created_after, key=moment)
        if wanted.created_before is not None:
            cut = bisect_left if self._exclusive_bounds else bisect_right
            last = cut(self._by_time, wanted.created_before, key=moment)
        return [rma_id for _, _, rma_id in self._by_time[first:last]]

    def _require(self, permission: str) -> None:
        if permission not in self._permissions:
            raise _refusal("PERMISSION_DENIED", f"The key lacks {permission}")

    def _parameters(self, call: Call, known: frozenset[str]) -> Mapping[str, list[str]]:
        """The query by name. Undocumented: unknown and repeated parameters; only ``status[]`` may repeat."""
        query: dict[str, list[str]] = {}
        for name, value in call.query:
            if name in known:
                query.setdefault(name, []).append(value)
            elif not self._ignore_unknown_parameters:
                raise _invalid(name, "unknown parameter")
        for name, values in query.items():
            if len(values) > 1 and name != "status[]":
                raise _invalid(name, "given more than once")
        return query

    def _statuses(self, query: Mapping[str, list[str]]) -> frozenset[str]:
        """One word as ``status``, several as ``status[]`` (ReturnMate API Reference, Filtering). Undocumented: both at once."""
        if "status" in query and "status[]" in query:
            raise _invalid("status", "both status and status[] given")
        words = frozenset(query.get("status", ()) or query.get("status[]", ()))
        if self._refuse_unknown_status and not words <= set(self._vocabulary.weights):
            raise _invalid("status", "no such status")
        return words

    def _rma(self, rma_id: str) -> _Rma:
        if rma_id not in self._rmas:
            raise _refusal("NOT_FOUND", "RMA not found")
        return self._rmas[rma_id]

    def _shipment(self, shipment_id: str) -> Json:
        if shipment_id not in self._shipments:
            raise _refusal("NOT_FOUND", "Shipment not found")
        return self._shipments[shipment_id]

    def _name_of(self, email: str) -> str | None:
        """The name under which the customer is known already, if at all."""
        known = (rma.wire["customer"] for rma in self._rmas.values())
        return next((customer["name"] for customer in known if customer["email"] == email), None)

    def _insert(
        self,
        *,
        created: datetime,
        status: str,
        order_number: str,
        customer: Json,
        items: list[Json],
        refunded: Decimal = Decimal(0),
        rma_id: str | None = None,
    ) -> _Rma:
        serial = next(self._numbers)
        if rma_id in self._rmas:
            raise ValueError(f"there is an RMA {rma_id} already")
        if rma_id is None:
            rma_id = "rma_" + "".join(self._random.choices(string.ascii_lowercase + string.digits, k=8))
        # 1234 is rma_abc123's (ReturnMate API Reference, List RMAs); the others go round it.
        number = 1234 if rma_id == "rma_abc123" else serial + (serial >= 1234)
        wire = {
            "id": rma_id,
            "rma_number": f"RMA-{created.year}-{number:06d}",
            "status": status,
            "order_number": order_number,
            "customer": customer,
            "items": items,
            "created_at": format_time(created),
            "shipments": [],
            "timeline": [],
        }
        rma = self._rmas[rma_id] = _Rma(wire=wire, created=created, refunded=refunded)
        insort(self._by_time, (created, serial, rma_id))
        self._tell(rma, "system", "Return requested", at=created)
        self._selected.clear()
        return rma

    def _populate(self, draft: "_Draft") -> None:
        rma = self._insert(
            created=draft.created,
            status=draft.status,
            order_number=draft.order_number,
            customer=dict(draft.customer),
            items=[dict(item) for item in draft.items],
            refunded=draft.refunded,
            rma_id=draft.rma_id,
        )
        if draft.status != self._vocabulary.new:
            self._tell(rma, "status", f"Status changed to {draft.status}", at=draft.created + timedelta(hours=5))
        if draft.status in self._vocabulary.shipped:
            carrier, service = self._random.choice(CARRIERS)
            parcel = self._ship(rma, carrier, service, at=draft.created + timedelta(hours=6))
            parcel["status"] = "delivered" if draft.status == self._vocabulary.done else "in_transit"

    def _ship(self, rma: _Rma, carrier: str, service: str, at: datetime) -> Json:
        number = next(self._ids)
        parcel = {
            "id": f"shp_{number:06d}",
            "rma_id": rma.wire["id"],
            "carrier": carrier,
            "service": service,
            "direction": "return",
            "status": "created",
            "tracking_number": f"SAMPLE{number:010d}",
            "label_url": f"https://labels.example.com/{number:06d}.pdf",
            "created_at": format_time(at.replace(microsecond=0)),
        }
        self._shipments[parcel["id"]] = parcel
        rma.wire["shipments"].append(parcel)
        self._tell(rma, "document", f"Label {parcel['tracking_number']}", at=at)
        return parcel

    def _tell(self, rma: _Rma, kind: str, content: str, *, at: datetime | None = None, **more: Any) -> Json:
        """A new line of the timeline.

        The help centre shows the kinds status, note, email, system and document; their keys are undocumented.
        """
        moment = (at or self._now()).replace(microsecond=0)
        entry = {"type": kind, "content": content, **more, "created_at": format_time(moment)}
        rma.wire["timeline"].append(entry)
        return entry


@frozen(kw_only=True)
class _Draft:
    """An RMA of the seeded data."""

    created: datetime
    status: str
    customer: Mapping[str, str]
    order_number: str
    items: Sequence[Mapping[str, Any]]
    refunded: Decimal = Decimal(0)
    rma_id: str | None = None


def _drafts(count: int, rng: random.Random, words: Vocabulary) -> list[_Draft]:
    """The seeded data, oldest first."""
    documented = _john_smiths(words)[:count]
    summary = _documented_summary(rng, words) if count >= 300 else []
    others = _varied(count - len(documented) - len(summary), rng, words, gap=bool(summary))
    return sorted(documented + summary + others, key=attrgetter("created"))


def _john_smiths(words: Vocabulary) -> list[_Draft]:
    """What is behind ReturnMate API Reference's List RMAs and Customer Return History: five returns, 450.00 refunded for four."""
    item = {"sku": "PROD-001", "quantity": 1, "reason": "defective", "notes": "Screen not working"}
    refunds = ((15, 12, "100.00"), (21, 11, "150.00"), (3, 9, "80.00"), (10, 7, "120.00"))
    return [
        _Draft(
            created=NEWEST,
            status=words.new,
            customer=JOHN_SMITH,
            order_number="#1001",
            items=[item],
            rma_id="rma_abc123",
        ),
        *(
            _Draft(
                created=datetime(2024, month, day, 8, tzinfo=UTC),
                status=words.done,
                customer=JOHN_SMITH,
                order_number=f"#{900 + month}",
                items=[item | {"reason": "changed_mind", "notes": "Ordered by mistake"}],
                refunded=Decimal(refund),
            )
            for day, month, refund in refunds
        ),
    ]


def _documented_summary(rng: random.Random, words: Vocabulary) -> list[_Draft]:
    """150 RMAs that add up to ReturnMate API Reference's Returns Summary."""
    statuses = [words.done] * 120 + [words.new] * 20 + [words.refused] * 10
    reasons = ["defective"] * 45 + ["wrong_size"] * 60 + ["changed_mind"] * 45
    refunds = [Decimal("125.00")] * 20 + [Decimal("100.00")] * 100 + [Decimal(0)] * 30
    rng.shuffle(reasons)
    return [
        _draft(rng, index=5000 + index, created=created, status=status, reason=reason, refunded=refunded)
        for index, (created, status, reason, refunded) in enumerate(
            zip(_moments(rng, 150, SUMMARY_FROM, SUMMARY_UNTIL), statuses, reasons, refunds, strict=True)
        )
    ]


def _varied(count: int, rng: random.Random, words: Vocabulary, *, gap: bool) -> list[_Draft]:
    """RMAs of every status over two years; with a ``gap`` where the documented summary is."""
    statuses = rng.choices(list(words.weights), weights=list(words.weights.values()), k=count)
    reasons = rng.choices(REASONS, k=count)
    early = round(count * 0.66) if gap else count
    moments = _moments(rng, early, OLDEST, SUMMARY_FROM if gap else NEWEST) + _moments(
        rng, count - early, SUMMARY_UNTIL, NEWEST
    )
    return [
        _draft(
            rng,
            index=index,
            created=created,
            status=status,
            reason=reason,
            refunded=Decimal("60.00") if status == words.done else Decimal(0),
        )
        for index, (created, status, reason) in enumerate(zip(moments, statuses, reasons, strict=True))
    ]


def _draft(rng: random.Random, *, index: int, created: datetime, status: str, reason: str, refunded: Decimal) -> _Draft:
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    # Every seventh address has a plus sign, every tenth order two returns, every third return two lines.
    address = f"{first}.{last}{index % 97}{'+returns' if index % 7 == 0 else ''}@example.com".lower()
    items = [{"sku": f"PROD-{rng.randrange(2, 60):03d}", "quantity": rng.randrange(1, 4), "reason": reason}]
    if index % 3 == 0:
        items.append({"sku": f"PROD-{rng.randrange(60, 99):03d}", "quantity": 1, "reason": rng.choice(REASONS)})
    return _Draft(
        created=created,
        status=status,
        customer={"email": address, "name": f"{first} {last}"},
        order_number=f"#{1002 + index - (index % 10 == 9)}",
        items=items,
        refunded=refunded,
    )


def _moments(rng: random.Random, count: int, start: datetime, end: datetime) -> list[datetime]:
    """Random whole minutes in [start, end), oldest first; every eighth is the one before it once more."""
    minutes = sorted(rng.randrange(int((end - start).total_seconds()) // 60) for _ in range(count))
    return [start + timedelta(minutes=minutes[i - 1 if i % 8 == 7 else i]) for i in range(count)]


def _row(rma: Json) -> Json:
    return {name: rma[name] for name in ROW}


def _email_of(rma: Json) -> str:
    return str(rma["customer"]["email"] or "").casefold()


def _money(rmas: Iterable[_Rma]) -> Decimal:
    return sum((rma.refunded for rma in rmas), Decimal("0.00"))


def _scans(parcel: Json) -> list[Json]:
    made = parse_time(parcel["created_at"])
    scans = [
        {
            "timestamp": format_time(made + timedelta(hours=20)),
            "status": "in_transit",
            "description": "Lodged",
            "location": "Sampleton",
        },
        {
            "timestamp": format_time(made + timedelta(hours=70)),
            "status": "delivered",
            "description": "Delivered",
            "location": "Exampleville",
        },
    ]
    return scans[: {"created": 0, "in_transit": 1}.get(parcel["status"], 2)]


def _found(data: Any, status: int = 200) -> HttpAnswer:
    """The envelope of ReturnMate API Reference, Response Format, around one thing."""
    return json_answer(status, {"success": True, "data": data})


def _error(code: str, message: str, details: Mapping[str, str] | None = None) -> Json:
    """The error envelope of ReturnMate API Reference, Response Format. Undocumented: what is in `details`; here a sentence by field."""
    return {"success": False, "error": {"code": code, "message": message, "details": dict(details or {})}}


def _refusal(code: str, message: str, details: Mapping[str, str] | None = None) -> Refusal:
    return Refusal(json_answer(HTTP_STATUS[code], _error(code, message, details)))


def _invalid(name: str, problem: str, message: str = "Invalid request data") -> Refusal:
    return _refusal("VALIDATION_ERROR", message, {name: problem})


def _whole_number(query: Mapping[str, list[str]], name: str, *, default: int) -> int:
    text = query.get(name, [str(default)])[0]
    if not re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII):
        raise _invalid(name, "must be a whole number from 1")
    return int(text)


def _moment(query: Mapping[str, list[str]], name: str) -> datetime | None:
    """A datetime, or a bare date as in ReturnMate API Reference, Filtering: its midnight in UTC (undocumented)."""
    if name not in query:
        return None
    try:
        return parse_time(query[name][0])
    except ValueError:
        raise _invalid(name, "must be a date or a datetime") from None


def _day(query: Mapping[str, list[str]], name: str) -> date | None:
    if name not in query:
        return None
    try:
        return date.fromisoformat(query[name][0])
    except ValueError:
        raise _invalid(name, "must be a date") from None


def _descending(query: Mapping[str, list[str]]) -> bool:
    """ReturnMate API Reference, Sorting, shows `sort=created_at&order=desc`. Undocumented: `asc`, other fields, the default."""
    if query.get("sort", ["created_at"]) != ["created_at"]:
        raise _invalid("sort", "must be created_at")
    if query.get("order", ["desc"])[0] not in ("asc", "desc"):
        raise _invalid("order", "must be asc or desc")
    return query.get("order") != ["asc"]


Check: TypeAlias = Callable[[Any], bool]


def _body(call: Call, *, required: Mapping[str, Check] | None = None, optional: Mapping[str, Check]) -> Json:
    """The JSON object of a request. Undocumented: that anything else, or more than is documented, is refused."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise _invalid("body", "must be sent as application/json")
    try:
        body = json.loads(call.body)
    except (ValueError, RecursionError):
        raise _invalid("body", "must be JSON") from None
    checks = {**(required or {}), **optional}
    if not isinstance(body, dict) or not body:
        raise _invalid("body", "must be a JSON object")
    if unknown := body.keys() - checks.keys():
        raise _invalid(min(unknown), "unknown field")
    for name in required or {}:
        if name not in body:
            raise _invalid(name, "is required")
    for name, value in body.items():
        if not checks[name](value):
            message = "Invalid order number format" if name == "order_number" else f"Invalid {name}"
            raise _invalid(name, "is not acceptable", message)
    return body


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_order_number(value: Any) -> bool:
    return isinstance(value, str) and bool(ORDER_NUMBER.match(value))


def _is_email(value: Any) -> bool:
    return isinstance(value, str) and bool(EMAIL.match(value))


def _are_items(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_item(item) for item in value)


def _is_item(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() <= {"sku", "quantity", "reason", "notes"}
        and _is_text(value.get("sku"))
        and type(value.get("quantity")) is int
        and value["quantity"] > 0
        and _is_text(value.get("reason"))
        and _is_text(value.get("notes", "none"))
    )
