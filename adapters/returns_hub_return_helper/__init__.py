"""Return Helper for returns-hub: ``connect("return_helper", api_key=..., api_token=...)``."""

from returns_hub_return_helper.adapter import ReturnHelper
from returns_hub_return_helper.fba import FbaKind, FbaLine, NewFbaShipment
from returns_hub_return_helper.lookups import CodeTable
from returns_hub_return_helper.warehouse import NewVas, UploadedFile
from returns_hub_return_helper.wire import Rma

__all__ = ["CodeTable", "FbaKind", "FbaLine", "NewFbaShipment", "NewVas", "ReturnHelper", "Rma", "UploadedFile"]
