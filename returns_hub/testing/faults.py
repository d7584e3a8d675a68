"""What can go wrong between a caller and a simulator, switched on one at a time."""

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from fnmatch import fnmatchcase
from typing import Any, Final, TypeAlias, TypedDict, Unpack
from urllib.parse import unquote

from attrs import define, evolve, field, frozen

from returns_hub.json_codec import encode_json
from returns_hub.operation import HttpAnswer, Pairs

_HTML_ERROR: Final = "<html><head><title>{0}</title></head><body><h1>{0}</h1><p>An error occurred.</p></body></html>"


@frozen(kw_only=True)
class Call:
    """One request as a simulator sees it. ``path`` is as it was sent: whole, and percent-encoded."""

    method: str
    path: str
    query: Pairs = ()
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's parts, decoded: an encoded slash stays inside its part."""
        return tuple(unquote(part) for part in self.path.strip("/").split("/"))


def json_answer(status: int, payload: Any, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """A JSON answer, compact and in UTF-8. A ``Decimal`` keeps its digits: 450.00 stays ``450.00``."""
    body = encode_json(payload, ascii_only=False).encode()
    return HttpAnswer(status=status, headers={"content-type": "application/json", **(headers or {})}, body=body)


def html_answer(status: int) -> HttpAnswer:
    """An error page, as gateways put in front of an API answer."""
    return HttpAnswer(status=status, headers={"content-type": "text/html"}, body=_HTML_ERROR.format(status).encode())


@frozen(kw_only=True)
class Outcome:
    """What a caller gets to see.

    ``answer`` None aborts the connection before a single byte of a reply. ``delay`` is in seconds. ``cut`` aborts
    the connection after half of the body.
    """

    answer: HttpAnswer | None
    delay: float = 0.0
    cut: bool = False


Work: TypeAlias = Callable[[], HttpAnswer]
Effect: TypeAlias = Callable[[Work], Outcome]


class When(TypedDict, total=False):
    """Which requests a fault applies_to.

    ``path`` is a shell pattern (``*/rmas/*``) for the whole path as it was sent. ``times`` is how often. What is left
    out means any method, any path, always.
    """

    method: str
    path: str
    times: int


@define(kw_only=True)
class Fault:
    """One rule of :class:`Faults`. ``fired`` counts the requests it has struck."""

    name: str
    when: When
    effect: Effect = field(repr=False)
    fired: int = 0

    def applies_to(self, call: Call) -> bool:
        """True if the rule still applies, and to this call."""
        return (
            self.fired < self.when.get("times", float("inf"))
            and self.when.get("method", call.method) == call.method
            and fnmatchcase(call.path, self.when.get("path", "*"))
        )


def _plain_error(status: int) -> Any:
    return {"error": status}


def _data_rows(payload: Any) -> Any:
    return payload.get("data") if isinstance(payload, dict) else None


@define(kw_only=True)
class Faults:
    """What goes wrong in a simulator. Each method switches one fault on, until :meth:`clear`.

    The first rule that applies to a request applies_to it, and no other. Deterministic, and safe to switch from any
    thread while requests come in.

    The fields say what the vendor's own bodies look like: ``error_body`` is the payload of an error by HTTP status,
    ``soft_error_body`` that of an error under HTTP 200, and ``rows`` finds the list in a listing's payload, None in
    others.
    """

    error_body: Callable[[int], Any] = _plain_error
    soft_error_body: Any = None
    rows: Callable[[Any], Any] = _data_rows
    _rules: list[Fault] = field(init=False, factory=list)
    _lock: threading.Lock = field(init=False, repr=False, factory=threading.Lock)

    def too_many_requests(
        self,
        *,
        retry_after: int | datetime | None = None,
        headers: Mapping[str, str] | None = None,
        **when: Unpack[When],
    ) -> Fault:
        """429 instead of the work. ``retry_after`` in seconds, or as an HTTP date; without it no such header."""
        sent = dict(headers or {})
        if isinstance(retry_after, datetime):
            sent["retry-after"] = format_datetime(retry_after.astimezone(UTC), usegmt=True)
        elif retry_after is not None:
            sent["retry-after"] = str(retry_after)
        return self.answer_with(json_answer(429, self.error_body(429), sent), "too_many_requests", **when)

    def server_error(self, *, html: bool = False, after_work: bool = False, **when: Unpack[When]) -> Fault:
        """500, in JSON or as an error page; instead of the work, or although it was done."""
        answer = html_answer(500) if html else json_answer(500, self.error_body(500))
        return self.answer_with(answer, "server_error", after_work=after_work, **when)

    def unavailable(self, **when: Unpack[When]) -> Fault:
        """503 with an error page, instead of the work."""
        return self.answer_with(html_answer(503), "unavailable", **when)

    def soft_error(self, **when: Unpack[When]) -> Fault:
        """The vendor's error under HTTP 200, instead of the work."""
        return self.answer_with(json_answer(200, self.soft_error_body), "soft_error", **when)

    def answer_with(
        self, answer: HttpAnswer, name: str = "answer_with", *, after_work: bool = False, **when: Unpack[When]
    ) -> Fault:
        """Exactly this answer; instead of the work, or although it was done."""

        def effect(work: Work) -> Outcome:
            if after_work:
                work()
            return Outcome(answer=answer)

        return self._add(name, effect, when)

    def slow(self, seconds: float, **when: Unpack[When]) -> Fault:
        """The work is done at once, the reply comes late: a caller that gives up does not know."""
        return self._add("slow", lambda work: Outcome(answer=work(), delay=seconds), when)

    def drop_before(self, **when: Unpack[When]) -> Fault:
        """The connection is aborted and nothing was done."""
        return self._add("drop_before", lambda _: Outcome(answer=None), when)

    def drop_after_commit(self, **when: Unpack[When]) -> Fault:
        """The work is done, then the connection is aborted before the reply."""

        def effect(work: Work) -> Outcome:
            work()
            return Outcome(answer=None)

        return self._add("drop_after_commit", effect, when)

    def cut_off(self, **when: Unpack[When]) -> Fault:
        """The work is done, and the connection is aborted in the middle of the reply."""
        return self._add("cut_off", lambda work: Outcome(answer=work(), cut=True), when)

    def truncated(self, **when: Unpack[When]) -> Fault:
        """The work is done, and the reply is half of its JSON, in good HTTP."""

        def effect(work: Work) -> Outcome:
            answer = work()
            return Outcome(answer=evolve(answer, body=answer.body[: len(answer.body) // 2]))

        return self._add("truncated", effect, when)

    def duplicate_rows(self, **when: Unpack[When]) -> Fault:
        """Every row of a listing comes twice."""
        return self._add_rows("duplicate_rows", lambda rows: [row for row in rows for _ in range(2)], when)

    def reordered_rows(self, **when: Unpack[When]) -> Fault:
        """The rows of a listing come in the opposite order."""
        return self._add_rows("reordered_rows", lambda rows: rows[::-1], when)

    def empty_page(self, **when: Unpack[When]) -> Fault:
        """A listing comes without its rows, and with all else that it says."""
        return self._add_rows("empty_page", lambda _: [], when)

    def repeated_page(self, **when: Unpack[When]) -> Fault:
        """Whatever is asked, the first answer comes again: a listing never ends."""
        first: list[HttpAnswer] = []

        def effect(work: Work) -> Outcome:
            if not first:
                first.append(work())
            return Outcome(answer=first[0])

        return self._add("repeated_page", effect, when)

    def clear(self) -> None:
        """Switch every fault off."""
        with self._lock:
            self._rules.clear()

    def run(self, call: Call, work: Work) -> tuple[Outcome, str | None]:
        """What becomes of a call whose undisturbed handling is ``work``, and the name of the fault that struck."""
        with self._lock:
            fault = next((rule for rule in self._rules if rule.applies_to(call)), None)
            if fault is None:
                return Outcome(answer=work()), None
            fault.fired += 1
            return fault.effect(work), fault.name

    def _add(self, name: str, effect: Effect, when: When) -> Fault:
        fault = Fault(name=name, when=when, effect=effect)
        with self._lock:
            self._rules.append(fault)
        return fault

    def _add_rows(self, name: str, change: Callable[[list[Any]], list[Any]], when: When) -> Fault:
        def effect(work: Work) -> Outcome:
            answer = work()
            payload = json.loads(answer.body, parse_float=Decimal)
            rows = self.rows(payload)
            if isinstance(rows, list):
                rows[:] = change(rows)
            return Outcome(answer=json_answer(answer.status, payload, dict(answer.headers)))

        return self._add(name, effect, when)
