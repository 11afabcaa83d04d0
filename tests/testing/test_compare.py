"""Made files against expected ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.testing.compare import Rules, check_files, difference_of

PLAIN = Rules()


def said(tmp_path: Path, made: str | bytes, expected: str | bytes, rules: Rules = PLAIN) -> str:
    path = tmp_path / "made"
    path.write_bytes(made.encode() if isinstance(made, str) else made)
    wanted = expected.encode() if isinstance(expected, str) else expected
    return difference_of(path, wanted, rules) or ""


def test_texts(tmp_path: Path) -> None:
    assert said(tmp_path, "a\nb\n", "a\nb\n") == ""
    assert "-b\n+c" in said(tmp_path, "a\nc\n", "a\nb\n")
    assert "ends of its lines" in said(tmp_path, "a\nb", "a\nb\n")
    assert "more lines" in said(tmp_path, "a\n" * 200, "b\n" * 200)


def test_lines_that_do_not_count(tmp_path: Path) -> None:
    assert said(tmp_path, "# now\na\n", "# then\na\n", Rules(ignore="^#")) == ""
    assert said(tmp_path, "# now\nb\n", "# then\na\n", Rules(ignore="^#"))


def test_numbers(tmp_path: Path) -> None:
    near = Rules(rel=1e-3)
    assert said(tmp_path, "x\t1.0001,2\n", "x\t1,2\n", near) == ""
    assert said(tmp_path, "x\t1.01,2\n", "x\t1,2\n", near)
    assert said(tmp_path, "y\t1,2\n", "x\t1,2\n", near)
    assert said(tmp_path, "x 1 2\n", "x 1\n", near)
    assert said(tmp_path, "x=-1e-9\n", "x=0\n", Rules(abs=1e-6)) == ""


def test_bytes(tmp_path: Path) -> None:
    assert "at byte 1 (3 bytes against 3)" in said(tmp_path, b"\xff\xfe1", b"\xff\xfd1")
    assert "at byte 2" in said(tmp_path, b"\xff\xfe", b"\xff\xfe1")


def test_compressed_files_count_by_their_content(tmp_path: Path) -> None:
    assert said(tmp_path, gzip.compress(b"x\n", mtime=1), gzip.compress(b"x\n", mtime=2)) == ""
    assert "-y" in said(tmp_path, gzip.compress(b"x\n"), b"y\n")
    assert said(tmp_path, b"\x1f\x8bno", b"\x1f\x8bno") == ""


def test_folders(tmp_path: Path) -> None:
    made, expected = tmp_path / "made", tmp_path / "expected"
    for folder in (made, expected):
        (folder / "in").mkdir(parents=True)
        (folder / "in/a").write_text("a")
    assert difference_of(made, expected, PLAIN) is None
    (made / "more").write_text("")
    assert "more should not be there" in (difference_of(made, expected, PLAIN) or "")
    (expected / "less").write_text("")
    assert "less was not made" in (difference_of(made, expected, PLAIN) or "")
    assert "should be a file" in (difference_of(made, b"", PLAIN) or "")


def test_all_differences_are_told_and_files_can_be_compared_by_a_function(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    pairs: list[tuple[Path, object]] = [(tmp_path / "a", b"x"), (tmp_path / "b", b"y")]
    with pytest.raises(AssertionError, match=r"(?s)-x.*-y"):
        check_files(pairs, PLAIN)
    files: list[tuple[Path, object]] = [(tmp_path / "a", tmp_path / "b")]
    check_files(files, Rules(compare=lambda made, expected: made != expected))
    with pytest.raises(AssertionError, match="differs"):
        check_files(files, Rules(compare=lambda made, expected: False))
    with pytest.raises(AssertionError, match="no expected file"):
        check_files([(tmp_path / "a", tmp_path / "c")], PLAIN)
    check_files([(tmp_path / "a", tmp_path / "new/c")], PLAIN, update=True)
    assert (tmp_path / "new/c").read_text() == "a"


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_what_is_not_the_same_differs(tmp_path_factory, one: bytes, other: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    found = said(folder, one, other)
    if one == other:
        assert found == ""
    elif gzip_magic(one) or gzip_magic(other):
        pass
    else:
        assert found


def gzip_magic(content: bytes) -> bool:
    return content[:2] == b"\x1f\x8b"
