"""The notifications of the simulated Return Helper: how they are signed, delivered, tried again and suspended.

Sources: Return Helper API, Getting started; Return Helper legacy documentation. What no source says, and is decided here: the pause between tries, that only
failures in a row suspend an endpoint, and what becomes of notifications meanwhile.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from attrs import define, field, frozen

from returns_hub import Secret, decode_json
from returns_hub.testing import SignedRequest, call_platform, change_values, json_answer
from returns_hub_return_helper.webhooks import format_timestamp, sign

Json: TypeAlias = dict[str, Any]
DeliveryState: TypeAlias = Literal["waiting", "acknowledged", "dead", "lost"]

MAX_RETRIES: Final = 10  # legacy documentation, Retry: "It will retry up to 10 times"
MAX_FAILURES: Final = 10  # legacy documentation, Failed Deliveries
SUSPENSION: Final = timedelta(hours=24)  # legacy documentation, Failed Deliveries


@frozen
class Attempt:
    """One try to deliver. ``status`` None: no answer in time."""

    at: datetime
    status: int | None


@define(kw_only=True, eq=False)
class Notification:
    """A notification of the vendor, and every attempt to deliver it; ``body`` never changes."""

    number: int
    category: str
    action: str
    body: bytes = field(repr=False)
    made: datetime
    due: datetime
    state: DeliveryState = "waiting"
    attempts: list[Attempt] = field(factory=list)
    timestamp: str | None = None


def _json(one: Notification) -> Json:
    body: Json = decode_json(one.body)
    return body


Order: TypeAlias = Callable[[Sequence[Notification]], Iterable[Notification]]


@define(kw_only=True, eq=False)
class Outbox:
    """Every notification so far, and the one endpoint that is registered for them. Safe to use from any thread."""

    url: str
    key: str = field(repr=False)
    now: Callable[[], datetime]
    timeout: float
    retry_after: timedelta
    keep_timestamp: bool
    keep_missed: bool
    with_ids: bool
    signature_header: str
    deliver_to: str | None = None
    notifications: list[Notification] = field(init=False, factory=list, repr=False)
    suspended_until: datetime | None = field(init=False, default=None)
    _failures: int = field(init=False, default=0)
    _lock: threading.RLock = field(init=False, factory=threading.RLock, repr=False)
    _sending: threading.Lock = field(init=False, factory=threading.Lock, repr=False)
    _added: threading.Condition = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._added = threading.Condition(self._lock)

    def add(
        self, action: str, payload: Json, *, category: str | None = None, version: str | None = None
    ) -> Notification:
        """A new notification: it waits for :meth:`deliver`."""
        with self._added:
            number, made = len(self.notifications) + 1, self.now()
            kind = action if category is None else category
            facts: Json = {"category": kind, "action": action, "eventTime": format_timestamp(made)}
            if version is not None:
                facts["version"] = version
            # The seed makes it the key to deduplicate by, yet only a few samples have it.
            if self.with_ids:
                facts["notificationId"] = f"01J9B{number:021d}"
            one = self._new(kind, action, {**payload, **facts}, number=number, made=made)
            self._added.notify_all()
            return one

    def probe(self) -> Notification:
        """A JSON object that is no notification, as when an endpoint is registered (partner API)."""
        with self._added:
            one = self._new("", "", {"test": True}, number=len(self.notifications) + 1, made=self.now())
            self._added.notify_all()
            return one

    def _new(self, category: str, action: str, body: Json, *, number: int, made: datetime) -> Notification:
        one = Notification(
            number=number, category=category, action=action, body=json_answer(200, body).body, made=made, due=made
        )
        if self.suspended and not self.keep_missed:
            one.state = "lost"
        self.notifications.append(one)
        return one

    @property
    def suspended(self) -> bool:
        """Whether nothing is sent just now, after too many failures."""
        return self.suspended_until is not None and self.now() < self.suspended_until

    @property
    def waiting(self) -> tuple[Notification, ...]:
        """What is still to be delivered, in the order in which it happened."""
        with self._lock:
            return tuple(one for one in self.notifications if one.state == "waiting")

    def signed(self, one: Notification) -> tuple[dict[str, str], bytes]:
        """The headers and the body of a delivery now."""
        with self._lock:
            if one.timestamp is None or not self.keep_timestamp:
                one.timestamp = format_timestamp(self.now())
            headers = {
                "content-type": "application/json; charset=utf-8",
                self.signature_header: sign(
                    url=self.url, timestamp=one.timestamp, body=one.body, keys=[Secret(self.key)]
                ),
                "timestamp": one.timestamp,
            }
            return headers, one.body

    def request(
        self, happens: Callable[[], object], event: str, url: str, changes: Mapping[str, Any], secret: str | None
    ) -> SignedRequest:
        """The notification of an event that happens now, signed for ``url``; what else it causes is never delivered."""
        with self._lock:
            before = len(self.notifications)
            happens()
            new = self.notifications[before:]
            for one in new:
                one.state = "lost"
            one = next(one for one in new if one.action == event)
            timestamp, body = format_timestamp(self.now()), json_answer(200, change_values(_json(one), changes)).body
        headers = {
            "content-type": "application/json; charset=utf-8",
            self.signature_header: sign(url=url, timestamp=timestamp, body=body, keys=[Secret(secret or self.key)]),
            "timestamp": timestamp,
        }
        return SignedRequest(method="POST", url=url, headers=headers, body=body)

    def deliver(self, order: Order = tuple) -> tuple[Notification, ...]:
        """One try at everything that is due, in the order in which it happened or as ``order`` has it; what was tried.

        ``order`` may turn round, repeat and leave out. Ends early when the endpoint becomes suspended.
        """
        with self._sending:
            due = [one for one in self.waiting if one.due <= self.now()]
            tried = []
            for one in order(due):
                if self.suspended:
                    break
                tried.append(one)
                self._send(one)
            return tuple(tried)

    def send(self, one: Notification) -> int | None:
        """Deliver one notification now, once more if it has been, suspended or not; the status, None without answer."""
        with self._sending:
            return self._send(one)

    def wait(self, stop: threading.Event) -> bool:
        """Block until something is due, or ``stop`` is set and :meth:`wake` called; True if something is due."""
        with self._added:
            while not stop.is_set():
                moments = [one.due for one in self.waiting]
                begin = min(moments, default=None)
                if begin is not None and self.suspended_until is not None:
                    begin = max(begin, self.suspended_until)
                if begin is not None and begin <= self.now():
                    return True
                self._added.wait(None if begin is None else (begin - self.now()).total_seconds())
            return False

    def wake(self) -> None:
        """Let :meth:`wait` look again."""
        with self._added:
            self._added.notify_all()

    def _send(self, one: Notification) -> int | None:
        headers, body = self.signed(one)
        answer = call_platform("POST", self.deliver_to or self.url, headers, body, timeout=self.timeout)
        status = None if answer is None else answer.status
        with self._lock:
            one.attempts.append(Attempt(self.now(), status))
            # "Any other status or a timeout counts as failed" (current; the legacy text takes any 2xx).
            if status == 200:
                self._failures = 0
                one.state = "acknowledged"
            elif one.state != "acknowledged":
                self._fail(one)
        return status

    def _fail(self, one: Notification) -> None:
        one.due = self.now() + self.retry_after
        if sum(attempt.status != 200 for attempt in one.attempts) > MAX_RETRIES:
            one.state = "dead"
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            self._failures = 0
            self.suspended_until = self.now() + SUSPENSION
            if not self.keep_missed:
                for missed in self.waiting:
                    missed.state = "lost"
