"""A hub in a Flask application: :func:`blueprint` receives, and brings the commands ``flask returns-hub work`` and ``sync``.

Needs the extra ``store``.
"""

from datetime import UTC, datetime
from typing import cast

import click
from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from returns_hub.contrib import commands, wsgi
from returns_hub.errors import ReturnsHubError
from returns_hub.hub import Hub
from returns_hub.hub.refusals import Route
from returns_hub.operation import HttpAnswer, WebhookRequest


def blueprint(hub: Hub, name: str = "returns_hub") -> Blueprint:
    """The blueprint that receives for every account of the hub, to be registered with a ``url_prefix``.

    Vendors post to ``PREFIX/webhooks/ACCOUNT`` and ask ``PREFIX/orders/ACCOUNT/NUMBER``; ``PREFIX/healthz`` is for
    monitoring. A WSGI server starts and ends its processes as it likes, so the work is done by ``flask returns-hub work``
    (or ``returns-hub work --hub MODULE:NAME``). Handlers are called in the application's context.
    """
    views = Blueprint(name, __name__, cli_group="returns-hub")
    views.record_once(lambda state: hub.call_handlers_in(cast("Flask", state.app).app_context))

    # Some vendors append the return's id, and a slash may follow it: to them a redirect is a failure. What is behind the
    # account is read from the URL, undecoded.
    @views.post("/webhooks/<account>")
    @views.post("/webhooks/<account>/")
    @views.post("/webhooks/<account>/<path:rest>")
    def receive(account: str, **_: str) -> Response:
        return _answer(hub, "webhooks", account)

    @views.get("/orders/<account>/<path:number>")
    def look_up_order(account: str, **_: str) -> Response:
        return _answer(hub, "orders", account)

    @views.get("/healthz")
    def health() -> Response:
        return _response(wsgi.health(hub))

    @views.cli.command("work")
    @click.option("--concurrency", default=commands.DEFAULT_CONCURRENCY, type=click.IntRange(1, 64), show_default=True)
    @click.option("--grace", default=commands.DEFAULT_GRACE, type=click.FloatRange(0, min_open=True), show_default=True)
    def work(concurrency: int, grace: float) -> None:
        """Process deliveries, call handlers, sync the accounts that have sync_every."""
        try:
            commands.work(hub, click.echo, concurrency=concurrency, grace=grace, reload=hub.reload)
        except ReturnsHubError as error:
            raise click.ClickException(str(error)) from error

    @views.cli.command("sync")
    @click.argument("accounts", nargs=-1)
    @click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="How far back the first sync reads.")
    @click.option("--full", is_flag=True, help="Read the whole history again.")
    def sync(accounts: tuple[str, ...], since: datetime | None, full: bool) -> None:  # noqa: FBT001 - a flag of a command
        """Bring the mirror up to date: of these accounts, or of all."""
        try:
            reports = hub.sync(*accounts, since=None if since is None else since.date(), full=full)
        except ReturnsHubError as error:
            raise click.ClickException(str(error)) from error
        if problems := commands.print_reports(reports, click.echo):
            raise click.ClickException("; ".join(problems))

    return views


def _answer(hub: Hub, route: Route, account: str) -> Response:
    request.max_content_length = wsgi.MAX_BODY_BYTES
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        return _response(wsgi.refuse_request(hub, route, account, 413, "too_large"))
    environ, now = request.environ, datetime.now(UTC)
    return _response(wsgi.answer(hub, route, account, lambda: WebhookRequest.from_wsgi(environ, body, received_at=now)))


def _response(answer: HttpAnswer) -> Response:
    return Response(answer.body, answer.status, list(answer.headers))
