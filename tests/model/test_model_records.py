"""Small nouns: places, keys of input sets, stamps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rulekit.model.files import Stamp
from rulekit.model.record import KINDS, input_key
from rulekit.model.span import Span
from rulekit.staleness.forecast import _WORDS

PATHS = st.text(st.characters(blacklist_characters="\0"), max_size=300)


def test_a_place_as_text():
    assert str(Span("Rulefile", 3, 7)) == "Rulefile:3:7"


def test_stamps_compare_like_tuples():
    assert Stamp(1, 2) == (1, 2)
    assert Stamp(1, 2).mtime_ns == 1 and Stamp(1, 2).size == 2


def test_every_kind_of_reason_has_words_in_the_documented_order():
    assert tuple(_WORDS) == KINDS


@given(st.lists(PATHS, max_size=5), st.randoms())
def test_the_key_of_an_input_set_knows_no_order_and_no_repetition(paths, chance):
    other = paths + paths[:2]
    chance.shuffle(other)
    assert input_key(other) == input_key(paths)


@given(st.sets(PATHS, max_size=4), st.sets(PATHS, max_size=4))
def test_different_input_sets_have_different_keys(one, two):
    if one - {""} != two - {""}:
        assert input_key(one) != input_key(two)


def test_the_key_of_many_inputs_is_short_and_takes_any_name():
    assert len(input_key(f"{i}.txt\udcff" for i in range(1000))) < 100
