"""rulekit: a workflow engine with a Snakemake-style rule language. Importing it imports nothing."""

__version__ = "0.1.0"
# What `min_version` and scripts that ask for Snakemake's version are told.
SNAKEMAKE_LEVEL = "9.27.1"
