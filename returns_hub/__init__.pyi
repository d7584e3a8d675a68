from returns_hub.accounts import Account as Account
from returns_hub.adapter import Adapter as Adapter
from returns_hub.adapter import Capability as Capability
from returns_hub.adapter import Limits as Limits
from returns_hub.adapter import Rate as Rate
from returns_hub.adapter import RateLimitHeaders as RateLimitHeaders
from returns_hub.adapter import Slice as Slice
from returns_hub.adapter import Support as Support
from returns_hub.adapter import Token as Token
from returns_hub.client import AsyncClient as AsyncClient
from returns_hub.client import Client as Client
from returns_hub.client import connect as connect
from returns_hub.client import connect_async as connect_async
from returns_hub.convert import dump as dump
from returns_hub.convert import load as load
from returns_hub.convert import structure as structure
from returns_hub.errors import AuthenticationFailed as AuthenticationFailed
from returns_hub.errors import ConfigurationError as ConfigurationError
from returns_hub.errors import Conflict as Conflict
from returns_hub.errors import NotFound as NotFound
from returns_hub.errors import PermissionDenied as PermissionDenied
from returns_hub.errors import PluginError as PluginError
from returns_hub.errors import ProviderError as ProviderError
from returns_hub.errors import ProviderUnavailable as ProviderUnavailable
from returns_hub.errors import QuotaExhausted as QuotaExhausted
from returns_hub.errors import RateLimited as RateLimited
from returns_hub.errors import ReplyTooLarge as ReplyTooLarge
from returns_hub.errors import ReturnsHubError as ReturnsHubError
from returns_hub.errors import StoreError as StoreError
from returns_hub.errors import TransportFailed as TransportFailed
from returns_hub.errors import UnexpectedReply as UnexpectedReply
from returns_hub.errors import UnsupportedOperation as UnsupportedOperation
from returns_hub.errors import ValidationFailed as ValidationFailed
from returns_hub.errors import WebhookRejected as WebhookRejected
from returns_hub.events import AttentionChanges as AttentionChanges
from returns_hub.events import ConnectionDegraded as ConnectionDegraded
from returns_hub.events import ConnectionRecovered as ConnectionRecovered
from returns_hub.events import CreatedChanges as CreatedChanges
from returns_hub.events import Event as Event
from returns_hub.events import EventUnmapped as EventUnmapped
from returns_hub.events import ItemAdded as ItemAdded
from returns_hub.events import ItemDispositionChanged as ItemDispositionChanged
from returns_hub.events import ItemExtraChanged as ItemExtraChanged
from returns_hub.events import ItemImagesChanged as ItemImagesChanged
from returns_hub.events import ItemMeasured as ItemMeasured
from returns_hub.events import ItemNotesChanged as ItemNotesChanged
from returns_hub.events import ItemReceived as ItemReceived
from returns_hub.events import ItemServicesChanged as ItemServicesChanged
from returns_hub.events import LabelFailed as LabelFailed
from returns_hub.events import LabelReady as LabelReady
from returns_hub.events import NotesChanges as NotesChanges
from returns_hub.events import Origin as Origin
from returns_hub.events import ResolutionChanged as ResolutionChanged
from returns_hub.events import ReturnAttentionChanged as ReturnAttentionChanged
from returns_hub.events import ReturnCreated as ReturnCreated
from returns_hub.events import ReturnErased as ReturnErased
from returns_hub.events import ReturnNotesChanged as ReturnNotesChanged
from returns_hub.events import ReturnStatusChanged as ReturnStatusChanged
from returns_hub.events import ReturnUpdated as ReturnUpdated
from returns_hub.events import ShipmentUpdated as ShipmentUpdated
from returns_hub.events import StatusChanges as StatusChanges
from returns_hub.handlers import ConsumerHealth as ConsumerHealth
from returns_hub.hub import AccountHealth as AccountHealth
from returns_hub.hub import AsyncHub as AsyncHub
from returns_hub.hub import Health as Health
from returns_hub.hub import Hub as Hub
from returns_hub.json_codec import decode_json as decode_json
from returns_hub.model import Address as Address
from returns_hub.model import Answer as Answer
from returns_hub.model import Customer as Customer
from returns_hub.model import Item as Item
from returns_hub.model import ItemInstruction as ItemInstruction
from returns_hub.model import Label as Label
from returns_hub.model import Money as Money
from returns_hub.model import NewItem as NewItem
from returns_hub.model import NewLabel as NewLabel
from returns_hub.model import NewReturn as NewReturn
from returns_hub.model import Note as Note
from returns_hub.model import Order as Order
from returns_hub.model import OrderLine as OrderLine
from returns_hub.model import OrderRef as OrderRef
from returns_hub.model import Parcel as Parcel
from returns_hub.model import Reason as Reason
from returns_hub.model import Resolution as Resolution
from returns_hub.model import Return as Return
from returns_hub.model import ReturnQuery as ReturnQuery
from returns_hub.model import Service as Service
from returns_hub.model import Shipment as Shipment
from returns_hub.model import ShipmentQuery as ShipmentQuery
from returns_hub.model import TimelineEntry as TimelineEntry
from returns_hub.model import TrackingEvent as TrackingEvent
from returns_hub.operation import HttpAnswer as HttpAnswer
from returns_hub.operation import InvalidRecord as InvalidRecord
from returns_hub.operation import Operation as Operation
from returns_hub.operation import Page as Page
from returns_hub.operation import Reply as Reply
from returns_hub.operation import Request as Request
from returns_hub.operation import UnreadableField as UnreadableField
from returns_hub.operation import WebhookRequest as WebhookRequest
from returns_hub.operation import once_per_reply as once_per_reply
from returns_hub.orders import answer_order_lookup as answer_order_lookup
from returns_hub.orders import answer_order_lookup_async as answer_order_lookup_async
from returns_hub.reports import Delivery as Delivery
from returns_hub.reports import DeliveryState as DeliveryState
from returns_hub.reports import Difference as Difference
from returns_hub.reports import Erased as Erased
from returns_hub.reports import FailedEvent as FailedEvent
from returns_hub.reports import FailedEventState as FailedEventState
from returns_hub.reports import Finding as Finding
from returns_hub.reports import Purged as Purged
from returns_hub.reports import ReconcileReport as ReconcileReport
from returns_hub.reports import Refusal as Refusal
from returns_hub.reports import Reloaded as Reloaded
from returns_hub.reports import SyncProgress as SyncProgress
from returns_hub.reports import SyncReport as SyncReport
from returns_hub.scalars import format_time as format_time
from returns_hub.scalars import parse_time as parse_time
from returns_hub.secret import Secret as Secret
from returns_hub.secret import to_secret as to_secret
from returns_hub.secret import to_secrets as to_secrets
from returns_hub.signatures import single_header as single_header
from returns_hub.signatures import verify_hmac_sha256_hex as verify_hmac_sha256_hex
from returns_hub.status import Attention as Attention
from returns_hub.status import Direction as Direction
from returns_hub.status import Disposition as Disposition
from returns_hub.status import DispositionStatus as DispositionStatus
from returns_hub.status import Facts as Facts
from returns_hub.status import LabelStatus as LabelStatus
from returns_hub.status import ResolutionKind as ResolutionKind
from returns_hub.status import ResolutionStatus as ResolutionStatus
from returns_hub.status import ReturnKind as ReturnKind
from returns_hub.status import ShipmentStatus as ShipmentStatus
from returns_hub.status import Status as Status
from returns_hub.status import StatusTable as StatusTable
from returns_hub.webhooks import Receipt as Receipt
from returns_hub.webhooks import ReturnHint as ReturnHint
from returns_hub.webhooks import ReturnObserved as ReturnObserved
from returns_hub.webhooks import UnknownEvent as UnknownEvent
from returns_hub.webhooks import VendorEvent as VendorEvent
from returns_hub.webhooks import body_digest as body_digest

__all__ = [
    "Account",
    "AccountHealth",
    "Adapter",
    "Address",
    "Answer",
    "AsyncClient",
    "AsyncHub",
    "Attention",
    "AttentionChanges",
    "AuthenticationFailed",
    "Capability",
    "Client",
    "ConfigurationError",
    "Conflict",
    "ConnectionDegraded",
    "ConnectionRecovered",
    "ConsumerHealth",
    "CreatedChanges",
    "Customer",
    "Delivery",
    "DeliveryState",
    "Difference",
    "Direction",
    "Disposition",
    "DispositionStatus",
    "Erased",
    "Event",
    "EventUnmapped",
    "Facts",
    "FailedEvent",
    "FailedEventState",
    "Finding",
    "Health",
    "HttpAnswer",
    "Hub",
    "InvalidRecord",
    "Item",
    "ItemAdded",
    "ItemDispositionChanged",
    "ItemExtraChanged",
    "ItemImagesChanged",
    "ItemInstruction",
    "ItemMeasured",
    "ItemNotesChanged",
    "ItemReceived",
    "ItemServicesChanged",
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
    "NotesChanges",
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
    "RateLimitHeaders",
    "RateLimited",
    "Reason",
    "Receipt",
    "ReconcileReport",
    "Refusal",
    "Reloaded",
    "Reply",
    "ReplyTooLarge",
    "Request",
    "Resolution",
    "ResolutionChanged",
    "ResolutionKind",
    "ResolutionStatus",
    "Return",
    "ReturnAttentionChanged",
    "ReturnCreated",
    "ReturnErased",
    "ReturnHint",
    "ReturnKind",
    "ReturnNotesChanged",
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
    "StatusChanges",
    "StatusTable",
    "StoreError",
    "Support",
    "SyncProgress",
    "SyncReport",
    "TimelineEntry",
    "Token",
    "TrackingEvent",
    "TransportFailed",
    "UnexpectedReply",
    "UnknownEvent",
    "UnreadableField",
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
    "once_per_reply",
    "parse_time",
    "single_header",
    "structure",
    "to_secret",
    "to_secrets",
    "verify_hmac_sha256_hex",
]

__version__: str
