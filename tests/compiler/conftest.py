"""Reading rule files in a folder of their own."""

import sys

import pytest

from rulekit.compiler import LoadSettings, load
from rulekit.errors import RuleFileError


class Project:
    """A folder with files; the working directory is in it."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def load(self, text, name="Rulefile", **settings):
        return load(self.write(name, text), LoadSettings(**settings))

    def rule(self, text, name=None, **settings):
        rules = self.load(text, **settings).rules
        return rules[0] if name is None else next(rule for rule in rules if rule.name == name)

    def diagnostics(self, text, **settings):
        with pytest.raises(RuleFileError) as caught:
            self.load(text, **settings)
        return caught.value.diagnostics

    def diagnostic(self, text, **settings):
        found = self.diagnostics(text, **settings)
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return Project(folder)
