"""Deliveries: stored before they are acknowledged, processed afterwards.

:class:`Inbox` takes what vendors send and has been verified: when it has answered, the delivery survives a power cut.
:class:`Processor` applies each delivery to the mirror, once, however often a process is killed.
"""

from returns_hub.deliveries.inbox import Inbox
from returns_hub.deliveries.processor import ATTEMPTS, Processor

__all__ = ["ATTEMPTS", "Inbox", "Processor"]
