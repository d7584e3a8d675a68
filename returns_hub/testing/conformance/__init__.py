"""The definition of done for an adapter: a test class inherits :class:`AdapterConformance`, and every test passes.

::

    class TestReturnMate(AdapterConformance):
        adapter_class = ReturnMate
        known_return = "rma_abc123"
        cassettes = Path(__file__).parent / "cassettes"
        cases = (
            Case("get_return", lambda adapter: adapter.get_return("rma_abc123")),
            Case("get_return-missing", lambda adapter: adapter.get_return("rma_none"), raises=NotFound),
        )

        def make_simulator(self, **arguments: Any) -> Simulator:
            return ReturnMateSandbox(count=20, **arguments)

Every test says in its docstring why it is there. It skips where the adapter does not have the capability, and never
for a vendor's name. ``pytest --record-mode=rewrite`` records the cassettes anew from the simulator, but for those that
come from a document.
"""

from returns_hub.testing.conformance.case import Case
from returns_hub.testing.conformance.checks import Check, Part, checks_of
from returns_hub.testing.conformance.declaration import DeclarationChecks
from returns_hub.testing.conformance.expectations import ExpectationChecks
from returns_hub.testing.conformance.expected import (
    UNSTATED,
    ExpectedItem,
    ExpectedReturn,
    ExpectedShipment,
    Filter,
    Variation,
)
from returns_hub.testing.conformance.failures import FailureChecks
from returns_hub.testing.conformance.identifiers import IdentifierChecks
from returns_hub.testing.conformance.listings import ListingChecks
from returns_hub.testing.conformance.order_lookups import OrderLookupChecks
from returns_hub.testing.conformance.replay import ReplayChecks
from returns_hub.testing.conformance.retries import RetryChecks
from returns_hub.testing.conformance.secrets import SecretChecks
from returns_hub.testing.conformance.statuses import StatusChecks
from returns_hub.testing.conformance.webhooks import WebhookChecks

__all__ = [
    "UNSTATED",
    "AdapterConformance",
    "Case",
    "Check",
    "ExpectedItem",
    "ExpectedReturn",
    "ExpectedShipment",
    "Filter",
    "Part",
    "Variation",
    "checks",
]


class AdapterConformance(
    DeclarationChecks,
    ReplayChecks,
    ExpectationChecks,
    FailureChecks,
    RetryChecks,
    StatusChecks,
    SecretChecks,
    ListingChecks,
    IdentifierChecks,
    WebhookChecks,
    OrderLookupChecks,
):
    """The suite. A subclass names the adapter, a simulator of its vendor, and its cases; nothing else is needed.

    - ``adapter_class``, and ``options`` beside those that the simulator asks for (its ``options``).
    - :meth:`make_simulator`.
    - ``known_return``: the id of a return that the simulator has from the start.
    - ``cases`` and the folder with their ``cassettes``; every supported capability has at least one. ``redactor`` is
      for vendors with headers of their own that a replay needs.
    - What the data mean: ``expects`` of the cases, ``filters``, ``oldest_return`` and ``newest_return`` (the first of a
      listing in each order), ``variations``. ``not_given`` names the facts that the vendor gives nowhere. What is not stated
      is not proved, and the suite says so by name; with ``states_every_value`` of every value that the adapter gives in a case with
      ``expects``.
    - ``record_secrets``: secrets that the simulator's records hold where the adapter's ``secret_paths`` say.
    - ``listing``: what a listing is asked for besides, where without it one does not begin with a page of returns.
    - ``undefined_words``: those that the vendor shows and never defines; every other documented one means something.
    - ``distinguishes_permissions`` is False where an HTTP 403 may as well mean that the credentials are wrong, and so is read.
    - ``empty_page_ends`` where an empty page is the last one, whatever total the vendor gives.
    - ``webhook_secrets``: the option that holds the secrets, and ``signature_header``; with :meth:`delivery`, for
      adapters that receive, and :meth:`order_lookup`, for those that are asked for orders; :meth:`secret`, where not any
      text can be one. ``signs_body`` is False where
      the signature does not cover the body, ``tolerance`` how old a delivery may be where the vendor signs its time.
      ``published_deliveries`` are examples that the vendor's documents sign, each with its secret.
    - ``lookup_secrets`` and ``lookup_header`` where orders are looked up with other secrets than deliveries are signed with;
      ``signs_order_number`` is False where they hold for every order, as HTTP Basic does.
    """


def checks() -> tuple[Check, ...]:
    """Every check of the suite, part by part."""
    return checks_of(AdapterConformance)
