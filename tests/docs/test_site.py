"""The built site: it needs nothing from elsewhere, and its search works without a server."""

from __future__ import annotations

import html
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")


def missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI is set")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation as HTML: what continuous integration has just built, or else built now."""
    docs = ROOT / "docs"
    built = docs / "_build/html"
    newest = max(path.stat().st_mtime for path in docs.rglob("*.md"))
    if (built / "searchindex.js").exists() and (built / "searchindex.js").stat().st_mtime > newest:
        return built
    for module in ("sphinx", "furo", "myst_parser"):
        if importlib.util.find_spec(module) is None:
            missing(f"{module} is not installed")
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-d", str(target / "trees")]
    subprocess.run([*command, str(docs), str(target / "html")], check=True, capture_output=True)
    return target / "html"


def found(site: Path, query: str) -> list[str]:
    """Titles that the search page shows, opened as a file in a browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        missing("no Chromium is installed")
    assert browser is not None
    words = ["--no-sandbox", "--disable-gpu", "--dump-dom", "--virtual-time-budget=10000"]
    done = subprocess.run(
        [browser, *words, f"file://{site}/search.html?q={query}"],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    results = done.stdout.split('id="search-results"')[1].split("</article>")[0]
    titles = re.findall(r"<a href=[^>]*>(.*?)</a>", results, re.S)
    return [html.unescape(re.sub(r"<[^>]*>", "", title)) for title in titles]


def test_the_search_works_from_a_file(site: Path) -> None:
    titles = found(site, "sample+sheet")
    assert any("Snakemake" in title for title in titles), titles
    assert found(site, "RK0402")
    assert found(site, "gibberishword") == []


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    """Scripts, styles, fonts, pictures: all are in the folder."""
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        text = page.read_text()
        for tag in re.findall(r"<(?:script|img|link)\b[^>]*>", text):
            address = re.search(r'(?:src|href)="([^"]*)"', tag)
            if address is not None and "canonical" not in tag:
                assert "//" not in address[1].removeprefix("data:"), f"{page.name}: {tag}"
    for style in site.rglob("*.css"):
        assert not re.search(r"@import|url\(['\"]?https?:", style.read_text()), style
