"""`rulekit azure ls|upload|download` by the command itself."""

from __future__ import annotations

import pytest

from rulekit.cli.main import main


@pytest.fixture(autouse=True)
def here(azurite, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AZ_BLOB_ACCOUNT_URL", azurite.url)
    monkeypatch.setenv("AZ_BLOB_CREDENTIAL", azurite.key)


def test_there_and_back(container, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a b#ü.txt").write_text("hello")
    (tmp_path / "in" / "c.txt").write_text("")
    prefix = f"--default-remote-prefix={container}/pre"
    assert main(["azure", "upload", prefix, "in"]) == 0
    assert "uploaded 2 files, 5 bytes" in capsys.readouterr().out
    assert main(["azure", "upload", prefix, "in"]) == 0
    assert "2 were the same" in capsys.readouterr().out
    assert main(["azure", "ls", prefix, "-r"]) == 0
    out, err = capsys.readouterr()
    assert "in/a b#ü.txt" in out and "2 files, 5 bytes" in err
    assert main(["azure", "ls", f"az://{container}/pre"]) == 0
    assert capsys.readouterr().out.strip() == "in/"
    assert main(["azure", "download", f"az://{container}/pre/in", "--to", "back"]) == 0
    assert (tmp_path / "back" / "a b#ü.txt").read_text() == "hello"
    assert (tmp_path / "back" / "c.txt").read_text() == ""


def test_what_is_not_there(container, capsys):
    assert main(["azure", "download", f"az://{container}/nothing"]) == 6
    assert "RK0650" in capsys.readouterr().err


def test_a_container_that_is_not_there_is_told(capsys):
    for words in (["ls", "az://no-such-one/x"], ["download", "az://no-such-one/x"]):
        assert main(["azure", *words]) == 6
        assert "RK0644" in capsys.readouterr().err


def test_no_container_and_no_account(capsys, monkeypatch):
    assert main(["azure", "ls"]) == 2
    assert "az://CONTAINER" in capsys.readouterr().err
    monkeypatch.delenv("AZ_BLOB_ACCOUNT_URL")
    assert main(["azure", "ls", "az://c"]) == 2
    assert "AZ_BLOB_ACCOUNT_URL" in capsys.readouterr().err
