"""Approve what was requested, and have a label made: python docs/examples/first_steps.py

With RETURNMATE_API_KEY set it asks ReturnMate's sandbox; without, the simulator that comes with the adapter.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from returns_hub import Client, NewLabel, ReturnsHubError, Status, connect


@contextmanager
def a_client() -> Iterator[Client]:
    """A client of the vendor's sandbox, or of a simulator on loopback."""
    key = os.environ.get("RETURNMATE_API_KEY")
    if key:
        with connect("returnmate", environment="sandbox", api_key=key) as client:
            yield client
        return
    from returns_hub.testing import serve
    from returns_hub_returnmate.sandbox import ReturnMateSandbox

    vendor = ReturnMateSandbox(count=20)
    with (
        serve(vendor) as running,
        connect("returnmate", base_url=running.url + vendor.base_path, **vendor.options) as client,
    ):
        yield client


def main() -> None:
    with a_client() as client:
        for ret in client.list_returns(status=Status.REQUESTED):
            try:
                client.set_status(ret.id, Status.APPROVED, note="within 30 days")
                parcel = client.create_label(ret.id, NewLabel(carrier="australia_post", service="express_post"))
            except ReturnsHubError as error:
                print(f"{ret.number}: {error}")
            else:
                print(f"{ret.number}: approved, {parcel.carrier} {parcel.tracking_number}")


if __name__ == "__main__":
    main()
