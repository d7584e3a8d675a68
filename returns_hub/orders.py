"""A vendor's look-up of an order: verify the call, find the order, answer. No I/O but the platform's own.

The order of the three is fixed here: nothing is looked up for a call that is not the vendor's.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from returns_hub.adapter import Adapter
from returns_hub.model import Order
from returns_hub.operation import HttpAnswer, WebhookRequest

FindOrder: TypeAlias = Callable[[str], Order | None]
FindOrderAsync: TypeAlias = Callable[[str], Order | Awaitable[Order | None] | None]


def answer_order_lookup(adapter: Adapter, request: WebhookRequest, find_order: FindOrder) -> HttpAnswer:
    """What to answer a vendor that asks for an order. ``find_order`` gives it by the number the customer typed.

    Raises:
        WebhookRejected: the call must not be believed; answer 401. Nothing was looked up.
    """
    return adapter.answer_order_lookup(find_order(adapter.read_order_lookup(request)))


async def answer_order_lookup_async(
    adapter: Adapter, request: WebhookRequest, find_order: FindOrderAsync
) -> HttpAnswer:
    """The same, with a ``find_order`` that may be awaited."""
    found = find_order(adapter.read_order_lookup(request))
    return adapter.answer_order_lookup(await found if inspect.isawaitable(found) else found)
