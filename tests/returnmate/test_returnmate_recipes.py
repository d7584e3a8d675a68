"""What the documents of ours tell a caller to do, done."""

import pytest

from returns_hub import NewItem, NewReturn, TransportFailed, connect
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
