"""`snakemake.common.configfile`."""

from rulekit.language.configs import load_configfile, load_data

_load_configfile = load_data

__all__ = ["load_configfile"]
