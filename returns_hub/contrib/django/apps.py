"""The app: its checks, and the handlers of the other apps."""

from django.apps import AppConfig
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import autodiscover_modules

from returns_hub.contrib.django.checks import check_settings
from returns_hub.contrib.django.conf import read_settings


class ReturnsHubConfig(AppConfig):
    """returns-hub in a Django project."""

    name = "returns_hub.contrib.django"
    label = "returns_hub"
    verbose_name = "Returns"

    def ready(self) -> None:
        """Register the checks, and import the handlers unless the settings are wrong: then the checks say it."""
        checks.register(check_settings, "returns_hub")
        try:
            read_settings()
        except ImproperlyConfigured:
            return
        autodiscover_modules("return_handlers")
