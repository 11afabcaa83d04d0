"""Paths and blobs lead to each other, whatever their names are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.model.places import (
    STORED,
    Location,
    Places,
    Root,
    merged,
    normal,
    root_of_pattern,
    stored_path,
)
from rulekit.patterns import Pattern

DEFAULT = Root("", "acc", "data", "run/1/")
PLACES = Places((), DEFAULT, (Pattern("here/{x}.txt"), Pattern("exact")))
odd = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
pieces = st.lists(odd | st.sampled_from(["a", "..", ".", "", ".rulekit", "ü #%{x}?"]), max_size=5)
names = pieces.map("/".join)


@given(names)
def test_a_path_is_found_again(path):
    found = PLACES.find(path)
    if found is None:
        return
    assert found.name.startswith("run/1/")
    assert ".." not in found.name.split("/") and "//" not in found.name
    again = PLACES.path_of(found)
    assert again is not None
    # Other ways to write the same file are the same blob.
    assert PLACES.find(again) == found
    if normal(path) == path:
        assert again == path


@given(names)
def test_a_blob_is_found_again(name):
    for places in (PLACES, Places()):
        for container in ("data", "other"):
            location = Location("acc", container, name)
            path = places.path_of(location)
            if path is not None:
                assert places.find(path) == location
                assert not path.startswith("/") and ".." not in path.split("/")


@given(names)
def test_without_storage_every_path_is_of_this_disk(path):
    if not path.startswith(STORED):
        assert Places().find(path) is None


@pytest.mark.parametrize(
    "path",
    ["", "/", "/a", "..", "../a", "a/../b", "a/..", ".", "./", ".rulekit/x", "./.rulekit/x", "a\0b",
     ".rulekit/storage/azblob/acc", ".rulekit/storage/azblob/acc/c", ".rulekit/storage/azblob/acc/c/",
     ".rulekit/storage/azblob/acc/c/../x", "here/1.txt", "exact"],
)  # fmt: skip
def test_what_cannot_be_stored_or_stays_here(path):
    assert PLACES.find(path) is None


@pytest.mark.parametrize(
    ("path", "name"),
    [("a", "run/1/a"), ("./a", "run/1/a"), ("a//b/", "run/1/a/b"), ("a b/ü#%.txt", "run/1/a b/ü#%.txt"),
     (".hidden", "run/1/.hidden"), ("a/.", "run/1/a"), ("a..b", "run/1/a..b"),
     (".rulekitten", "run/1/.rulekitten"), ("here/1.csv", "run/1/here/1.csv")],
)  # fmt: skip
def test_names_below_the_default_root(path, name):
    assert PLACES.find(path) == Location("acc", "data", name)


def test_explicit_names_are_found_with_and_without_a_default():
    for places in (PLACES, Places()):
        path = ".rulekit/storage/azblob/other/box/a/b.txt"
        assert places.find(path) == Location("other", "box", "a/b.txt")
        assert stored_path(Location("other", "box", "a/b.txt")) == path
    # A blob below the default root has one path only: the plain one.
    assert PLACES.path_of(Location("acc", "data", "run/1/x")) == "x"
    assert PLACES.path_of(Location("acc", "data", "run/2/x")) == STORED + "acc/data/run/2/x"
    # What is ours there has none that could be mistaken for a file of the workflow.
    ours = PLACES.path_of(Location("acc", "data", "run/1/.rulekit/x"))
    assert ours == STORED + "acc/data/run/1/.rulekit/x"


def test_targets_with_the_prefix():
    assert PLACES.target("data/run/1/a/b") == "a/b"
    assert PLACES.target("a/b") == "a/b"
    assert PLACES.target("data/run/1/") == "data/run/1/"
    assert Places().target("data/run/1/a") == "data/run/1/a"
    assert Places((), Root("", "acc", "data", "")).target("data/a") == "a"


def test_roots_hold_patterns_and_each_other():
    one = root_of_pattern(Location("a", "c", "x/y/{s}.txt"))
    assert one == Root(STORED + "a/c/x/y/", "a", "c", "x/y/")
    top = root_of_pattern(Location("a", "c", "{s}.txt"))
    assert top == Root(STORED + "a/c/", "a", "c", "")
    other = root_of_pattern(Location("a", "cc", "z"))
    assert merged([one, top, other, one]) == (top, other)
    places = Places(merged([one, other]))
    assert places.root_of(STORED + "a/c/x/y/1.txt") == one
    assert places.root_of(STORED + "a/c/q/1.txt") == Root(STORED + "a/c/q/", "a", "c", "q/")
    assert places.root_of("plain") is None
    assert PLACES.root_of("plain") == DEFAULT
    assert PLACES.root_of("exact") is None
