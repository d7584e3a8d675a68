"""One model in front of every returns provider.

:func:`connect` gives a client of one vendor, :class:`Hub` a mirror of many accounts. Every public name is here, and is
imported when it is first used: most programs need neither the HTTP stack nor the database.
"""

import importlib
from typing import Any, Final

# Every public name, by the module that has it. ``__init__.pyi`` is made from it for type checkers and editors:
# ``python -m returns_hub.public_names``.
_PUBLIC: Final = {
    "accounts": "Account",
    "adapter": "Adapter Capability Limits Rate RateLimitHeaders Slice Support Token",
    "client": "AsyncClient Client connect connect_async",
    "convert": "dump load structure",
    "errors": (
        "AuthenticationFailed ConfigurationError Conflict NotFound PermissionDenied PluginError "
        "ProviderError ProviderUnavailable QuotaExhausted RateLimited ReplyTooLarge ReturnsHubError "
        "StoreError TransportFailed UnexpectedReply UnsupportedOperation ValidationFailed WebhookRejected"
    ),
    "events": (
        "AttentionChanges ConnectionDegraded ConnectionRecovered CreatedChanges Event EventUnmapped ItemAdded "
        "ItemDispositionChanged ItemExtraChanged ItemImagesChanged ItemMeasured ItemNotesChanged ItemReceived "
        "ItemServicesChanged LabelFailed LabelReady NotesChanges Origin ResolutionChanged "
        "ReturnAttentionChanged ReturnCreated ReturnErased ReturnNotesChanged ReturnStatusChanged ReturnUpdated "
        "ShipmentUpdated StatusChanges"
    ),
    "handlers": "ConsumerHealth",
    "hub": "AccountHealth AsyncHub Health Hub",
    "json_codec": "decode_json",
    "model": (
        "Address Answer Customer Item ItemInstruction Label Money NewItem NewLabel NewReturn Note Order "
        "OrderLine OrderRef Parcel Reason Resolution Return ReturnQuery Service Shipment ShipmentQuery "
        "TimelineEntry TrackingEvent"
    ),
    "operation": "HttpAnswer InvalidRecord Operation Page Reply Request UnreadableField WebhookRequest once_per_reply",
    "orders": "answer_order_lookup answer_order_lookup_async",
    "reports": (
        "Delivery DeliveryState Difference Erased FailedEvent FailedEventState Finding Purged ReconcileReport Refusal Reloaded SyncProgress "
        "SyncReport"
    ),
    "scalars": "format_time parse_time",
    "secret": "Secret to_secret to_secrets",
    "signatures": "single_header verify_hmac_sha256_hex",
    "status": (
        "Attention Direction Disposition DispositionStatus Facts LabelStatus ResolutionKind ResolutionStatus "
        "ReturnKind ShipmentStatus Status StatusTable"
    ),
    "webhooks": "Receipt ReturnHint ReturnObserved UnknownEvent VendorEvent body_digest",
}
_MODULES: Final = {name: module for module, names in _PUBLIC.items() for name in names.split()}

__all__ = sorted([*_MODULES, "__version__"])  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("returns-hub")
    elif name in _MODULES:
        value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
