"""Applying stored deliveries to the mirror."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable
from typing import Final

from attrs import evolve

from returns_hub import telemetry
from returns_hub.client import Client
from returns_hub.deliveries.erasure import event_names
from returns_hub.errors import (
    Conflict,
    NotFound,
    RateLimited,
    UnexpectedReply,
    UnsupportedOperation,
    ValidationFailed,
    describe_error,
    is_interrupt,
)
from returns_hub.events import EventUnmapped
from returns_hub.logs import log_event
from returns_hub.merge import Observation, observed
from returns_hub.operation import VendorClock, watch
from returns_hub.reports import Delivery
from returns_hub.retry import PROCESSING_BACKOFF
from returns_hub.store import Store
from returns_hub.store.inbox import ClaimedDelivery, Deliveries, ProcessingResult
from returns_hub.store.ingestion import ApplyResult
from returns_hub.store.queue import LOST, extending
from returns_hub.store.rows import is_usable_id
from returns_hub.webhooks import ReturnHint, ReturnObserved, UnknownEvent, VendorEvent

ATTEMPTS: Final = 12
"""How often a delivery is tried that cannot be processed: the last time up to an hour after the first."""

# A vendor may announce a return before its own API knows it. Half of every wait is certain: these take 17 minutes at least.
_ATTEMPTS_TO_FIND: Final = 11
_PERMANENT: Final = (Conflict, UnsupportedOperation, ValidationFailed)


class Processor:
    """Processes the deliveries of a store. Threads and processes may do so side by side.

    ``client_of`` gives the client of an account. A hint has the return read again through it: nothing of an unsigned body
    is believed. ``attempts`` is how often a delivery is tried before it is dead.
    """

    def __init__(
        self,
        store: Store,
        client_of: Callable[[str], Client],
        *,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._store = store
        self._client_of = client_of
        self._attempts = attempts
        self._deliveries = Deliveries(store.database)

    def process_due(self, limit: int | None = None, *, stop: Callable[[], bool] = lambda: False) -> int:
        """Process the deliveries that are due, at most so many attempts, and count those that were processed.

        ``stop`` is asked before each delivery.

        Raises:
            StoreError: the database fails. What was not finished is processed again.
        """
        processed = tried = 0
        claimed: ClaimedDelivery | None = None

        def extend() -> None:
            if claimed is not None:
                self.extend(claimed)

        with extending(extend):
            while (limit is None or tried < limit) and not stop():
                claimed = self.claim()
                if claimed is None:
                    break
                tried += 1
                processed += self.run(claimed)
        return processed

    def claim(self, busy: Collection[str] = ()) -> ClaimedDelivery | None:
        """The next delivery that is due, for this process alone, and none of the ``busy`` accounts; None if there is none.

        Raises:
            StoreError: the database fails.
        """
        claimed = self._deliveries.claim(max_attempts=self._attempts, busy=busy)
        if claimed is not None and claimed.delivery.error == LOST:
            delivery = claimed.delivery
            log_event(
                "delivery.lost",
                "delivery %d of %s: attempt %d has no known end: it is tried again",
                delivery.id,
                delivery.account,
                claimed.claim.attempt - 1,
                account=delivery.account,
                delivery=delivery.id,
            )
        return claimed

    def run(self, claimed: ClaimedDelivery) -> bool:
        """Process a claimed delivery; True if it is processed now, by this call.

        Raises:
            StoreError: the database fails. The delivery is processed again.
        """
        delivery = claimed.delivery
        try:
            with telemetry.span("returns_hub.delivery", account=delivery.account):
                applied = self._apply(claimed)
        except BaseException as error:
            if is_interrupt(error):
                self.release(claimed)
                raise
            self._fail(claimed, error, describe_error(error))
            return False
        if applied is None:
            log_event(
                "delivery.claim_lost",
                "delivery %d of %s: the claim was lost, another worker has it",
                delivery.id,
                delivery.account,
                account=delivery.account,
                delivery=delivery.id,
            )
            return False
        seconds = (claimed.claim.now() - delivery.received_at).total_seconds()
        telemetry.count("returns_hub.deliveries", account=delivery.account, outcome="processed")
        telemetry.observe("returns_hub.delivery.duration", max(seconds, 0.0), account=delivery.account)
        return True

    def extend(self, claimed: ClaimedDelivery) -> None:
        """Keep the claim for another while."""
        self._deliveries.extend(claimed.claim)

    def expire(self, claimed: ClaimedDelivery, seconds: float) -> None:
        """Count the attempt as failed: it has had its time, whatever becomes of it."""
        self._fail(claimed, TimeoutError(), f"TimeoutError: it is not processed after {seconds:g} s")

    def release(self, claimed: ClaimedDelivery) -> None:
        """Give the delivery back: the attempt does not count."""
        self._deliveries.release(claimed.claim)

    def next_due(self) -> float | None:
        """Seconds until a delivery is due that is not yet, or a claim ends; None if nothing waits for its time."""
        return self._deliveries.next_due()

    def _apply(self, claimed: ClaimedDelivery) -> ApplyResult | None:
        """Read the delivery, and commit what it results in; None if the claim was lost."""
        delivery = claimed.delivery
        client = self._client_of(delivery.account)
        result = self._interpret(claimed, client)
        while True:
            applied = self._deliveries.finish(claimed, result, client.adapter.derive)
            doubtful = set(applied.reread) - result.read if applied else set()
            if not doubtful:
                return applied
            # Nothing was committed: observations of one moment disagree, or a hint has waited for this return.
            found = self._read_again(claimed, client, doubtful)
            result = evolve(result, observations=(*found, *result.observations), read=result.read.union(doubtful))

    def _interpret(self, claimed: ClaimedDelivery, client: Client) -> ProcessingResult:
        """What the delivery results in. Returns are read where it hints at them; nothing is written."""
        delivery = claimed.delivery
        events = [_interpretable(event) for event in client.adapter.read_webhook(delivery.request).events]
        adapter = client.adapter
        asserted = [
            _observation(event, delivery)
            for event in events
            if isinstance(event, ReturnObserved) and not adapter.is_test_record(event.observed)
        ]
        hints = [event for event in events if isinstance(event, ReturnHint)]
        targets = {hint: hint.return_id or self._store.find_return(delivery.account, hint.aliases) for hint in hints}
        wanted = list(dict.fromkeys(target for target in targets.values() if target is not None))
        found = self._read_hinted(claimed, client, wanted)
        missing = len(found) < len(wanted)
        names_nothing = any(target is None and not hint.aliases for hint, target in targets.items())
        return ProcessingResult(
            # The newest first: what it supersedes causes no event.
            observations=(*(each for each in found if not adapter.is_test_record(each.ret)), *asserted),
            hints=tuple(hint.aliases for hint, target in targets.items() if target is None and hint.aliases),
            events=tuple(
                _unmapped(event, delivery, index)
                for index, event in enumerate(events)
                if isinstance(event, UnknownEvent)
            ),
            read=frozenset(wanted),
            remark="the vendor has no such return" if missing else "it names no return" if names_nothing else None,
            about=frozenset[str]().union(*map(event_names, events)),
        )

    def _read_hinted(self, claimed: ClaimedDelivery, client: Client, ids: Iterable[str]) -> list[Observation]:
        """The returns as they are now; without those that the vendor does not have.

        Raises:
            ProviderError: one cannot be read, or is not there yet, and another attempt may find it.
        """
        found: list[Observation] = []
        for return_id in ids:
            try:
                found.append(self._read(claimed, client, return_id))
            except NotFound:
                if claimed.claim.attempt < min(_ATTEMPTS_TO_FIND, self._attempts):
                    raise
        return found

    def _read_again(self, claimed: ClaimedDelivery, client: Client, ids: Iterable[str]) -> list[Observation]:
        """The returns as they are now; without those that cannot be asked for."""
        found: list[Observation] = []
        for return_id in sorted(ids):
            try:
                found.append(self._read(claimed, client, return_id))
            except (NotFound, UnsupportedOperation):
                continue
        return found

    def _read(self, claimed: ClaimedDelivery, client: Client, return_id: str) -> Observation:
        delivery, seen_at, clock = claimed.delivery, claimed.claim.now(), VendorClock()
        ret = client.run(watch(client.adapter.get_return(return_id), on_reply=clock.see))
        if return_id not in (ret.id, ret.request_id):
            raise UnexpectedReply("another return was asked for", where="id")
        shown = self._store.comparable(delivery.account, ret)
        found = observed(shown, seen_at=seen_at, origin=delivery.origin, vendor_time=clock.shown)
        return evolve(found, delivery_id=delivery.id)

    def _fail(self, claimed: ClaimedDelivery, error: BaseException, reason: str) -> None:
        """Store why the delivery was not processed, and when it is tried again."""
        attempt, delivery = claimed.claim.attempt, claimed.delivery
        is_last = isinstance(error, _PERMANENT) or attempt >= self._attempts
        retry_in = None if is_last else _retry_delay(attempt, error)
        self._deliveries.fail(claimed.claim, reason, retry_in=retry_in)
        outcome = "dead" if retry_in is None else "retried"
        telemetry.count("returns_hub.deliveries", account=delivery.account, outcome=outcome)
        what_next = "dead" if retry_in is None else f"retried in {retry_in:.0f} s"
        log_event(
            f"delivery.{outcome}",
            "delivery %d of %s: %s; %s",
            delivery.id,
            delivery.account,
            reason,
            what_next,
            unforeseen=error,
            account=delivery.account,
            delivery=delivery.id,
        )


def _interpretable(event: VendorEvent) -> VendorEvent:
    """The event; an unknown one where no return can be called by the id that it names."""
    if isinstance(event, UnknownEvent):
        return event
    return_id = event.return_id if isinstance(event, ReturnHint) else event.observed.id
    return event if not return_id or is_usable_id(return_id) else UnknownEvent(name=event.name, body=b"")


def _observation(event: ReturnObserved, delivery: Delivery) -> Observation:
    return Observation(
        ret=event.observed,
        at=event.occurred_at,
        seen_at=delivery.received_at,
        origin=delivery.origin,
        delivery_id=delivery.id,
    )


def _unmapped(event: UnknownEvent, delivery: Delivery, index: int) -> EventUnmapped:
    """That a delivery could not be interpreted, with the identifiers it names; its bytes stay where they are."""
    identity = json.dumps([delivery.account, EventUnmapped.type, delivery.dedupe_key, index])
    return EventUnmapped(
        id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        account=delivery.account,
        return_id="",
        occurred_at=delivery.received_at,
        recorded_at=delivery.received_at,
        origin=delivery.origin,
        delivery_id=delivery.id,
        changes={
            "event": (None, event.name),
            "delivery": (None, delivery.id),
            **{f"ids.{name}": (None, value) for name, value in event.ids.items()},
        },
    )


def _retry_delay(attempt: int, error: BaseException) -> float:
    """Seconds until the next attempt, and no less than the vendor asks for."""
    at_least = 0.0
    if isinstance(error, RateLimited):
        at_least = error.retry_after or 0.0
    elif isinstance(error, NotFound):
        at_least = PROCESSING_BACKOFF.limit(attempt) / 2
    return PROCESSING_BACKOFF.delay(attempt, at_least=at_least)
