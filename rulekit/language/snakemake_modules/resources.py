"""`snakemake.resources`: helpers for sizes and times."""

from rulekit.language.resources import mb_to_mib, mib_to_mb, size_in_mb, time_in_minutes
from rulekit.model.namedlist import Resources

__all__ = ["Resources", "mb_to_mib", "mib_to_mb", "size_in_mb", "time_in_minutes"]
