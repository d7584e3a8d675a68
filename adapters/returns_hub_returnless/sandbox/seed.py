"""What the simulator starts with: the documentation's examples, and made-up records, the same for the same arguments."""

import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from attrs import evolve, frozen

from returns_hub import parse_time
from returns_hub_returnless.sandbox.state import (
    DATE_KEYS,
    REQUEST_STATUSES,
    RETURN_STATUSES,
    UNDOCUMENTED_STATUSES,
    Json,
    Kind,
    Record,
    format_time,
    note,
    title,
    without,
)

FIRST_CREATED: Final = datetime(2020, 6, 1, tzinfo=UTC)
LAST_CREATED: Final = datetime(2024, 12, 30, tzinfo=UTC)
SAME_SECOND: Final = datetime(2023, 6, 1, 12, 0, 0, tzinfo=UTC)

# Returnless V1 API, Get all requests, Get all returns and New Return webhook: what their examples have in common.
_PIETER: Final = MappingProxyType(
    {
        "first_name": "Pieter",
        "last_name": "Post",
        "postcode": "5611NV",
        "country": "NL",
        "city": "Eindhoven",
        "address1": "PCzn Hooftlaan",
        "address2": "14",
        "addition": "",
    }
)
_SUITCASE: Final = MappingProxyType(
    {
        "return_item_id": "1458191",
        "product_id": "1007",
        "qty_ordered": "1.0000",
        "qty_returned": "1.0000",
        "qty_received": "0.0000",
        "order_product_id": "153397",
        "name": "Samsonite S'Cure Spinner 55 navy blue capri",
        "title_name": "Samsonite S'Cure Spinner 55",
        "model": "trvl-01598592",
        "article_code": "495398926",
        "cost": "87.50",
        "images": [{"http_path": "https://media.travelshop-cdn.nl/product-square-680/339033/image.jpg"}],
        "url": "https://www.travelshop.nl/samsonite-scure-spinner-55-navy-blue-capri.html",
        "u_brand": "Samsonite",
        "ean": "890128492109899",
        "reason_id": "2",
        "reason": "Size too small",
        "back_to_stock": "1",
        "remarks": "",
    }
)
_KEPT_RUCKSACK: Final = MappingProxyType(
    {
        "product_id": "1008",
        "qty_ordered": "2.0000",
        "qty_returned": "0.0000",
        "qty_received": "0.0000",
        "order_product_id": "153398",
        "name": "Eastpak x Havaianas Padded Pak'R Rugzak havaianas green",
        "title_name": "Eastpak x Havaianas Padded Pak'R Rugzak",
        "model": "trvl-1059819",
        "article_code": "EK000620C411001",
        "cost": "21.90",
        "images": [{"http_path": "https://media.travelshop-cdn.nl/product-square-680/362798/image.jpg"}],
        "url": "https://www.travelshop.nl/eastpak-x-havaianas-padded-pakr-rugzak-havaianas-green.html",
        "u_brand": "Eastpack",
        "ean": "5400879259557",
        "reason_id": "",
        "reason": "",
        "back_to_stock": "",
        "remarks": "",
    }
)
_EXAMPLE_REQUEST: Final = MappingProxyType(
    {
        "request_id": "948191",
        "request": "GK000102092019",
        "status": "processing",
        "reference": "ORD000123",
        "order_id": "124006",
        "order_date": "2021-01-10 10:46:27",
        "request_date": "2021-01-20 11:52:42",
        "form": "5919",
        "customer_id": "58179",
        "customer_email": "pieter@returnless.com",
        "billing_address": _PIETER,
        "return_notes": (
            note("The status has been changed from Open to Approved", "2022-05-13 13:29:45"),
            note("I have contacted the customer and everything is fine.", "2022-05-13 13:29:59"),
        ),
        "returned_products": (_SUITCASE,),
    }
)
_EXAMPLE_RETURN: Final = MappingProxyType(
    {
        "return_id": "948191",
        "return": "RENL1641091121",
        "status": "processing",
        "return_type": "coupon",
        "reference": "ORD000123",
        "order_id": "124006",
        "order_date": "2021-01-10 10:46:27",
        "return_date": "2021-01-20 11:52:42",
        "updated_at": "2021-01-21 21:29:59",
        "form": "5919",
        "customer_id": "58179",
        "customer_email": "pieter@returnless.com",
        "request_id": "481049",
        "shipping_description": "PostNL inleveren bij pakketpunt",
        "tracking_number": "3STRVL58192041",
        "tracking_status_id": "1000",
        "tracking_status": "Ready to Send",
        "tracking_url": "https://jouw.postnl.nl/track-and-trace/3STRVL58192041-NL-5611NV",
        "shipping_label_link": "https://www.returnless.com/shippinglabel/index/"
        "?scid=3SRLSS001989339&hash=hsFMhN544bhKD57wk9QDJxjsUJ",
        "files": ("https://www.retourneren.nl/sales/download/downloadCustomOption/id/8304498/key/1f96k3FAZG9exk6",),
        "return_questions": (
            {"option_id": "46363", "label": "Please describe the damage.", "value": "There is a stain on the t-shirt."},
        ),
        "billing_address": _PIETER,
        "return_notes": _EXAMPLE_REQUEST["return_notes"],
        "returned_products": (_SUITCASE,),
    }
)


def documented_records(zone: tzinfo) -> tuple[Record, ...]:
    """The documentation's examples: request 948191, return 948191, and the parcel of return 371141.

    Not in the documentation: request 481049, which return 948191 names, and what the documentation's parcel does not say of its return.
    """
    request = _plain(_EXAMPLE_REQUEST)
    origin = _plain(_EXAMPLE_REQUEST) | {
        "request_id": "481049",
        "request": "GK000102092018",
        "status": "label_created",
        "request_date": "2021-01-19 16:20:00",
        "return_notes": [],
    }
    first = _plain(_EXAMPLE_RETURN)
    second = _plain(_EXAMPLE_RETURN) | {
        "return_id": "371141",
        "return": "RENL0005191022",
        "return_type": "",
        "reference": "1004",
        "order_id": "2598449381543",
        "order_date": "2022-01-10 10:46:27",
        "return_date": "2022-01-20 11:52:42",
        "updated_at": "2022-01-20 11:52:42",
        "request_id": "",
        "tracking_number": "3STRVL987599921",
        "tracking_url": "https://jouw.postnl.nl/#!/track-en-trace/3STRVL987599921/NL/1234AB",
        "shipping_label_link": "https://www.returnless.com/shippinglabel/index/index?scid=3STRVL987599921&oid=371141"
        "&hash=a4d80bd0bd87b0ff2ef1f5b17bba557756cae676dbc6b01c0f12495de2b70c81&position=0",
        "files": [],
        "return_questions": [],
        "return_notes": [],
    }
    # Get single return is another moment of the same return than Get all returns.
    later = {"updated_at": "2021-01-21 22:19:58"}
    kept = (dict(_KEPT_RUCKSACK),)
    return (
        _documented("requests", request, zone),
        _documented("requests", origin, zone),
        evolve(_documented("returns", first, zone), kept_lines=kept, single=later),
        _documented("returns", second, zone),
    )


def _documented(kind: Kind, wire: Json, zone: tzinfo) -> Record:
    created_at = parse_time(wire[DATE_KEYS[kind]], zone=zone)
    updated_at = parse_time(wire["updated_at"], zone=zone) if "updated_at" in wire else created_at
    return Record(kind=kind, wire=wire, created_at=created_at, changed_at=updated_at, updated_at=updated_at)


def _plain(example: Mapping[str, Any]) -> Json:
    """A copy of its own, of dicts and lists all the way down."""
    copied: Json = json.loads(json.dumps(example, default=dict))
    return copied


FIRST_NAMES: Final = ("Ada", "Ben", "Chloé", "Daan", "Ewa", "Finn", "Grace", "Hugo", "Ines", "Jörg", "Kiri", "Li")
LAST_NAMES: Final = ("Sample", "van Example", "Tester", "Placeholder", "Fictional", "Specimen", "Demo", "Muster")
GOODS: Final = ("Sample Suitcase", "Sample T-shirt", "Sample Lamp", "Sample Kettle", "Sample Boots", "Sample Chair")
COLOURS: Final = ("blue", "green", "grijs", "rouge")
# Undocumented: which reasons there are, and which of them has which id; every account has its own.
REASONS: Final = (
    ("1", "Size too large"),
    ("2", "Size too small"),
    ("3", "Damaged"),
    ("4", "Andere kleur verwacht"),
    ("", ""),
)
NO_LABEL: Final = frozenset({"complete", "pending_payment"})  # Returnless V1 API, Return statuses
HANDLED: Final = frozenset({"received", "checked", "re-check", "completed", "delivered", "exchanged"})
UNTOUCHED: Final = frozenset({"concept", "open", "processing", "pending_payment"})
HOSTILE_TEXTS: Final = (
    "<script>alert('returns')</script>",
    "'; DROP TABLE returns; --",
    '=HYPERLINK("https://evil.example.com","refund")',
    "\x1b[31mred\x1b[0m\x07\r\nX-Injected: 1",
    "\u202egnp.eciovni\u202c \u200b\ufeff",
    "nul \x00 in the middle",
    "{{7*7}} ${7*7} %s %n {0.__class__}",
    "👩‍👩‍👧‍👦 Zoë Ж 你好 e\u0301",
    "../../etc/passwd?status=approved&x=1#%2F",
    "long " * 1000,
)


@frozen(kw_only=True)
class GeneratedOrder:
    """What requests and returns say of a customer and an order. ``text`` is hostile, or None."""

    facts: Json
    address: Json
    returned: Sequence[Json]
    kept_lines: Sequence[Json]
    text: str | None


class RecordGenerator:
    """Makes up orders, requests and returns: the same seed makes up the same ones."""

    def __init__(self, *, seed: int, zone: tzinfo, undocumented: bool, hostile: bool) -> None:
        self._random = random.Random(seed)  # noqa: S311  test data, not keys
        self._zone = zone
        self._undocumented = undocumented
        self._hostile = hostile
        # Both kinds count from the same number: an id alone never says which kind it is.
        self._ids: Mapping[Kind, Iterator[int]] = {
            "requests": itertools.count(100_001),
            "returns": itertools.count(100_001),
        }
        self._orders = itertools.count(1)
        self._lines = itertools.count(700_001)
        self._parcels = itertools.count(1)

    def history(self, count: int, same_second: int) -> Iterator[Record]:
        """So many requests, oldest first, then so many returns, oldest first; about half of them grew from a request."""
        moments = self._moments(count, same_second, SAME_SECOND)
        elsewhere = [index for index, moment in enumerate(moments) if moment != SAME_SECOND]
        grown = set(self._random.sample(elsewhere, min(count // 2, len(elsewhere))))
        words = itertools.cycle([*REQUEST_STATUSES, *(UNDOCUMENTED_STATUSES["requests"] if self._undocumented else ())])
        returns: list[tuple[datetime, Record | None]] = []
        for index, moment in enumerate(moments):
            word = self._random.choice(("label_created",) * 6 + ("approved_without_shipment",))
            word = word if index in grown else next(words)
            request = self.request(self.order(moment), moment, word, changed_at=self._changed(moment, word))
            if index in grown:
                returns.append((moment + timedelta(seconds=self._random.randrange(3600, 259_200)), request))
            yield request
        alone = self._moments(count - len(grown), same_second, SAME_SECOND + timedelta(days=1))
        returns += [(moment, None) for moment in alone]
        words = itertools.cycle([*RETURN_STATUSES, *(UNDOCUMENTED_STATUSES["returns"] if self._undocumented else ())])
        for moment, request_ in sorted(returns, key=lambda pair: pair[0]):
            unshipped = request_ is not None and request_.wire["status"] == "approved_without_shipment"
            word = "complete" if unshipped else next(words)
            changed_at = self._changed(moment, word)
            yield self.return_(self.order(moment), moment, word, changed_at=changed_at, grown_from=request_)

    def order(self, bought_before: datetime) -> GeneratedOrder:
        """An order of a made-up customer: every tenth address has a plus sign, every ninth customer is a guest."""
        number, rng = next(self._orders), self._random
        text = HOSTILE_TEXTS[number // 5 % len(HOSTILE_TEXTS)] if self._hostile and number % 5 == 0 else None
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
        plus = "+returns" if number % 10 == 0 else ""
        bought = bought_before - timedelta(days=rng.randrange(1, 30), seconds=rng.randrange(86_400))
        lines = [self._line() for _ in range(rng.randrange(1, 4))]
        returned = rng.randrange(1, len(lines) + 1)
        return GeneratedOrder(
            facts={
                # Every seventh order number has leading zeros; every tenth is the one before it once more.
                "reference": text or f"{'00' if number % 7 == 0 else 'SAMPLE'}{number - (number % 10 == 9):06d}",
                "order_id": f"{800_000 + number - (number % 10 == 9)}",
                "order_date": "0000-00-00 00:00:00" if text else format_time(bought, UTC),
                "form": rng.choice(("5919", "5920")),
                "customer_id": "" if number % 9 == 0 else f"{60_000 + number % 500}",
                "customer_email": f"{first}.{last.replace(' ', '.')}{number % 97}{plus}@example.com".lower(),
            },
            address={
                "first_name": text or first,
                "last_name": last,
                "postcode": f"{1000 + number % 9000}AB",
                "country": rng.choice(("NL", "NL", "BE", "DE", "FR")),
                "city": "Sampledam",
                "address1": "Voorbeeldstraat",
                "address2": f"{1 + number % 200}",
                "addition": "A" if number % 6 == 0 else "",
            },
            returned=lines[:returned],
            kept_lines=[_kept(line) for line in lines[returned:]],
            text=text,
        )

    def request(self, order: GeneratedOrder, created_at: datetime, status: str, *, changed_at: datetime) -> Record:
        """A request as a listing shows one (Returnless V1 API, Get all requests)."""
        number = next(self._ids["requests"])
        wire = {
            "request_id": str(number),
            "request": f"GK{number:012d}",
            "status": status,
            **_dated(order.facts, "request_date", format_time(created_at, self._zone)),
            "billing_address": dict(order.address),
            "return_notes": self._notes(order.text, "Open", status, changed_at),
            "returned_products": [self._returned(line, order.text, received=False) for line in order.returned],
        }
        return Record(
            kind="requests",
            wire=wire,
            created_at=created_at,
            changed_at=changed_at,
            updated_at=changed_at,
            kept_lines=order.kept_lines,
        )

    def return_(
        self,
        order: GeneratedOrder,
        created_at: datetime,
        status: str,
        *,
        changed_at: datetime,
        grown_from: Record | None,
    ) -> Record:
        """A return as a listing shows one (Returnless V1 API, Get all returns), of the same order and lines as the request that it grew from.

        Undocumented: what ``request_id`` is where there was no request; here "", "0" and null take turns.
        """
        number, rng = next(self._ids["returns"]), self._random
        text = order.text
        parcels = [self._parcel(text) for _ in range(2 if number % 40 == 0 else 1)]
        if status in NO_LABEL:
            parcels = [dict.fromkeys(parcels[0], "")]
        source = grown_from.wire if grown_from else None
        facts = {name: source[name] for name in order.facts} if source else order.facts
        lines = deepcopy(source["returned_products"]) if source else order.returned
        wire = {
            "return_id": str(number),
            "return": f"RENL{number:010d}",
            "status": status,
            "return_type": "coupon" if number % 3 == 0 else "",
            **_dated(facts, "return_date", format_time(created_at, self._zone)),
            "request_id": source["request_id"] if source else ("", "0", None)[number % 3],
            "shipping_description": "" if status in NO_LABEL else text or "Sample Post inleveren bij pakketpunt",
            **parcels[0],
            "files": [f"https://files.example.com/id/{number}/key/{rng.getrandbits(60):x}"] if number % 6 == 0 else [],
            "return_questions": _questions(text) if number % 4 == 0 or text else [],
            "billing_address": dict(source["billing_address"] if source else order.address),
            "return_notes": self._notes(text, "Processing", status, changed_at),
            "returned_products": [self._returned(line, text, received=status in HANDLED) for line in lines],
        }
        wire = _after(wire, "return_date", {"updated_at": format_time(changed_at, self._zone)})
        return Record(
            kind="returns",
            wire=wire,
            created_at=created_at,
            changed_at=changed_at,
            updated_at=changed_at,
            kept_lines=grown_from.kept_lines if grown_from else order.kept_lines,
            further_parcels=parcels[1:],
        )

    def _moments(self, count: int, same_second: int, second: datetime) -> list[datetime]:
        """Random seconds, oldest first; every eighth is the one before it once more, and so many are ``second``."""
        if same_second > count:
            raise ValueError(f"same_second must be at most {count} here")
        whole = int((LAST_CREATED - FIRST_CREATED).total_seconds())
        seconds = sorted(self._random.randrange(whole) for _ in range(count - same_second))
        spread = [FIRST_CREATED + timedelta(seconds=seconds[i - 1 if i % 8 == 7 else i]) for i in range(len(seconds))]
        return sorted(spread + [second] * same_second)

    def _changed(self, created_at: datetime, status: str) -> datetime:
        return created_at + timedelta(seconds=0 if status in UNTOUCHED else self._random.randrange(3600, 864_000))

    def _notes(self, text: str | None, before: str, status: str, changed_at: datetime) -> list[Json]:
        stamp = format_time(changed_at, self._zone)
        notes = [note(text, stamp)] if text else []
        if status not in UNTOUCHED:
            notes.append(note(f"The status has been changed from {before} to {title(status)}", stamp))
        return notes

    def _line(self) -> Json:
        number, rng = next(self._lines), self._random
        good = rng.choice(GOODS)
        ordered = rng.randrange(1, 4)
        return {
            "return_item_id": str(number),
            "product_id": f"{2000 + number % 800}",
            "qty_ordered": f"{ordered}.0000",
            "qty_returned": f"{rng.randrange(1, ordered + 1)}.0000",
            "qty_received": "0.0000",
            "order_product_id": f"{number + 1_000_000}",
            "name": f"{good} {rng.choice(COLOURS)}",
            "title_name": good,
            "model": f"sample-{number % 800:04d}",
            "article_code": "" if number % 4 == 0 else f"A{number % 800:04d}",
            "cost": f"{rng.randrange(100, 20_000) / 100:.2f}",
            "images": [{"http_path": f"https://images.example.com/{number % 800}.jpg"}] if number % 5 else [],
            "url": f"https://shop.example.com/sample-{number % 800}.html",
            "u_brand": "Sample Brand" if number % 3 else "",
            "ean": f"{2_000_000_000_000 + number}" if number % 4 else "",
            **dict(zip(("reason_id", "reason"), rng.choice(REASONS), strict=True)),
            "back_to_stock": "",
            "remarks": "",
        }

    def _returned(self, line: Json, text: str | None, *, received: bool) -> Json:
        filled = dict(line)
        if received:
            filled |= {"qty_received": line["qty_returned"], "back_to_stock": self._random.choice(("1", "0"))}
        if text:
            filled |= {"name": text, "title_name": text, "reason": text, "remarks": text}
        return filled

    def _parcel(self, text: str | None) -> Json:
        number = next(self._parcels)
        tracking_number = f"SAMPLE {number}/#1?x=%2F" if text else f"SAMPLE{number:09d}"
        status = ("9001", "Sample Status") if self._undocumented and number % 7 == 0 else ("1000", "Ready to Send")
        query = f"scid=SAMPLE{number:09d}&hash={self._random.getrandbits(128):032x}"
        return {
            "tracking_number": tracking_number,
            "tracking_status_id": status[0],
            "tracking_status": status[1],
            "tracking_url": f"https://track.example.com/#!/track/{quote(tracking_number, safe='')}/NL/1234AB",
            "shipping_label_link": f"https://labels.example.com/shippinglabel/index/?{query}",
        }


def _dated(facts: Mapping[str, Any], name: str, stamp: str) -> Json:
    """What is known of an order, and the record's own date where the documentation has it: after the order's."""
    return _after(facts, "order_date", {name: stamp})


def _after(record: Mapping[str, Any], name: str, more: Mapping[str, Any]) -> Json:
    """The record with more fields after one: Returnless's order of fields is kept."""
    names = list(record)
    place = names.index(name) + 1
    return {key: record[key] for key in names[:place]} | dict(more) | {key: record[key] for key in names[place:]}


def _kept(line: Json) -> Json:
    """A line that the customer keeps, as the webhook has it (Returnless V1 API, New Return webhook)."""
    nothing = {"qty_returned": "0.0000", "reason_id": "", "reason": "", "back_to_stock": "", "remarks": ""}
    return without(line, "return_item_id") | nothing


def _questions(text: str | None) -> list[Json]:
    return [{"option_id": "46364", "label": "Is it still in its wrapping?", "value": text or "Yes"}]
