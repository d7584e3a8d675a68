"""What is refused when a function is registered as a handler, and with what words; what is taken."""

from collections.abc import Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import pytest
from sqlalchemy import Connection

from returns_hub import (
    AsyncHub,
    ConfigurationError,
    Event,
    Hub,
    LabelFailed,
    LabelReady,
    ReturnCreated,
    ReturnStatusChanged,
    ReturnUpdated,
)
from returns_hub.handlers import HandlerRegistry

if TYPE_CHECKING:
    from returns_hub.events import Origin

Labels: TypeAlias = LabelReady | LabelFailed
Bound = TypeVar("Bound", bound=ReturnCreated)
FIVE = (LabelReady, LabelFailed, ReturnCreated, ReturnStatusChanged, ReturnUpdated)


@pytest.fixture(params=[Hub, AsyncHub])
def hub(request: pytest.FixtureRequest) -> Any:
    return request.param([], store="sqlite:///never-opened.db")


def refusal(register: Callable[[Any], Any], handler: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        register(handler)
    return str(caught.value)


def takes_created(event: ReturnCreated) -> None: ...
def takes_either(event: ReturnCreated | ReturnStatusChanged) -> None: ...
def takes_labels(event: Labels) -> None: ...
def takes_all(event: Event) -> None: ...
def takes_text(event: str) -> None: ...
def takes_quoted(event: "ReturnCreated") -> None: ...
def takes_annotated(event: Annotated[ReturnCreated, "new"]) -> None: ...
def takes_bound(event: Bound) -> None: ...
def takes_anything(event: Any) -> None: ...
def takes_unannotated(event) -> None: ...  # type: ignore[no-untyped-def]
def takes_what_checkers_know(event: "Origin") -> None: ...
def takes_more(event: ReturnCreated, retries: int = 3, **more: object) -> None: ...


class Handlers:
    def method(self, event: ReturnCreated) -> None: ...
    def __call__(self, event: ReturnCreated) -> None: ...


FUNCTIONS = [takes_created, takes_quoted, takes_annotated, takes_bound, takes_more, Handlers().method, Handlers()]


def name_of(handler: Any) -> str:
    return getattr(handler, "__name__", "object")


@pytest.mark.parametrize("handler", [*FUNCTIONS, partial(takes_more, retries=2)], ids=name_of)
def test_a_handler_takes_what_it_is_annotated_with(hub: Any, handler: Any) -> None:
    hub.on(ReturnCreated, name="shop")(handler)


@pytest.mark.parametrize("handler", [*FUNCTIONS, takes_text], ids=name_of)
def test_another_annotation_is_refused(hub: Any, handler: Any) -> None:
    assert "is registered for ReturnStatusChanged, and its 'event' is annotated as something else" in refusal(
        hub.on(ReturnStatusChanged, name="shop"), handler
    )


def test_the_refusal_says_what_to_do(hub: Any) -> None:
    assert refusal(hub.on(ReturnStatusChanged), takes_created) == (
        "takes_created() is registered for ReturnStatusChanged, and its 'event' is annotated as something else; "
        "annotate it with what it gets, or register it for what it takes"
    )


@pytest.mark.parametrize(
    ("types", "handler"),
    [
        ((ReturnCreated, ReturnStatusChanged), takes_either),
        ((ReturnStatusChanged,), takes_either),
        ((LabelFailed, LabelReady), takes_labels),
        ((), takes_all),
        ((Event,), takes_all),
        (FIVE, takes_all),
        ((), takes_anything),
        ((), takes_unannotated),
        ((LabelReady,), takes_what_checkers_know),
    ],
)
def test_a_union_and_whatever_takes_more_is_taken(hub: Any, types: Any, handler: Any) -> None:
    hub.on(*types)(handler)


@pytest.mark.parametrize(
    ("types", "handler"),
    [
        ((), takes_created),
        ((), takes_either),
        ((Event,), takes_labels),
        ((ReturnCreated, LabelReady), takes_either),
        (FIVE, takes_either),
    ],
)
def test_a_part_of_what_it_gets_is_refused(hub: Any, types: Any, handler: Any) -> None:
    assert "annotate it with what it gets" in refusal(hub.on(*types), handler)


def test_an_async_handler_is_checked_alike() -> None:
    async def update_shop(event: ReturnCreated) -> None: ...

    hub = AsyncHub([], store="sqlite:///never-opened.db")
    hub.on(ReturnCreated)(update_shop)
    assert "is registered for ReturnStatusChanged" in refusal(hub.on(ReturnStatusChanged, name="other"), update_shop)


def nothing() -> None: ...
def three(event: Event, connection: Connection, more: int) -> None: ...
def keyword(event: Event, *, shop: str) -> None: ...


@pytest.mark.parametrize("handler", [nothing, three, keyword])
def test_what_cannot_be_called_with_an_event_is_refused(hub: Any, handler: Any) -> None:
    assert refusal(hub.on(), handler) == (
        f"{handler.__name__}() cannot be a handler: one takes the event, and after it the database's connection if it likes"
    )


def test_an_async_function_cannot_take_the_connection() -> None:
    async def book(event: Event, connection: Connection) -> None: ...

    message = refusal(AsyncHub([], store="sqlite:///never-opened.db").on(), book)
    assert message.endswith("book() cannot take the connection, which blocks: make it a plain function")


def passes_all(handler: Callable[..., None]) -> Callable[..., None]:
    @wraps(handler)
    def call(*args: Any, **kwargs: Any) -> None:
        handler(*args, **kwargs)

    return call


def supplies_the_rest(handler: Callable[..., None]) -> Callable[[Event], None]:
    @wraps(handler)
    def call(event: Event) -> None:
        handler(event, "of its own")

    return call


def two(event: Event, connection: Connection) -> None: ...


untyped: Any = two


@pytest.mark.parametrize(
    ("handler", "given"),
    [
        (two, True),
        (passes_all(two), True),
        (supplies_the_rest(two), False),
        (passes_all(takes_all), False),
        (partial(untyped, connection=None), False),
        (takes_more, False),
        ([].append, False),
        (print, False),
    ],
)
def test_the_connection_goes_to_who_needs_a_second_argument(handler: Any, given: bool) -> None:
    handlers = HandlerRegistry(awaits=False)
    handlers.on(ReturnCreated, name="shop")(handler)
    assert handlers.consumer("shop").handlers["return.created"].takes_connection is given


def test_an_async_callable_object_is_awaited() -> None:
    class Shop:
        async def __call__(self, event: Event) -> None: ...

    handlers = HandlerRegistry(awaits=True)
    handlers.on(name="shop")(Shop())
    registered = handlers.consumer("shop").handlers["return.created"]
    assert registered.is_async
