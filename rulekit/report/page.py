"""The page of a report: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import html
import mimetypes
import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from rulekit.report.items import Item

MOST_TEXT = 200_000  # bytes of a table or text that are shown in the page
_STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem 2rem; }
h1, h2, h3 { line-height: 1.2; } figure { margin: 1.5rem 0; padding: 1rem; border: 1px solid #ccc; }
img, svg { max-width: 100%; } pre { background: #f4f4f4; overflow: auto; padding: .5rem; }
table { border-collapse: collapse; } td, th { border: 1px solid #ccc; padding: .2rem .5rem; }
nav ul { columns: 2; } figcaption .where { color: #666; font-size: .9rem; }
"""
_PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"}
_TABLES = {".csv": ",", ".tsv": "\t"}
_TEXTS = {".txt", ".log", ".json", ".yaml", ".yml", ".md", ".rst"}


def page(
    title: str,
    description: str,
    items: Sequence[Item],
    metadata: Mapping[str, Any],
    counts: Mapping[str, int],
    *,
    style: str = "",
    link: Callable[[str], str] | None = None,
) -> str:
    """The page as HTML. `link(path)`: where a file lies beside the page; without it all is inside."""
    escape = html.escape
    style = style.replace("</", "<\\/")  # nothing in it ends the element
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        f"<style>{_STYLE}{style}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
    ]
    if metadata:
        rows = "".join(
            f"<tr><th>{escape(str(key))}</th><td>{_value(value)}</td></tr>"
            for key, value in metadata.items()
        )
        parts.append(f"<table>{rows}</table>")
    parts.append(_words(description))
    groups: dict[str, dict[str, list[tuple[int, Item]]]] = {}
    for number, item in enumerate(items):
        groups.setdefault(item.category, {}).setdefault(item.subcategory, []).append((number, item))
    links = "".join(
        f'<li><a href="#r{number}">{escape(item.path)}</a></li>'
        for number, item in enumerate(items)
    )
    parts.append(f"<nav><h2>Results</h2><ul>{links}</ul></nav>" if items else "")
    for category in sorted(groups):
        parts.append(f"<section><h2>{escape(category)}</h2>")
        for subcategory in sorted(groups[category]):
            if subcategory:
                parts.append(f"<h3>{escape(subcategory)}</h3>")
            parts += [_figure(number, item, link) for number, item in groups[category][subcategory]]
        parts.append("</section>")
    rows = "".join(f"<tr><td>{escape(k)}</td><td>{v}</td></tr>" for k, v in counts.items())
    parts.append(f"<h2>Jobs</h2><table><tr><th>rule</th><th>jobs</th></tr>{rows}</table>")
    parts.append("</body></html>")
    return "\n".join(part for part in parts if part) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "<br>".join(html.escape(str(one)) for one in value)
    return html.escape(str(value))


def _words(text: str) -> str:
    """A caption: docutils makes HTML of it where it is installed, else paragraphs are shown."""
    if not text.strip():
        return ""
    try:
        from docutils.core import publish_parts  # type: ignore[import-not-found,import-untyped]
    except ImportError:
        paragraphs = [p for p in re.split(r"\n\s*\n", text.strip()) if p.strip()]
        return "".join(f"<p>{html.escape(p)}</p>" for p in paragraphs)
    settings = {"file_insertion_enabled": False, "raw_enabled": False, "report_level": 5}
    made = publish_parts(text, writer_name="html5", settings_overrides=settings)
    return str(made["fragment"])


def _figure(number: int, item: Item, link: Callable[[str], str] | None) -> str:
    escape = html.escape
    labels = ", ".join(f"{escape(k)}: {escape(v)}" for k, v in item.labels.items())
    where = f"rule {escape(item.rule)}" + (f"; {labels}" if labels else "")
    code = f"<details><summary>how</summary><pre>{escape(item.command)}</pre></details>"
    return (
        f'<figure id="r{number}">{_shown(item, link)}<figcaption>{_words(item.caption)}'
        f'<p class="where">{escape(item.path)} ({where})</p>{code if item.command else ""}'
        "</figcaption></figure>"
    )


def _shown(item: Item, link: Callable[[str], str] | None) -> str:
    path = item.path
    name = html.escape(os.path.basename(path))
    if os.path.isdir(path):
        if item.index is not None:
            page_path = os.path.join(path, item.index)
            if link is not None:
                return (
                    f'<iframe src="{_quoted(link(page_path))}" width="100%" height="600"></iframe>'
                )
            return f'<a href="{_inside(page_path)}">{name}</a> (its first page)'
        names = sorted(os.listdir(path))
        return "<ul>" + "".join(f"<li>{html.escape(one)}</li>" for one in names) + "</ul>"
    suffix = os.path.splitext(path)[1].lower()
    target = _quoted(link(path)) if link is not None else _inside(path)
    if suffix in _PICTURES:
        return f'<a href="{target}"><img alt="{name}" src="{target}"></a>'
    small = os.path.getsize(path) <= MOST_TEXT
    text = f'<a href="{target}" download="{name}">{name}</a>'
    if small and suffix in _TABLES:
        return text + _table(path, _TABLES[suffix])
    if small and suffix in _TEXTS:
        with open(path, encoding="utf-8", errors="replace") as file:
            return text + f"<pre>{html.escape(file.read())}</pre>"
    return text


def _table(path: str, separator: str) -> str:
    import csv

    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.reader(file, delimiter=separator))
    made = ""
    for at, row in enumerate(rows):
        cell = "th" if at == 0 else "td"
        made += "<tr>" + "".join(f"<{cell}>{html.escape(one)}</{cell}>" for one in row) + "</tr>"
    return f"<table>{made}</table>"


def _quoted(address: str) -> str:
    from urllib.parse import quote

    return quote(address)


def _inside(path: str) -> str:
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    with open(path, "rb") as file:
        return f"data:{kind};base64,{base64.b64encode(file.read()).decode()}"
