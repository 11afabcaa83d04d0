"""`snakemake.storage`: names for annotations; the object itself is `storage` in a rule file."""

from __future__ import annotations


class StorageProviderProxy:
    """Only a name, for annotations: what ``storage.NAME`` gives."""


class StorageRegistry:
    """Only a name, for annotations: what `storage` is."""
