"""Captions and descriptions: reStructuredText or Markdown with fields, as safe markup.

docutils makes markup of reStructuredText where it is installed (the extra `report`), markdown-it,
which rich needs anyway, of Markdown (`.md`). Neither lets raw markup through; addresses that would
run a script are taken out, and pictures beside the caption are put into the page.
"""

from __future__ import annotations

import html
import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_PICTURE = 5_000_000  # bytes
_SCRIPT = re.compile(r"""\b(href|src)=(["'])\s*(?:javascript|vbscript|data:text)[^"']*\2""", re.I)
_PICTURE = re.compile(r"""<img\b[^>]*?\bsrc="([^"]*)"[^>]*>""", re.I)


def markup(text: str, path: str | None = None, targets: Mapping[str, str] | None = None) -> str:
    """Markup of a caption. `path` is its file: its ending tells the language, pictures are looked for
    beside it. `targets` are names that reStructuredText can link to (```` `name`_ ````) and where
    they lead."""
    if not text.strip():
        return ""
    if path is not None and path.endswith((".md", ".markdown")):
        made = _markdown(text)
    else:
        made = _restructured(text, targets or {})
    made = _SCRIPT.sub(r'\1="#"', made)
    folder = os.path.dirname(path) if path is not None else ""
    return _PICTURE.sub(lambda found: _with_picture(found, folder), made)


def _markdown(text: str) -> str:
    from markdown_it import MarkdownIt

    made: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return made


def _restructured(text: str, targets: Mapping[str, str]) -> str:
    try:
        from docutils.core import publish_parts
        from docutils.writers.html5_polyglot import Writer
    except ImportError:
        paragraphs = [part for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]
        return "".join(f"<p>{html.escape(part)}</p>" for part in paragraphs)
    links = "".join(
        f".. _`{name}`: {where}\n"
        for name, where in targets.items()
        if f"{name}`_" in text or f"{name}_" in text
    )
    settings = {
        "file_insertion_enabled": False,
        "raw_enabled": False,
        "report_level": 5,
        "halt_level": 5,
        "embed_stylesheet": False,
        "initial_header_level": 3,
        "math_output": "MathML",
        "syntax_highlight": "none",
    }
    full = f"{text}\n\n{links}" if links else text
    made = publish_parts(full, writer=Writer(), settings_overrides=settings)
    return str(made["fragment"])


def _with_picture(found: re.Match[str], folder: str) -> str:
    """A picture beside the caption becomes part of the page; one that cannot be had its name."""
    import mimetypes

    from rulekit.pages.shell import data_uri

    source = html.unescape(found.group(1))
    if source.startswith("data:image/"):
        return found.group(0)
    path = os.path.join(folder, source)
    kind = mimetypes.guess_type(path)[0] or ""
    try:
        if not kind.startswith("image/") or os.path.getsize(path) > _MOST_PICTURE:
            raise OSError
        with open(path, "rb") as file:
            content = file.read()
    except (OSError, ValueError):
        return f"<em>{html.escape(source)}</em>"
    return found.group(0).replace(found.group(1), data_uri(content, kind))
