"""Inventories against a plain set of names: any order of questions and changes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rulekit.model.places import Places, Root
from rulekit.storage import stored
from rulekit.storage.azblob.stamp import BlobStamp
from rulekit.storage.stored import StoredFiles

NAMES = ["a", "a/b", "a/bc", "a/b/c", "ab", "d/e/f", "d/e", "d/x", "z y/ü"]
names = st.sampled_from(NAMES)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["exists", "learned", "removed", "hide"]), names),
        st.tuples(st.sampled_from(["forget", "below", "relist"]), names),
    ),
    max_size=25,
)


class World:
    """A container in memory, with the answers that the service would give."""

    def __init__(self, blobs):
        self.blobs = {"p/" + name: BlobStamp(1, 1, "md5:" + name) for name in blobs}

    def inventory(self, account, container, prefix="", *, limit=None):
        found = {name: stamp for name, stamp in self.blobs.items() if name.startswith(prefix)}
        return None if limit is not None and len(found) > limit else found

    def folder(self, account, container, prefix):
        inside = [name for name in self.blobs if name.startswith(prefix)]
        direct = {name: self.blobs[name] for name in inside if "/" not in name[len(prefix) :]}
        folders = {prefix + n[len(prefix) :].split("/")[0] for n in inside if n not in direct}
        return direct, folders

    def stamp(self, location):
        raise AssertionError("a request for a single file")


def _conflict(blobs, name):
    """A file where a folder is, or the other way round: jobs do not make that."""
    return any(one.startswith(name + "/") or name.startswith(one + "/") for one in blobs)


@settings(max_examples=300)
@given(st.sets(names), steps, st.sampled_from([2, 1000]))
def test_any_order_of_questions_and_changes(blobs, steps, most):
    before = stored.MOST_BLOBS
    stored.MOST_BLOBS = most
    try:
        _check(blobs, steps)
    finally:
        stored.MOST_BLOBS = before


def _check(blobs, steps):
    world = World(blobs)
    view = StoredFiles(Places((), Root("", "a", "box", "p/")), world)
    hidden = set()
    now = 2
    for what, name in steps:
        if what == "exists":
            visible = {n for n in world.blobs if n not in hidden}
            blob = "p/" + name
            if any(n.startswith(blob + "/") for n in hidden):
                continue  # whether a folder is there whose files are hidden does not matter
            there = blob in visible or any(n.startswith(blob + "/") for n in world.blobs)
            assert view.exists(name) == there
            if blob in visible:
                assert view.digest(name) == world.blobs[blob].digest
                assert view.mtime_ns(name) == world.blobs[blob].mtime_ns
            else:
                assert (view.stamp(name) is not None) == there
        elif what == "learned" and not _conflict(blobs, name):
            now += 1
            blobs.add(name)
            world.blobs["p/" + name] = BlobStamp(now, 1, f"md5:{now}")
            hidden.discard("p/" + name)
            view.learned(name, now, 1, f"md5:{now}")
        elif what == "removed":
            gone = [one for one in blobs if one == name or one.startswith(name + "/")]
            if name in blobs and len(gone) > 1:
                continue
            for one in gone:
                blobs.discard(one)
                del world.blobs["p/" + one]
                hidden.discard("p/" + one)
            view.removed([name])
        elif what == "hide" and name in blobs and not _conflict(blobs - {name}, name):
            hidden.add("p/" + name)
            view.hide([name])
        elif what == "forget":
            hidden.clear()
            view.forget()
        elif what == "relist":
            hidden.clear()
            view.relist()
        elif what == "below" and not hidden:
            found = {one for one in view.below("") if one in NAMES or "p/" + one in world.blobs}
            assert {"p/" + one for one in found if "p/" + one in world.blobs} == set(world.blobs)
