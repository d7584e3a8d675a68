"""The stories of the people who use the console, in a real browser: Debian's Chromium, driven by Playwright; skipped where there is none.

``make browser`` installs it where it may.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from returns_hub import Hub
from returns_hub.console import Access, create_console, hash_password
from returns_hub.console.pages import ROUTES
from returns_hub.console.sandbox import Sandbox, SandboxShop, SandboxVendor
from returns_hub.console.visit import Page
from returns_hub.server import create_app
from returns_hub.store.audit import AuditLog
from returns_hub.testing import serve

World: TypeAlias = Any
PageOf: TypeAlias = Any

CHROMIUM: Final = os.environ.get("RETURNS_HUB_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
PASSWORD: Final = "canary-password-8f2c"
ODD: Final = "/console/returns/returnmate-sandbox/rma_odd"
WIDTHS: Final = (390, 1280, 1920)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: make browser installs it where it may"),
    pytest.mark.browser,
]


@pytest.fixture(scope="module")
def site(world: World) -> Iterator[str]:
    """The console and the receiver, served without a login over the simulators."""
    shop = SandboxShop()
    vendors: dict[str, SandboxVendor] = {}
    console = create_console(world.hub, sandbox=Sandbox(vendors, shop))
    with serve(console.beside(create_app(world.hub))) as server:
        for one in world.started:
            one.simulator.register_webhook(f"{server.url}/webhooks/{one.account}")
            orders = world.hub.accounts[one.account].orders is not None
            vendors[one.account] = SandboxVendor(one.account, one.simulator, server.url, orders=orders)
        yield server.url
        console.stop()
        world.wait_for_jobs()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    # Chromium wants no sandbox of its own where it runs as root, as in a container.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, site: str) -> Iterator[Callable[..., PageOf]]:
    """Opens a page of the console. Whatever the browser complains of, and every request to elsewhere, fails the test."""
    contexts, complaints = [], []

    def note(request: Any) -> None:
        if not request.url.startswith(site):
            complaints.append(f"asked {request.url}")

    def open_at(path: str, **options: Any) -> PageOf:
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("request", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.extend([message.text] if message.type == "error" else []))
        page.goto(site + path)
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert [each for each in complaints if "status of 4" not in each] == []


def find(page: PageOf, text: str) -> None:
    """Search as people do."""
    page.keyboard.press("/")
    page.keyboard.type(text)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_a_return_is_found_by_what_a_customer_has(world: World, open_page: Callable[..., PageOf]) -> None:
    stored = next(
        each
        for each in world.hub.returns(account="returnless-sandbox")
        if each.ret.shipments
        and each.ret.shipments[0].tracking_number
        and each.ret.customer
        and each.ret.customer.email
        and each.ret.order
    )
    ret = stored.ret
    page = open_page("/console/")
    for text in (ret.order.number, ret.number, ret.shipments[0].tracking_number):
        find(page, text)
        assert (
            page.url.endswith(f"/console/returns/returnless-sandbox/{ret.id}")
            or page.get_by_role("link", name=ret.number).is_visible()
        )
    find(page, ret.customer.email)
    assert ret.customer.email not in page.url
    assert ret.number in page.inner_text("main")
    find(page, "nothing has this")
    assert "No return has that." in page.inner_text("main")


def test_why_a_status_is_what_it_is_and_a_word_without_a_meaning_is_mapped(open_page: Callable[..., PageOf]) -> None:
    page = open_page(ODD, permissions=["clipboard-read", "clipboard-write"])
    page.locator(".standing details.why summary").first.click()
    card = page.locator(".standing .why-card").first
    assert "No document of the vendor has this word." in card.inner_text()
    card.get_by_role("button", name="Copy").click()
    card.get_by_role("button", name="Copied").wait_for()
    lines = page.evaluate("navigator.clipboard.readText()")
    assert lines == '[accounts.returnmate-sandbox.status_map]\n"waiting for godot" = "received"'
    page.keyboard.press("Escape")
    assert card.is_hidden()
    page.goto(page.url.replace("returns/returnmate-sandbox/rma_odd", "accounts/returnmate-sandbox"))
    assert "waiting for godot" in page.inner_text("main")


def test_a_dead_delivery_is_replayed_after_its_cause_is_mended(world: World, open_page: Callable[..., PageOf]) -> None:
    page = open_page("/console/sandbox?vendor=returnless-sandbox")
    page.get_by_label("The vendor, when it is called").select_option("server_error")
    page.get_by_label("How many times").fill("50")
    page.get_by_role("button", name="Switch on").click()
    page.get_by_role("button", name="Deliver").click()
    assert "answered 201" in page.inner_text("main")
    assert "Returnless-Signature".lower() in page.inner_text("main").lower()
    delivery = next(world.hub.deliveries(limit=1))
    kill(world, delivery.id)
    page.goto(page.url.partition("/console")[0] + "/console/deliveries?state=dead")
    page.get_by_role("link", name=str(delivery.id), exact=True).click()
    assert "ProviderUnavailable" in page.inner_text("main")
    page.goto(page.url.partition("/console")[0] + "/console/sandbox?vendor=returnless-sandbox")
    page.get_by_role("button", name="Switch all off").click()
    page.goto(page.url.partition("/console")[0] + "/console/deliveries?state=dead")
    page.get_by_label(f"Choose delivery {delivery.id}").check()
    page.get_by_role("button", name="Replay the chosen").click()
    assert "again at the vendor, and takes what that says" in page.inner_text("main")
    page.get_by_role("button", name="Replay 1").click()
    assert "1 delivery will be processed again." in page.inner_text("main")
    world.hub.process()
    # Nobody reloads: the page gets the change.
    page.locator(".standing .pill", has_text="processed").wait_for()


def kill(world: World, delivery_id: int) -> None:
    """Process a delivery until it is dead: its attempts are far apart."""
    from sqlalchemy import update

    from returns_hub.store.schema import DELIVERIES

    database = world.hub.open_store().database
    with database.writing() as connection:
        connection.execute(update(DELIVERIES).where(DELIVERIES.c.id == delivery_id).values(attempts=11))
    world.hub.process()
    stored = world.hub.get_delivery(delivery_id)
    assert stored.state.value == "dead", stored.error


def test_the_event_of_a_failed_handler_is_retried(world: World, open_page: Callable[..., PageOf]) -> None:
    page = open_page("/console/handlers")
    page.get_by_role("link", name="erp").click()
    assert "LookupError" in page.inner_text("main")
    row = page.locator("tbody tr").first
    sequence = row.locator("th").inner_text()
    row.get_by_role("button", name=f"Retry event {sequence}").click()
    assert f"called with event {sequence} again" in page.inner_text("main")
    page.locator("tbody tr").first.get_by_role("button", name="Skip event").click()
    assert "is skipped" in page.inner_text("main")


def test_an_account_is_synced_and_watched(world: World, open_page: Callable[..., PageOf]) -> None:
    page = open_page("/console/accounts")
    page.get_by_role("link", name="returnmate-sandbox").click()
    page.get_by_role("button", name="Sync", exact=True).click()
    page.get_by_text("It has begun").wait_for()
    page.locator("#job").wait_for()
    # Without a reload: the figures appear once it has ended.
    page.get_by_text("Unchanged", exact=True).wait_for()
    assert AuditLog(world.hub.open_store().database).find(limit=1)[0].action == "sync ended"
    page.get_by_role("button", name="Doctor").click()
    assert "credentials" in page.inner_text("main")


def test_personal_data_is_shown_to_who_asks_and_that_is_in_the_audit(open_page: Callable[..., PageOf]) -> None:
    page = open_page(ODD)
    assert "vera.canary@example.com" not in page.content()
    page.get_by_role("button", name="Show personal data").click()
    assert "vera.canary@example.com" in page.inner_text("main")
    page.get_by_role("link", name="Audit", exact=True).click()
    assert re.search(r"unmask\s+returnmate-sandbox\s+rma_odd", page.inner_text("tbody tr >> nth=0"))


def test_everything_works_without_javascript(world: World, open_page: Callable[..., PageOf]) -> None:
    page = open_page("/console/", java_script_enabled=False)
    page.get_by_label("Find a return in every account").fill("RMA-ODD")
    page.locator(".hero button").click()
    assert page.url.endswith(ODD)
    page.locator(".standing details.why summary").first.click()
    assert page.locator(".standing .why-card").first.is_visible()
    page.get_by_role("link", name="Add note").click()
    page.get_by_label("Note", exact=True).fill("They wait for Godot.")
    page.get_by_role("button", name="Add note").click()
    # The simulator does not know the return that was made up here: the outcome is shown as it is.
    assert "Nothing was changed." in page.inner_text("main")
    page.get_by_role("link", name="Accounts", exact=True).click()
    page.get_by_role("link", name="returnless-sandbox").click()
    page.get_by_role("button", name="Sync", exact=True).click()
    assert "It has begun" in page.inner_text("main")
    page.get_by_role("link", name="Deliveries", exact=True).click()
    assert "Deliveries" in page.inner_text("h1")


def test_the_keyboard_suffices(world: World, open_page: Callable[..., PageOf]) -> None:
    page = open_page("/console/returns")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = page.evaluate("document.activeElement.getAttribute('href')")
    assert second == page.locator("a.row-link").nth(1).get_attribute("href")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{second}")
    # Everything that can be used is reached by Tab, in the order of the page, and shows that it is.
    page.goto(page.url.partition("/console")[0] + ODD)
    wanted = page.evaluate(
        "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, pre[tabindex]')]"
        ".filter((each) => each.checkVisibility({visibilityProperty: true}) && each.tabIndex >= 0).length"
    )
    reached = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
        assert page.evaluate(
            "document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== 'none'"
        )
    assert len(reached - {page.evaluate("[...document.querySelectorAll('*')].indexOf(document.body)")}) >= wanted
    page.locator(".standing details.why summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".standing .why-card").first.is_visible()


def pages(world: World) -> list[str]:
    """A path for every page, generated from the routes, and those that look otherwise."""
    paths = [
        route.path.format(account="returnmate-sandbox", id=1)
        for route in ROUTES
        if isinstance(route, Page)
        and ":path}" not in route.path
        and route.path not in ("/console/stream", "/console/returns.csv", "/console/replay")
    ]
    newest = next(each for each in world.hub.returns(account="returnless-sandbox") if each.ret.shipments).ret.id
    acts = [f"/console/act/{name}/returnmate-sandbox/rma_odd" for name in ("read", "status", "note")]
    instruct = f"/console/act/instruct/return-helper-sandbox/{world.warehoused}"
    more = [
        ODD,
        f"/console/returns/returnless-sandbox/{newest}",
        f"/console/returns/return-helper-sandbox/{world.warehoused}",
        "/console/handlers/erp",
    ]
    empty = [
        "/console/returns?order=nothing",
        "/console/deliveries?subject=nothing",
        "/console/nothing",
        "/console/replay?id=1",
        "/console/accounts/returnless-sandbox",
    ]
    return [*paths, *more, *acts, instruct, *empty]


def test_axe_finds_nothing_in_light_and_dark_and_no_width_cuts_anything_off(
    world: World, open_page: Callable[..., PageOf]
) -> None:
    one_delivery(world, open_page)
    axe = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    page = open_page("/console/", viewport={"width": 1280, "height": 900})
    site = page.url.partition("/console")[0]
    found: list[tuple[Any, ...]] = []
    for path in pages(world):
        page.emulate_media(color_scheme="light")
        page.goto(site + path)
        if path == ODD:
            if page.get_by_role("button", name="Show personal data").is_visible():
                page.get_by_role("button", name="Show personal data").click()
            page.locator(".standing details.why summary").first.click()
        page.evaluate(axe)
        for scheme, options in (("light", "{resultTypes: ['violations']}"), ("dark", "{runOnly: ['color-contrast']}")):
            page.emulate_media(color_scheme=scheme)
            result = page.evaluate(f"axe.run(document, {options})")
            found += [
                (path, scheme, each["id"], [node["html"][:120] for node in each["nodes"][:3]])
                for each in result["violations"]
            ]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if beyond > 0:
                found.append((path, f"{beyond} pixels too wide at {width}"))
    assert found == []


def one_delivery(world: World, open_page: Callable[..., PageOf]) -> None:
    if not list(world.hub.deliveries(limit=1)):
        page = open_page("/console/sandbox?vendor=returnmate-sandbox")
        page.get_by_role("button", name="Deliver").click()


def test_people_log_in_and_out(world: World, chromium: Any) -> None:
    with logged_out(world.hub) as site:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(site + ODD)
        page.get_by_label("Name").fill("ron")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        assert page.url.endswith(ODD)
        assert page.get_by_role("link", name="Set status").count() == 0
        page.get_by_role("button", name="Log out").click()
        page.goto(site + ODD)
        assert "/console/login" in page.url
        context.close()


@contextmanager
def logged_out(hub: Hub) -> Iterator[str]:
    people = {"ron": {"password": hash_password(PASSWORD), "role": "read"}}
    console = create_console(hub, access=Access.from_settings({"console_users": people}))
    with serve(console) as server:
        yield server.url
        console.stop()


def test_screens_are_drawn(open_page: Callable[..., PageOf], tmp_path: Path) -> None:
    page = open_page("/console/", viewport={"width": 1280, "height": 900})
    assert page.locator("svg rect.bar").count() > 20
    page.emulate_media(media="print")
    assert page.locator("header.top").is_hidden()
    assert (
        page.locator("time").first.evaluate("(each) => getComputedStyle(each, '::after').content").startswith('" (20')
    )
