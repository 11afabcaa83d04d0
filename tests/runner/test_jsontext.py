"""JSON text as the package `json` writes it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.runner.jsontext import dumps

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=12,
)


@given(VALUES)
def test_the_text_is_that_of_json(value):
    assert dumps(value) == json.dumps(value)


@pytest.mark.parametrize("value", [{1, 2}, b"x", {"a": object()}])
def test_other_values_are_refused(value):
    with pytest.raises(TypeError):
        dumps(value)
