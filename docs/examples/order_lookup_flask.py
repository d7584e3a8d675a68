"""Order look-up and webhook for Flask: flask --app order_lookup_flask run"""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from flask import Flask, Response, request

from my_shop import find_order, return_changed
from returns_hub import HttpAnswer, ReturnHint, ReturnsHubError, WebhookRejected, WebhookRequest, connect

log = logging.getLogger(__name__)
client = connect(
    "returnless",
    user=os.environ["RETURNLESS_USER"],
    password=os.environ["RETURNLESS_PASSWORD"],
    signing_keys=[os.environ["RETURNLESS_SIGNING_KEY"]],
)
after_the_answer = ThreadPoolExecutor(max_workers=1)

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1 << 20


# A path, because an order number may hold a slash, and because one may follow it.
@app.get("/orders/<path:number>")
def look_up_order(number: str) -> Response:
    return response(client.answer_order_lookup(incoming(), find_order))


@app.post("/webhooks/<path:return_id>")
def receive_webhook(return_id: str) -> Response:
    receipt = client.receive(incoming())
    for event in receipt.events:
        if isinstance(event, ReturnHint) and event.return_id:
            # Not here: webhooks come in bursts, the API is slow to be asked, and the vendor is waiting for 201.
            after_the_answer.submit(read_again, event.return_id)
    return response(receipt.answer)


@app.errorhandler(WebhookRejected)
def refuse(error: WebhookRejected) -> Response:
    log.warning("refused: %s", error)
    return Response(status=401)


def read_again(return_id: str) -> None:
    try:
        ret = client.get_return(return_id)
    except ReturnsHubError as error:
        log.warning("return %s was not read; the next sync finds it: %s", return_id, error)
    else:
        return_changed(ret)


def incoming() -> WebhookRequest:
    return WebhookRequest.from_wsgi(request.environ, request.get_data(), received_at=datetime.now(UTC))


def response(answer: HttpAnswer) -> Response:
    return Response(answer.body, answer.status, answer.headers)
