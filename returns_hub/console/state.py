"""What every request of the console shares: the hub, who may use it, templates, jobs, and what is new."""

import hashlib
import json
import threading
import time
from collections.abc import Collection, Mapping
from datetime import timedelta
from importlib.resources import files
from typing import Any, Final

import jinja2
from attrs import define, field
from markupsafe import Markup

from returns_hub.console import display
from returns_hub.console.access import Access, LoginLimiter
from returns_hub.console.jobs import Jobs
from returns_hub.console.sandbox import Sandbox
from returns_hub.hub import Hub
from returns_hub.store.audit import AuditLog, ConsoleSessions
from returns_hub.store.overview import Overview

STATIC_TYPES: Final = {"console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}
"""The files beside the templates, with their media types."""

_LIFETIME: Final = timedelta(hours=12)
_IDLE: Final = timedelta(hours=2)
_NEWS_SECONDS: Final = 0.9


@define(kw_only=True)
class Console:
    """What every request of the console shares."""

    hub: Hub
    access: Access
    paths: Collection[str]
    sandbox: Sandbox | None = None
    limiter: LoginLimiter = field(factory=LoginLimiter)
    jobs: Jobs = field(factory=Jobs)
    streams: int = 0
    stopping: bool = False
    templates: jinja2.Environment = field(init=False, repr=False)
    static: Mapping[str, bytes] = field(init=False, repr=False)
    _news: tuple[float, str] = field(default=(-_NEWS_SECONDS, ""), init=False, repr=False)
    _asking: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    _overview: Overview | None = field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        folder = files("returns_hub.console") / "static"
        self.static = {name: (folder / name).read_bytes() for name in STATIC_TYPES}
        self.templates = _environment()
        version = hashlib.sha256(b"".join(self.static.values())).hexdigest()[:12]
        self.templates.globals.update(version=version, paths=self.paths)

    @property
    def problems(self) -> Mapping[str, str]:
        """Why accounts cannot be used, by name: what the configuration names and is not there."""
        return {name: "; ".join(each.unavailable) for name, each in self.hub.accounts.items() if each.unavailable}

    @property
    def audit(self) -> AuditLog:
        """Who did what."""
        return AuditLog(self.hub.open_store().database)

    @property
    def overview(self) -> Overview:
        """Lists and counts of the store."""
        database = self.hub.open_store().database
        if self._overview is None or self._overview.database is not database:
            self._overview = Overview(database)
        return self._overview

    @property
    def sessions(self) -> ConsoleSessions:
        """Who is logged in."""
        return ConsoleSessions(self.hub.open_store().database, lifetime=_LIFETIME, idle=_IDLE)

    def news(self) -> str:
        """What changes whenever a page may: asked for each page and by every browser that listens, read once a second."""
        now = time.monotonic()
        with self._asking:
            if now - self._news[0] >= _NEWS_SECONDS:
                jobs = [
                    [job.account, job.kind, job.running, job.progress.read if job.progress else 0]
                    for job in self.jobs.all.values()
                ]
                self._news = (now, json.dumps([*self.overview.newest(), jobs]))
            return self._news[1]

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        """A page as HTML."""
        return self.templates.get_template(template).render({"console": self, **context})


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("returns_hub.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Templates that a new version brings would not fit the code that is running.
        auto_reload=False,
        finalize=_finalize,
    )
    environment.filters.update(display.FILTERS)
    return environment


def _finalize(value: object) -> object:
    """Whatever is written on a page: nothing for None, and no character that hides or turns what stands beside it."""
    if value is None:
        return ""
    return value if isinstance(value, Markup) or not isinstance(value, str) else display.visible(value, 200_000)
