"""`snakemake.shell`."""

from rulekit.language.shell import shell

__all__ = ["shell"]
