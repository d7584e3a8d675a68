"""Receive for every account of returns-hub.toml in Flask: flask --app webhooks_flask run

Another process does the work, and calls tell_shop: returns-hub work --hub webhooks_flask:hub
"""

import logging
from datetime import UTC, datetime

from flask import Flask, Response, abort, request

from my_shop import return_changed
from returns_hub import (
    ConfigurationError,
    HttpAnswer,
    Hub,
    ReturnCreated,
    ReturnStatusChanged,
    StoreError,
    UnsupportedOperation,
    WebhookRejected,
    WebhookRequest,
)

log = logging.getLogger(__name__)
hub = Hub.from_config()


# The name is where the hub keeps how far this handler has come; it may be called again with an event after a crash.
@hub.on(ReturnCreated, ReturnStatusChanged, name="my-shop")
def tell_shop(event: ReturnCreated | ReturnStatusChanged) -> None:
    stored = hub.get_return(event.account, event.return_id)
    if stored is not None:
        return_changed(stored.ret)


app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1 << 20


# Some vendors append the return's id, and a slash may follow it.
@app.post("/webhooks/<account>")
@app.post("/webhooks/<account>/")
@app.post("/webhooks/<account>/<path:rest>")
def receive_webhook(account: str, rest: str = "") -> Response:
    if account not in hub.accounts:
        abort(404)
    # When this returns, the delivery is durable. Before, the vendor must not hear of success.
    return response(hub.receive(account, incoming()))


# A path, because an order number may hold a slash, and because one may follow it.
@app.get("/orders/<account>/<path:number>")
def look_up_order(account: str, number: str) -> Response:
    if account not in hub.accounts or hub.accounts[account].orders is None:
        abort(404)
    return response(hub.answer_order_lookup(account, incoming()))


@app.errorhandler(WebhookRejected)
def refuse(error: WebhookRejected) -> Response:
    log.warning("refused: %s", error.reason)
    return Response(status=401)


@app.errorhandler(UnsupportedOperation)
def not_here(error: UnsupportedOperation) -> Response:
    return Response(status=404)


@app.errorhandler(ConfigurationError)
@app.errorhandler(StoreError)
def try_later(error: ConfigurationError | StoreError) -> Response:
    log.warning("cannot be taken now: %s", error)
    return Response(status=503, headers={"Retry-After": "5"})


def incoming() -> WebhookRequest:
    return WebhookRequest.from_wsgi(request.environ, request.get_data(), received_at=datetime.now(UTC))


def response(answer: HttpAnswer) -> Response:
    return Response(answer.body, answer.status, answer.headers)
