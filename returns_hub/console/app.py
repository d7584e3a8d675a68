"""The ASGI application of the console."""

from attrs import frozen
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from returns_hub.console.access import Access
from returns_hub.console.guard import ActEndpoint, PageEndpoint, QueryEndpoint, SecurityHeaders, fail
from returns_hub.console.login import login_route
from returns_hub.console.pages import ROUTES
from returns_hub.console.sandbox import Sandbox
from returns_hub.console.state import STATIC_TYPES, Console
from returns_hub.console.visit import Act, Page, Query, Refusal, Route
from returns_hub.hub import Hub


@frozen
class ConsoleApplication:
    """The console as an ASGI application."""

    _console: Console
    _app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)

    def use_access(self, access: Access) -> None:
        """Let these people in from the next request on, in their roles of now; whoever is not among them is logged out."""
        self._console.access = access

    def beside(self, other: ASGIApp) -> ASGIApp:
        """One application of two: the console at ``/`` and ``/console/``, and the other one everywhere else."""

        async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            ours = path in ("/", "/console") or path.startswith("/console/")
            await (self if ours else other)(scope, receive, send)

        return dispatch

    def stop(self) -> None:
        """End what browsers listen to, so that a server which is to end need not wait for them."""
        self._console.stopping = True


def create_console(
    hub: Hub,
    *,
    access: Access | None = None,
    sandbox: Sandbox | None = None,
) -> "ConsoleApplication":
    """The console of a hub as an ASGI application; its pages are at ``/console/``.

    ``access`` says who may use it; without it whoever is on this machine. With a ``sandbox``, its
    simulators can be played with. It opens nothing and closes nothing, and needs no lifespan.
    """
    console = Console(
        hub=hub,
        access=access or Access(),
        paths={route.path for route in ROUTES},
        sandbox=sandbox,
    )
    pages = [
        StarletteRoute(route.path, _endpoint(console, route), methods=["GET" if isinstance(route, Page) else "POST"])
        for route in ROUTES
    ]

    async def static(request: Request) -> Response:
        name: str = request.path_params["name"]
        if name not in STATIC_TYPES:
            return await fail(console, request, Refusal(404, "There is no such page."))
        # The pages ask for it by its version.
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(console.static[name], media_type=STATIC_TYPES[name], headers=headers)

    async def home(request: Request) -> Response:
        return RedirectResponse(request.scope.get("root_path", "") + "/console/", 303)

    async def missing(request: Request, error: Exception) -> Response:
        if getattr(error, "status_code", 404) == 405:
            return await fail(console, request, Refusal(405, "This address is not used like that."))
        return await fail(console, request, Refusal(404, "There is no such page."))

    app = Starlette(
        routes=[
            *pages,
            login_route(console),
            StarletteRoute("/console/static/{name}", static, methods=["GET"]),
            StarletteRoute("/console", home, methods=["GET"]),
            StarletteRoute("/", home, methods=["GET"]),
        ],
        exception_handlers={404: missing, 405: missing},
    )
    app.router.redirect_slashes = False
    return ConsoleApplication(console, SecurityHeaders(app))


def _endpoint(console: Console, route: Route) -> ASGIApp:
    if isinstance(route, Act):
        return ActEndpoint(console, route)
    return QueryEndpoint(console, route) if isinstance(route, Query) else PageEndpoint(console, route)
