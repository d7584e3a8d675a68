"""Deliveries: stored before they are acknowledged, processed afterwards.

:class:`Inbox` takes what vendors send and has verified itself to be theirs; when it has answered, the delivery survives
a power cut. :class:`Processor` makes of each delivery what it comes to, once, however often a process is killed.

What is stored of a request is what came, to the byte, but for what could be a secret: of the headers and of the URL's
query only what is harmless by its name (:data:`HARMLESS`), and no user or password of the URL. Verification is over by
then; a key that is replaced later does not matter.
"""

import asyncio
import hashlib
import json
import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from attrs import evolve, field, frozen

from returns_hub import telemetry
from returns_hub.client import Client
from returns_hub.errors import (
    ConfigurationError,
    Conflict,
    NotFound,
    RateLimited,
    StoreError,
    UnexpectedReply,
    UnsupportedOperation,
    ValidationFailed,
    describe_error,
)
from returns_hub.events import EventUnmapped, Origin
from returns_hub.merge import Observation, observed
from returns_hub.operation import Pairs, WebhookRequest
from returns_hub.webhooks import Receipt, ReturnHint, ReturnObserved, UnknownEvent, VendorEvent

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from returns_hub.store import Store
    from returns_hub.store.inbox import Claim, Enqueue, NewDelivery, ProcessingResult, Purged
    from returns_hub.store.ingestion import ApplyResult

_log = logging.getLogger("returns_hub")

ATTEMPTS: Final = 12
"""How often a delivery is tried that cannot be processed: the last time about an hour after the first."""

HARMLESS: Final = frozenset({"action", "event", "id", "language", "length", "timestamp", "topic", "type", "version"})
"""What the name of a header or of a query value ends in that is kept."""

_KEPT: Final = frozenset({"date", "user-agent"})
_SECRET_WORDS: Final = ("auth", "client", "cookie", "cred", "key", "pass", "secret", "session", "sign", "token", "user")

# A vendor says "later" to more than these, and sends them again.
_MAX_WAITING_ROWS: Final = 4096
_MAX_WAITING_BYTES: Final = 64 << 20
_BATCH_ROWS: Final = 256
_MAX_URL_LENGTH: Final = 4000
_MAX_KEY_LENGTH: Final = 255

_FIRST_BACKOFF: Final = 2.0
_MAX_BACKOFF: Final = 3600.0
# A vendor may ask for the rest of the day.
_MAX_RETRY_AFTER: Final = 86400.0
# A vendor may tell us of a return before its own API knows it.
_ATTEMPTS_TO_FIND: Final = 4
# A third of the time for which a claim holds.
_EXTEND_INTERVAL: Final = 10.0
# Other processes store deliveries too, and do not wake this one.
_POLL_INTERVAL: Final = 1.0
_MAX_PAUSE: Final = 30.0
_PERMANENT: Final = (Conflict, UnsupportedOperation, ValidationFailed)


class DeliveryState(StrEnum):
    """What has become of a delivery."""

    PENDING = "pending"
    PROCESSED = "processed"
    DEAD = "dead"


@frozen(kw_only=True)
class Delivery:
    """One delivery, as it is stored.

    ``subject`` names what it is about, ``""`` where it does not say; ``duplicates`` counts the copies that came after it.
    ``attempts`` are those since it came, or since it was last replayed; a pending one is tried again at ``due_at``.
    ``error`` is why the last attempt failed, or why nothing came of a processed one; it holds nothing of the delivery.
    ``events`` counts what was told because of it. ``headers`` and ``url`` are without what could be a secret.
    """

    id: int
    account: str
    dedupe_key: str
    subject: str
    origin: Origin
    received_at: datetime
    state: DeliveryState
    duplicates: int
    attempts: int
    due_at: datetime
    processed_at: datetime | None
    error: str | None
    events: int
    method: str
    url: str
    headers: Pairs = field(repr=False)
    body: bytes = field(repr=False)


@frozen(kw_only=True)
class Backlog:
    """What is still to be processed, since when, and what will not be without a hand."""

    pending: int
    dead: int
    oldest_pending_at: datetime | None


@frozen
class _Arrival:
    """A delivery that is to be stored, and where its sender waits for that."""

    new: "NewDelivery"
    stored: "Future[int]" = field(factory=Future)


class Inbox:
    """Takes deliveries, durably. Threads and event loops may share it; use it as a context manager, or call :meth:`close`.

    One thread of its own writes whatever has come in, many deliveries in one transaction, without waiting for more.
    ``enqueue`` is called within that transaction, with the deliveries that are new or replayed.
    """

    def __init__(self, store: "Store", *, enqueue: "Enqueue | None" = None) -> None:
        from returns_hub.store.inbox import Deliveries

        self._deliveries = Deliveries(store.database)
        self._enqueue = enqueue
        self._arrived = threading.Condition()
        self._arrivals: deque[_Arrival] = deque()
        self._bytes = 0
        self._writer: threading.Thread | None = None
        self._closed = False

    def put(self, account: str, request: WebhookRequest, receipt: Receipt) -> int:
        """The number of a delivery, once it is on the disk; that of the first one if it is a duplicate.

        Raises:
            StoreError: it is not stored, as far as we know. Answer 503: the vendor sends it again.
        """
        return self._arrival(account, request, receipt).result()

    async def put_async(self, account: str, request: WebhookRequest, receipt: Receipt) -> int:
        """As :meth:`put`, to be awaited; the event loop goes on meanwhile, without a thread for each delivery."""
        return await asyncio.wrap_future(self._arrival(account, request, receipt))

    def get(self, id: int) -> Delivery | None:
        """One delivery, or None."""
        row = self._deliveries.get(id)
        return None if row is None else _delivery(row)

    def find(
        self, *, account: str | None = None, state: DeliveryState | None = None, limit: int | None = None
    ) -> Iterator[Delivery]:
        """The deliveries that match, newest first; read as they are asked for."""
        return map(_delivery, self._deliveries.find(account, state and state.value, limit))

    def replay(self, id: int) -> Delivery:
        """Have a delivery processed once more, whatever has become of it. What is known already is not told again.

        Raises:
            ConfigurationError: there is no such delivery.
        """
        known = self._deliveries.replay(id, self._enqueue)
        delivery = self.get(id) if known else None
        if delivery is None:
            raise ConfigurationError(f"there is no delivery {id}")
        return delivery

    def backlog(self) -> Backlog:
        """How much is still to be processed."""
        pending, dead, oldest = self._deliveries.backlog()
        return Backlog(pending=pending, dead=dead, oldest_pending_at=oldest)

    def purge(self, before: datetime) -> "Purged":
        """Remove the processed deliveries that came before a moment, and what has waited for its return since then.

        What is pending or dead stays, and so do events. A copy that comes after its first one is gone is taken for new;
        what it tells is known by then, and is not told again.
        """
        return self._deliveries.purge(before)

    def close(self) -> None:
        """Store what has come in, and take no more. Doing it again does nothing."""
        with self._arrived:
            self._closed = True
            self._arrived.notify()
        if self._writer is not None:
            self._writer.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _arrival(self, account: str, request: WebhookRequest, receipt: Receipt) -> "Future[int]":
        arrival = _Arrival(_new_delivery(account, request, receipt))
        with self._arrived:
            if self._closed:
                raise StoreError("the inbox is closed")
            size = len(request.body)
            if len(self._arrivals) >= _MAX_WAITING_ROWS or (self._arrivals and self._bytes + size > _MAX_WAITING_BYTES):
                raise StoreError("the inbox is full: more comes in than the store can take")
            self._arrivals.append(arrival)
            self._bytes += size
            # A process that was forked has none.
            if self._writer is None or not self._writer.is_alive():
                self._writer = threading.Thread(target=self._write, name="returns-hub-inbox", daemon=True)
                self._writer.start()
            self._arrived.notify()
        return arrival.stored

    def _write(self) -> None:
        while arrivals := self._next_arrivals():
            # Whoever does not wait any more is answered nothing, and sends it again.
            waited_for = [arrival for arrival in arrivals if arrival.stored.set_running_or_notify_cancel()]
            try:
                if waited_for:
                    self._store(waited_for)
            except Exception as error:  # noqa: BLE001 - nobody may wait for ever, whatever broke
                for arrival in waited_for:
                    if not arrival.stored.done():
                        arrival.stored.set_exception(StoreError(f"the inbox failed: {describe_error(error)}"))

    def _next_arrivals(self) -> list[_Arrival]:
        """What has come in, as soon as there is something; nothing once the inbox is closed."""
        with self._arrived:
            while not self._arrivals and not self._closed:
                self._arrived.wait()
            some = [self._arrivals.popleft() for _ in range(min(len(self._arrivals), _BATCH_ROWS))]
            self._bytes -= sum(len(arrival.new.request.body) for arrival in some)
            return some

    def _store(self, arrivals: Sequence[_Arrival]) -> None:
        """Commit the deliveries, and tell everyone who waits what became of his."""
        puts = self._deliveries.put([arrival.new for arrival in arrivals], self._enqueue)
        for arrival, put in zip(arrivals, puts, strict=True):
            if isinstance(put, StoreError):
                arrival.stored.set_exception(put)
            else:
                arrival.stored.set_result(put.id)
                outcome = "duplicate" if put.is_duplicate else "received"
                telemetry.count("returns_hub.deliveries", account=arrival.new.account, outcome=outcome)
                _log.info("delivery %d of %s: %s", put.id, arrival.new.account, outcome)


class Processor:
    """Processes the deliveries of a store. Threads and processes may do so side by side.

    ``client_of`` gives the client of an account. A hint has the return read again through it: nothing of an unsigned body
    is believed. ``attempts`` is how often a delivery is tried before it is dead.
    """

    def __init__(
        self,
        store: "Store",
        client_of: Callable[[str], Client],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        attempts: int = ATTEMPTS,
    ) -> None:
        from returns_hub.store.inbox import Deliveries

        self._store = store
        self._client_of = client_of
        self._now = now
        self._attempts = attempts
        self._deliveries = Deliveries(store.database)
        self._woken = threading.Event()

    def process_due(self, limit: int | None = None, *, stop: Callable[[], bool] = lambda: False) -> int:
        """Process the deliveries that are due, at most so many attempts, and count those that were processed.

        ``stop`` is asked before each delivery.

        Raises:
            StoreError: the database fails. What was not finished is processed again.
        """
        processed = tried = 0
        while (limit is None or tried < limit) and not stop():
            claim = self._deliveries.claim(attempts=self._attempts)
            if claim is None:
                break
            tried += 1
            processed += self._process(claim)
        return processed

    def process_one(self, id: int) -> float | None:
        """Process one delivery if it is due; the seconds until it is to be tried, None if nothing is left to do.

        It is not due while somebody else is at it, before the time of its next attempt, and while an earlier one of its
        subject is pending.

        Raises:
            StoreError: the database fails. What was not finished is processed again.
        """
        claim = self._deliveries.claim(attempts=self._attempts, id=id)
        if claim is not None and self._process(claim):
            return None
        return self._deliveries.wait(id)

    def run(self, stop: threading.Event) -> None:
        """Process whatever comes until ``stop`` is set, whatever fails meanwhile; the delivery in hand is finished.

        Call :meth:`wake` after setting ``stop``, or it is noticed a second later.
        """
        failures = 0
        while not stop.is_set():
            self._woken.clear()
            try:
                self.process_due(stop=stop.is_set)
            except Exception as problem:  # noqa: BLE001 - a database that is away comes back; nobody restarts this thread
                failures += 1
                pause = min(_POLL_INTERVAL * 2 ** (failures - 1), _MAX_PAUSE)
                _log.warning("deliveries: %s; again in %.0f s", describe_error(problem), pause)
                stop.wait(pause)
            else:
                failures = 0
                self._woken.wait(_POLL_INTERVAL)

    def wake(self) -> None:
        """Have :meth:`run` look for deliveries now."""
        self._woken.set()

    def _process(self, claim: "Claim") -> bool:
        try:
            with telemetry.span("returns_hub.delivery", account=claim.account):
                applied = self._settle(claim)
        except Exception as error:  # noqa: BLE001 - an adapter may fail in any way, the other deliveries are to be processed
            self._fail(claim, error)
            return False
        except BaseException:
            with suppress(StoreError):
                self._deliveries.release(claim)
            raise
        if applied is None:
            _log.warning("delivery %d of %s: this process was too slow, another one has it", claim.id, claim.account)
            return False
        seconds = (self._now() - claim.request.received_at).total_seconds()
        telemetry.count("returns_hub.deliveries", account=claim.account, outcome="processed")
        telemetry.observe("returns_hub.delivery.duration", max(seconds, 0.0), account=claim.account)
        return True

    def _settle(self, claim: "Claim") -> "ApplyResult | None":
        """Find out what the delivery comes to, and commit that; None if another process has taken over."""
        client = self._client_of(claim.account)
        meaning = self._meaning(claim, client)
        while True:
            applied = self._deliveries.finish(claim, meaning, client.adapter.derive)
            doubtful = set(applied.reread) - meaning.read if applied else set()
            if not doubtful:
                return applied
            # Nothing was committed. Observations of one moment disagree, or something has waited for this return.
            found = self._read_again(claim, client, doubtful)
            meaning = evolve(meaning, observations=(*found, *meaning.observations), read=meaning.read.union(doubtful))

    def _meaning(self, claim: "Claim", client: Client) -> "ProcessingResult":
        """What the delivery comes to. Returns are read where it asks for that; nothing is written."""
        from returns_hub.store.inbox import ProcessingResult

        events = client.adapter.read_webhook(claim.request).events
        told = [_told(event, claim) for event in events if isinstance(event, ReturnObserved)]
        hints = [event for event in events if isinstance(event, ReturnHint)]
        targets = {hint: hint.return_id or self._store.find_return(claim.account, hint.aliases) for hint in hints}
        wanted = list(dict.fromkeys(target for target in targets.values() if target is not None))
        found = self._read_hinted(claim, client, wanted) if wanted else []
        missing = len(found) < len(wanted)
        nameless = any(target is None and not hint.aliases for hint, target in targets.items())
        return ProcessingResult(
            # The newest first: what it has overtaken is not told of any more.
            observations=(*found, *told),
            news=tuple(hint.aliases for hint, target in targets.items() if target is None and hint.aliases),
            events=tuple(_unmapped(event, claim, index) for index, event in enumerate(events) if _is_unknown(event)),
            read=frozenset(wanted),
            remark="the vendor has no such return" if missing else "it names no return" if nameless else None,
        )

    def _read_hinted(self, claim: "Claim", client: Client, ids: Iterable[str]) -> list[Observation]:
        """The returns that the delivery hints at, as they are now; without those that the vendor does not have.

        Raises:
            ProviderError: one cannot be read, or is not there yet, and another attempt may find it.
        """
        found: list[Observation] = []
        with self._keeping(claim):
            for return_id in ids:
                try:
                    found.append(self._read(claim, client, return_id))
                except NotFound:
                    if claim.attempt < min(_ATTEMPTS_TO_FIND, self._attempts):
                        raise
        return found

    def _read_again(self, claim: "Claim", client: Client, ids: Iterable[str]) -> list[Observation]:
        """The returns as they are now; without those that cannot be asked for."""
        found: list[Observation] = []
        with self._keeping(claim):
            for return_id in sorted(ids):
                with suppress(NotFound, UnsupportedOperation):
                    found.append(self._read(claim, client, return_id))
        return found

    def _read(self, claim: "Claim", client: Client, return_id: str) -> Observation:
        seen_at = self._now()
        ret = client.run(client.adapter.get_return(return_id))
        if return_id not in (ret.id, ret.request_id):
            raise UnexpectedReply("another return was asked for", where="id")
        known = self._store.get_return(claim.account, ret.id)
        # A mirror that was filled from listings has no timelines, and one would only repeat what else has changed.
        if known is not None and not known.ret.timeline:
            ret = evolve(ret, timeline=())
        return observed(ret, seen_at=seen_at, origin=claim.origin)

    @contextmanager
    def _keeping(self, claim: "Claim") -> Iterator[None]:
        """Keep the claim up while a vendor takes its time."""
        done = threading.Event()

        def keep() -> None:
            while not done.wait(_EXTEND_INTERVAL):
                # If it is lost for that, the end of the work finds out.
                with suppress(StoreError):
                    self._deliveries.keep(claim)

        keeper = threading.Thread(target=keep, name="returns-hub-claim", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()

    def _fail(self, claim: "Claim", error: Exception) -> None:
        """Note why the delivery was not processed, and when it is tried again."""
        last = isinstance(error, _PERMANENT) or claim.attempt >= self._attempts
        pause = None if last else _pause(claim.attempt, error)
        reason = describe_error(error)
        self._deliveries.fail(claim, reason, again_in=pause)
        outcome = "dead" if pause is None else "retried"
        telemetry.count("returns_hub.deliveries", account=claim.account, outcome=outcome)
        again = "given up" if pause is None else f"again in {pause:.0f} s"
        _log.warning("delivery %d of %s: %s; %s", claim.id, claim.account, reason, again)


def _new_delivery(account: str, request: WebhookRequest, receipt: Receipt) -> "NewDelivery":
    from returns_hub.store.inbox import NewDelivery

    return NewDelivery(
        account=account,
        dedupe_key=_bounded(receipt.dedupe_key),
        subject=_bounded(next(filter(None, map(_subject, receipt.events)), "")),
        request=evolve(request, url=_harmless_url(request.url), headers=_harmless(request.headers)),
    )


def _bounded(key: str) -> str:
    """The key, or for one that the database cannot index its digest."""
    is_plain = len(key) <= _MAX_KEY_LENGTH and key.isprintable() and key.encode(errors="ignore").decode() == key
    return key if is_plain else hashlib.sha256(key.encode(errors="replace")).hexdigest()


def _subject(event: VendorEvent) -> str:
    """What an event is about: a return, or where it names none a part of it."""
    if isinstance(event, ReturnHint):
        return event.return_id or next(iter(event.aliases), "")
    if isinstance(event, ReturnObserved):
        ret = event.observed
        parts = [f"shipment:{shipment.id}" for shipment in ret.shipments]
        parts += [f"item:{key}" for item in ret.items for key in (item.id, *item.aliases) if key]
        return ret.id or next(iter(parts), "")
    return ""


def _harmless(pairs: Iterable[tuple[str, str]]) -> Pairs:
    return tuple([(name, value) for name, value in pairs if _is_harmless(name)])


def _is_harmless(name: str) -> bool:
    lowered = name.lower()
    if lowered in _KEPT:
        return True
    last = lowered.replace("_", "-").rpartition("-")[2]
    return last in HARMLESS and not any(word in lowered for word in _SECRET_WORDS)


def _harmless_url(url: str) -> str:
    """The URL without user, password and fragment, and of its query only what is harmless."""
    try:
        parts = urlsplit(url[:_MAX_URL_LENGTH])
        query = urlencode(_harmless(parse_qsl(parts.query, max_num_fields=100)))
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def _delivery(row: "RowMapping") -> Delivery:
    from returns_hub.store.inbox import read_request

    request = read_request(row)
    same = (
        "id",
        "account",
        "dedupe_key",
        "subject",
        "duplicates",
        "attempts",
        "due_at",
        "processed_at",
        "error",
        "events",
    )
    told: dict[str, Any] = {name: row[name] for name in same}
    return Delivery(
        **told,
        origin=Origin(row["origin"]),
        state=DeliveryState(row["state"]),
        received_at=request.received_at,
        method=request.method,
        url=request.url,
        headers=request.headers,
        body=request.body,
    )


def _told(event: ReturnObserved, claim: "Claim") -> Observation:
    return Observation(ret=event.observed, at=event.occurred_at, seen_at=claim.request.received_at, origin=claim.origin)


def _is_unknown(event: VendorEvent) -> bool:
    return isinstance(event, UnknownEvent)


def _unmapped(event: VendorEvent, claim: "Claim", index: int) -> EventUnmapped:
    """That a delivery could not be interpreted; its bytes stay where they are."""
    identity = json.dumps([claim.account, EventUnmapped.type, claim.dedupe_key, index])
    return EventUnmapped(
        id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        account=claim.account,
        return_id="",
        occurred_at=claim.request.received_at,
        recorded_at=claim.request.received_at,
        origin=claim.origin,
        changes={"event": (None, event.name), "delivery": (None, claim.id)},
    )


def _pause(attempt: int, error: Exception) -> float:
    """Seconds until the next attempt: any up to a limit that doubles, and no less than the vendor asks for."""
    limit = min(_FIRST_BACKOFF * 2 ** (attempt - 1), _MAX_BACKOFF)
    asked = error.retry_after if isinstance(error, RateLimited) else None
    return max(random.uniform(0.0, limit), min(asked or 0.0, _MAX_RETRY_AFTER))  # noqa: S311 - spreads attempts, keeps no secret
