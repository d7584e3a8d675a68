"""A simulator of the ReturnMate API, strict and seeded, for :func:`returns_hub.testing.serve`.

Paths, parameters, permissions, limits, envelopes and error codes are those of the ReturnMate API Reference.
What it leaves open is decided here and marked "undocumented"; where a client must be ready for either decision, there
is an option.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from math import ceil
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal

from attrs import evolve, frozen

from returns_hub import HttpAnswer, format_time
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
from returns_hub_returnmate.sandbox.seed import JOHN_SMITH, VOCABULARIES
from returns_hub_returnmate.sandbox.state import Json, Rma, Selection, Shop, email_of, scans_of
from returns_hub_returnmate.sandbox.validation import (
    CODES,
    are_items,
    day,
    error,
    invalid,
    is_bool,
    is_descending,
    is_email,
    is_order_number,
    is_text,
    moment,
    read_body,
    refusal,
    whole_number,
)
from returns_hub_returnmate.sandbox.webhooks import build_delivery
from returns_hub_returnmate.webhooks import EVENTS

# API Reference, API Key Permissions. Which endpoint needs which is undocumented; see each handler.
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


@frozen
class Plan:
    """How many requests are allowed; ``per_day`` None is unlimited."""

    per_minute: int
    per_day: int | None = None


# API Reference, Rate Limits.
PLANS: Final = MappingProxyType(
    {"starter": Plan(60, 10_000), "professional": Plan(120, 50_000), "enterprise": Plan(300)}
)


PAGING: Final = frozenset({"page", "per_page", "sort", "order"})
FILTERS: Final = frozenset({"status", "status[]", "created_after", "created_before", "customer_email", "order_number"})
ROW: Final = ("id", "rma_number", "status", "order_number", "customer", "items", "created_at")


class ReturnMateSandbox(Simulator):
    """ReturnMate with ``count`` seeded RMAs, the examples of its API reference among them.

    ``rma_abc123`` is the newest; its customer's statistics are the documented ones, and so is the Returns Summary of
    the first half of 2024 where ``count`` is at least 300. All people are fictitious. The same arguments give the same
    data.

    - ``plan``: the rate limit, by name or as a :class:`Plan`; None sets none and sends no such headers.
    - ``permissions``: what the key may do.
    - ``vocabulary``: the shop's status words: ``reference``, ``display`` (names of 2024) or ``codes`` (capitals of 2026).
    - ``total_pages``: whether ``meta`` has it; the reference shows both.
    - ``clamp_per_page``: more than 100 rows are clamped instead of refused.
    - ``ignore_unknown_parameters``: instead of refusing them.
    - ``refuse_unknown_status``: filtering by a word that the shop does not have is an error, not an empty list.
    - ``capital_order_numbers``: order numbers are kept in capitals, and found in any case.
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
        vocabulary: Literal["reference", "display", "codes"] = "reference",
        total_pages: bool = False,
        clamp_per_page: bool = False,
        ignore_unknown_parameters: bool = False,
        refuse_unknown_status: bool = False,
        capital_order_numbers: bool = False,
        exclusive_bounds: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(
            faults=Faults(
                error_body=lambda status: error(CODES.get(status, "SERVER_ERROR"), "A fault was switched on"),
                soft_error_body=error("SERVER_ERROR", "A fault was switched on"),
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
        self._total_pages = total_pages
        self._clamp_per_page = clamp_per_page
        self._ignore_unknown_parameters = ignore_unknown_parameters
        self._refuse_unknown_status = refuse_unknown_status
        self._capital_order_numbers = capital_order_numbers
        self._now = now
        self._used: Counter[tuple[str, int]] = Counter()
        self._shop = Shop(
            count=count,
            seed=seed,
            vocabulary=VOCABULARIES[vocabulary],
            exclusive_bounds=exclusive_bounds,
            now=now,
        )

    @property
    def rmas(self) -> Mapping[str, Json]:
        """Every RMA by id, oldest first, as its detail is answered."""
        with self.lock:
            return self._shop.oldest_first

    @property
    def return_ids(self) -> frozenset[str]:
        """The ids of all RMAs."""
        with self.lock:
            return frozenset(self._shop.rmas)

    def set_status(self, return_id: str, word: str) -> None:
        """Move an RMA to a status, as staff would in the admin: any word goes, for shops add their own."""
        with self.lock:
            self._shop.set_status(return_id, word)

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
        """A new RMA, created at ``created_at`` or now; its id."""
        with self.lock:
            rma = self._shop.insert(
                created=(created_at or self._now()).replace(microsecond=0),
                status=status or self._shop.vocabulary.new,
                order_number=order_number,
                customer=dict(customer),
                items=[dict(item) for item in items],
                rma_id=rma_id,
            )
            return str(rma.wire["id"])

    def delete(self, return_id: str) -> None:
        """Forget an RMA and its shipments. No endpoint does that; the admin may."""
        with self.lock:
            self._shop.delete(return_id)

    def trigger(self, webhook_url: str) -> TriggerResult:
        """Somebody approves the newest RMA that waits for that, or a customer asks for a new one."""
        with self.lock:
            new = [one for one, wire in self.rmas.items() if wire["status"] == self._shop.vocabulary.new]
            if new:
                self.set_status(
                    new[-1], next(word for word in self._shop.vocabulary.weights if word.lower() == "approved")
                )
            return_id, event = (new[-1], "rma.approved") if new else (self.add_rma(), "rma.created")
            headers, body = self.webhook(event, return_id)
        answer = call_platform("POST", webhook_url, headers, body)
        return TriggerResult(return_id, (answer.status if answer else None,))

    @property
    def event_names(self) -> tuple[str, ...]:
        """The events of both pages that name any."""
        return tuple(sorted(EVENTS))

    def make_event(
        self,
        event: str,
        webhook_url: str,
        *,
        changes: Mapping[str, Any] = MappingProxyType({}),
        secret: str | None = None,
    ) -> SignedRequest:
        """A delivery about the newest RMA, which stands where the event says if the shop has such a status."""
        if event not in EVENTS:
            raise ValueError(f"ReturnMate has no event {event!r}")
        with self.lock:
            return_id = list(self.rmas)[-1] if self.rmas else self.add_rma()
            status = event.removeprefix("rma.")
            word = next((each for each in self._shop.vocabulary.weights if each.lower() == status), None)
            if word is not None:
                self.set_status(return_id, word)
            # Another id each time: those of the simulator are the same in each process, and a receiver drops duplicates.
            changes = {"id": f"evt_{int(self._now().timestamp() * 1_000_000)}", **changes}
            headers, body = self.webhook(event, return_id, secret, changes=changes)
        return SignedRequest(method="POST", url=webhook_url, headers=headers, body=body)

    def webhook(
        self,
        event: str,
        return_id: str,
        secret: str | None = None,
        *,
        changes: Mapping[str, Any] = MappingProxyType({}),
    ) -> tuple[Mapping[str, str], bytes]:
        """The headers and the body of a delivery about an RMA, signed with the shop's secret or another one."""
        with self.lock:
            return build_delivery(
                event,
                _row(self._shop.rmas[return_id].wire),
                event_id=f"evt_{next(self._shop.ids):06d}",
                secret=self._webhook_secret if secret is None else secret,
                at=self._now(),
                changes=changes,
            )

    def answer(self, call: Call) -> HttpAnswer:
        """Refuses a wrong key, then too many calls, then whatever is wrong with the call."""
        if call.headers.get("authorization") != self._authorization:
            raise refusal("AUTHENTICATION_ERROR", "Invalid or missing API key")
        allowed, limits = self._use_allowance()
        try:
            answer = self._route(call) if allowed else refusal("RATE_LIMITED", "Too many requests").answer
        except Refusal as refused:
            answer = refused.answer
        return evolve(answer, headers=(*answer.headers, *limits.items()))

    def _use_allowance(self) -> tuple[bool, Mapping[str, str]]:
        """Whether the plan allows one more request, and the rate limit headers (API Reference, Rate Limits).

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
        raise refusal("NOT_FOUND", "No such endpoint")

    def _list_rmas(self, call: Call) -> HttpAnswer:
        self._require("rmas:read")
        query = self._parameters(call, FILTERS | PAGING)
        selection = Selection(
            statuses=self._statuses(query),
            created_after=moment(query, "created_after"),
            created_before=moment(query, "created_before"),
            # Undocumented: an address matches in any case, an order number only as it is stored.
            email=query["customer_email"][0].casefold() if "customer_email" in query else None,
            order_number=self._kept(query["order_number"][0]) if "order_number" in query else None,
            descending=is_descending(query),
        )
        return self._page(query, self._shop.select(selection), render=_row)

    def _list_customer_rmas(self, call: Call, email: str) -> HttpAnswer:
        # Undocumented: the parameters and the reply; both are taken from List RMAs.
        self._require("customers:read")
        query = self._parameters(call, PAGING)
        selection = Selection(email=email.casefold(), descending=is_descending(query))
        return self._page(query, self._shop.select(selection), render=_row)

    def _get_rma(self, call: Call, rma_id: str) -> HttpAnswer:
        self._require("rmas:read")
        self._parameters(call, frozenset())
        return _found(self._rma(rma_id).wire)

    def _create_rma(self, call: Call) -> HttpAnswer:
        # Undocumented: what is required, and the reply, here 201 with the detail.
        self._require("rmas:write")
        body = read_body(
            call,
            required={"order_number": is_order_number, "customer_email": is_email, "items": are_items},
            optional={"return_type": lambda value: value == "refund"},  # the only one ever shown
        )
        rma = self._shop.insert(
            created=self._now().replace(microsecond=0),
            status=self._shop.vocabulary.new,
            order_number=self._kept(body["order_number"]),
            customer={"email": body["customer_email"], "name": self._shop.name_of(body["customer_email"])},
            items=body["items"],
        )
        return _found(rma.wire, status=201)

    def _kept(self, order_number: str) -> str:
        return order_number.upper() if self._capital_order_numbers else order_number

    def _update_rma(self, call: Call, rma_id: str) -> HttpAnswer:
        # Undocumented: the reply, which words are accepted, and what becomes of `notes`; here the detail, the
        # vocabulary's words, and a line in the timeline.
        self._require("rmas:write")
        rma = self._rma(rma_id)
        body = read_body(call, optional={"status": self._shop.vocabulary.weights.__contains__, "notes": is_text})
        if "status" in body:
            self.set_status(rma_id, body["status"])
        if "notes" in body:
            self._shop.add_timeline_entry(rma, "note", body["notes"])
        return _found(rma.wire)

    def _add_note(self, call: Call, rma_id: str) -> HttpAnswer:
        # Undocumented: the default of `internal` and the reply; here true, and 201 with the note.
        self._require("rmas:write")
        rma = self._rma(rma_id)
        body = read_body(call, required={"content": is_text}, optional={"internal": is_bool})
        note = self._shop.add_timeline_entry(rma, "note", body["content"], internal=body.get("internal", True))
        return _found({"id": f"note_{next(self._shop.ids):06d}", **note}, status=201)

    def _create_label(self, call: Call, rma_id: str) -> HttpAnswer:
        # The reply has the label's URL and a tracking number; under what names is undocumented.
        self._require("shipments:write")
        rma = self._rma(rma_id)
        body = read_body(
            call,
            required={"carrier": is_text, "service": is_text},
            optional={"direction": lambda value: value == "return"},  # the only one ever shown
        )
        return _found(self._shop.ship(rma, body["carrier"], body["service"], at=self._now()), status=201)

    def _list_shipments(self, call: Call) -> HttpAnswer:
        # Undocumented: parameters and reply. "List endpoints support pagination"; oldest first here.
        self._require("shipments:read")
        query = self._parameters(call, frozenset({"page", "per_page"}))
        return self._page(query, list(self._shop.shipments.values()), render=dict)

    def _get_shipment(self, call: Call, shipment_id: str) -> HttpAnswer:
        self._require("shipments:read")
        self._parameters(call, frozenset())
        return _found(self._shipment(shipment_id))

    def _track(self, call: Call, shipment_id: str) -> HttpAnswer:
        # Undocumented: the shape of an event, and their order.
        self._require("shipments:read")
        self._parameters(call, frozenset())
        return _found(scans_of(self._shipment(shipment_id)))

    def _customer_stats(self, call: Call, email: str) -> HttpAnswer:
        """The bare reply of the API Reference, Customer Return History.

        Undocumented: `last_return` is the last completed one here, and a customer has ordered eight times as often as
        returned.
        """
        self._require("customers:read")
        self._parameters(call, frozenset())
        own = [rma for rma in self._shop.rmas.values() if email_of(rma.wire) == email.casefold()]
        if not own:
            raise refusal("NOT_FOUND", "Customer not found")
        done = [rma.created for rma in own if rma.wire["status"] == self._shop.vocabulary.done]
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
        """The `data`-only reply of the API Reference, Returns Summary. Undocumented: what `group_by` changes; nothing here."""
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

    def _reported(self, call: Call, extra: frozenset[str] = frozenset()) -> list[Rma]:
        """The RMAs created from `start_date` to `end_date`; the end counts whole (undocumented)."""
        self._require("reports:read")
        query = self._parameters(call, frozenset({"start_date", "end_date"}) | extra)
        if query.get("group_by", ["day"])[0] not in ("day", "week", "month"):
            raise invalid("group_by", "must be day, week or month")
        start, end = day(query, "start_date") or date.min, day(query, "end_date") or date.max
        return [rma for rma in self._shop.rmas.values() if start <= rma.created.date() <= end]

    def _page(
        self, query: Mapping[str, list[str]], rows: Sequence[Any], *, render: Callable[[Any], Json]
    ) -> HttpAnswer:
        """The full envelope of the API Reference, List RMAs. A page past the end is empty (undocumented)."""
        page = whole_number(query, "page", default=1)
        per_page = whole_number(query, "per_page", default=25)
        if per_page > 100 and not self._clamp_per_page:
            raise invalid("per_page", "must not be more than 100")
        per_page = min(per_page, 100)
        meta = {"page": page, "per_page": per_page, "total": len(rows)}
        if self._total_pages:
            meta["total_pages"] = ceil(len(rows) / per_page)
        chosen = rows[(page - 1) * per_page : page * per_page]
        return json_answer(200, {"success": True, "data": [render(row) for row in chosen], "meta": meta})

    def _require(self, permission: str) -> None:
        if permission not in self._permissions:
            raise refusal("PERMISSION_DENIED", f"The key lacks {permission}")

    def _parameters(self, call: Call, known: frozenset[str]) -> Mapping[str, list[str]]:
        """The query by name. Undocumented: unknown and repeated parameters; only ``status[]`` may repeat."""
        query: dict[str, list[str]] = {}
        for name, value in call.query:
            if name in known:
                query.setdefault(name, []).append(value)
            elif not self._ignore_unknown_parameters:
                raise invalid(name, "unknown parameter")
        for name, values in query.items():
            if len(values) > 1 and name != "status[]":
                raise invalid(name, "given more than once")
        return query

    def _statuses(self, query: Mapping[str, list[str]]) -> frozenset[str]:
        """One word as ``status``, several as ``status[]`` (API Reference, Filtering). Undocumented: both at once."""
        if "status" in query and "status[]" in query:
            raise invalid("status", "both status and status[] given")
        words = frozenset(query.get("status", ()) or query.get("status[]", ()))
        if self._refuse_unknown_status and not words <= set(self._shop.vocabulary.weights):
            raise invalid("status", "no such status")
        return words

    def _rma(self, rma_id: str) -> Rma:
        if rma_id not in self._shop.rmas:
            raise refusal("NOT_FOUND", "RMA not found")
        return self._shop.rmas[rma_id]

    def _shipment(self, shipment_id: str) -> Json:
        if shipment_id not in self._shop.shipments:
            raise refusal("NOT_FOUND", "Shipment not found")
        return self._shop.shipments[shipment_id]


def _row(rma: Json) -> Json:
    return {name: rma[name] for name in ROW}


def _money(rmas: Iterable[Rma]) -> Decimal:
    return sum((rma.refunded for rma in rmas), Decimal("0.00"))


def _found(data: Any, status: int = 200) -> HttpAnswer:
    """The envelope of the API Reference, Response Format, around one thing."""
    return json_answer(status, {"success": True, "data": data})
