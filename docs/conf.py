"""How the documentation is built: `python -m sphinx -W docs docs/_build`.

Needs sphinx, furo and myst-parser: `pip install '.[docs]'`.
"""

import os
import re

from pygments.lexers.python import PythonLexer

project = "rulekit"
author = "rulekit contributors"
copyright = author  # noqa: A001  the name that sphinx reads
_package = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "rulekit", "__init__.py")
with open(_package) as _file:
    release = version = re.search(r'__version__ = "(.+)"', _file.read())[1]

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"rulekit {release}"
# Links to headings; file names and folders of the repository are not pages.
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]
suppress_warnings: list[str] = []


class RulefileLexer(PythonLexer):
    """Rule files are Python with statements that look like labels; that is near enough."""

    name = "rulefile"
    aliases = ["rulefile"]


def setup(app):
    app.add_lexer("rulefile", RulefileLexer)
