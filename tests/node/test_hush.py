"""What jobs said is stored without secret values."""

from __future__ import annotations

from rulekit.node.hush import hush


def test_values_are_hidden_and_all_else_stays(tmp_path):
    path = tmp_path / "output"
    path.write_bytes(
        b"a token-of-mine b\r\n\xff raw\nmy 'token-of-mine'\n4 yes\nno end token-of-mine"
    )
    hush(str(path), ["token-of-mine", "4", "yes"])
    assert path.read_bytes() == b"a *** b\r\n\xff raw\nmy '***'\n4 yes\nno end ***"


def test_values_of_several_lines(tmp_path):
    path = tmp_path / "output"
    path.write_text("-----BEGIN\nabcdefgh\n-----END\n")
    hush(str(path), ["-----BEGIN\nabcdefgh\n-----END"])
    assert "abcdefgh" not in path.read_text()


def test_nothing_to_hide(tmp_path):
    path = tmp_path / "output"
    path.write_text("x")
    before = path.stat().st_ino
    hush(str(path), [])
    assert path.stat().st_ino == before
