"""A vendor's look-up of an order: verify the call, find the order, answer. No I/O but the platform's own.

The order of the three is fixed here: nothing is looked up for a call that is not the vendor's.
"""

import importlib
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

from returns_hub.adapter import Adapter
from returns_hub.errors import ConfigurationError
from returns_hub.model import Order
from returns_hub.operation import HttpAnswer, WebhookRequest

FindOrder: TypeAlias = Callable[[str], Order | None]
FindOrderAsync: TypeAlias = Callable[[str], Order | Awaitable[Order | None] | None]


def answer_order_lookup(adapter: Adapter, request: WebhookRequest, find_order: FindOrder) -> HttpAnswer:
    """What to answer a vendor that asks for an order. ``find_order`` gives it by the number the customer typed.

    Raises:
        WebhookRejected: the call is not the vendor's, or cannot be verified; answer 401. Nothing was looked up.
    """
    return adapter.answer_order_lookup(find_order(adapter.read_order_lookup(request)))


async def answer_order_lookup_async(
    adapter: Adapter, request: WebhookRequest, find_order: FindOrderAsync
) -> HttpAnswer:
    """The same, with a ``find_order`` that may be awaited."""
    found = find_order(adapter.read_order_lookup(request))
    return adapter.answer_order_lookup(await found if inspect.isawaitable(found) else found)


def load_find_order(name: str) -> FindOrderAsync:
    """The platform's own function that finds an order, named ``module:function``.

    Raises:
        ConfigurationError: it cannot be imported, or is no function; the text names it.
    """
    module, _, function = name.partition(":")
    problem = ""
    try:
        found: Any = getattr(importlib.import_module(module), function, None)
    except Exception as error:  # noqa: BLE001 - the platform's module may fail in any way
        problem = f"importing {module} fails with {type(error).__name__}"
    else:
        if callable(found):
            return cast("FindOrderAsync", found)
        problem = f"{module} has no function {function}"
    raise ConfigurationError(f'orders = "{name}": {problem}')
