"""Which values need no quotes in a shell command: the quick answer is the exact one."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from rulekit.language.format import _is_harmless
from rulekit.model.namedlist import Namedlist

TEXT = st.text("ab-_ ./:=é¹'$*\t", max_size=4)


def plainly(value, is_file):
    items = value if isinstance(value, list) else [value]
    start = "(?!-)" if is_file else ""
    return all(re.fullmatch(rf"{start}[\w./:=@%+,-]*", item) for item in items)


@given(TEXT | st.lists(TEXT, max_size=3) | st.lists(TEXT, max_size=3).map(Namedlist), st.booleans())
def test_one_or_many(value, is_file):
    assert _is_harmless(value, is_file) == plainly(value, is_file)
