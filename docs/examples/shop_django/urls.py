"""The URLs of a Django project; what is for returns-hub stands between two comments."""

from django.urls import include, path

urlpatterns: list[object] = []

# returns-hub begins here
urlpatterns += [path("returns/", include("returns_hub.contrib.django.urls"))]
# returns-hub ends here
