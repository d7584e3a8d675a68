"""The simulators that a console is run over: what they have delivered, and what goes wrong on purpose."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

if TYPE_CHECKING:
    from returns_hub.operation import HttpAnswer
    from returns_hub.testing import SignedRequest, Simulator

_MAX_SHOWN: Final = 15
_SLOW_SECONDS: Final = 3.0

# By the name in the form: what it does, and how it is switched on.
_FAULTS: Final[Mapping[str, tuple[str, Callable[[Any, int], Any]]]] = {
    "server_error": ("answers 500", lambda faults, times: faults.server_error(times=times)),
    "unavailable": ("answers 503 with an error page", lambda faults, times: faults.unavailable(times=times)),
    "too_many_requests": ("answers 429", lambda faults, times: faults.too_many_requests(retry_after=1, times=times)),
    "slow": ("answers after three seconds", lambda faults, times: faults.slow(_SLOW_SECONDS, times=times)),
    "drop_before": ("drops the connection, nothing done", lambda faults, times: faults.drop_before(times=times)),
    "drop_after_commit": (
        "does it, and drops the connection before the answer",
        lambda faults, times: faults.drop_after_commit(times=times),
    ),
    "truncated": ("answers with half of the JSON", lambda faults, times: faults.truncated(times=times)),
}


@frozen(kw_only=True)
class Exchange:
    """A call of a simulated vendor, and what this process answered; None if nothing came back."""

    at: datetime
    what: str
    request: "SignedRequest"
    answer: "HttpAnswer | None"


@frozen
class ActiveFault:
    """A fault that is switched on, and how many of its times are left."""

    what: str
    times: int
    rule: Any

    @property
    def left(self) -> int:
        """How many more requests it strikes."""
        return max(self.times - int(self.rule.fired), 0)


@define
class SandboxVendor:
    """A vendor's simulator, the account that uses it, and where it delivers to and asks for orders."""

    account: str
    simulator: "Simulator"
    url: str
    orders: bool = False
    last: Exchange | None = None
    _faults: list[ActiveFault] = field(factory=list, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    @property
    def fault_names(self) -> Mapping[str, str]:
        """What can be switched on, by name, with what it does."""
        return {name: what for name, (what, _) in _FAULTS.items()}

    @property
    def faults(self) -> Sequence[ActiveFault]:
        """What is switched on, and not spent."""
        with self._lock:
            return [fault for fault in self._faults if fault.left]

    @property
    def requests(self) -> Sequence[Any]:
        """The latest requests that the simulator saw, newest first."""
        return self.simulator.requests[: -_MAX_SHOWN - 1 : -1]

    def deliver(self, event: str) -> Exchange:
        """Have an event happen, and its signed webhook delivered here.

        Raises:
            ValueError: the vendor has no such event.
        """
        request = self.simulator.make_event(event, f"{self.url}/webhooks/{self.account}")
        return self._send(event, request)

    def ask_for_order(self, number: str) -> Exchange:
        """Have the vendor ask for an order.

        Raises:
            NotImplementedError: it asks for none.
        """
        request = self.simulator.make_order_lookup(f"{self.url}/orders/{self.account}/", number)
        return self._send(f"order {number}", request)

    def switch_on(self, name: str, times: int) -> str:
        """Have the next requests meet a fault; what it does, in words.

        Raises:
            ValueError: there is no such fault.
        """
        if name not in _FAULTS:
            raise ValueError("there is no such fault")
        what, switch = _FAULTS[name]
        with self._lock:
            self._faults.append(ActiveFault(what, times, switch(self.simulator.faults, times)))
        return what

    def switch_off(self) -> None:
        """Switch every fault off."""
        with self._lock:
            self.simulator.faults.clear()
            self._faults.clear()

    def _send(self, what: str, request: "SignedRequest") -> Exchange:
        self.last = Exchange(at=datetime.now(UTC), what=what, request=request, answer=request.send())
        return self.last


@define
class SandboxShop:
    """The shop of the demo: a handler that can be made to fail, so that its failures can be seen and mended."""

    failing: bool = False
    calls: int = 0

    def handle(self, _: object) -> None:
        """Take an event.

        Raises:
            ConnectionError: it was told to fail.
        """
        if self.failing:
            raise ConnectionError("the shop is closed")
        self.calls += 1


@frozen
class Sandbox:
    """Every simulator by its account, and the shop."""

    vendors: Mapping[str, SandboxVendor]
    shop: SandboxShop
