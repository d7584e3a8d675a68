"""Whatever a vendor sends is text: no page is broken by it, nothing of it is executed, no link leads where none may lead."""

from contextlib import closing
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import islice, product
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import pytest
from sqlalchemy import bindparam, update

from returns_hub import (
    Account,
    Address,
    Answer,
    Attention,
    Customer,
    Hub,
    Item,
    Label,
    Money,
    Note,
    OrderRef,
    Reason,
    Resolution,
    Return,
    Service,
    Shipment,
    Status,
    TimelineEntry,
    TrackingEvent,
    WebhookRequest,
)
from returns_hub.console import create_console
from returns_hub.events import Origin
from returns_hub.merge import observed
from returns_hub.store.database import Database
from returns_hub.store.delivery_writer import DeliveryWriter, NewDelivery
from returns_hub.store.schema import DELIVERIES

World: TypeAlias = Any

_MARKUP: Final = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)>",
    "<body onload=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<form action=https://evil.example><button>x",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<style>*{display:none}</style>",
    "<meta http-equiv=refresh content=0;url=https://evil.example>",
    "<base href=https://evil.example>",
    "<link rel=stylesheet href=https://evil.example>",
    "<object data=https://evil.example>",
    "<template><script>alert(1)</script></template>",
    "<math><mtext><table><mglyph><style><img src onerror=alert(1)>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</main></body></html><h1>x</h1>",
    "<!--",
    "--><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    "` onmouseover=`alert(1)",
    "x onerror=alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&quot;&gt;&lt;b&gt;",
    "{{ 7 * 7 }}",
    "{% include '/etc/passwd' %}",
    "{{ visit.cookie }}",
    "${7*7}",
    "<%= 7*7 %>",
    "#{7*7}",
)
_URLS: Final = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "java\tscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "ftp://evil.example/x",
    "//evil.example/x",
    "/\\evil.example",
    "https:evil.example",
    "http://",
    "https://[::1",
    "http://user:password@10.0.0.1/x",
    "blob:https://evil.example/x",
    "view-source:https://evil.example",
    'https://evil.example/" onclick="alert(1)',
    "https://evil.example/<script>",
    "https://evil.example/' onclick='alert(1)",
    "https://evil.example/\u202egpj.exe",
    "https://evil.example\\@good.example/",
    "intent://x#Intent;scheme=http;end",
)
_CONTROLS: Final = (
    "\x00",
    "a\x00b",
    "\x07bell",
    "\x08\x08\x08",
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "a\rb",
    "a\r\nSet-Cookie: x=1",
    "\x7f",
    "\x85next",
    "\u2028line",
    "\u2029paragraph",
    "\ufeffbom",
    "\ufffe",
    "\u200b\u200b",
    "\u200d\u200c",
    "\u00ad",
    "\ue000private",
    "\U000e0041tag",
    "\ufff9x\ufffa",
)
_BIDI: Final = (
    "\u202eabc",
    "\u202dabc",
    "\u202aabc\u202c",
    "\u202babc\u202c",
    "\u2066abc",
    "\u2067abc",
    "\u2068abc\u2069",
    "\u2069\u2069\u2069",
    "abc\u202e\u2066",
    "\u061cabc",
    "\u200eabc",
    "\u200fabc",
    "אבג",
    "مرحبا بالعالم",
    "abc אבג def",
    "\u202e<script>alert(1)</script>",
    "RMA-\u202e1234",
    "\u202e" * 50,
    "a\u2066b\u2067c",
    "עברית (abc)",
)
_LONG: Final = (
    "x" * 100,
    "x" * 10_000,
    "x" * 30_000,
    "é" * 5_000,
    "𝔘" * 3_000,
    "a b " * 5_000,
    "\n" * 1_000,
    "<b>" * 3_000,
    "a\u0301" * 200,
    "Z" + "\u0321\u0322\u0327\u0328" * 100,
)
_NUMBERS: Final = (
    "0",
    "-1",
    "1e999",
    "NaN",
    "Infinity",
    "0x1F",
    "1,5",
    "٣",
    "½",
    "1_000",
    "00000",
    "-0",
    "9" * 400,
    "true",
    "null",
    "None",
    "undefined",
    "[]",
    "{}",
    "''",
)
_PATHS: Final = (
    "..",
    "../../etc/passwd",
    "a/b",
    "a//b",
    "%2e%2e",
    "%00",
    "?x=1",
    "#x",
    "a b",
    "a+b",
    "a&b=c",
    "a;b",
    "C:\\x",
    "~",
    "*",
    "'; DROP TABLE returns; --",
    '" OR 1=1',
    "$(id)",
    "`id`",
    "| id",
)
_COMBINED: Final = tuple(f"{a}{b}" for a, b in islice(product(_MARKUP[::2], _CONTROLS[::4] + _BIDI[::4]), 65))
PAYLOADS: Final = (*_MARKUP, *_URLS, *_CONTROLS, *_BIDI, *_LONG, *_NUMBERS, *_PATHS, *_COMBINED)

ALLOWED: Final = ("http://", "https://", "/console/", "#")


class Tags(HTMLParser):
    """The elements of a page, its links, and what attributes hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names.update(name for name, _ in attrs)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "formaction")]


def a_return(id: str, text: str, url: str) -> Return:
    """A return in which every text is this one, and every URL that one."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    note = Note(text=text, author=text, id=text[:50] or "n", created_at=now, internal=True)
    item = Item(
        id=text[:100] or "i", sku=text, barcode=text, name=text, brand=text, url=url, images=(url,), condition=text, disposition_raw=text, disposition="hold",
        disposition_status="pending", disposition_status_raw=text, reason=Reason(code=text, text=text), quantity=1, value=Money(amount=1, currency=text), notes=(note,),
        services=(Service(id="s", code=text, result=text, status="done", status_raw=text),), unreadable=(text,),
    )  # fmt: skip
    address = Address(
        first_name=text,
        last_name=text,
        name=text,
        company=text,
        line1=text,
        city=text,
        postal_code=text,
        country=text,
        phone=text,
        email=text,
    )
    shipment = Shipment(
        id="s1", number=text, carrier=text, service=text, tracking_number=text, tracking_url=url, status="in_transit", status_raw=text, status_text=text, ship_to=address,
        label=Label(id="l", status="ready", status_raw=text, url=url, error=text), cost=Money(amount=1, currency=text), tracking=(TrackingEvent(occurred_at=now, text=text, location=text),),
    )  # fmt: skip
    return Return(
        provider="returnmate", id=id, number=text, status=Status.UNKNOWN, status_raw=text, attention={Attention.REVIEW}, order=OrderRef(number=text, id=text), form=text, reference=text,
        customer=Customer(name=text, email=text, phone=text, id=text), address=address, items=(item,), shipments=(shipment,), notes=(note,), attachments=(url,), created_at=now,
        answers=(Answer(id=text, question=text, answer=text),), timeline=(TimelineEntry(occurred_at=now, kind=text, text=text, author=text),), custom_fields={text: text},
        resolutions=(Resolution(kind="refund", status="pending", amount=Money(amount=1, currency=text)),), unreadable=(text,), raw={text: {"text": text, "url": url, "list": [text]}},
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser(world: World, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The console of a mirror in which each payload fills a return, and a harmless text one more; all of them unmasked."""
    place = tmp_path_factory.mktemp("hostile") / "returns.db"
    hub = Hub([Account(name="acme", provider="returnmate", options={"api_key": "k"})], store=f"sqlite:///{place}")
    with hub:
        store = hub.open_store()
        harmless = a_return("r-harmless", "harmless", "nothing")
        returns = [harmless, *(a_return(f"r{index}", text, text) for index, text in enumerate(PAYLOADS))]
        applied = store.apply("acme", [observed(ret, seen_at=store.now(), origin=Origin.POLL) for ret in returns])
        assert (applied.created, applied.refused) == (len(returns), 0)
        deliver_payloads(store.database)
        yield type(world.browser())(create_console(hub))


def deliver_payloads(database: Database) -> None:
    """A delivery for each payload, which is all that can be text in it; the errors and the body among them."""
    texts = [payload.replace("\0", "")[:2000] for payload in PAYLOADS]
    with closing(DeliveryWriter.of(database)) as writer:
        writer.put(
            [
                NewDelivery(
                    account="acme",
                    dedupe_key=f"{index:04}",
                    subject=text[:200],
                    request=WebhookRequest(
                        method=text[:20] or "POST",
                        url=text,
                        headers=(("X-Hostile", text), (text[:50], "value")),
                        body=PAYLOADS[index].encode(),
                        received_at=datetime.now(UTC),
                    ),
                )
                for index, text in enumerate(texts)
            ]
        )
    failed = (
        update(DELIVERIES)
        .where(DELIVERIES.c.dedupe_key == bindparam("key"))
        .values(state="dead", error=bindparam("why"))
    )
    with database.writing() as connection:
        connection.execute(failed, [{"key": f"{index:04}", "why": text} for index, text in enumerate(texts)])


@pytest.mark.no_cover  # the same pages some hundred times
def test_no_payload_breaks_the_pages_of_deliveries(browser: Any) -> None:
    for index, payload in enumerate(PAYLOADS):
        path = f"/console/deliveries/{index + 1}"
        reply = browser.follow(browser.act(path, f"{path}/unmask")) if index % 10 == 0 else browser.get(path)
        assert reply.status == 200, payload[:50]
        check(reply.text, payload)
    for path in (
        "/console/deliveries?state=dead",
        "/console/deliveries?before=100",
        "/console/replay?all=yes&state=dead",
        "/console/audit",
    ):
        reply = browser.get(path)
        assert reply.status == 200, path
        check(reply.text, path)


def test_there_are_enough_payloads() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 200


def unmasked(browser: Any, return_id: str) -> Any:
    return browser.follow(browser.act(f"/console/returns/acme/{return_id}", f"/console/unmask/acme/{return_id}"))


@pytest.mark.no_cover
def test_no_payload_breaks_the_page_of_a_return(browser: Any) -> None:
    page = Tags(unmasked(browser, "r-harmless").text)
    # What a text may decide is whether something is there at all: these elements are beside it.
    optional = {
        "mark",
        "span",
        "br",
        "bdi",
        "details",
        "summary",
        "svg",
        "use",
        "div",
        "dl",
        "dt",
        "dd",
        "code",
        "pre",
        "p",
        "button",
        "b",
        "a",
        "li",
        "tr",
        "td",
    }
    wanted = [tag for tag in page.tags if tag not in optional]
    for index, payload in enumerate(PAYLOADS):
        reply = unmasked(browser, f"r{index}") if index % 8 == 0 else browser.get(f"/console/returns/acme/r{index}")
        assert reply.status == 200, (payload[:50], reply.words[:300])
        check(reply.text, payload)
        if index % 8 == 0:
            found = Tags(reply.text)
            assert [tag for tag in found.tags if tag not in optional] == wanted, payload[:50]
            assert found.names == page.names | (
                found.names & {"href", "rel", "target", "class", "tabindex", "type", "data-copy"}
            ), payload[:50]


@pytest.mark.no_cover
def test_no_payload_breaks_a_list_or_a_form(browser: Any) -> None:
    path, seen = "/console/returns", 0
    while path:
        reply = browser.get(path)
        assert reply.status == 200
        check(reply.text, path)
        seen += reply.text.count("row-link")
        older = [link for link in Tags(reply.text).links if "after=" in link]
        path = older[0] if older else ""
    assert seen == len(PAYLOADS) + 1
    for index in range(0, len(PAYLOADS), 10):
        for page in (f"/console/act/status/acme/r{index}", "/console/accounts/acme"):
            reply = browser.get(page)
            assert reply.status == 200
            check(reply.text, PAYLOADS[index])


@pytest.mark.no_cover
def test_no_payload_breaks_what_somebody_types(browser: Any) -> None:
    for payload in PAYLOADS[::3]:
        given = quote(payload[:300], safe="", errors="replace")
        for path in (
            f"/console/returns?find={given}&order={given}",
            f"/console/audit?subject={given}",
            f"/console/returns/acme/{given}",
        ):
            reply = browser.get(path)
            assert reply.status in (200, 303, 404), payload[:50]
            check(reply.text, payload)


def check(text: str, payload: str) -> None:
    """Holds that a page executes nothing, leads nowhere odd, and shows no character that hides or turns others."""
    found = Tags(text)
    assert not {name for name in found.names if name.startswith("on") or name in ("style", "srcdoc", "formaction")}, (
        payload[:50]
    )
    assert not {"iframe", "object", "embed", "base", "img", "style", "template", "math", "frame"}.intersection(
        found.tags
    ), payload[:50]
    assert found.tags.count("script") <= 1, payload[:50]
    for link in found.links:
        assert link.startswith(ALLOWED), (payload[:50], link[:80])
    for (
        hidden
    ) in "\x00\x07\x08\x1b\x7f\x85\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u061c\u200e\u200f\ufeff\u200b":
        assert hidden not in text, (payload[:50], hidden)
