"""What the documentation says is what happens."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import blocks

PAGES = blocks.pages()


@pytest.mark.parametrize("page", PAGES, ids=[str(p.relative_to(blocks.ROOT)) for p in PAGES])
def test_a_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    for program in blocks.needs_of(page):
        if shutil.which(program) is None and not os.environ.get(f"RULEKIT_{program.upper()}"):
            if os.environ.get("CI"):
                pytest.fail(f"{program} is not installed, and CI is set")
            pytest.skip(f"{program} is not installed")
    blocks.play(page, tmp_path)


def test_orders_stand_above_their_block() -> None:
    text = (
        "<!-- file: a.txt -->\n```text\none\n```\n\n<!-- exit: 3 -->\nwords\n```console\n$ x\n```\n"
    )
    first, second = blocks.blocks_of(text)
    assert first.orders == {"file": "a.txt"}
    assert (first.text, first.line) == ("one\n", 3)
    assert second.orders == {}  # words stand between


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown order `fiel`"):
        blocks.blocks_of("<!-- fiel: a -->\n```text\n```\n")


@pytest.mark.parametrize(
    ("expected", "actual", "fit"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a"], ["a", "b"], False),
        (["a", "..."], ["a", "b", "c"], True),
        (["...", "c"], ["a", "b", "c"], True),
        (["...", "b"], ["a", "b", "c"], False),
        (["[…] done"], ["[x.y] done"], True),
        (["[…] done"], ["[x.y] gone"], False),
        ([], [], True),
        ([], ["a"], False),
    ],
)
def test_what_fits(expected: list[str], actual: list[str], fit: bool) -> None:
    assert blocks.fits(expected, actual) is fit


def test_a_false_page_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    for number, (text, said) in enumerate(
        [
            ("```console\n$ echo one\ntwo\n```\n", "printed"),
            ("```console\n$ false\n```\n", "ended with 1"),
            ("```python\n1 + 1\n```\n", "nothing is done with this block"),
            ("```klingon\n```\n", "no such language"),
            ("<!-- skip -->\n```console\n$ false\n```\n", "needs a reason"),
        ]
    ):
        page.write_text(text)
        scratch = tmp_path / str(number)
        scratch.mkdir()
        with pytest.raises(blocks.Mismatch, match=said):
            blocks.play(page, scratch)


def test_generated_pages_are_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, str(blocks.DOCS / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_word_of_the_language_is_in_the_reference() -> None:
    from rulekit.syntax import keywords

    text = (blocks.DOCS / "reference/language.md").read_text()
    words = {
        *keywords.STATEMENT_TOKENS,
        *keywords.RULE_DIRECTIVES,
        *keywords.MODULE_DIRECTIVES,
    }
    missing = {word for word in words if not re.search(rf"`{word}\b", text)}
    assert not missing


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", prose):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page}: {target}"


@pytest.mark.slow
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("sphinx", "furo", "myst_parser")),
    reason="needs sphinx, furo and myst-parser",
)
def test_the_pages_build_without_warnings(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "-q",
            str(blocks.DOCS),
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "index.html").exists()
