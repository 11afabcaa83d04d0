"""R Markdown: the document with the job's names in it, and the R expression that renders it."""

from __future__ import annotations

import re

from rulekit.runner.script_r import literal

_CHUNK = "```{{r, echo=FALSE, message=FALSE, warning=FALSE}}\n{preamble}\n```\n"
_HEADER = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?\r?\n)?(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_OWN_NAME = re.compile(r"^[ \t]+rmd[ \t]*:", re.MULTILINE)


def document(source: str, preamble: str) -> str:
    """The document with a chunk that makes the object, which shows nothing, after its header."""
    chunk = _CHUNK.format(preamble=preamble)
    header = _HEADER.match(source)
    if header is None:
        return f"{chunk}\n{source}"
    head = header[0] if header[0].endswith("\n") else f"{header[0]}\n"
    return f"{head}\n{chunk}\n{source[header.end() :]}"


def rendering(path: str, output: str, workdir: str, source: str) -> str:
    """R text that renders the document `path` to `output`; chunks run in `workdir`.

    A document whose header declares the parameter ``rmd`` gets its own path by it, so that it
    can include its text. All paths absolute.
    """
    words = [
        literal(path),
        f"output_file = {literal(output)}",
        "quiet = TRUE",
        f"knit_root_dir = {literal(workdir)}",
    ]
    header = _HEADER.match(source)
    if header is not None and _OWN_NAME.search(header[1] or ""):
        words.append(f"params = list(rmd = {literal(path)})")
    return f"rmarkdown::render({', '.join(words)})"
