"""The `config` of one load: files of the rule file, then those of the command line, then ``--config``."""

from __future__ import annotations

import os

from rulekit.errors.tree import RuleFileError
from rulekit.language.configs import copied, load_configfile, update_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.compiler.settings import LoadSettings


class ConfigState:
    """What the command line says about config, ready to be laid over any dict again and again."""

    def __init__(self, settings: LoadSettings) -> None:
        self._settings = settings
        self.overwrite: dict[str, Any] = {}
        for path in settings.configfiles:
            update_config(self.overwrite, _load(path))
        update_config(self.overwrite, copied(dict(settings.config)))
        self.files: list[str] = list(settings.configfiles)

    def initial(self) -> dict[str, Any]:
        """The config before any statement is read: values of the command line are there already."""
        copy = copied(self.overwrite)
        assert isinstance(copy, dict)
        return copy

    def load(self, config: dict[str, Any], path: str) -> dict[str, Any]:
        """Merge the file of a `configfile:` statement into `config`; gives the dict to go on with.

        `path` is relative to the working directory. Raises `RuleFileError` if it does not exist and
        the command line gives no file instead.
        """
        if not os.path.exists(path):
            if self._settings.configfiles:
                update_config(config, copied(self.overwrite))
                return config
            raise RuleFileError(
                f"the config file `{path}` does not exist (looked for at `{os.path.abspath(path)}`)",
                code="RK0301",
                help=_missing_help(path),
            )
        self.files.append(path)
        update_config(config, _load(path))
        if self.overwrite:
            if self._settings.replace_workflow_config:
                config = {}
            update_config(config, copied(self.overwrite))
        return config


def _load(path: str) -> dict[str, Any]:
    """As `load_configfile`; what was parsed before is not parsed again (PyYAML takes 10 ms)."""
    import marshal

    from rulekit.syntax.cachedir import blake2b, cache_folder, read_sealed, write_sealed

    folder = None if path.endswith(".json") else cache_folder()
    if folder is None:
        return load_configfile(path)
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError:
        return load_configfile(path)
    if b"__use_yte__" in source:
        return load_configfile(path)
    name = "yaml-" + blake2b(source, digest_size=32).hexdigest()
    kept = read_sealed(folder, name)
    if kept is not None:
        try:
            found = marshal.loads(kept)  # noqa: S302  ours, and sealed
        except (EOFError, ValueError, TypeError):
            found = None
        if isinstance(found, dict):
            return found
    config = load_configfile(path)
    try:
        # Only what marshal gives back as it was: no dates and other objects of YAML.
        write_sealed(folder, name, marshal.dumps(config))
    except ValueError:
        pass
    return config


def _missing_help(path: str) -> str:
    from rulekit.errors.diagnostic import closest

    folder, name = os.path.split(path)
    try:
        near = closest(name, os.listdir(folder or "."))
    except OSError:
        near = None
    if near is not None:
        return f"there is a file with a similar name: `{os.path.join(folder, near)}`"
    return (
        "`configfile:` is relative to the working directory, not to the rule file; "
        "`--configfile PATH` gives another one"
    )
