"""Which arguments a user function takes."""

from functools import partial, wraps

import pytest

from rulekit.language.call import Later, accepted, call, takes
from rulekit.language.flags import unpack


def plain(wildcards):
    return wildcards


def several(wc, input, *, threads=1):
    return (wc, input, threads)


def anything(wildcards, **rest):
    return rest


def positional_only(wildcards, input, /, attempt):
    return (input, attempt)


class Callable:
    def __call__(self, wildcards, attempt):
        return attempt

    def method(self, wildcards, input):
        return input

    @classmethod
    def of_class(cls, wildcards, output):
        return output

    @staticmethod
    def static(wildcards, resources):
        return resources


@wraps(several)
def wrapped(*args, **kwargs):
    return several(*args, **kwargs)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (plain, set()),
        (several, {"input", "threads"}),
        (anything, None),
        (positional_only, {"attempt"}),
        (Callable(), {"attempt"}),
        (Callable().method, {"input"}),
        (Callable.of_class, {"output"}),
        (Callable.static, {"resources"}),
        (wrapped, {"input", "threads"}),
        (partial(several, "wc"), {"threads"}),
        (partial(several, threads=4), {"input", "threads"}),
        (lambda w: w, set()),
        (lambda w, *rest: w, set()),
        (str, set()),
        (unpack(several), {"input", "threads"}),
        (takes(lambda w, **k: k, frozenset(("input",))), {"input"}),
    ],
)
def test_accepted(function, expected):
    found = accepted(function)
    assert found == (None if expected is None else frozenset(expected))
    assert accepted(function) == found


def test_call_gives_what_is_wanted_and_computes_only_that():
    asked = []

    def make():
        asked.append(1)
        return 8

    available = {"input": ["f"], "threads": Later(make), "output": ["o"]}
    assert call(plain, "wc", available) == "wc"
    assert asked == []
    assert call(several, "wc", available) == ("wc", ["f"], 8)
    assert call(several, "wc", available) == ("wc", ["f"], 8)
    assert asked == [1]
    assert call(anything, "wc", {"a": 1}) == {"a": 1}
