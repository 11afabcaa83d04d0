"""Reading rule files, and places in them."""

from __future__ import annotations

import pathlib

import pytest

from rulekit.errors import RuleFileError
from rulekit.syntax import parse, read
from rulekit.syntax.source import Piece, Source


def refused(path: pathlib.Path) -> RuleFileError:
    with pytest.raises(RuleFileError) as caught:
        read(str(path))
    return caught.value


def test_unreadable_files(tmp_path: pathlib.Path) -> None:
    missing = refused(tmp_path / "none")
    assert missing.diagnostics[0].code == "RK0201"
    assert "there is no rule file" in str(missing)
    assert "is a directory" in str(refused(tmp_path))
    assert "cannot be read" in str(refused(tmp_path / ("x" * 3000)))
    assert "cannot be read" in str(refused(pathlib.Path(f"{tmp_path}/a\0b")))


def test_not_text(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a\n\x00")
    error = refused(path)
    assert (error.diagnostics[0].code, error.diagnostics[0].span.line) == ("RK0202", 2)
    path.write_bytes("ü\nxé".encode() + b" \xff\n")
    error = refused(path)
    assert "byte 0xff in line 2" in str(error)
    assert (error.diagnostics[0].span.line, error.diagnostics[0].span.column) == (2, 4)


def test_line_ends_and_mark(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")
    assert read(str(path)) == "a\nb\nc\n"


@pytest.mark.parametrize("text", ["x = '\udc80'", "x = 1\0"])
def test_texts_that_no_file_holds(text: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        parse(text, "x")
    assert caught.value.diagnostics[0].code == "RK0202"


def test_places() -> None:
    source = Source("ab\n\ncdé\n", "f")
    assert source.loc(0, 2) == (1, 1, 1, 3)
    assert source.loc(1, 7) == (1, 2, 3, 4)
    assert source.loc(8, 8) == (4, 1, 4, 1)
    assert [source.line_text(n) for n in range(6)] == [None, "ab", "", "cdé", "", None]
    assert source.offset(3, 2) == 5
    assert source.offset(3, 99) == 7
    assert source.offset(99, 1) == 8
    assert source.offset(0, 0) == 0
    piece = Piece(source, 4, 7)
    assert (piece.text, str(piece.span), piece.span.end_column) == ("cdé", "f:3:1", 4)
