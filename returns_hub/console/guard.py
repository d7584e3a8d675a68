"""What stands before every page and act: who is it, may they, is the form ours; and what goes with every answer."""

import asyncio
import hashlib
import ipaddress
import secrets
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from attrs import define, frozen
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from returns_hub.console.access import Identity, Role
from returns_hub.console.state import Console
from returns_hub.console.visit import Act, Form, Page, Plan, Query, Refusal, Result, Visit, path_of
from returns_hub.errors import ConfigurationError, ProviderError, ReturnsHubError, StoreError, describe_error
from returns_hub.logs import log_event
from returns_hub.store.audit import NewAuditEntry, Outcome

LOGIN: Final = "/console/login"
_COOKIE: Final = "returns_hub_console"
_COOKIE_BYTES: Final = 32
_MAX_FORM_BYTES: Final = 256 * 1024
_MAX_FIELDS: Final = 2000
_FORM_SECONDS: Final = 15.0
_FORWARDED: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
_NOBODY: Final = Identity("", Role.READ)

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With no-referrer browsers would not say where a form comes from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex, nofollow",
}


@frozen
class SecurityHeaders:
    """The application with the headers that every answer of the console has. Nothing is kept by a cache unless it says so."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, with_headers)


@define
class _Endpoint:
    console: Console
    route: Any

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self.answer(request)
        except Refusal as refusal:
            response = await fail(self.console, request, refusal)
        except StoreError as error:
            log_event("console.failed", "the console cannot read the store: %s", error)
            response = await fail(self.console, request, Refusal(503, f"The store does not answer: {error}."))
        except ConfigurationError as error:
            response = await fail(self.console, request, Refusal(404, f"{error}."))
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold data
            log_event("console.failed", "a page of the console failed: %s", describe_error(error), error=error)
            response = await fail(
                self.console, request, Refusal(500, "This page failed; the log of the server says why.")
            )
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        raise NotImplementedError

    async def admit(self, request: Request) -> Visit | Response:
        """The visit of somebody who may make it, or what to answer instead."""
        cookie = read_cookie(request)
        identity = await run_in_threadpool(who_is, self.console, request, cookie)
        if identity is None:
            return _to_login(self.console, request)
        if identity.role < self.route.role:
            raise Refusal(403, f"{identity.person} may look, and change nothing: the role “act” is needed.")
        return Visit(
            console=self.console,
            request=request,
            identity=identity,
            cookie=cookie or secrets.token_urlsafe(_COOKIE_BYTES),
        )


class PageEndpoint(_Endpoint):
    """Answers GET with a page."""

    route: Page

    async def answer(self, request: Request) -> Response:
        """The page, for somebody who may see it."""
        visit = await self.admit(request)
        if isinstance(visit, Response):
            return visit
        if asyncio.iscoroutinefunction(self.route.handler):
            response: Response = await self.route.handler(visit)
        else:
            response = await run_in_threadpool(self.route.handler, visit)
        set_cookie(visit, response)
        return response


class QueryEndpoint(_Endpoint):
    """Answers POST with a page that changed nothing."""

    route: Query

    async def answer(self, request: Request) -> Response:
        """The page, for somebody who may see it."""
        check_origin(self.console, request)
        visit = await self.admit(request)
        if isinstance(visit, Response):
            return visit
        visit.form = await read_form(request)
        response: Response = await run_in_threadpool(self.route.handler, visit)
        set_cookie(visit, response)
        return response


class ActEndpoint(_Endpoint):
    """Answers POST with an act: written down first, done once for each form, and shown on the page it leads back to."""

    route: Act

    async def answer(self, request: Request) -> Response:
        """Where to go after the act."""
        check_origin(self.console, request)
        visit = await self.admit(request)
        if isinstance(visit, Response):
            raise Refusal(401, "You are not logged in any more. Nothing was done.")
        visit.form = await read_form(request)
        token = visit.checked_token()
        if token is None:
            raise Refusal(403, "This form is not of your session, or too old. Nothing was done: open the page again.")
        return await run_in_threadpool(self._act, visit, token)

    def _act(self, visit: Visit, token: str) -> Response:
        plan: Plan = self.route.handler(visit)
        entry = self.console.audit.begin(
            NewAuditEntry(
                person=visit.identity.person,
                session=visit.session,
                action=self.route.action,
                account=plan.account,
                subject=plan.subject,
                detail=plan.detail,
                token=token,
            )
        )
        if entry is None:
            raise Refusal(
                409, "This form was sent before, and is good for one act. Nothing was done: open the page again."
            )
        result = _done(plan)
        self.console.audit.finish(entry, result.outcome, result.message)
        path, _, query = plan.back.partition("?")
        return RedirectResponse(f"{path}?{query}&done={entry}" if query else f"{path}?done={entry}", 303)


def _done(plan: Plan) -> Result:
    """What became of the act, whatever it raised."""
    try:
        return plan.do()
    except ProviderError as error:
        if error.maybe_applied:
            return Result(
                f"{error}. The vendor may have done it all the same: read again to see.", Outcome.MAYBE_APPLIED
            )
        return Result(f"{error}. Nothing was changed.", Outcome.FAILED)
    except ReturnsHubError as error:
        return Result(f"{error}.", Outcome.FAILED)
    except ValueError as error:
        return Result(f"{error}. Nothing was changed.", Outcome.REFUSED)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is to be said
        log_event("console.failed", "an act in the console failed: %s", describe_error(error), error=error)
        return Result(
            "It failed; the log of the server says why. Read again to see what was done.", Outcome.MAYBE_APPLIED
        )


def who_is(console: Console, request: Request, cookie: str | None) -> Identity | None:
    """Who makes a request; None where they have to log in first.

    Raises:
        Refusal: nobody logs in here, and the request is not of this machine.
    """
    access, peer = console.access, peer_of(request)
    if not access.needs_login:
        if not _is_local(request, peer):
            raise Refusal(
                403, "Without people who log in, this console is for the machine it runs on: configure console_users."
            )
        return Identity("local", Role.ACT)
    if access.user_header is not None:
        named = request.headers.getlist(access.user_header)
        identity = access.from_proxy(peer, named[0] if len(named) == 1 else None)
        if identity is not None:
            return identity
    person = console.sessions.person(hashlib.sha256(cookie.encode()).hexdigest()) if cookie else None
    return None if person is None else access.identity(person)


def peer_of(request: Request) -> str:
    """The address that the request came from: that of a proxy, where there is one."""
    return request.client.host if request.client else ""


def check_origin(console: Console, request: Request) -> None:
    """Returns if the form was sent by a page of the console, as far as the browser says.

    Raises:
        Refusal: it was not.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    ours = urlsplit(console.access.url).netloc if console.access.url else request.headers.get("host", "")
    if origin is not None and urlsplit(origin).netloc.lower() != ours.lower():
        raise Refusal(403, "This form was sent from another site. Nothing was done.")
    if site not in (None, "same-origin", "none"):
        raise Refusal(403, "This form was sent from another site. Nothing was done.")


async def read_form(request: Request) -> Form:
    """The fields of a form.

    Raises:
        Refusal: it is none, too large, or too slow.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refusal(415, "This is no form.")
    held = bytearray()
    try:
        async with asyncio.timeout(_FORM_SECONDS):
            async for part in request.stream():
                held += part
                if len(held) > _MAX_FORM_BYTES:
                    raise Refusal(413, "This form is too large. Nothing was done.")
    except TimeoutError:
        raise Refusal(408, "The form did not arrive in time. Nothing was done.") from None
    try:
        return parse_qs(held.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError:
        raise Refusal(400, "This form cannot be read. Nothing was done.") from None


def read_cookie(request: Request) -> str | None:
    """The secret of the browser's session; None if it has none."""
    values = []
    for header in request.headers.getlist("cookie"):
        try:
            found = SimpleCookie(header).get(_COOKIE)
        except CookieError:
            continue
        values += [found.value] if found else []
    # Two of them: another site below the same name has set one.
    return values[0] if len(values) == 1 and values[0].isascii() and 20 <= len(values[0]) <= 200 else None


def set_cookie(visit: Visit, response: Response) -> None:
    """Give the browser the secret of its session, unless it has it."""
    if read_cookie(visit.request) != visit.cookie:
        root = visit.request.scope.get("root_path", "")
        secure = (visit.console.access.url or "").startswith("https:")
        response.set_cookie(
            _COOKIE, visit.cookie, path=f"{root}/console", httponly=True, samesite="strict", secure=secure
        )


async def fail(console: Console, request: Request, refusal: Refusal) -> Response:
    """An error as a page."""
    visit = Visit(console=console, request=request, identity=_NOBODY, cookie="")
    return visit.render("error.html", refusal.status, refusal=refusal)


def anonymous(console: Console, request: Request) -> Visit:
    """The visit of somebody who has not logged in yet."""
    cookie = read_cookie(request) or secrets.token_urlsafe(_COOKIE_BYTES)
    return Visit(console=console, request=request, identity=_NOBODY, cookie=cookie)


def fresh_cookie() -> str:
    """The secret of a new session."""
    return secrets.token_urlsafe(_COOKIE_BYTES)


def _to_login(console: Console, request: Request) -> Response:
    here = quote(path_of(request)) + (f"?{request.url.query}" if request.url.query else "")
    visit = anonymous(console, request)
    if request.headers.get("sec-fetch-site") == "cross-site" and read_cookie(request) is None:
        # A link on another site, a help desk's: browsers keep a strict cookie back until a page of ours goes on.
        return visit.render("continue.html", here=visit.url(here))
    return RedirectResponse(visit.url(LOGIN, next=here), 303)


def _is_local(request: Request, peer: str) -> bool:
    """True of a request from this machine, by a name of this machine, that no proxy has forwarded."""
    try:
        near = ipaddress.ip_address(peer).is_loopback
    except ValueError:
        near = False
    hosts: Sequence[str] = request.headers.getlist("host")
    # A name of somebody else's may lead here as well (DNS rebinding).
    named = len(hosts) == 1 and _without_port(hosts[0]) in _LOOPBACK_NAMES
    return near and named and not any(name in request.headers for name in _FORWARDED)


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if name and port.isdecimal() else host).lower()
