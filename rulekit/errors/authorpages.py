"""Pages of the codes of the tools for authors: formatter, linter, language server, Makefiles."""

from __future__ import annotations

AUTHOR_PAGES: dict[str, str] = {
    "RK0160": """\
a program or package that this command needs is not installed
`rulekit fmt` lays out Python with ruff, `rulekit lsp` speaks to editors with pygls. They are not
needed to run workflows, so they are extras:
  pip install 'rulekit-workflows[fmt]'    pip install 'rulekit-workflows[lsp]'""",
    "RK0161": """\
the layout would change what the file says
After every layout the old and the new text are read and compared. Where they are not the same,
the file is left as it was. This is a mistake of the formatter: please report the file.
To leave out a part of a file, put it between the comments `# fmt: off` and `# fmt: on`.""",
    "RK0162": """\
a rule file cannot be written
It is write-protected, the disk is full, or somebody else (an editor, another formatter) changed the
file after it was read. Nothing was written: the file is as it was.""",
    "RK0163": """\
no example of that name
`rulekit init --example NAME` knows `words` (one rule file, a script, a test; the default) and
`study` (the layout of larger workflows: folders for rules, config, profiles and tests).""",
    "RK0164": """\
a Makefile that cannot be read
`rulekit import-makefile` reads simple Makefiles. The message has the line. Where only a part
cannot be translated, the Rulefile has a comment there instead, and the exit code is 1.""",
}
