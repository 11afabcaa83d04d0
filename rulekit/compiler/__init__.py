"""Rule file → `Workflow`. The only room that executes the text of a rule file."""

from rulekit.compiler.load import load
from rulekit.compiler.settings import LoadSettings

__all__ = ["LoadSettings", "load"]
