"""What a vendor package supplies: a subclass of :class:`Adapter`. No client, no clock, no environment, no logging."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Final

from attrs import evolve, field, frozen

from returns_hub.errors import ConfigurationError, UnsupportedOperation
from returns_hub.model import (
    Item,
    ItemInstruction,
    NewLabel,
    NewReturn,
    Note,
    Order,
    Return,
    ReturnQuery,
    Shipment,
    ShipmentQuery,
    TrackingEvent,
)
from returns_hub.operation import HttpAnswer, Operation, Page, Reply, Request, WebhookRequest
from returns_hub.redaction import redact_body
from returns_hub.secret import Secret
from returns_hub.status import Status, StatusTable
from returns_hub.webhooks import Receipt


class Capability(StrEnum):
    """What an adapter can be asked for; one word for each call of :class:`Adapter`."""

    LIST_RETURNS = "list_returns"
    GET_RETURN = "get_return"
    CREATE_RETURN = "create_return"
    SET_STATUS = "set_status"
    ADD_NOTE = "add_note"
    LIST_SHIPMENTS = "list_shipments"
    GET_SHIPMENT = "get_shipment"
    TRACK = "track"
    CREATE_LABEL = "create_label"
    CANCEL_LABEL = "cancel_label"
    INSTRUCT = "instruct"
    CANCEL_INSTRUCTION = "cancel_instruction"
    CHANGES = "changes"
    BACKFILL = "backfill"
    RECEIVE = "receive"
    ORDER_LOOKUP = "order_lookup"


class Support(StrEnum):
    """Whether a capability is there. ``no``: the vendor cannot. ``not_implemented``: the adapter does not, yet."""

    YES = "yes"
    PARTIAL = "partial"
    NO = "no"
    NOT_IMPLEMENTED = "not_implemented"


_RATE: Final = re.compile(r"\s*(\d{1,9})\s*/\s*(s|min|h)\s*\Z")
_UNIT_SECONDS: Final = {"s": 1.0, "min": 60.0, "h": 3600.0}


@frozen
class Rate:
    """So many requests in so many seconds."""

    count: int
    seconds: float

    @property
    def interval(self) -> float:
        """Seconds between two requests that are evenly spaced."""
        return self.seconds / self.count

    @classmethod
    def parse(cls, text: str) -> "Rate | None":
        """``"20/s"``, ``"60/min"`` or ``"300/h"``; None for ``"none"``.

        Raises:
            ConfigurationError: the text is none of these.
        """
        if text.strip() == "none":
            return None
        match = _RATE.match(text)
        if not match or int(match[1]) == 0:
            raise ConfigurationError(
                f'rate_limit must look like "20/s", "60/min", "300/h" or "none", not {text[:40]!r}'
            )
        return cls(int(match[1]), _UNIT_SECONDS[match[2]])


@frozen(kw_only=True)
class Limits:
    """How often a vendor may be asked; None where nothing limits it.

    Where the vendor counts requests that change something apart, ``write_rate`` is theirs, and ``rate`` is that of the others.
    ``per_day`` is the day's allowance: a vendor that has one answers a wait of minutes or more by meaning it. ``assumed``: the
    vendor publishes no limit, and this is a careful guess, which its answers can only lower.
    """

    rate: Rate | None = None
    write_rate: Rate | None = None
    per_day: int | None = None
    assumed: bool = False


def _lower(names: Iterable[str]) -> tuple[str, ...]:
    return tuple([name.lower() for name in names])


@frozen(kw_only=True)
class RateLimitHeaders:
    """The reply headers in which a vendor reports its rate limit; of several names the first that came counts.

    ``retry_after`` is seconds or a date, ``limit`` and ``remaining`` are requests in the rate's window, ``reset`` is seconds from
    now or since 1970.
    """

    retry_after: tuple[str, ...] = field(default=("retry-after",), converter=_lower)
    limit: tuple[str, ...] = field(default=("x-ratelimit-limit", "ratelimit-limit"), converter=_lower)
    remaining: tuple[str, ...] = field(default=("x-ratelimit-remaining", "ratelimit-remaining"), converter=_lower)
    reset: tuple[str, ...] = field(default=("x-ratelimit-reset", "ratelimit-reset"), converter=_lower)


@frozen(kw_only=True)
class Token:
    """An access token that a vendor gave, good for so many seconds from then; None if it does not say.

    With ``refresh`` the next one may be asked for.
    """

    access: Secret
    refresh: Secret | None = field(default=None, eq=False)
    expires_in: float | None = field(default=None, eq=False)


@frozen(kw_only=True)
class Slice:
    """An independent part of a backfill. ``key`` names it in checkpoints; ``read`` gives the operation for a page.

    ``read`` is called with None for the first page and then with each page's cursor; a slice may be left and taken
    up again at any cursor.
    """

    key: str
    read: Callable[[str | None], Operation[Page[Return]]]


def _is_page_size(adapter: "Adapter", _: object, value: int | None) -> None:
    if value is not None and (type(value) is not int or value < 1):
        raise ConfigurationError(f"{adapter.provider}: page_size must be a whole number, at least 1")


@frozen(kw_only=True)
class Adapter:
    """One account at one vendor, as values and pure functions.

    A vendor package subclasses it with ``attrs.frozen(kw_only=True)``; the fields are the account's options, and
    credentials are typed :class:`returns_hub.Secret`. Each operation below raises :class:`UnsupportedOperation` until
    the subclass overrides it; ``capabilities`` says which it does.

    ``page_size`` is an option of every account: how many rows to ask for at a time where a query does not say it, at most
    the vendor's maximum; None asks for that maximum.
    """

    page_size: int | None = field(default=None, validator=_is_page_size)

    provider: ClassVar[str]
    """The name in code and configuration: ``returnmate``."""
    display_name: ClassVar[str]
    """The name as the vendor writes it: ``ReturnMate``."""
    base_urls: ClassVar[Mapping[str, str]]
    """Base URL by environment, as the vendor prints it. ``production`` is always there."""
    capabilities: ClassVar[Mapping[Capability, Support]]
    """Every :class:`Capability` and its :class:`Support`; one left out counts as ``not_implemented``."""
    vocabularies: ClassVar[Mapping[str, StatusTable]] = MappingProxyType({})
    """The vendor's documented words by vocabulary (``return``, ``shipment``, …), for ``explain`` and the docs."""
    idempotency_header: ClassVar[str | None] = None
    """The header that carries an idempotency key, at vendors that have one."""
    request_id_headers: ClassVar[Sequence[str]] = ("x-request-id", "x-correlation-id", "request-id")
    """Reply headers that may name the request; the first one present is kept."""
    uses_tokens: ClassVar[bool] = False
    """Whether requests carry a token that the vendor gives first: :meth:`request_token` and :meth:`authorize_with`."""
    rate_limit_headers: ClassVar[RateLimitHeaders] = RateLimitHeaders()
    """Where the vendor's replies give its rate limit, if elsewhere than in ``Retry-After`` and ``[X-]RateLimit-*``."""
    extra_base_urls: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType({})
    """Further roots of the vendor's API by name, each by environment: what :attr:`Request.base` may name. The account's
    option ``NAME_base_url`` replaces one."""
    secret_paths: ClassVar[Sequence[str]] = ()
    """Where the vendor's objects hold secrets, or what is nobody's business here: ``giftCards[].code``. What stands there is replaced
    in replies and verified deliveries before the adapter reads them, so it is in no ``raw``, store, inbox, log or cassette. A path
    may begin at any depth; a list stands for each of its elements."""
    preview: ClassVar[frozenset[Capability]] = frozenset()
    """The capabilities that rest on third parties or on inference, not on the vendor's own documents: marked so in every
    support matrix."""
    listing_reach: ClassVar[timedelta | None] = None
    """How far back the vendor's listings reach, by creation; what is older can be read by its id only. None: to the beginning."""
    order_lookup_method: ClassVar[str] = "GET"
    """The method by which the vendor looks an order up: a GET has the number in its path, a POST in its body."""
    polls_open_returns: ClassVar[bool] = True
    """Whether a sync may ask for every open return again to learn what changed. False where the vendor rules that out:
    its webhooks, and ``reconcile``, are the way there."""

    @property
    def limits(self) -> Limits:
        """The vendor's rate limits for this account: what it publishes, or a careful guess."""
        return Limits()

    @property
    def statuses(self) -> StatusTable | None:
        """The table that return statuses of this account are looked up in; None at vendors that have no such words."""
        return self.vocabularies.get("return")

    @property
    def status_tables(self) -> tuple[StatusTable, ...]:
        """Every table of this account whose unknown words an operator should hear of: that of its return statuses."""
        return () if self.statuses is None else (self.statuses,)

    def takes_idempotency_key(self, request: Request) -> bool:
        """Whether the vendor heeds :attr:`idempotency_header` for a write. One that does not is not sent it, and not sent again."""
        return True

    def base_url_for(self, environment: str) -> str:
        """Where the vendor is for this account, unless the account says otherwise: an API may have an address for each version."""
        return self.base_urls[environment]

    def check_base_url(self, url: str) -> None:
        """Returns if this adapter can speak to the vendor at a base URL that the account sets; asked before anything is sent.

        Raises:
            ConfigurationError: it cannot: the URL is that of another version of the API, say. One sentence, with the way out.
        """

    def is_test_record(self, ret: Return) -> bool:
        """Whether a return is one of the vendor's test records: it is in no listing and not in the mirror, whoever reports it.

        :meth:`get_return` gives it all the same.
        """
        return False

    def authorize(self, request: Request) -> Request:
        """The request with this account's credentials in its headers. Called only for the account's own host."""
        raise NotImplementedError(f"{type(self).__name__}.authorize")

    def request_token(self, known: Token | None) -> Operation[Token]:
        """A new access token, at vendors that give them; ``known`` is the last one, no longer good.

        Its own requests go through :meth:`authorize`. It is asked for when there is no token, when that has expired, and once
        where the vendor refuses it; the processes of a store share it, and one of them at a time asks.

        Raises:
            AuthenticationFailed: the account's own credentials are refused.
        """
        raise NotImplementedError(f"{type(self).__name__}.request_token")

    def authorize_with(self, request: Request, token: Token) -> Request:
        """The request with the token, as RFC 6750 says: in the header ``Authorization``."""
        return evolve(request, headers=(*request.headers, ("Authorization", f"Bearer {token.access.reveal()}")))

    def check(self, reply: Reply) -> Any:
        """The decoded payload of a good reply; raises our error for a bad one.

        Pure. Drivers ask it whether to retry, operations ask it for the payload; :func:`returns_hub.once_per_reply` on it
        makes that one run.

        Raises:
            ProviderError: the subclass that says what the caller can do.
        """
        raise NotImplementedError(f"{type(self).__name__}.check")

    def list_returns(self, query: ReturnQuery, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of the returns that match; ``cursor`` is the ``next`` of the page before, None for the first."""
        raise self.unsupported(Capability.LIST_RETURNS)

    def get_return(self, return_id: str) -> Operation[Return]:
        """One return, with everything that the vendor says about it."""
        raise self.unsupported(Capability.GET_RETURN)

    def create_return(self, new: NewReturn) -> Operation[Return]:
        """Create a return, and give it as the vendor now has it."""
        raise self.unsupported(Capability.CREATE_RETURN)

    def set_status(
        self, return_id: str, status: Status | None = None, *, note: str | None = None, raw_status: str | None = None
    ) -> Operation[Return]:
        """Move a return to a status, neutral or in the vendor's own word (``raw_status``; exactly one of the two)."""
        raise self.unsupported(Capability.SET_STATUS)

    def add_note(self, return_id: str, text: str, *, internal: bool = True) -> Operation[Note]:
        """Add a remark; an internal one is not shown to the customer."""
        raise self.unsupported(Capability.ADD_NOTE)

    def list_shipments(self, query: ShipmentQuery, cursor: str | None = None) -> Operation[Page[Shipment]]:
        """One page of the shipments that match."""
        raise self.unsupported(Capability.LIST_SHIPMENTS)

    def get_shipment(self, shipment_id: str) -> Operation[Shipment]:
        """One shipment."""
        raise self.unsupported(Capability.GET_SHIPMENT)

    def track(self, shipment_id: str) -> Operation[tuple[TrackingEvent, ...]]:
        """The carrier's scans of a shipment, oldest first, untimed ones last."""
        raise self.unsupported(Capability.TRACK)

    def create_label(self, return_id: str, new: NewLabel) -> Operation[Shipment]:
        """Have a label made; the shipment's ``label`` says whether it is ready."""
        raise self.unsupported(Capability.CREATE_LABEL)

    def cancel_label(self, return_id: str, label_id: str) -> Operation[None]:
        """Cancel a label."""
        raise self.unsupported(Capability.CANCEL_LABEL)

    def instruct(self, items: Sequence[Item], instruction: ItemInstruction) -> Operation[tuple[Item, ...]]:
        """Say what is to be done with items in a warehouse."""
        raise self.unsupported(Capability.INSTRUCT)

    def cancel_instruction(self, items: Sequence[Item]) -> Operation[tuple[Item, ...]]:
        """Take back what was said about items in a warehouse."""
        raise self.unsupported(Capability.CANCEL_INSTRUCTION)

    def changes(self, since: datetime, cursor: str | None = None) -> Operation[Page[Return]]:
        """One page of the returns that changed since a moment, at vendors that have such a listing."""
        raise self.unsupported(Capability.CHANGES)

    def backfill(self, since: datetime, until: datetime) -> tuple[Slice, ...]:
        """The parts that together hold every return created in ``[since, until]``."""
        raise self.unsupported(Capability.BACKFILL)

    def derive(self, ret: Return) -> Return:
        """The return with what follows from its parts, at vendors that give no status of a return themselves.

        Pure. It is applied to everything that is known of the return, never stored as a fact that the vendor asserted.
        """
        return ret

    def receive(self, request: WebhookRequest) -> Receipt:
        """Verify a delivery, then read it: always in this order, which a vendor package cannot change.

        Raises:
            WebhookRejected: the delivery is not the vendor's, or cannot be verified.
        """
        if self.support(Capability.RECEIVE) in (Support.NO, Support.NOT_IMPLEMENTED):
            raise self.unsupported(Capability.RECEIVE)
        self.verify_webhook(request)
        body = redact_body(request.body, self.secret_paths)
        if body is request.body:
            return self.read_webhook(request)
        return evolve(self.read_webhook(evolve(request, body=body)), kept_body=body)

    def verify_webhook(self, request: WebhookRequest) -> None:
        """Returns if the delivery is the vendor's own; works on the raw bytes, in constant time.

        Raises:
            WebhookRejected: with a distinct ``reason``; no other exception, whatever came in.
        """
        raise self.unsupported(Capability.RECEIVE)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        """The request, signed as the vendor signs its deliveries: for tests, and for the delivery that ``doctor`` makes itself.

        Pure. It is signed with the first live secret, as of ``received_at`` where the vendor signs a time; where the vendor signs
        the address, that is the one that the account is configured for, or the end of the request's.

        Raises:
            ConfigurationError: the account has no secret, or lacks what is signed beside it.
            UnsupportedOperation: the adapter does not sign.
        """
        raise self.unsupported(Capability.RECEIVE, "the adapter does not sign deliveries")

    def read_webhook(self, request: WebhookRequest) -> Receipt:
        """The events of a verified delivery. Never raises: what it cannot interpret becomes an ``UnknownEvent``."""
        raise self.unsupported(Capability.RECEIVE)

    def read_order_lookup(self, request: WebhookRequest) -> str:
        """Verify a vendor's look-up of an order, then give the order number it asks for.

        Raises:
            WebhookRejected: the call is not the vendor's, or cannot be verified; nothing may be looked up.
        """
        raise self.unsupported(Capability.ORDER_LOOKUP)

    def answer_order_lookup(self, order: Order | None) -> HttpAnswer:
        """The answer to a look-up, as this vendor wants it; for None, that there is no such order."""
        raise self.unsupported(Capability.ORDER_LOOKUP)

    def support(self, capability: Capability) -> Support:
        """How far this adapter has the capability."""
        return self.capabilities.get(capability, Support.NOT_IMPLEMENTED)

    def unsupported(self, capability: Capability, detail: str = "") -> UnsupportedOperation:
        """The error for a call that this adapter does not have, or not in the way asked for."""
        cannot = self.support(capability) is not Support.NOT_IMPLEMENTED
        sentence = detail or (f"{self.display_name} has no such call" if cannot else "the adapter does not have it yet")
        return UnsupportedOperation(
            f"{self.provider} {capability}: {sentence}", provider=self.provider, operation=capability.value
        )
