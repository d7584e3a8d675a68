"""What the shop keeps of its returns."""

from django.db import models


class CustomerReturn(models.Model):
    """A return as the shop knows it."""

    return_id = models.CharField(max_length=200, unique=True)
    status = models.CharField(max_length=40)
    changes = models.PositiveIntegerField(default=0)
