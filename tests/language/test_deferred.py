"""The job's lists outside of actions."""

import pytest

from rulekit.language.call import accepted, call
from rulekit.language.deferred import input as input_
from rulekit.language.deferred import output, params, resources, threads
from rulekit.language.exceptions import WorkflowError
from rulekit.model.namedlist import InputFiles


def test_items_are_functions_of_the_job():
    files = InputFiles(["a", "b"], {"x": 1})
    for item, expected in ((input_[0], "a"), (input_.x, "b"), (input_["x"], "b")):
        assert accepted(item) == {"input"}
        assert call(item, None, {"input": files, "output": []}) == expected
    assert accepted(threads) == {"threads"}
    assert call(threads, None, {"threads": 3}) == 3


def test_f_strings_give_fields():
    assert f"cp {input_} {output.x:q} {params[0]!r} -t {threads} {resources.mem_mb:>5}" == (
        "cp {input} {output.x:q} {params[0]!r} -t {threads} {resources.mem_mb:>5}"
    )


def test_lists_that_are_not_there_yet_have_no_items():
    with pytest.raises(WorkflowError, match="known later"):
        list(input_)
    assert not hasattr(input_, "__len__")
