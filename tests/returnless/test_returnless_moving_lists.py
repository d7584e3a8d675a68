"""A listing by status whose rows change their status while it is read: nothing is passed over, and nothing is an error."""

from returns_hub import Status, connect
from returns_hub.testing import serve
from returns_hub_returnless.sandbox import ReturnlessSandbox


def test_all_requests_are_approved_in_one_go() -> None:
    vendor = ReturnlessSandbox(count=300)
    with (
        serve(vendor) as running,
        connect("returnless", base_url=running.url + vendor.base_path, rate_limit="none", **vendor.options) as client,
    ):
        waiting = {ret.id for ret in client.list_returns(status=Status.REQUESTED)}
        approved = set()
        for ret in client.list_returns(status=Status.REQUESTED, page_size=5):
            client.set_status(ret.id, Status.APPROVED)
            approved.add(ret.id)
        assert approved == waiting
        assert client.gaps == ()
        assert [ret.id for ret in client.list_returns(status=Status.REQUESTED)] == []
