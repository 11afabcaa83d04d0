"""`shell` as a function."""

import subprocess

import pytest

from rulekit.language.exceptions import WorkflowError
from rulekit.language.shell import Shell
from rulekit.model.namedlist import InputFiles, Resources

GLOBAL = "from the file"


@pytest.fixture
def shell():
    return Shell()


def test_fields_come_from_the_caller(shell):
    local = "here"  # noqa: F841
    assert shell("echo {local} {GLOBAL} {x} {}", "first", x=5, read=True) == (
        "here from the file 5 first\n"
    )
    with pytest.raises(NameError, match="nowhere"):
        shell("echo {nowhere}")


def test_lines(shell):
    assert list(shell("printf 'a\\nb\\n'", iterable=True)) == ["a", "b"]
    with pytest.raises(subprocess.CalledProcessError):
        list(shell("echo a; false", iterable=True))


@pytest.mark.parametrize("bad", ["false | true", "false; true", "echo $nothing_set"])
def test_bash_is_strict(shell, bad):
    with pytest.raises(subprocess.CalledProcessError):
        shell(bad + " 2> /dev/null", read=True)


def test_settings(shell):
    shell.prefix("x={GLOBAL!r}; ")
    shell.suffix("; echo end")
    assert shell("echo $x", read=True) == "from the file\nend\n"
    shell.executable("sh")
    assert shell.settings().executable.endswith("/sh")
    shell.reset()
    assert shell.settings().prefix is None
    shell.executable("/bin/sh")
    assert shell("false; echo on", read=True) == "on\n"
    with pytest.raises(WorkflowError, match="no-such-shell"):
        shell.executable("no-such-shell")


def test_environment(shell):
    assert shell("echo $A", read=True, additional_envvars={"A": "b c"}) == "b c\n"
    with pytest.raises(WorkflowError):
        shell("true", additional_envvars={"A": 1})

    def body(resources, threads):
        return shell("echo $OMP_NUM_THREADS $TMPDIR", read=True)

    assert body(Resources(["/tmp/here"], {"tmpdir": 0}), 3) == "3 /tmp/here\n"


def test_files_of_a_job_are_data_but_own_variables_may_be_code(shell):
    def body(input):
        return shell("printf '[%s]' {input}", read=True)

    assert body(InputFiles(["a b", "$(echo x)"])) == "[a b][$(echo x)]"
    assert body("$(echo x) y") == "[x][y]"


def test_a_very_long_command(shell):
    text = "x" * 200_000  # noqa: F841
    assert shell("echo {text} | wc -c", read=True).strip() == "200001"
