"""How a result is shown: pictures, tables, texts, pages; and what is too large for it."""

from __future__ import annotations

import csv
import mimetypes
import os

from rulekit.pages.shell import data_uri, text
from rulekit.report.captions import markup
from rulekit.runner.files import MARKER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rulekit.report.items import Item

MOST_TEXT = 200_000  # bytes of a text that are shown
MOST_ROWS, FIRST_ROWS = 5_000, 25  # of a table: in the page, and without its script
MOST_COLUMNS = 100
MOST_CELL = 2_000  # letters
MOST_CELLS = 400_000  # of all tables together
LARGEST, LARGEST_ALL = 20_000_000, 60_000_000  # bytes of a result, of all, inside one page

_PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".avif", ".bmp"}
_TABLES = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_TEXTS = {".txt", ".log", ".json", ".yaml", ".yml", ".rst", ".toml", ".xml", ".bed", ".gff", ".vcf"}
_PAGES = {".html", ".htm"}


class Results:
    """Makes the markup of results. `link(path)` says where a file lies beside the page; without it
    all is put inside. `left_out` are paths and sizes of what was too large; `tables` what the
    page's script needs of large tables."""

    def __init__(
        self,
        link: Callable[[str], str] | None,
        hide: Callable[[str], str],
        targets: Mapping[str, str],
    ) -> None:
        self._link = link
        self._hide = hide
        self._targets = targets
        self._inside = 0
        self._cells = 0
        self.left_out: list[tuple[str, int]] = []
        self.tables: dict[str, Any] = {}

    def markup(self, number: int, item: Item, heading: str) -> str:
        """One result as an article; `heading` is the element of its title."""
        name = os.path.basename(item.path.rstrip("/")) or item.path
        chips = "".join(
            f'<span class="chip">{text(key)}: {text(value)}</span> '
            for key, value in item.labels.items()
        )
        caption = markup(self._hide(item.caption), item.caption_path, self._targets)
        words = " ".join([item.path, item.rule, *item.labels, *item.labels.values(), item.caption])
        how = (
            f'<a class="button" href="#jobs/{item.job}">How it was made</a>'
            if item.job >= 0
            else ""
        )
        shown, actions = self._shown(f"r{number}", name, item)
        return (
            f'<article class="result card" id="r{number}" data-find="{text(words.lower())}">'
            f'<{heading} class="title">{text(name)}</{heading}>'
            f'<p class="where soft small"><span class="mono">{text(item.path)}</span> '
            f"· rule {text(item.rule)} {chips}</p>"
            f"<figure>{shown}"
            f"{f'<figcaption>{caption}</figcaption>' if caption else ''}</figure>"
            f'<p class="actions">{actions} {how}</p></article>'
        )

    def _shown(self, key: str, name: str, item: Item) -> tuple[str, str]:
        """What is seen of a result, and the links below it."""
        path = item.path
        if os.path.isdir(path):
            return self._folder(item, name)
        size = os.path.getsize(path)
        suffix = os.path.splitext(path.removesuffix(".gz"))[1].lower()
        if path.endswith(".gz"):
            suffix = ""
        address = self._address(path, size)
        if address is None:
            return (
                f'<p class="soft">{_size(size)}: too large for a page of one file. It is beside the '
                f"workflow, at <code>{text(path)}</code>.</p>",
                "",
            )
        save = f'<a class="button" download="{text(name)}" href="{address}">Save</a>'
        save += f' <span class="soft small">{_size(size)}</span>'
        if suffix in _PICTURES:
            if self._link is None:
                # The picture is in the page once: its script gives the link what it saves.
                save = save.replace(f'href="{address}"', f'data-picture="{key}" role="button"')
                save = save.replace('class="button"', 'class="button hidden"')
            alt = text(" ".join(item.caption.split())[:200] or name)
            loading = ' loading="lazy"' if self._link is not None else ""
            return f'<img alt="{alt}"{loading} decoding="async" src="{address}">', save
        if suffix in _TABLES:
            return self._table(key, name, path, _TABLES[suffix]), save
        if suffix == ".md":
            with open(path, encoding="utf-8", errors="replace") as file:
                content = file.read(MOST_TEXT)
            return f'<div class="prose">{markup(self._hide(content), path)}</div>', save
        if suffix in _TEXTS:
            return self._text(path, size), save
        if self._link is not None and suffix in _PAGES:
            return self._frame(address, name), _open(address, name) + save
        if self._link is not None:
            return "", _open(address, name) + save
        if suffix in _PAGES:
            # Scripts of a foreign page do not run inside this one.
            return '<p class="soft">A page of its own: save it, then open it.</p>', save
        return "", save

    def _folder(self, item: Item, name: str) -> tuple[str, str]:
        path = item.path
        if item.index is not None:
            page = os.path.join(path, item.index)
            address = self._address(page, os.path.getsize(page))
            if address is None or self._link is None:
                return (
                    '<p class="soft">A page of its own: save it, then open it.</p>',
                    f'<a class="button" download="{text(os.path.basename(item.index))}" '
                    f'href="{address or "#"}">Save</a>',
                )
            return self._frame(address, name), _open(address, name)
        rows = []
        for place, folders, names in os.walk(path):
            folders.sort()
            for one in sorted(names):
                if one == MARKER:
                    continue
                full = os.path.join(place, one)
                label = text(os.path.relpath(full, path))
                if self._link is not None:
                    label = f'<a href="{text(self._link(full))}">{label}</a>'
                size = os.path.getsize(full) if os.path.exists(full) else 0
                rows.append(f'<li>{label} <span class="soft small">{_size(size)}</span></li>')
        more = f"<li>… {len(rows) - 500:,} more</li>" if len(rows) > 500 else ""
        return f'<ul class="files">{"".join(rows[:500])}{more}</ul>', ""

    def _frame(self, address: str, name: str) -> str:
        return (
            f'<iframe sandbox="allow-scripts" loading="lazy" title="{text(name)}" '
            f'src="{address}"></iframe>'
        )

    def _address(self, path: str, size: int) -> str | None:
        """Where the content is to be had from the page; None if it is too large to be inside."""
        if self._link is not None:
            return text(self._link(path))
        if size > LARGEST or self._inside + size > LARGEST_ALL:
            self.left_out.append((path, size))
            return None
        self._inside += size
        with open(path, "rb") as file:
            content = file.read()
        return data_uri(content, mimetypes.guess_type(path)[0] or "application/octet-stream")

    def _text(self, path: str, size: int) -> str:
        with open(path, encoding="utf-8", errors="replace") as file:
            content = self._hide(file.read(MOST_TEXT))
        more = f'<p class="soft small">The first part of {_size(size)}.</p>'
        return f'<pre tabindex="0">{text(content)}</pre>{more if size > MOST_TEXT else ""}'

    def _table(self, key: str, name: str, path: str, separator: str) -> str:
        head, rows, total, cut = self._rows(path, separator)
        numeric = [_is_numeric(rows, at) for at in range(len(head))]
        self._cells += len(rows) * max(1, len(head))
        kept = rows if self._cells <= MOST_CELLS else rows[:FIRST_ROWS]
        if len(kept) > FIRST_ROWS:
            self.tables[key] = {"head": head, "rows": kept, "numeric": numeric, "name": name}
        kinds = ['class="num"' if one else "" for one in numeric]
        made = "".join(
            f'<th scope="col" {k}>{text(c)}</th>' for c, k in zip(head, kinds, strict=True)
        )
        lines = [
            "<tr>"
            + "".join(f"<td {k}>{text(c)}</td>" for c, k in zip(row, kinds, strict=False))
            + "</tr>"
            for row in kept[:FIRST_ROWS]
        ]
        told = []
        if total > len(kept):
            told.append(f"The first {len(kept):,} of {total:,} rows; the file has all.")
        if cut:
            told.append(f"The first {MOST_COLUMNS} columns.")
        short = len(kept) > FIRST_ROWS
        return (
            f'<div class="table" data-table="{key if short else ""}">'
            f'<div class="scroll" tabindex="0" role="region" aria-label="{text(name)}"><table>'
            f"<thead><tr>{made}</tr></thead><tbody>{''.join(lines)}</tbody></table></div></div>"
            + (f'<p class="soft small">{" ".join(told)}</p>' if told else "")
        )

    def _rows(self, path: str, separator: str) -> tuple[list[str], list[list[str]], int, bool]:
        """Head, rows as far as they are shown, number of all rows, whether columns were left out."""
        rows: list[list[str]] = []
        total, cut = 0, False
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            reader = csv.reader(
                (line.replace("\0", "\ufffd") for line in file), delimiter=separator
            )
            try:
                for row in reader:
                    total += 1
                    if total <= MOST_ROWS + 1:
                        cut = cut or len(row) > MOST_COLUMNS
                        rows.append([self._hide(cell[:MOST_CELL]) for cell in row[:MOST_COLUMNS]])
            except csv.Error:
                pass  # a field beyond the reader's limit: what came before is shown
        if not rows:
            return [], [], 0, False
        width = max(len(row) for row in rows)
        for row in rows:
            row.extend([""] * (width - len(row)))
        return rows[0], rows[1:], total - 1, cut


def _open(address: str, name: str) -> str:
    return f'<a class="button" target="_blank" rel="noopener" href="{address}">Open</a> '


def _is_numeric(rows: list[list[str]], at: int) -> bool:
    cells = [row[at] for row in rows[:200] if row[at]]
    try:
        for cell in cells:
            float(cell)
    except ValueError:
        return False
    return bool(cells)


def _size(size: float) -> str:
    """``1.2 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.1f} {unit}" if unit != "B" and size < 10 else f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
