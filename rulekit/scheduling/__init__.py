"""Which job next, within resources: a pure state machine."""

from rulekit.scheduling.request import Offer, Request
from rulekit.scheduling.schedule import Launch, Schedule
from rulekit.scheduling.temps import TempFiles

__all__ = ["Launch", "Offer", "Request", "Schedule", "TempFiles"]
