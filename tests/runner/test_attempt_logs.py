"""Log files: each tells of one attempt."""

import os

import pytest

from rulekit.runner import attempt as steps
from rulekit.runner.files import Refused

from .conftest import attempt


def test_a_log_of_an_earlier_attempt_is_gone(here, order):
    (here / "log").write_text("earlier\n")
    (here / "other").write_text("earlier\n")
    steps.prepare(order("true", ["a"], logs=("log", "new/log")))
    assert not (here / "log").exists()
    assert (here / "other").read_text() == "earlier\n"
    assert (here / "new").is_dir()


def test_only_files_are_taken_away(here, order):
    """`/dev/stderr` is a link, `/dev/null` is a device; both are used as logs."""
    os.mkfifo(here / "pipe")
    (here / "folder").mkdir()
    (here / "target").write_text("kept\n")
    os.symlink("target", here / "link")
    steps.prepare(order("true", ["a"], logs=("pipe", "folder", "link")))
    assert (here / "target").read_text() == "kept\n"
    assert all(map(os.path.lexists, ("pipe", "folder", "link")))


def test_a_refused_attempt_leaves_the_log(here, order):
    (here / "log").write_text("earlier\n")
    with pytest.raises(Refused):
        steps.prepare(order("true", ["a"], ["missing"], logs=("log",)))
    assert (here / "log").read_text() == "earlier\n"


def test_a_failed_job_has_its_log(here, order):
    """Messages say: check the log."""
    assert not attempt(order("false", ["a"], logs=("log",))).ok
    assert (here / "log").read_text() == ""
