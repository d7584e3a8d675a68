"""Home: what stands where, what needs a hand, and what came in the last hours; and the stream that says what is new."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Final

from attrs import frozen
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from returns_hub.console.charts import columns
from returns_hub.console.guard import read_cookie, who_is
from returns_hub.console.visit import Page, Refusal, Visit
from returns_hub.hub import Health
from returns_hub.store.overview import MAX_COUNT, HourlyCount
from returns_hub.store.sync_log import SyncLog

_RECENTLY: Final = timedelta(days=1)
_STREAM_SECONDS: Final = 600.0
_LOOK_SECONDS: Final = 1.0
_MAX_STREAMS: Final = 100


@frozen
class Task:
    """Something that needs a hand: how many, of what, and where to see them."""

    count: int
    what: str
    path: str


def home(visit: Visit) -> Response:
    """The first page."""
    overview = visit.console.overview
    health = visit.console.hub.health()
    by_attention = overview.by_attention()
    deliveries, events = overview.deliveries_by_hour(), overview.events_by_hour()
    runs = SyncLog(visit.console.hub.open_store().database).runs_by_hour()
    return visit.render(
        "home.html",
        health=health,
        by_status=overview.by_status(),
        by_attention=by_attention,
        tasks=_tasks(visit, health),
        deliveries=columns(deliveries),
        events=columns(events),
        syncs=columns([HourlyCount(each.hour, runs.get(each.hour, (0, 0))[0]) for each in events]),
        failed_syncs=sum(failures for _, failures in runs.values()),
        max_count=MAX_COUNT,
    )


def _tasks(visit: Visit, health: Health) -> Sequence[Task]:
    url = visit.url
    degraded = sum(account.degraded for account in health.accounts)
    unsynced = sum(account.lag_s is None for account in health.accounts)
    found = [
        Task(
            health.dead,
            "dead deliveries: replay them when the cause is mended",
            url("/console/deliveries", state="dead"),
        ),
        Task(len(visit.console.problems), "accounts that cannot be used", url("/console/accounts")),
        Task(degraded, "accounts whose last syncs all failed", url("/console/accounts")),
        Task(unsynced, "accounts that were never synced to the end", url("/console/accounts")),
    ]
    if health.refused_at is not None and visit.now - health.refused_at < _RECENTLY:
        found.append(
            Task(
                health.refused,
                "deliveries and look-ups that were refused, the last within a day",
                url("/console/refused"),
            )
        )
    for consumer in health.consumers:
        path = url(f"/console/handlers/{consumer.name}")
        found.append(Task(consumer.dead, f"events that the handlers “{consumer.name}” have given up", path))
        found.append(Task(consumer.failing, f"events at which the handlers “{consumer.name}” fail", path))
    return [task for task in found if task.count]


async def stream(visit: Visit) -> Response:
    """Server-sent events: the newest event and delivery, whenever they change, and how the jobs are getting on."""
    console = visit.console
    if console.streams >= _MAX_STREAMS:
        raise Refusal(503, "Too many browsers are listening. Reload the page instead.")

    async def lines() -> AsyncIterator[str]:
        console.streams += 1
        try:
            ends, sent = time.monotonic() + _STREAM_SECONDS, ""
            yield "retry: 5000\n\n"
            while time.monotonic() < ends and not console.stopping:
                # Somebody who has logged out, or may not look any more, hears nothing more.
                if await run_in_threadpool(who_is, console, visit.request, read_cookie(visit.request)) is None and sent:
                    return
                news = await run_in_threadpool(console.news)
                yield f"data: {news}\n\n" if news != sent else ": nothing new\n\n"
                sent = news
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            console.streams -= 1

    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingResponse(lines(), media_type="text/event-stream", headers=headers)


ROUTES: Final = (Page("/console/", home), Page("/console/stream", stream))
