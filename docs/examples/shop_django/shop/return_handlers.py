"""Imported when Django is ready. Each handler writes its rows in the transaction in which its event is done: exactly once."""

from django.db.models import F

from returns_hub import ReturnCreated, ReturnStatusChanged
from returns_hub.contrib.django import hub
from shop.models import CustomerReturn


@hub.on(ReturnCreated, ReturnStatusChanged, name="shop", backfill=True)
def status_changed(event: ReturnCreated | ReturnStatusChanged) -> None:
    stored = hub.get_return(event.account, event.return_id)
    if stored:
        row, _ = CustomerReturn.objects.get_or_create(return_id=stored.ret.id)
        row.status, row.changes = stored.ret.status, F("changes") + 1
        row.save()
