"""What the documents of ours tell a caller to do, done."""

import json
from pathlib import Path

import pytest

from returns_hub import Account, HttpAnswer, Hub, NewItem, NewReturn, TransportFailed, connect
from returns_hub.testing import serve
from returns_hub_returnmate.sandbox import ReturnMateSandbox


def test_a_return_whose_reply_was_lost_is_found_although_the_vendor_spells_its_order_otherwise() -> None:
    vendor = ReturnMateSandbox(count=5, capital_order_numbers=True)
    new = NewReturn(
        order_number="sp-1001",
        customer_email="customer@example.com",
        items=(NewItem(sku="PROD-001", reason="defective"),),
    )
    with (
        serve(vendor) as running,
        connect("returnmate", base_url=running.url + vendor.base_path, rate_limit="none", **vendor.options) as client,
    ):
        vendor.faults.drop_after_commit(times=1)
        with pytest.raises(TransportFailed) as caught:
            client.create_return(new)
        assert caught.value.maybe_applied
        created = next(client.list_returns(order_number=new.order_number), None)
    assert created is not None
    assert created.order is not None
    assert created.order.number == "SP-1001"


def test_a_page_that_is_damaged_in_some_rows_is_synced_without_them(tmp_path: Path) -> None:
    vendor = ReturnMateSandbox(count=6)
    rows = [json.dumps(rma) for rma in vendor.rmas.values()]
    rows[1] = rows[1].replace('"status": ', '"status": NaN, "was": ')
    rows[2] = rows[2].replace('"name": "', '"name": "a\tb\xff', 1)
    rows[3] = rows[3].replace('"quantity": ', '"quantity": .', 1)
    body = f'{{"success": true, "data": [{", ".join(rows)}]}}'.encode("latin-1", "xmlcharrefreplace")
    vendor.faults.answer_with(HttpAnswer(status=200, body=body), times=1)
    with serve(vendor) as running:
        account = Account(
            name="acme",
            provider="returnmate",
            base_url=running.url + vendor.base_path,
            rate_limit="none",
            options=vendor.options,
        )
        with Hub(store=f"sqlite:///{tmp_path}/returns.db", accounts=[account]) as hub:
            (report,) = hub.sync("acme")
            stored = {entry.ret.id for entry in hub.returns(account="acme")}
    ids = list(vendor.rmas)
    assert (report.error, report.read, report.invalid_records) == (None, 5, 1)
    assert stored == {*ids[:3], *ids[4:]}
