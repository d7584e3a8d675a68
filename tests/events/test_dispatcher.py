"""EventDispatcher: every event is dispatched at least once, in the order of each return, whatever other handlers and processes do."""

import asyncio
import logging
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest

from returns_hub import ConfigurationError, Event, LabelReady, Origin, Return, ReturnCreated, ReturnStatusChanged
from returns_hub.dispatcher import EventDispatcher
from returns_hub.handlers import HandlerRegistry
from returns_hub.merge import observed
from returns_hub.reports import FailedEventState
from returns_hub.retry import Backoff
from returns_hub.store import Store

Tell: TypeAlias = Callable[..., None]
PassTime: TypeAlias = Callable[[], None]


@pytest.fixture
def handlers() -> HandlerRegistry:
    return HandlerRegistry(awaits=False)


@pytest.fixture
def dispatcher(store: Store, handlers: HandlerRegistry) -> EventDispatcher:
    return EventDispatcher(store, handlers)


def returns(told: list[Event]) -> list[str]:
    return [event.return_id for event in told]


def sequences(told: list[Event]) -> list[int]:
    return [event.sequence for event in told]


def test_every_event_is_dispatched_in_order(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, store: Store, tell: Tell
) -> None:
    told: list[Event] = []
    handlers.on(name="all")(told.append)
    dispatcher.subscribe()
    tell("a", "b", "c", times=2)
    assert dispatcher.dispatch_due() == 6
    assert (told, dispatcher.dispatch_due()) == (list(store.events()), 0)


def test_only_the_wanted_types_are_dispatched(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    told: list[Event] = []
    handlers.on(ReturnStatusChanged, LabelReady, name="some")(told.append)
    dispatcher.subscribe()
    tell("a", times=3)
    dispatcher.dispatch_due()
    assert [event.type for event in told] == ["return.status_changed", "return.status_changed"]


def test_functions_for_different_types_may_share_a_name(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    created: list[Event] = []
    moved: list[Event] = []
    handlers.on(ReturnCreated, name="shop")(created.append)
    handlers.on(ReturnStatusChanged, name="shop")(moved.append)
    dispatcher.subscribe()
    tell("a", times=2)
    assert (dispatcher.dispatch_due(), sequences(created), sequences(moved)) == (2, [1], [2])


def test_a_new_consumer_gets_what_comes_from_now_on(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    told: list[Event] = []
    tell("a")
    handlers.on(name="new")(told.append)
    dispatcher.subscribe()
    tell("b")
    dispatcher.dispatch_due()
    assert returns(told) == ["b"]


def test_a_new_consumer_may_begin_at_the_beginning(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    told: list[Event] = []
    tell("a")
    handlers.on(name="new", since="beginning")(told.append)
    dispatcher.dispatch_due()
    assert returns(told) == ["a"]


def test_a_known_consumer_goes_on_where_it_stopped(store: Store, tell: Tell) -> None:
    told: list[Event] = []
    for return_id in ("a", "b"):
        handlers = HandlerRegistry(awaits=False)
        handlers.on(name="shop", since="beginning")(told.append)
        tell(return_id)
        EventDispatcher(store, handlers).dispatch_due()
    assert returns(told) == ["a", "b"]


def test_a_limit_is_kept(dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell) -> None:
    told: list[Event] = []
    handlers.on(name="one", since="beginning")(told.append)
    handlers.on(name="two", since="beginning")(told.append)
    tell("a", "b", "c")
    assert [dispatcher.dispatch_due(4), len(told), dispatcher.dispatch_due(), len(told)] == [4, 4, 2, 6]


class Failing:
    """A handler that fails at some returns, and notes the events that it got."""

    def __init__(self, *returns: str) -> None:
        self.returns = set(returns)
        self.tried: list[Event] = []
        self.told: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.tried.append(event)
        if event.return_id in self.returns:
            raise ValueError("jane@example.com is not known")
        self.told.append(event)


def test_a_failing_event_keeps_back_its_return_only(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    handler = Failing("a")
    handlers.on(name="shop", since="beginning")(handler)
    tell("a", "b", times=2)
    tell("c")
    assert dispatcher.dispatch_due() == 3
    assert returns(handler.told) == ["b", "b", "c"]
    # The first may have been tried again meanwhile; the one behind it has not been.
    assert [one for one in sequences(handler.tried) if one != 1] == [3, 4, 5]


def test_a_failed_event_is_dispatched_again_and_its_return_goes_on_in_order(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell, pass_time: PassTime
) -> None:
    handler = Failing("a")
    handlers.on(name="shop", since="beginning")(handler)
    tell("a", times=3)
    dispatcher.dispatch_due()
    handler.returns.clear()
    assert dispatcher.dispatch_due() == 0
    pass_time()
    assert dispatcher.dispatch_due() == 3
    assert sequences(handler.tried) == [1, 1, 2, 3]


def test_after_its_last_attempt_an_event_is_dead_and_the_later_ones_go_on(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell, pass_time: PassTime
) -> None:
    handler = Failing("a")
    handlers.on(name="shop", since="beginning", attempts=3)(handler)
    tell("a", times=2)
    for _ in range(4):
        dispatcher.dispatch_due()
        pass_time()
    assert sequences(handler.tried) == [1, 1, 1, 2, 2]
    dead, pending = dispatcher.failed_events("shop")
    assert (dead.state, dead.attempts, dead.event.sequence) == (FailedEventState.DEAD, 3, 1)
    assert (pending.state, pending.attempts, pending.event.sequence) == (FailedEventState.PENDING, 2, 2)


@pytest.mark.parametrize("kind", [SystemExit, asyncio.CancelledError, GeneratorExit, BaseException])
def test_whatever_a_handler_raises_is_a_failure(
    kind: type[BaseException], dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    def ends_the_process(_: Event) -> None:
        raise kind

    handlers.on(name="shop", since="beginning", attempts=1)(ends_the_process)
    tell("a")
    assert dispatcher.dispatch_due() == 0
    (failed,) = dispatcher.failed_events("shop")
    assert (failed.state, failed.error.split()[0]) == (FailedEventState.DEAD, kind.__name__)


def test_a_handler_does_not_hear_a_backfill_unless_it_asks(
    store: Store, dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    usual: list[Event] = []
    asking: list[Event] = []
    handlers.on(name="usual", since="beginning")(usual.append)
    handlers.on(name="asking", since="beginning", backfill=True)(asking.append)
    ret = Return(provider="memory", id="old")
    store.apply("acme", [observed(ret, seen_at=datetime(2026, 3, 1, tzinfo=UTC), origin=Origin.BACKFILL)])
    tell("new")
    dispatcher.dispatch_due()
    assert (returns(usual), returns(asking)) == (["new"], ["old", "new"])


def test_an_async_handler_that_takes_too_long_has_failed(store: Store, tell: Tell) -> None:
    handlers = HandlerRegistry(awaits=True)
    cancelled: list[bool] = []

    async def hangs(_: Event) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    handlers.on(name="shop", since="beginning", attempts=1, timeout=0.05)(hangs)
    tell("a")

    async def run() -> None:
        dispatcher = EventDispatcher(store, handlers, loop=asyncio.get_running_loop())
        await asyncio.to_thread(dispatcher.dispatch_due)

    asyncio.run(run())
    (failed,) = EventDispatcher(store, handlers).failed_events("shop")
    assert (failed.state, failed.error.split()[0], cancelled) == (FailedEventState.DEAD, "TimeoutError", [True])


def test_a_dead_event_can_be_dispatched_again(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    handler = Failing("a")
    handlers.on(name="shop", since="beginning", attempts=1)(handler)
    tell("a")
    dispatcher.dispatch_due()
    handler.returns.clear()
    assert dispatcher.retry_event("shop", 1)
    assert (dispatcher.dispatch_due(), list(dispatcher.failed_events("shop"))) == (1, [])


@pytest.mark.parametrize(("name", "sequence"), [("shop", 2), ("other", 1)])
def test_what_is_not_dead_cannot_be_retried(
    name: str, sequence: int, dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    handlers.on(name="shop", since="beginning", attempts=1)(Failing("a"))
    tell("a")
    dispatcher.dispatch_due()
    assert not dispatcher.retry_event(name, sequence)


def test_a_failing_handler_does_not_keep_another_one_back(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    good: list[Event] = []
    handlers.on(name="bad", since="beginning")(Failing("a", "b"))
    handlers.on(name="good", since="beginning")(good.append)
    tell("a", "b")
    dispatcher.dispatch_due()
    assert returns(good) == ["a", "b"]


def test_no_text_of_an_error_is_stored_or_logged(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell, caplog: pytest.LogCaptureFixture
) -> None:
    handlers.on(name="shop", since="beginning", attempts=1)(Failing("a"))
    tell("a")
    with caplog.at_level(logging.DEBUG):
        dispatcher.dispatch_due()
    (failed,) = dispatcher.failed_events("shop")
    assert re.fullmatch(r"ValueError at events/test_dispatcher\.py:\d+ in __call__", failed.error)
    (record,) = caplog.records
    assert record.getMessage() == f"consumer shop failed at event 1 (return.created), attempt 1: {failed.error}; dead"
    assert (record.name, record.levelname, vars(record)["event"]) == ("returns_hub.handlers", "ERROR", "handler.dead")
    assert "test_dispatcher.py" in (record.exc_text or "")
    assert "canary" not in caplog.text


def test_a_failing_event_may_be_retried_before_its_time(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    failing = Failing("a")
    handlers.on(name="shop", since="beginning")(failing)
    tell("a", times=2)
    dispatcher.dispatch_due()
    failing.returns.clear()
    assert dispatcher.retry_event("shop", 1)
    assert (dispatcher.dispatch_due(), list(dispatcher.failed_events("shop"))) == (2, [])


def test_a_skipped_event_is_not_dispatched_again_and_those_behind_it_are(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    failing = Failing("a")
    handlers.on(name="shop", since="beginning")(failing)
    tell("a", times=2)
    dispatcher.dispatch_due()
    failing.returns.clear()
    assert dispatcher.skip_event("shop", 1)
    assert (dispatcher.dispatch_due(), sequences(failing.told)) == (1, [2])
    assert [dispatcher.skip_event("shop", sequence) for sequence in (1, 2, 3)] == [False, False, False]


def test_the_state_of_a_handler_has_counts_the_wait_and_the_place_of_the_latest_error(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    handlers.on(name="dead", since="beginning", attempts=1)(Failing("a"))
    handlers.on(name="failing", since="beginning")(Failing("a"))
    handlers.on(name="new")(lambda event: None)
    tell("a", "b")
    dispatcher.dispatch_due()
    tell("c")
    dead, failing, new = dispatcher.health()
    assert (dead.name, dead.cursor, dead.lag, dead.failing, dead.dead) == ("dead", 2, 1, 0, 1)
    assert (failing.name, failing.cursor, failing.lag, failing.failing, failing.dead) == ("failing", 2, 2, 1, 0)
    assert (new.name, new.cursor, new.lag, new.error) == ("new", 2, 1, None)
    assert [each.oldest_pending_s is not None for each in (dead, failing, new)] == [True, True, True]
    for each in (dead, failing):
        assert (each.error or "").startswith("ValueError at events/test_dispatcher.py:")


def test_waiting_doubles(
    dispatcher: EventDispatcher,
    handlers: HandlerRegistry,
    tell: Tell,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("random.uniform", lambda _, limit: limit)
    # In hours: what the test itself takes makes no difference to these.
    monkeypatch.setattr("returns_hub.dispatcher.PROCESSING_BACKOFF", Backoff(first=7200, maximum=86400))
    handlers.on(name="shop", since="beginning")(Failing("a"))
    tell("a")
    waits = []
    for _ in range(4):
        dispatcher.dispatch_due()
        waits.append(dispatcher.next_due("shop"))
        pass_time()
    assert waits == [pytest.approx(hours * 3600, abs=600) for hours in (2, 4, 8, 16)]


def test_a_handler_that_is_interrupted_gives_its_events_back(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell
) -> None:
    told: list[Event] = []

    def interrupted(event: Event) -> None:
        if not told:
            told.append(event)
            raise KeyboardInterrupt
        told.append(event)

    handlers.on(name="shop", since="beginning")(interrupted)
    tell("a", "b")
    with pytest.raises(KeyboardInterrupt):
        dispatcher.dispatch_due()
    assert (dispatcher.dispatch_due(), returns(told)) == (2, ["a", "a", "b"])


def test_whoever_is_asked_to_stop_gives_back_what_it_has_not_dispatched(
    dispatcher: EventDispatcher, handlers: HandlerRegistry, store: Store, tell: Tell
) -> None:
    told: list[Event] = []
    handlers.on(name="shop", since="beginning")(told.append)
    tell("a", "b", "c")
    assert dispatcher.dispatch_due(stop=lambda: len(told) == 1) == 1
    assert EventDispatcher(store, handlers).dispatch_due() == 2


def test_no_event_is_dispatched_to_two_at_a_time(store: Store, handlers: HandlerRegistry, tell: Tell) -> None:
    told: list[Event] = []
    entered, leave = threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        told.append(event)
        entered.set()
        leave.wait(10)

    handlers.on(name="shop", since="beginning")(slow)
    tell("a")
    first = threading.Thread(target=EventDispatcher(store, handlers).dispatch_due)
    first.start()
    entered.wait(10)
    second = EventDispatcher(store, handlers).dispatch_due()
    leave.set()
    first.join()
    assert (second, returns(told)) == (0, ["a"])


def test_a_slow_handler_keeps_its_claim(
    store: Store,
    dispatcher: EventDispatcher,
    handlers: HandlerRegistry,
    tell: Tell,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("returns_hub.store.queue._EXTEND_INTERVAL", 0.05)
    others: list[int] = []

    def slow(_: Event) -> None:
        pass_time()
        # The claim has lapsed, until the next time that it is kept up.
        while (dispatcher.next_due("shop") or 0.0) < 1.0:
            pass
        others.append(EventDispatcher(store, handlers).dispatch_due())

    handlers.on(name="shop", since="beginning")(slow)
    tell("a")
    assert (dispatcher.dispatch_due(), others) == (1, [0])


def test_a_failure_after_the_claim_was_lost_changes_nothing(
    store: Store, dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell, pass_time: PassTime
) -> None:
    tried: list[Event] = []

    def fails_late(event: Event) -> None:
        tried.append(event)
        if len(tried) == 1:
            pass_time()
            # Another process gets the event, and fails at it too.
            EventDispatcher(store, handlers).dispatch_due()
        raise ValueError

    handlers.on(name="shop", since="beginning", attempts=2)(fails_late)
    tell("a")
    dispatcher.dispatch_due()
    (failed,) = dispatcher.failed_events("shop")
    assert (failed.state, failed.attempts, len(tried)) == (FailedEventState.DEAD, 2, 2)


def test_an_event_that_takes_its_process_down_every_time_dies(
    store: Store, dispatcher: EventDispatcher, handlers: HandlerRegistry, tell: Tell, pass_time: PassTime
) -> None:
    from returns_hub.store.subscriptions import Subscriptions

    told: list[Event] = []
    handlers.on(name="shop", since="beginning", attempts=2)(told.append)
    tell("a", times=2)
    dispatcher.subscribe()
    for _ in range(2):
        # Claimed, and never heard of again.
        Subscriptions(store.database).claim("shop", ["return.created", "return.status_changed"], max_attempts=2)
        pass_time()
    dispatcher.dispatch_due()
    (failed,) = dispatcher.failed_events("shop")
    assert (failed.event.sequence, failed.error) == (1, "the process ended before the attempt had")
    assert (failed.state, sequences(told)) == (FailedEventState.DEAD, [2])


def test_an_async_handler_is_awaited_on_its_loop(store: Store, tell: Tell) -> None:
    handlers = HandlerRegistry(awaits=True)
    told: list[tuple[str, bool]] = []

    async def handler(event: Event) -> None:
        await asyncio.sleep(0)
        told.append((event.return_id, threading.current_thread() is threading.main_thread()))

    def plain(event: Event) -> None:
        told.append((event.return_id, threading.current_thread() is threading.main_thread()))

    handlers.on(ReturnCreated, name="shop", since="beginning")(handler)
    handlers.on(ReturnStatusChanged, name="shop", since="beginning")(plain)
    tell("a", times=2)

    async def run() -> int:
        return await asyncio.to_thread(EventDispatcher(store, handlers, loop=asyncio.get_running_loop()).dispatch_due)

    assert (asyncio.run(run()), told) == (2, [("a", True), ("a", False)])


def test_an_async_handler_that_fails_is_called_again(store: Store, tell: Tell) -> None:
    handlers = HandlerRegistry(awaits=True)

    async def handler(_: Event) -> None:
        raise LookupError("jane@example.com")

    handlers.on(name="shop", since="beginning")(handler)
    tell("a")

    async def run() -> None:
        dispatcher = EventDispatcher(store, handlers, loop=asyncio.get_running_loop())
        await asyncio.to_thread(dispatcher.dispatch_due)

    asyncio.run(run())
    (failed,) = EventDispatcher(store, handlers).failed_events("shop")
    assert failed.error.startswith("LookupError at events/test_dispatcher.py:")


async def awaited(_: Event) -> None: ...


class AwaitedObject:
    async def __call__(self, _: Event) -> None: ...


@pytest.mark.parametrize("handler", [awaited, AwaitedObject()])
def test_a_plain_hub_takes_no_async_handler(handler: Any, handlers: HandlerRegistry) -> None:
    with pytest.raises(ConfigurationError, match="needs an AsyncHub"):
        handlers.on(name="shop")(handler)


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        (("return.created",), {}, "takes types of events"),
        ((awaited,), {}, "takes types of events"),
        ((int,), {}, "takes types of events"),
        ((), {"since": "yesterday"}, "since is"),
        ((), {"attempts": 0}, "attempts must be"),
        ((), {"attempts": True}, "attempts must be"),
        ((), {"backfill": 1}, "backfill is"),
        ((), {"timeout": 0}, "timeout must be"),
        ((), {"timeout": float("nan")}, "timeout must be"),
        ((), {"concurrency": 0}, "concurrency must be"),
        ((), {"concurency": 2}, "no option 'concurency'"),
        ((), {"name": ""}, "needs a name="),
        ((), {"name": "a\nb"}, "needs a name="),
        ((), {"name": "x" * 201}, "needs a name="),
    ],
)
def test_what_cannot_be_meant_is_refused(
    arguments: tuple[Any, ...], options: dict[str, Any], sentence: str, handlers: HandlerRegistry
) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        handlers.on(*arguments, **options)(lambda _: None)


def test_one_name_has_one_handler_for_a_type(handlers: HandlerRegistry) -> None:
    handlers.on(ReturnCreated, name="shop")(print)
    with pytest.raises(ConfigurationError, match="'shop' want return"):
        handlers.on(name="shop")(print)


def test_one_name_has_one_beginning(handlers: HandlerRegistry) -> None:
    handlers.on(ReturnCreated, name="shop")(print)
    with pytest.raises(ConfigurationError, match="'shop' differ"):
        handlers.on(LabelReady, name="shop", since="beginning")(print)


def test_a_function_without_a_name_is_called_as_it_is_called(handlers: HandlerRegistry) -> None:
    @handlers.on()
    def notify_shop(_: Event) -> None: ...

    assert [consumer.name for consumer in handlers.consumers()] == [
        "test_a_function_without_a_name_is_called_as_it_is_called.<locals>.notify_shop"
    ]
