"""Frozen records behave like frozen dataclasses with slots."""

from __future__ import annotations

import copy
import pickle

import pytest

from rulekit.frozen import frozen, replace


@frozen
class Point:
    """A place."""

    x: int
    y: int = 0
    name: str = "p"

    def moved(self, by: int) -> Point:
        return replace(self, x=self.x + by)


@frozen
class Other:
    x: int
    y: int = 0
    name: str = "p"


@frozen
class Nothing:
    """A record without fields."""


@frozen
class WithTuple:
    items: tuple[int, ...]
    table: object = None


def test_positions_names_and_defaults():
    assert (Point(1).x, Point(1).y, Point(1).name) == (1, 0, "p")
    assert Point(1, 2, "q") == Point(name="q", y=2, x=1)
    assert Nothing() == Nothing()


@pytest.mark.parametrize(
    ("arguments", "names"),
    [((), {}), ((1, 2, "a", 4), {}), ((1,), {"x": 2}), ((1,), {"z": 2})],
)
def test_wrong_arguments(arguments, names):
    with pytest.raises(TypeError):
        Point(*arguments, **names)


def test_nothing_can_be_set():
    point = Point(1)
    for act in (
        lambda: setattr(point, "x", 2),
        lambda: setattr(point, "new", 2),
        lambda: delattr(point, "x"),
    ):
        with pytest.raises(AttributeError, match="Point is frozen"):
            act()
    assert point.x == 1
    assert not hasattr(point, "__dict__")


def test_equality_goes_by_type_and_fields():
    assert Point(1) == Point(1)
    assert Point(1) != Point(2)
    assert Point(1) != Other(1)
    assert Point(1) != (1, 0, "p")
    assert len({Point(1), Point(1), Point(2)}) == 2


def test_a_record_that_holds_what_cannot_be_hashed_cannot_be_hashed():
    assert hash(WithTuple((1,))) == hash(WithTuple((1,)))
    with pytest.raises(TypeError):
        hash(WithTuple((1,), {}))


def test_copies_with_changes():
    assert Point(1, 2).moved(3) == Point(4, 2)
    assert replace(Point(1)) == Point(1)
    with pytest.raises(TypeError):
        replace(Point(1), z=1)


def test_copies_and_pickles():
    point = Point(1, 2, "q")
    assert copy.copy(point) == copy.deepcopy(point) == point
    assert pickle.loads(pickle.dumps(point)) == point


def test_pickles_of_a_class_of_which_there_was_no_instance_yet():
    data = pickle.dumps(WithTuple((1, 2)))
    assert pickle.loads(data).items == (1, 2)


def test_shown_and_matched():
    assert repr(Point(1, name="q")) == "Point(x=1, y=0, name='q')"
    match Point(1, 2):
        case Point(x, y, name):
            assert (x, y, name) == (1, 2, "p")
        case _:
            raise AssertionError("not matched by position")


def test_the_class_keeps_its_name_and_words():
    assert Point.__name__ == "Point" and Point.__doc__ == "A place."
    assert Point.__module__ == __name__
