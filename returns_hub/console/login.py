"""Logging in and out."""

import math
import threading
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from returns_hub.console.access import Identity
from returns_hub.console.guard import (
    LOGIN,
    anonymous,
    check_origin,
    fail,
    fresh_cookie,
    peer_of,
    read_cookie,
    read_form,
    set_cookie,
    who_is,
)
from returns_hub.console.state import Console
from returns_hub.console.visit import Plan, Refusal, Result, Visit, digest
from returns_hub.errors import StoreError
from returns_hub.logs import log_event
from returns_hub.store.audit import NewAuditEntry, Outcome

HOME: Final = "/console/"
_MAX_PASSWORD_CHARS: Final = 1000
# A hash takes 16 MiB while it is computed.
_HASHING: Final = threading.BoundedSemaphore(4)


def login_route(console: Console) -> Route:
    """The page on which people log in."""

    async def endpoint(request: Request) -> Response:
        try:
            if not console.access.needs_login:
                return RedirectResponse(request.scope.get("root_path", "") + HOME, 303)
            if request.method == "POST":
                return await _log_in(console, request)
            visit = anonymous(console, request)
            if await run_in_threadpool(who_is, console, request, read_cookie(request)) is not None:
                return RedirectResponse(visit.url(_next(visit.query("next"))), 303)
            return _page(visit, visit.query("next"))
        except Refusal as refusal:
            return await fail(console, request, refusal)
        except StoreError as error:
            return await fail(console, request, Refusal(503, f"The store does not answer: {error}."))

    return Route(LOGIN, endpoint, methods=["GET", "POST"])


def log_out(visit: Visit) -> Plan:
    """End the session."""

    def do() -> Result:
        visit.console.sessions.end(visit.session)
        return Result("Logged out.")

    return Plan(do=do, back=visit.url(LOGIN))


async def _log_in(console: Console, request: Request) -> Response:
    check_origin(console, request)
    visit = anonymous(console, request)
    visit.form = await read_form(request)
    if visit.checked_token() is None:
        raise Refusal(403, "This form is too old. Open the login page again.")
    name, password = visit.field("name", required=False), visit.form.get("password", ("",))[0]
    address = _address(console, request)
    wait = console.limiter.try_now(address, name)
    if wait is not None:
        response = _page(
            visit,
            visit.field("next", most=1000, required=False),
            429,
            problem="Too many attempts. Try again in a few minutes.",
        )
        response.headers["Retry-After"] = str(math.ceil(wait))
        return response
    identity = await run_in_threadpool(_check, console, name, password)
    if identity is None:
        log_event("console.login_failed", "a login to the console failed, from %s", address)
        problem = "Nobody has this name and password."
        return _page(visit, visit.field("next", most=1000, required=False), 403, problem=problem)
    console.limiter.succeeded(address, name)
    # A session that was known before somebody logged in may be known to somebody else.
    visit.cookie = fresh_cookie()
    await run_in_threadpool(_begin, console, visit, identity)
    response = RedirectResponse(visit.url(_next(visit.field("next", most=1000, required=False))), 303)
    set_cookie(visit, response)
    return response


def _check(console: Console, name: str, password: str) -> Identity | None:
    if len(password) > _MAX_PASSWORD_CHARS:
        return None
    with _HASHING:
        return console.access.check_password(name, password)


def _begin(console: Console, visit: Visit, identity: Identity) -> None:
    console.sessions.begin(digest(visit.cookie), identity.person)
    entry = console.audit.begin(NewAuditEntry(person=identity.person, session=visit.session, action="log in"))
    if entry is not None:
        console.audit.finish(entry, Outcome.DONE, "Logged in.")


def _page(visit: Visit, goes_on: str, status: int = 200, problem: str = "") -> Response:
    response = visit.render("login.html", status, goes_on=_next(goes_on), problem=problem)
    set_cookie(visit, response)
    return response


def _next(path: str) -> str:
    """Where to go on: a page of the console, and never another site."""
    ours = path.startswith(HOME) and path.isprintable() and "\\" not in path and "//" not in path.partition("?")[0]
    return path if ours and not path.startswith(LOGIN) else HOME


def _address(console: Console, request: Request) -> str:
    """Whose attempts to count: the address behind a proxy that we trust, or else the one that connects."""
    peer = peer_of(request)
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return forwarded[:60] if forwarded and console.access.user_header and peer in console.access.proxies else peer
