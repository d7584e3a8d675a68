"""``path("returns/", include("returns_hub.contrib.django.urls"))`` in the project's urls.py."""

from django.urls import path

from returns_hub.contrib.django import views

app_name = "returns_hub"

# Paths, because an order number may hold a slash, and because one may follow a number or an id: to a vendor a redirect is a
# failure. What is behind the account is read from the URL, undecoded.
urlpatterns = [
    path("webhooks/<str:account>", views.receive, name="webhook"),
    path("webhooks/<str:account>/", views.receive),
    path("webhooks/<str:account>/<path:rest>", views.receive),
    path("orders/<str:account>/<path:rest>", views.look_up_order, name="order"),
    path("healthz", views.health, name="health"),
]
