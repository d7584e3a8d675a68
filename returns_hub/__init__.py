"""One model in front of every returns provider.

:func:`connect` gives a client of one vendor, :class:`Hub` a mirror of many accounts. Every public name is here;
those that need the HTTP stack or the database are imported when they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

from returns_hub.adapter import Adapter, Capability, Limits, Rate, Slice, Support
from returns_hub.convert import decode_json, dump, format_time, load, parse_time, structure
from returns_hub.errors import (
    AuthenticationFailed,
    ConfigurationError,
    Conflict,
    NotFound,
    PermissionDenied,
    PluginError,
    ProviderError,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    ReturnsHubError,
    StoreError,
    TransportFailed,
    UnexpectedReply,
    UnsupportedOperation,
    ValidationFailed,
    WebhookRejected,
)
from returns_hub.model import (
    Address,
    Answer,
    Customer,
    Item,
    ItemInstruction,
    Label,
    Money,
    NewItem,
    NewLabel,
    NewReturn,
    Note,
    Order,
    OrderLine,
    OrderRef,
    Parcel,
    Reason,
    Resolution,
    Return,
    ReturnQuery,
    Service,
    Shipment,
    ShipmentQuery,
    TimelineEntry,
    TrackingEvent,
)
from returns_hub.operation import HttpAnswer, InvalidRecord, Operation, Page, Reply, Request, WebhookRequest
from returns_hub.orders import answer_order_lookup, answer_order_lookup_async
from returns_hub.secret import Secret
from returns_hub.status import (
    Attention,
    Direction,
    Disposition,
    DispositionStatus,
    Facts,
    LabelStatus,
    ResolutionKind,
    ResolutionStatus,
    ReturnKind,
    ShipmentStatus,
    Status,
    StatusTable,
)
from returns_hub.webhooks import (
    Receipt,
    ReturnHint,
    ReturnObserved,
    UnknownEvent,
    VendorEvent,
    body_digest,
    single_header,
    verify_hmac_sha256_hex,
)

if TYPE_CHECKING:
    from returns_hub.accounts import Account
    from returns_hub.client import AsyncClient, Client, connect, connect_async
    from returns_hub.deliveries import (
        Delivery,
        DeliveryState,
    )
    from returns_hub.events import (
        ConnectionDegraded,
        ConnectionRecovered,
        Event,
        EventUnmapped,
        ItemDispositionChanged,
        ItemImagesChanged,
        ItemReceived,
        LabelFailed,
        LabelReady,
        Origin,
        ResolutionChanged,
        ReturnAttentionChanged,
        ReturnCreated,
        ReturnStatusChanged,
        ReturnUpdated,
        ShipmentUpdated,
    )
    from returns_hub.hub import (
        AccountHealth,
        AsyncHub,
        Health,
        Hub,
    )
    from returns_hub.store.inbox import Purged
    from returns_hub.store.subscriptions import FailedEvent
    from returns_hub.sync import (
        ReconcileReport,
        SyncProgress,
        SyncReport,
    )

    __version__: str

__all__ = [
    "Account",
    "AccountHealth",
    "Adapter",
    "Address",
    "Answer",
    "AsyncClient",
    "AsyncHub",
    "Attention",
    "AuthenticationFailed",
    "Capability",
    "Client",
    "ConfigurationError",
    "Conflict",
    "ConnectionDegraded",
    "ConnectionRecovered",
    "Customer",
    "Delivery",
    "DeliveryState",
    "Direction",
    "Disposition",
    "DispositionStatus",
    "Event",
    "EventUnmapped",
    "Facts",
    "FailedEvent",
    "Health",
    "HttpAnswer",
    "Hub",
    "InvalidRecord",
    "Item",
    "ItemDispositionChanged",
    "ItemImagesChanged",
    "ItemInstruction",
    "ItemReceived",
    "Label",
    "LabelFailed",
    "LabelReady",
    "LabelStatus",
    "Limits",
    "Money",
    "NewItem",
    "NewLabel",
    "NewReturn",
    "NotFound",
    "Note",
    "Operation",
    "Order",
    "OrderLine",
    "OrderRef",
    "Origin",
    "Page",
    "Parcel",
    "PermissionDenied",
    "PluginError",
    "ProviderError",
    "ProviderUnavailable",
    "Purged",
    "QuotaExhausted",
    "Rate",
    "RateLimited",
    "Reason",
    "Receipt",
    "ReconcileReport",
    "Reply",
    "Request",
    "Resolution",
    "ResolutionChanged",
    "ResolutionKind",
    "ResolutionStatus",
    "Return",
    "ReturnAttentionChanged",
    "ReturnCreated",
    "ReturnHint",
    "ReturnKind",
    "ReturnObserved",
    "ReturnQuery",
    "ReturnStatusChanged",
    "ReturnUpdated",
    "ReturnsHubError",
    "Secret",
    "Service",
    "Shipment",
    "ShipmentQuery",
    "ShipmentStatus",
    "ShipmentUpdated",
    "Slice",
    "Status",
    "StatusTable",
    "StoreError",
    "Support",
    "SyncProgress",
    "SyncReport",
    "TimelineEntry",
    "TrackingEvent",
    "TransportFailed",
    "UnexpectedReply",
    "UnknownEvent",
    "UnsupportedOperation",
    "ValidationFailed",
    "VendorEvent",
    "WebhookRejected",
    "WebhookRequest",
    "__version__",
    "answer_order_lookup",
    "answer_order_lookup_async",
    "body_digest",
    "connect",
    "connect_async",
    "decode_json",
    "dump",
    "format_time",
    "load",
    "parse_time",
    "single_header",
    "structure",
    "verify_hmac_sha256_hex",
]

_LAZY: Final = {
    "returns_hub.accounts": ("Account",),
    "returns_hub.client": (
        "AsyncClient",
        "Client",
        "connect",
        "connect_async",
    ),
    "returns_hub.deliveries": (
        "Delivery",
        "DeliveryState",
    ),
    "returns_hub.events": (
        "ConnectionDegraded",
        "ConnectionRecovered",
        "Event",
        "EventUnmapped",
        "ItemDispositionChanged",
        "ItemImagesChanged",
        "ItemReceived",
        "LabelFailed",
        "LabelReady",
        "Origin",
        "ResolutionChanged",
        "ReturnAttentionChanged",
        "ReturnCreated",
        "ReturnStatusChanged",
        "ReturnUpdated",
        "ShipmentUpdated",
    ),
    "returns_hub.hub": (
        "AccountHealth",
        "AsyncHub",
        "Health",
        "Hub",
    ),
    "returns_hub.store.subscriptions": ("FailedEvent",),
    "returns_hub.store.inbox": ("Purged",),
    "returns_hub.sync": (
        "ReconcileReport",
        "SyncProgress",
        "SyncReport",
    ),
}

# Hidden from type checkers, which would take any name for one that is here.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version

            value = version("returns-hub")
        else:
            module = next((module for module, names in _LAZY.items() if name in names), None)
            if module is None:
                raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
            value = getattr(importlib.import_module(module), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
