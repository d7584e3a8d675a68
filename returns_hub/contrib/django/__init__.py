"""A hub in a Django project: ``INSTALLED_APPS = [..., "returns_hub.contrib.django"]``, the setting ``RETURNS_HUB``, and URLs.

Handlers stand in the module ``return_handlers`` of any installed app, which is imported when Django is ready:
``from returns_hub.contrib.django import hub``. Needs the extra ``store``.
"""

from typing import TYPE_CHECKING, cast

from django.utils.functional import SimpleLazyObject

from returns_hub.contrib.django.conf import configured_hub

if TYPE_CHECKING:
    from returns_hub.hub import Hub

__all__ = ["hub"]

hub: "Hub" = cast("Hub", SimpleLazyObject(configured_hub))
"""The hub that ``settings.RETURNS_HUB`` describes, made when it is first used; nothing is opened before it is needed."""
