"""Redo's webhook subscriptions: calls that only this vendor has, run with ``client.run(client.adapter.replay_webhooks(...))``."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from returns_hub import Adapter, Operation, Request, Secret, format_time, to_secret
from returns_hub.wire import Record, build_path, get, parse_object, without_none


@frozen(kw_only=True)
class Subscription:
    """A subscription to the returns of a store. ``url`` is where its deliveries go."""

    id: str
    url: str | None = None
    external_id: str | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)


class SubscriptionCalls(Adapter):
    """The calls on subscriptions. The token of a subscription is one of the account's ``webhook_secrets``."""

    store_id: str

    def create_webhook(
        self, url: str, token: Secret | str, *, external_id: str | None = None, backfill: bool = False
    ) -> Operation[Subscription]:
        """Subscribe an address to every change of a return, with the bearer token that its deliveries are to carry.

        The same ``external_id`` updates the subscription instead of making a second one. ``backfill`` has every return
        delivered once, as a burst of ``backfill`` events.
        """
        auth = {"bearer": {"token": to_secret(token).reveal()}}
        webhook = without_none(
            topic="return",
            kind="redo",
            callback={"url": url, "auth": auth},
            externalId=external_id,
            backfill=backfill,
        )
        reply = yield Request(
            method="POST",
            path=build_path("stores", self.store_id, "webhooks"),
            json={"webhook": webhook},
            replayable=external_id is not None,
        )
        return _subscription(self.check(reply))

    def get_webhook(self, webhook_id: str) -> Operation[Subscription]:
        """One subscription, without its token."""
        reply = yield get(build_path("webhooks", webhook_id))
        return _subscription(self.check(reply))

    def delete_webhook(self, webhook_id: str) -> Operation[None]:
        """End a subscription."""
        reply = yield Request(method="DELETE", path=build_path("webhooks", webhook_id), replayable=True)
        self.check(reply)

    def replay_webhooks(self, webhook_id: str, since: datetime) -> Operation[None]:
        """Have everything delivered again that happened since a moment: what an outage of the receiver may have lost."""
        reply = yield Request(
            method="POST",
            path=build_path("webhooks", webhook_id, "replay"),
            json={"start": format_time(since)},
            replayable=True,
        )
        self.check(reply)


def _subscription(payload: object) -> Subscription:
    record = Record(parse_object(payload))
    webhook = record.record("webhook") if "webhook" in record.raw else record
    return Subscription(
        id=webhook.id("id"),
        url=webhook.record("callback").text("url"),
        external_id=webhook.text("externalId"),
        raw={name: value for name, value in webhook.raw.items() if name != "callback"},
    )
