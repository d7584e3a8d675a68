"""The settings of a Django project; what is for returns-hub stands between two comments."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).parent
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "for-this-example-only")
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "shop.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 10},
    }
}
INSTALLED_APPS = ["shop"]

# returns-hub begins here
INSTALLED_APPS += ["returns_hub.contrib.django"]
RETURNS_HUB = {
    "config": BASE_DIR / "returns-hub.toml",
    "database": "default",
    "atomic_handlers": True,
}
# returns-hub ends here
