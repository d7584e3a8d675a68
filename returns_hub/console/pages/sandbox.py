"""Sandbox: over simulators only. Trigger an event or a look-up, see the signed request and our answer, and have things go wrong."""

from collections.abc import Callable
from typing import Final

from starlette.responses import Response

from returns_hub.console.sandbox import Exchange, Sandbox, SandboxVendor
from returns_hub.console.visit import Act, Page, Plan, Refusal, Result, Visit
from returns_hub.store.audit import Outcome

_PATH: Final = "/console/sandbox"
_MAX_TIMES: Final = 50


def show_sandbox(visit: Visit) -> Response:
    """The simulators."""
    sandbox = _sandbox(visit)
    chosen = visit.query("vendor") or next(iter(sandbox.vendors))
    vendor = _known(sandbox, chosen)
    delivery = next(iter(visit.console.overview.deliveries(account=vendor.account, limit=1)), None)
    return visit.render("sandbox.html", sandbox=sandbox, vendor=vendor, delivery=delivery)


def trigger(visit: Visit) -> Plan:
    """Have a vendor deliver one event."""
    vendor, event = _known(_sandbox(visit), visit.part("account")), visit.field("event")
    if event not in vendor.simulator.event_names:
        raise Refusal(422, "The vendor has no such event.")
    return _plan(visit, vendor, event, lambda: _answered(vendor.deliver(event)))


def ask_for_order(visit: Visit) -> Plan:
    """Have a vendor ask for one order."""
    vendor, number = _known(_sandbox(visit), visit.part("account")), visit.field("number", most=60)
    if not vendor.orders:
        raise Refusal(422, "This vendor asks for no orders.")
    return _plan(visit, vendor, f"order {number}", lambda: _answered(vendor.ask_for_order(number)))


def switch_on(visit: Visit) -> Plan:
    """Switch a fault on."""
    vendor, name, times = _known(_sandbox(visit), visit.part("account")), visit.field("fault"), visit.field("times")
    if name not in vendor.fault_names or not (times.isascii() and times.isdecimal() and 1 <= int(times) <= _MAX_TIMES):
        raise Refusal(422, f"Choose a fault, and for how many requests: at most {_MAX_TIMES}.")

    def do() -> Result:
        return Result(f"The simulator now {vendor.switch_on(name, int(times))}, for {times} requests.")

    return _plan(visit, vendor, name, do)


def switch_off(visit: Visit) -> Plan:
    """Switch every fault off."""
    vendor = _known(_sandbox(visit), visit.part("account"))

    def do() -> Result:
        vendor.switch_off()
        return Result("The simulator behaves again.")

    return _plan(visit, vendor, "", do)


def set_shop(visit: Visit) -> Plan:
    """Have the shop's handler fail, or succeed again."""
    sandbox, failing = _sandbox(visit), visit.field("state") == "failing"

    def do() -> Result:
        sandbox.shop.failing = failing
        return Result("The shop's handler fails from now on." if failing else "The shop's handler succeeds again.")

    return Plan(do=do, detail="failing" if failing else "succeeding", back=visit.url(_PATH))


def _plan(visit: Visit, vendor: SandboxVendor, detail: str, do: Callable[[], Result]) -> Plan:
    return Plan(do=do, account=vendor.account, detail=detail, back=visit.url(_PATH, vendor=vendor.account))


def _answered(exchange: Exchange) -> Result:
    if exchange.answer is None:
        return Result("Delivered, and nothing was answered.", Outcome.FAILED)
    taken = 200 <= exchange.answer.status < 300
    return Result(f"Delivered, and answered {exchange.answer.status}.", Outcome.DONE if taken else Outcome.FAILED)


def _sandbox(visit: Visit) -> Sandbox:
    if visit.console.sandbox is None:
        raise Refusal(404, "This console is not over simulators: returns-hub demo --console is.")
    return visit.console.sandbox


def _known(sandbox: Sandbox, account: str) -> SandboxVendor:
    if account not in sandbox.vendors:
        raise Refusal(404, "There is no such simulator.")
    return sandbox.vendors[account]


ROUTES: Final = (
    Page(_PATH, show_sandbox),
    Act("/console/sandbox/{account}/trigger", trigger, action="trigger event"),
    Act("/console/sandbox/{account}/order", ask_for_order, action="trigger order look-up"),
    Act("/console/sandbox/{account}/fault", switch_on, action="switch fault on"),
    Act("/console/sandbox/{account}/mend", switch_off, action="switch faults off"),
    Act("/console/sandbox-shop", set_shop, action="set shop"),
)
