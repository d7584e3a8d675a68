"""Who gets in, and what they see of a customer."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from sqlalchemy import update

from returns_hub import ConfigurationError, Hub
from returns_hub.console import Access, create_console, hash_password
from returns_hub.console.access import Identity, LoginLimiter, Role, verify_password
from returns_hub.store.audit import AuditLog
from returns_hub.store.schema import CONSOLE_SESSIONS

World: TypeAlias = Any

PASSWORD = "canary-password-8f2c"
ODD = "/console/returns/returnmate-sandbox/rma_odd"
UNMASK = "/console/unmask/returnmate-sandbox/rma_odd"


def test_a_password_is_checked_and_the_session_is_new(world: World) -> None:
    browser = world.browser()
    reply = browser.get(ODD)
    assert reply.headers["location"] == "/console/login?next=%2Fconsole%2Freturns%2Freturnmate-sandbox%2Frma_odd"
    page = browser.get(reply.headers["location"])
    before = browser.cookies["returns_hub_console"]
    form = {"form_token": page.token("/console/login"), "name": "ada", "next": ODD}
    wrong = browser.post("/console/login", {**form, "password": "guessed"})
    assert (wrong.status, "Nobody has this name and password." in wrong.words) == (403, True)
    assert browser.get(ODD).status == 303
    right = browser.post("/console/login", {**form, "form_token": wrong.token("/console/login"), "password": PASSWORD})
    assert (right.status, right.headers["location"]) == (303, ODD)
    assert browser.cookies["returns_hub_console"] != before
    assert browser.get(ODD).status == 200
    assert browser.set_cookies[-1].endswith("; HttpOnly; Path=/console; SameSite=strict")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/console//evil.example",
        "/console/\\evil.example",
        "/console/login",
        "javascript:alert(1)",
        "/other",
    ],
)
def test_a_login_leads_nowhere_else(world: World, elsewhere: str) -> None:
    browser = world.browser()
    form = {"form_token": browser.get("/console/login").token("/console/login"), "name": "ada", "next": elsewhere}
    assert browser.post("/console/login", {**form, "password": PASSWORD}).headers["location"] == "/console/"


def test_logging_out_ends_the_session_also_for_who_has_the_cookie(world: World) -> None:
    browser = world.browser("ada")
    kept = dict(browser.cookies)
    assert browser.act("/console/", "/console/logout").status == 303
    assert world.browser(cookies=kept).get("/console/").status == 303


@pytest.mark.parametrize(("column", "ago"), [("began_at", timedelta(hours=12)), ("seen_at", timedelta(hours=2))])
def test_a_session_ends_by_itself(world: World, column: str, ago: timedelta) -> None:
    browser = world.browser("ada")
    assert browser.get("/console/audit").status == 200
    database = world.hub.open_store().database
    with database.writing() as connection:
        connection.execute(update(CONSOLE_SESSIONS).values({column: world.hub.open_store().now() - ago}))
    assert browser.get("/console/audit").status == 303


def test_who_is_not_configured_any_more_is_out(world: World, people: Mapping[str, Any]) -> None:
    browser = world.browser("ada")
    for settings, status in (
        ({"console_users": {"ada": people["ron"]}}, 403),
        ({"console_users": {"ron": people["ron"]}}, 303),
    ):
        changed = create_console(world.hub, access=Access.from_settings(settings))
        other = type(browser)(changed, cookies=dict(browser.cookies))
        assert other.get("/console/replay?id=1").status == status


def test_logins_are_limited_for_a_person_from_an_address() -> None:
    limiter = LoginLimiter()
    assert [limiter.try_now("10.0.0.1", "ada") for _ in range(5)] == [None] * 5
    wait = limiter.try_now("10.0.0.1", "ada")
    assert wait is not None
    assert 0 < wait <= 300
    assert limiter.try_now("10.0.0.1", "ron") is None
    assert limiter.try_now("10.0.0.2", "ada") is None
    limiter.succeeded("10.0.0.1", "ada")
    assert limiter.try_now("10.0.0.1", "ada") is None


def test_logins_are_limited_for_a_person_from_many_addresses() -> None:
    limiter = LoginLimiter()
    assert [limiter.try_now(f"10.0.1.{n}", "ada") for n in range(20)] == [None] * 20
    assert limiter.try_now("10.0.2.1", "ada") is not None


def test_too_many_logins_are_answered_429_and_the_password_is_not_looked_at(world: World) -> None:
    browser = type(world.browser())(create_console(world.hub, access=world.access))
    replies = [browser.log_in("ada", "guessed") for _ in range(5)]
    assert [reply.status for reply in replies] == [403] * 5
    right = browser.log_in("ada")
    assert (right.status, right.headers["retry-after"].isdecimal()) == (429, True)


def test_a_token_lets_in_who_has_it(world: World) -> None:
    access = Access.from_settings({"console_token": "a-token-of-some-length"})
    browser = type(world.browser())(create_console(world.hub, access=access))
    assert browser.get("/console/").status == 303
    assert browser.log_in("", "another-token-of-it").status == 403
    assert browser.log_in("", "a-token-of-some-length").status == 303
    assert browser.get("/console/replay?id=1").status != 403


def local(world: World, **options: Any) -> Any:
    return type(world.browser())(create_console(world.hub), **options)


def test_without_people_only_this_machine_gets_in(world: World) -> None:
    assert local(world).get("/console/").status == 200
    assert local(world, host="localhost:8080").get("/console/").status == 200
    assert local(world, peer="10.0.0.9").get("/console/").status == 403
    # A name of somebody else's that leads to this machine.
    assert local(world, host="evil.example:8080").get("/console/").status == 403
    for name in ("x-forwarded-for", "forwarded", "via", "x-real-ip", "x-forwarded-host"):
        assert local(world).get("/console/", **{name: "10.0.0.9"}).status == 403


def test_a_proxy_says_who_it_is_and_nobody_else_may(world: World, people: Mapping[str, Any]) -> None:
    settings = {"console_users": dict(people), "console_user_header": "X-Remote-User", "console_proxies": ["10.0.0.1"]}
    access = Access.from_settings(settings)
    app = create_console(world.hub, access=access)
    browser = type(world.browser())
    assert browser(app, peer="10.0.0.1").get("/console/replay?id=1", x_remote_user="ron").status == 403
    assert browser(app, peer="10.0.0.1").get("/console/", x_remote_user="stranger").status == 200
    assert browser(app, peer="10.0.0.2").get("/console/", x_remote_user="ada").status == 303
    assert browser(app, peer="10.0.0.1").get("/console/").status == 303
    assert access.from_proxy("10.0.0.1", "stranger") == Identity("stranger", Role.READ)
    assert access.from_proxy("10.0.0.1", "ada") == Identity("ada", Role.ACT)
    # The header is ignored unless it is configured.
    assert world.browser(peer="127.0.0.1").get("/console/", x_remote_user="ada").status == 303


def test_a_link_from_another_site_leads_on_for_who_is_logged_in(world: World) -> None:
    # Browsers keep a strict cookie back on the way from another site, and send it once a page of ours goes on.
    reply = world.browser().get(ODD, sec_fetch_site="cross-site")
    assert reply.status == 200
    assert f'content="0;url={ODD}"' in reply.text


def test_cookies_are_secure_behind_tls(world: World, people: Mapping[str, Any]) -> None:
    access = Access.from_settings({"console_users": dict(people), "console_url": "https://returns.example.com"})
    browser = type(world.browser())(create_console(world.hub, access=access))
    form = {"name": "ada", "password": PASSWORD, "form_token": browser.get("/console/login").token("/console/login")}
    assert browser.post("/console/login", form, origin="http://127.0.0.1:8080").status == 403
    assert browser.post("/console/login", form, origin="https://returns.example.com").status == 303
    assert browser.set_cookies[-1].endswith("; HttpOnly; Path=/console; SameSite=strict; Secure")


def test_it_works_below_another_path(world: World) -> None:
    browser = world.browser(root="/tools")
    browser.app = world.app
    reply = browser.get("/console/")
    assert reply.headers["location"].startswith("/tools/console/login?next=%2Fconsole%2F")
    page = browser.get("/console/login")
    assert 'action="/tools/console/login"' in page.text
    form = {"name": "ada", "password": PASSWORD, "form_token": page.token("/tools/console/login")}
    assert browser.post("/console/login", form).headers["location"] == "/tools/console/"
    assert browser.set_cookies[-1].endswith("; HttpOnly; Path=/tools/console; SameSite=strict")
    assert browser.get("/console/").status == 200


def test_a_customer_is_masked_until_somebody_asks_and_that_is_written_down(world: World) -> None:
    browser, other = world.browser("ron"), world.browser("ada")
    masked = browser.get(ODD)
    assert "V••• C•••" in masked.words
    assert "v•••@e•••" in masked.words
    assert "Call V••• C••• on •••58" in masked.words
    for canary in ("Vera", "Canary", "vera.canary", "7946"):
        assert canary not in masked.text
        assert canary not in browser.get("/console/returns").text
    shown = browser.follow(browser.act(ODD, UNMASK))
    assert "Call Vera Canary on +44 20 7946 0958" in shown.words
    assert "vera.canary@example.com" in shown.words
    assert "Vera" not in other.get(ODD).text
    entry = AuditLog(world.hub.open_store().database).find(limit=1)[0]
    assert (entry.person, entry.action, entry.account, entry.subject) == (
        "ron",
        "unmask",
        "returnmate-sandbox",
        "rma_odd",
    )
    assert "ron unmask returnmate-sandbox rma_odd" in browser.get("/console/audit").words


def test_an_address_looked_for_does_not_come_into_the_address_bar(world: World) -> None:
    browser = world.browser("ron")
    found = browser.post("/console/find", {"find": "vera.canary@example.com"})
    assert (found.status, found.words.count("RMA-ODD")) == (200, 3)
    assert browser.post("/console/find", {"find": "RMA-ODD"}).headers["location"] == "/console/returns?find=RMA-ODD"
    assert browser.follow(browser.post("/console/find", {"find": "RMA-ODD"})).headers["location"] == ODD


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"console_token": "short"}, "console_token must be text of at least 16 characters"),
        (
            {"console_users": {"ada": "secret"}},
            "console_users.ada.password must be a hash, as returns-hub console --hash-password makes it",
        ),
        ({"console_users": {"ada": {"role": "admin"}}}, 'console_users.ada.role must be "read" or "act"'),
        ({"console_users": {"token": {"role": "act"}}}, "console_users.token: nobody can have this name"),
        ({"console_users": ["ada"]}, "console_users must be a table: a name, and its password's hash or a table"),
        (
            {"console_url": "returns.example.com"},
            'console_url must look like "https://returns.example.com", without a path',
        ),
        (
            {"console_user_header": "X Remote"},
            'console_user_header must be the name of a header, such as "X-Remote-User"',
        ),
        ({"console_proxies": ["localhost"]}, 'console_proxies must be a list of IP addresses, such as ["127.0.0.1"]'),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(settings: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Access.from_settings(settings)
    assert str(caught.value) == sentence


def test_a_hash_is_of_its_password_only() -> None:
    hashed = hash_password("some password")
    assert hashed.startswith("scrypt$16384$8$1$")
    assert verify_password("some password", hashed)
    assert not verify_password("some passwore", hashed)
    assert hash_password("some password") != hashed
    assert not verify_password("", "scrypt$1$1$1$x$x")


def test_a_store_that_fails_is_said_and_the_page_is_whole(world: World, tmp_path: Path) -> None:
    hub = Hub([], store=f"sqlite:///{tmp_path}/missing/returns.db")
    reply = type(world.browser())(create_console(hub)).get("/console/")
    assert reply.status == 503
    assert "The store does not answer" in reply.words
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    hub.close()
