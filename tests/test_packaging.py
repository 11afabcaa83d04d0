"""setup.cfg lists packages by hand, because `grammar/` lives beside `rulekit/`: nothing is forgotten."""

from __future__ import annotations

import configparser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_package_is_listed() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    found = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "rulekit").rglob("*.py")
    }
    assert listed == found | {"rulekit.grammar"}


def test_the_grammar_is_installed_with_the_package() -> None:
    import rulekit.syntax  # noqa: F401  the room that reads it
    from rulekit.syntax import parse

    assert parse("rule a:\n    output: 'x'\n    shell: 'touch x'\n", "Rulefile").path == "Rulefile"


def test_files_of_tests_have_names_that_differ() -> None:
    """pytest imports a test file by its name alone where its folder is no package."""
    seen: dict[str, Path] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        package = (path.parent / "__init__.py").exists()
        name = f"{path.parent.name}.{path.stem}" if package else path.stem
        assert name not in seen, f"{path} and {seen[name]}"
        seen[name] = path
