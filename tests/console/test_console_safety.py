"""Nobody does what they may not do: on every path, generated from the routes; and what goes with every answer."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, TypeAlias

import pytest

from returns_hub.console.access import Role
from returns_hub.console.pages import ROUTES
from returns_hub.console.visit import Act, Page, Query, Route

World: TypeAlias = Any

PASSWORD = "canary-password-8f2c"
ODD = "/console/returns/returnmate-sandbox/rma_odd"
UNMASK = "/console/unmask/returnmate-sandbox/rma_odd"
PLACES = {"account": "returnmate-sandbox", "name": "erp"}
# What a form of each act holds besides its token; the test of the list below says when one is missing.
FORMS: dict[str, dict[str, str]] = {
    "/console/act/read/{account}/{id:path}": {},
    "/console/act/status/{account}/{id:path}": {"status": "approved"},
    "/console/act/note/{account}/{id:path}": {"text": "a note", "reader": "staff"},
    "/console/act/label/{account}/{id:path}": {"label": "none"},
    "/console/act/instruct/{account}/{id:path}": {"item": "none", "disposition": "restock"},
    "/console/unmask/{account}/{id:path}": {},
    "/console/deliveries/{id}/unmask": {},
    "/console/replay": {"id": "1"},
    "/console/retry/{name:path}": {"sequence": "1"},
    "/console/skip/{name:path}": {"sequence": "1"},
    "/console/accounts/{account}/sync": {},
    "/console/accounts/{account}/reconcile": {},
    "/console/sandbox/{account}/trigger": {"event": "rma.approved"},
    "/console/sandbox/{account}/order": {"number": "1"},
    "/console/sandbox/{account}/fault": {"fault": "truncated", "times": "50"},
    "/console/sandbox/{account}/mend": {},
    "/console/sandbox-shop": {"state": "failing"},
    "/console/logout": {},
}
# Where the form of an act stands, if not on the page of its own path.
PAGES = {
    "/console/unmask/{account}/{id:path}": "/console/returns/returnmate-sandbox/rma_odd",
    "/console/deliveries/{id}/unmask": "/console/deliveries/1",
    "/console/replay": "/console/replay?id=1",
    "/console/accounts/{account}/sync": "/console/accounts/returnmate-sandbox",
    "/console/accounts/{account}/reconcile": "/console/accounts/returnmate-sandbox",
    "/console/sandbox/{account}/trigger": "/console/sandbox?vendor=returnmate-sandbox",
    "/console/sandbox/{account}/order": "/console/sandbox?vendor=returnless-sandbox",
    "/console/sandbox/{account}/fault": "/console/sandbox?vendor=returnmate-sandbox",
    "/console/sandbox/{account}/mend": "/console/sandbox?vendor=returnmate-sandbox",
    "/console/sandbox-shop": "/console/sandbox",
    "/console/logout": "/console/",
    "/console/retry/{name:path}": "/console/handlers/erp",
    "/console/skip/{name:path}": "/console/handlers/erp",
}
# These forms are refused for what they name, before anything is written down.
REFUSED = ("/console/act/label/{account}/{id:path}", "/console/act/instruct/{account}/{id:path}")
ACTS = [route for route in ROUTES if isinstance(route, Act)]
READS = [route for route in ROUTES if isinstance(route, Page) and route.path != "/console/stream"]


def path_of(world: World, route: Route) -> str:
    """A path of the route that leads to something."""
    path = route.path.replace("{id:path}", "rma_odd").replace("{id}", "1").replace("{name:path}", "erp")
    path = path.format(**PLACES)
    if path.startswith(("/console/act/label", "/console/act/instruct")):
        path = path.replace("returnmate-sandbox/rma_odd", f"return-helper-sandbox/{world.warehoused}")
    path = path.replace("sandbox/returnmate-sandbox/order", "sandbox/returnless-sandbox/order")
    return path + ("?id=1" if isinstance(route, Page) and path == "/console/replay" else "")


def form_of(world: World, route: Route) -> dict[str, str]:
    """What the form of an act holds besides its token."""
    failed = next(iter(world.hub.failed_events("erp")))
    return {
        name: str(failed.event.sequence) if name == "sequence" else value for name, value in FORMS[route.path].items()
    }


def named(route: Route) -> str:
    return f"{type(route).__name__} {route.path}"


@pytest.fixture(scope="module", autouse=True)
def one_delivery(world: World) -> None:
    """Delivery 1, which is pending, and an event that the handlers have failed at."""
    from returns_hub.server import create_app
    from returns_hub.testing import serve

    if not list(world.hub.deliveries(limit=1)):
        with serve(create_app(world.hub)) as server:
            world.simulator("returnmate").trigger(f"{server.url}/webhooks/returnmate-sandbox")


@pytest.fixture
def nothing_done(world: World) -> Iterator[None]:
    """Holds that no act was written down, no vendor was called, no delivery and no event changed."""

    def state() -> tuple[Any, ...]:
        deliveries = [(each.id, each.state, each.attempts, each.origin) for each in world.hub.deliveries()]
        failed = [(each.event.sequence, each.state) for each in world.hub.failed_events("erp")]
        return world.audited, world.called, deliveries, failed, [event.sequence for event in world.hub.events(latest=1)]

    before = state()
    yield
    assert state() == before


@pytest.fixture(scope="module")
def ada(world: World) -> Any:
    return world.browser("ada")


@pytest.fixture(scope="module")
def ron(world: World) -> Any:
    return world.browser("ron")


def test_every_act_has_a_form_here() -> None:
    assert {route.path for route in ACTS} == set(FORMS)


@pytest.mark.usefixtures("nothing_done")
@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_who_is_not_logged_in_sees_and_does_nothing(world: World, route: Route) -> None:
    browser = world.browser()
    if isinstance(route, Act):
        reply = browser.post(path_of(world, route), {"form_token": "x.y", **form_of(world, route)})
        assert reply.status == 401
    else:
        reply = (
            browser.post(path_of(world, route), {"find": "1"})
            if isinstance(route, Query)
            else browser.get(path_of(world, route))
        )
        assert (reply.status, reply.body) == (303, b"")
        assert reply.headers["location"].startswith("/console/login?next=%2Fconsole")


@pytest.mark.usefixtures("nothing_done")
@pytest.mark.parametrize("route", [route for route in ROUTES if route.role is Role.ACT], ids=named)
def test_who_may_look_does_nothing(world: World, ron: Any, route: Route) -> None:
    if isinstance(route, Act):
        page = ron.get(PAGES.get(route.path, path_of(world, route)))
        # No page offers it; a token of another form of the same session does not help.
        assert f'action="{path_of(world, route)}"' not in page.text
        token = ron.get("/console/").token("/console/logout")
        reply = ron.post(path_of(world, route), {"form_token": token, **form_of(world, route)})
    else:
        reply = ron.post(path_of(world, route)) if isinstance(route, Query) else ron.get(path_of(world, route))
    assert reply.status == 403
    assert "may look" in reply.words


@pytest.fixture(scope="module")
def strange_token(world: World) -> str:
    """The token of a form in another session."""
    stranger = world.browser(cookies={"returns_hub_console": "a" * 43})
    token: str = stranger.get("/console/login").token("/console/login")
    return token


@pytest.mark.usefixtures("nothing_done")
@pytest.mark.parametrize("route", ACTS, ids=named)
def test_a_form_that_is_not_ours_does_nothing(world: World, ada: Any, strange_token: str, route: Act) -> None:
    # A form of the same session for another act; logging out is on every page.
    other = UNMASK if route.action == "log out" else "/console/logout"
    for token in ("", "x", "x.y", strange_token, ada.get(ODD).token(other)):
        reply = ada.post(path_of(world, route), {"form_token": token, **form_of(world, route)})
        assert (reply.status, "Nothing was done" in reply.words) == (403, True), token


@pytest.mark.parametrize("route", ACTS, ids=named)
def test_a_form_is_good_for_one_act(world: World, route: Act) -> None:
    browser = world.browser("ada")
    before = world.audited
    page = browser.get(PAGES.get(route.path, path_of(world, route)))
    if route.path in REFUSED:
        reply = browser.act(path_of(world, route), path_of(world, route), form_of(world, route))
        assert (reply.status, world.audited) == (422, before)
        return
    form = {"form_token": page.token(path_of(world, route)), **form_of(world, route)}
    first = browser.post(path_of(world, route), form)
    assert first.status == 303
    world.wait_for_jobs()
    # What a sync came to is written down too, once it has ended.
    acts = 2 if route.action in ("sync", "reconcile") else 1
    assert world.audited == before + acts
    again = browser.post(path_of(world, route), form)
    assert again.status == (401 if route.action == "log out" else 409)
    assert "Nothing was done" in again.words
    assert world.audited == before + acts


@pytest.mark.usefixtures("nothing_done")
@pytest.mark.parametrize("route", ACTS, ids=named)
def test_another_site_does_nothing(world: World, ada: Any, route: Act) -> None:
    form = {"form_token": ada.get("/console/").token("/console/logout"), **form_of(world, route)}
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        reply = ada.post(path_of(world, route), form, **headers)
        assert (reply.status, "another site" in reply.words) == (403, True)


@pytest.mark.usefixtures("nothing_done")
@pytest.mark.parametrize("route", [route for route in ROUTES if route.path != "/console/stream"], ids=named)
def test_the_wrong_method_does_nothing(world: World, ada: Any, route: Route) -> None:
    paths = {each.path for each in ROUTES if isinstance(each, Page)}
    if isinstance(route, Page):
        assert ada.send("PUT", path_of(world, route)).status in (404, 405)
    elif route.path not in paths:
        assert ada.get(path_of(world, route)).status == 405


class Tags(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.usefixtures("nothing_done")
@pytest.mark.parametrize("route", READS, ids=named)
def test_every_page_is_complete_safe_and_without_a_secret(world: World, ada: Any, people: Any, route: Page) -> None:
    reply = ada.get(path_of(world, route))
    assert reply.status == 200, reply.words
    check_headers(reply.headers)
    for secret in (PASSWORD, people["ada"]["password"], ada.cookies["returns_hub_console"], *secrets(world)):
        assert secret not in reply.text
        assert secret not in str(reply.headers)
    for tag, attributes in Tags(reply.text).found:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert tag not in ("style", "iframe", "object", "embed", "base", "img")
        if tag in ("script", "link"):
            assert str(attributes.get("src") or attributes.get("href")).startswith("/console/static/")
        if tag == "form":
            assert str(attributes["action"]).startswith("/console/")


def test_answers_that_are_no_page_have_the_headers_too(world: World, ada: Any) -> None:
    for reply in (
        ada.get("/console/nothing"),
        ada.get("/"),
        ada.get("/console/static/x"),
        world.browser().get("/console/login"),
    ):
        check_headers(reply.headers)
    static = ada.get("/console/static/console.js")
    assert static.headers["content-type"].startswith("text/javascript")
    assert static.headers["x-content-type-options"] == "nosniff"


def check_headers(headers: Any) -> None:
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "script-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def secrets(world: World) -> list[str]:
    """The credentials of every account."""
    found = [value for one in world.started for value in one.simulator.options.values() if isinstance(value, str)]
    return [value for value in found if re.search("key|secret|token|pass", value)]
