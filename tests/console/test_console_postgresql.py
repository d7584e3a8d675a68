"""The same pages over PostgreSQL: none of their queries is of SQLite alone."""

from datetime import UTC, datetime
from typing import Any, TypeAlias

from returns_hub import Account, Attention, Customer, Hub, OrderRef, Return, Status
from returns_hub.console import create_console
from returns_hub.events import Origin
from returns_hub.merge import observed

World: TypeAlias = Any


def test_every_list_and_an_act_work_over_postgresql(world: World, postgresql_url: str) -> None:
    with Hub([Account(name="acme", provider="returnmate", options={"api_key": "k"})], store=postgresql_url) as hub:
        store = hub.open_store()
        returns = [
            Return(
                provider="returnmate",
                id=f"r{number}",
                number=f"RMA-{number}",
                status=Status.REQUESTED,
                status_raw="pending",
                attention={Attention.REVIEW},
                order=OrderRef(number="1001"),
                customer=Customer(name="Vera Canary"),
                created_at=datetime(2026, 3, 1, tzinfo=UTC) if number % 2 else None,
            )
            for number in range(60)
        ]
        store.apply("acme", [observed(ret, seen_at=store.now(), origin=Origin.POLL) for ret in returns])
        browser = type(world.browser())(create_console(hub))
        seen = 0
        path = "/console/returns?attention=review&status=requested&order=1001&account=acme"
        while path:
            page = browser.get(path)
            assert "60 returns" in page.words
            seen += page.text.count("row-link")
            older = [part.split('"')[0] for part in page.text.split('href="') if "after=" in part]
            path = older[0].replace("&amp;", "&") if older else ""
        assert seen == 60
        for path in (
            "",
            "returns",
            "deliveries?account=acme&subject=r1",
            "handlers",
            "refused",
            "accounts",
            "accounts/acme",
            "audit",
            "returns.csv",
        ):
            assert browser.get(f"/console/{path}").status == 200, path
        shown = browser.follow(browser.act("/console/returns/acme/r1", "/console/unmask/acme/r1"))
        assert "Vera Canary" in shown.words
        assert browser.post("/console/find", {"find": "#1001"}).status == 303
