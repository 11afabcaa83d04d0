"""`input`, `output`, `params`, `wildcards` as user code sees them."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.model.flags import FlaggedFunction, FlaggedStr, flags_of
from rulekit.model.namedlist import InputFiles, Namedlist, Params, Wildcards


def sample():
    """Four items: `a`, then `parts` for two, then one without a name."""
    return Namedlist(["1", "2", "3", "4"], {"a": 0, "parts": (1, 3)})


def test_items_by_position_name_attribute_and_get():
    files = sample()
    assert files[0] == files.a == files["a"] == files.get("a") == "1"
    assert files[-1] == "4"
    assert files.parts == ["2", "3"] and type(files.parts) is Namedlist
    assert files[1:3] == ["2", "3"] and type(files[1:3]) is list
    assert files.get("b") is None and files.get("b", "x") == "x"


def test_what_is_not_there():
    files = sample()
    with pytest.raises(AttributeError, match="Namedlist has no item `b`"):
        _ = files.b
    with pytest.raises(KeyError, match="b"):
        _ = files["b"]
    with pytest.raises(IndexError):
        _ = files[4]


def test_iteration_goes_over_all_items_and_dicts_over_the_named():
    files = sample()
    assert list(files) == ["1", "2", "3", "4"] and len(files) == 4
    assert list(files.keys()) == ["a", "parts"]
    assert dict(files.items()) == {"a": "1", "parts": ["2", "3"]}
    assert dict(files) == {"a": "1", "parts": ["2", "3"]}
    assert files.named() == {"a": 0, "parts": (1, 3)}
    assert (lambda **names: names)(**files) == {"a": "1", "parts": ["2", "3"]}


def test_as_text():
    assert str(sample()) == "1 2 3 4"
    assert f"{sample()}" == "1 2 3 4"
    assert str(Namedlist()) == ""
    assert str(Params([1, None, ["a"]])) == "1 None ['a']"


def test_one_name_for_one_file_that_is_a_list():
    files = Namedlist(["1"], {"a": (0, 1)})
    assert files.a == ["1"]
    assert Namedlist([], {"none": (0, 0)}).none == []


@pytest.mark.parametrize("name", ["index", "sort"])
def test_items_may_be_called_like_the_methods_that_are_refused(name):
    files = InputFiles(["ref.bwt"], {name: 0})
    assert getattr(files, name) == "ref.bwt"
    assert f"{files[name]}" == "ref.bwt"
    with pytest.raises(AttributeError, match="InputFiles"):
        getattr(InputFiles(["a"]), name)()


def test_copies_keep_the_names():
    files = InputFiles(["1", "2"], {"index": 0, "b": 1})
    for other in (pickle.loads(pickle.dumps(files)), copy.copy(files), copy.deepcopy(files)):
        assert type(other) is InputFiles
        assert (other.index, other.b, list(other)) == ("1", "2", ["1", "2"])


def test_from_a_dict():
    params = Params.from_dict({"k": 3, "files": ["a", "b"]})
    assert params.k == 3 and params.files == ["a", "b"] and len(params) == 2


def test_wildcards_as_text_are_their_values():
    # `lambda wildcards: table[str(wildcards)]`, as for the other lists.
    wildcards = Wildcards(["1", "x"], {"b": 0, "a": 1})
    assert str(wildcards) == f"{wildcards}" == "1 x"
    assert wildcards.with_names() == "a=x,b=1"


def test_sizes_are_read_from_disk_when_asked_for(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 3072)
    (tmp_path / "b").write_bytes(b"x" * 1024)
    files = InputFiles([str(tmp_path / name) for name in ("a", "b", "missing")])
    assert files.size == 4096
    assert files.size_kb == 4
    assert files.size_mb == 4 / 1024
    assert files.size_gb == 4 / 1024**2
    assert files.size_files == [3072, 1024, 0]
    assert files.size_files_kb == [3, 1, 0]
    assert files.size_files_mb == [3 / 1024, 1 / 1024, 0]
    assert files.size_files_gb == [3 / 1024**2, 1 / 1024**2, 0]


@given(st.lists(st.text(max_size=3), max_size=6), st.data())
def test_a_name_gives_what_its_place_gives(items, data):
    names = {}
    for name in ("x", "y"):
        if items and data.draw(st.booleans()):
            start = data.draw(st.integers(0, len(items) - 1))
            names[name] = data.draw(
                st.one_of(st.just(start), st.tuples(st.just(start), st.integers(start, len(items))))
            )
    files = Namedlist(items, names)
    for name, where in names.items():
        expected = items[where] if isinstance(where, int) else items[slice(*where)]
        assert getattr(files, name) == files[name] == files.get(name) == expected
    assert files == items


# -- flags ----------------------------------------------------------------------------------


def test_a_flagged_name_is_the_name():
    path = FlaggedStr("a.txt", {"temp": True})
    assert path == "a.txt" and hash(path) == hash("a.txt") and {"a.txt": 1}[path] == 1
    assert flags_of(path) == {"temp": True}
    assert flags_of(pickle.loads(pickle.dumps(path))) == {"temp": True}


def test_flags_add_up():
    both = FlaggedStr(FlaggedStr("a", {"temp": True, "x": 1}), {"ancient": True, "x": 2})
    assert flags_of(both) == {"temp": True, "ancient": True, "x": 2}


def test_flags_of_a_function_hold_for_what_it_gives_and_it_stays_callable():
    once = FlaggedFunction(lambda wildcards, *, x=1: (wildcards, x), {"temp": True})
    twice = FlaggedFunction(once, {"ancient": True})
    assert twice("w", x=2) == ("w", 2)
    assert flags_of(twice) == {"temp": True, "ancient": True}
    assert flags_of(once) == {"temp": True}
    assert not isinstance(twice.function, FlaggedFunction)


def test_other_values_have_no_flags():
    import re

    for value in ("a", 1, None, ["a"], re.compile("a", re.IGNORECASE)):
        assert flags_of(value) == {}
