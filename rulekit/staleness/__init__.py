"""Whether a job must run and why: pure functions of plan, records and stamps."""

from rulekit.staleness.forecast import Forecast, forecast
from rulekit.staleness.policy import TRIGGERS, Policy

__all__ = ["TRIGGERS", "Forecast", "Policy", "forecast"]
