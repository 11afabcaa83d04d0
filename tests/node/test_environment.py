"""Packed environments on a node: whole or absent, at their place, once for each machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tarfile
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.packs import IDENTITY, PREFIX, digest, entry, pack, small

from rulekit.node import environment
from rulekit.node.depot import Depot
from rulekit.node.environment import Pack, environment_here, is_complete, mended, unpack
from rulekit.node.trouble import Cancelled, Trouble
from rulekit.runner.drive import Watch

from .conftest import make_spec

OLD, NEW = PREFIX.encode(), b"/new/place"


# -- what stands in files --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"none", b"none"),
        (OLD + b"\0x", NEW + b"\0" * 190 + b"\0x"),
        (b"a\0" + OLD + b"/lib\0b", b"a\0" + NEW + b"/lib" + b"\0" * 190 + b"\0b"),
        (b"v=" + OLD + b":" + OLD + b"/x\0!", b"v=" + NEW + b":" + NEW + b"/x" + b"\0" * 380 + b"\0!"),
        (b"tail " + OLD, b"tail " + NEW + b"\0" * 190),
    ],
)  # fmt: skip
def test_binary_content_keeps_its_length(before, after):
    assert mended(before, OLD, NEW) == after


_PIECES = st.sampled_from([b"\0", b"/", b"old", b"/o/l/d", b"/o/l/", b"x", b"\xff"])


@given(st.lists(_PIECES, max_size=40), st.sampled_from([b"/o/l/d", b"/n", b"/"]))
def test_every_text_is_changed_by_itself(pieces, new):
    data = b"".join(pieces)
    made = mended(data, b"/o/l/d", new)
    assert len(made) == len(data)
    expected = b""
    for text in data.split(b"\0"):
        expected += text.replace(b"/o/l/d", new).ljust(len(text), b"\0") + b"\0"
    assert made == expected[:-1]


# -- unpacking -------------------------------------------------------------------------------


def unpacked(tmp_path, data, target=None):
    path = tmp_path / "pack"
    path.write_bytes(data)
    folder = tmp_path / "folder"
    unpack(str(path), str(folder), target or str(folder), IDENTITY)
    return folder


def test_an_environment_fits_its_new_place(tmp_path):
    folder = unpacked(tmp_path, small())
    assert str(folder) in (folder / "bin/tool").read_text()
    assert PREFIX not in (folder / "bin/tool").read_text()
    library = (folder / "lib/libx.so").read_bytes()
    assert OLD not in library and library.endswith(b"\0tail\0\xff\xfe")
    assert os.readlink(folder / "bin/tool2") == "tool"
    assert os.readlink(folder / "bin/whole") == f"{folder}/bin/tool"
    assert os.access(folder / "bin/tool", os.X_OK)
    assert not os.access(folder / "share/plain", os.X_OK)
    assert os.stat(folder / "bin/tool").st_mtime == 1_000_000_000


@pytest.mark.parametrize(
    ("members", "head", "why"),
    [
        ([entry("../out", b"x")], {}, "leads out"),
        ([entry("/tmp/rulekit-hostile", b"x")], {}, "leads out"),
        ([entry("a/../../out", b"x")], {}, "leads out"),
        ([entry("link", link="..")], {}, "leads out"),
        ([entry("bin/link", link="../../etc")], {}, "leads out"),
        ([entry("link", link="/etc")], {}, "leads out"),
        ([entry("d", link="."), entry("d/x", b"x")], {}, "something else"),
        ([entry("x", b"1"), entry("x", b"2")], {}, "twice"),
        ([entry("x", b"1"), entry("./x", b"2")], {}, "twice"),
        ([entry("x", b"1"), entry("x/y", b"2")], {}, "something else"),
        ([entry("x/y", b"1"), entry("x", b"2")], {}, "twice"),
        ([entry("x", kind=tarfile.FIFOTYPE)], {}, "neither"),
        ([entry("x", kind=tarfile.CHRTYPE)], {}, "neither"),
        ([entry("a", b"1"), entry("x", link="a", kind=tarfile.LNKTYPE)], {}, "neither"),
        ([entry(".rulekit/node.json", b"{}")], {}, "cannot be a name"),
        ([entry("l", link=PREFIX + "/../..")], {"links": ["l"]}, "does not lead"),
        ([entry("l", link=PREFIX + "x/y")], {"links": ["l"]}, "does not lead"),
        ([], {"text": ["missing"]}, "not in it"),
        ([], {"format": "other"}, "form"),
        ([], {"identity": "cd" * 32}, "another environment"),
        ([], {"platform": "win-64"}, "it is for win-64"),
        ([], {"prefix": "/short"}, "prefix"),
        ([], {"links": [3]}, "list of names"),
    ],
)
def test_hostile_packs_are_refused(tmp_path, members, head, why):
    with pytest.raises(Trouble, match=why) as caught:
        unpacked(tmp_path, pack(members, **head))
    assert caught.value.problem == "software" and not caught.value.passing
    assert {path.name for path in tmp_path.iterdir()} <= {"folder", "pack"}
    assert not os.path.exists("/tmp/rulekit-hostile")


@pytest.mark.parametrize("data", [b"", b"no archive", small()[: len(small()) // 2]])
def test_damaged_packs_are_refused(tmp_path, data):
    with pytest.raises(Trouble, match=r"cannot be (read|used)"):
        unpacked(tmp_path, data)


def test_a_place_with_too_long_a_name_is_refused(tmp_path):
    with pytest.raises(Trouble, match="too long"):
        unpacked(tmp_path, small(), "/" + "x" * 220)


# -- from the storage ------------------------------------------------------------------------


class Shelf:
    """A stored pack, and a machine's shared folder."""

    def __init__(self, bench, folder, data=None):
        self.bench = bench
        self.data = small() if data is None else data
        self.shared = str(folder / "shared")
        self.name = f".rulekit/environments/{IDENTITY}.tar.gz"
        bench.put(self.name, self.data)
        self.pack = Pack(IDENTITY, ("main", bench.container, "p/" + self.name), digest(self.data))

    def bring(self, **options):
        watch = Watch()
        depot = Depot(self.bench.accounts, {"main": self.bench.sas}, watch, 10.0)
        try:
            return environment_here(
                depot,
                options.pop("pack", self.pack),
                self.shared,
                self.bench.said.append,
                **options,
            )
        finally:
            depot.close()
            watch.close()


@pytest.fixture
def shelf(bench, tmp_path):
    return Shelf(bench, tmp_path)


def here(shelf):
    return sorted(name for name in os.listdir(shelf.shared) if not name.endswith(".lock"))


def test_it_is_fetched_once(shelf):
    folder = shelf.bring()
    assert is_complete(folder, IDENTITY) and here(shelf) == [os.path.basename(folder)]
    made = os.stat(folder).st_ino
    shelf.bench.azurite.client().get_blob_client(*shelf.pack.place[1:]).delete_blob()
    assert shelf.bring() == folder and os.stat(folder).st_ino == made
    assert len([line for line in shelf.bench.said if "fetched" in line]) == 1


def test_what_is_not_what_the_run_stored_is_refused(shelf):
    with pytest.raises(Trouble, match="not the one"):
        shelf.bring(pack=Pack(IDENTITY, shelf.pack.place, digest(b"other")))
    assert here(shelf) == []
    gone = (*shelf.pack.place[:2], "p/nowhere")
    with pytest.raises(Trouble, match="is gone"):
        shelf.bring(pack=Pack(IDENTITY, gone, shelf.pack.digest))
    assert here(shelf) == []
    assert is_complete(shelf.bring(), IDENTITY)


def test_a_half_made_one_is_made_anew(shelf, monkeypatch):
    target = os.path.join(shelf.shared, IDENTITY[:16])
    for left in (target, target + ".part", target + ".fetch"):
        os.makedirs(os.path.join(left, "bin"))
    folder = shelf.bring()
    assert is_complete(folder, IDENTITY) and here(shelf) == [os.path.basename(folder)]
    # After a restart of the machine nobody knows what has reached the disk.
    monkeypatch.setattr(environment, "_boot", lambda: "another start")
    assert not is_complete(folder, IDENTITY)
    assert is_complete(shelf.bring(), IDENTITY)


def _hold(shelf, ready):
    def stop(*_words):
        ready.set()
        time.sleep(600)

    environment._check = stop  # killed in the middle of it
    shelf.bring()


def _others(shelf, answers):
    answers.put((shelf.bring(), os.getpid()))


def test_who_dies_in_the_middle_stops_nobody(shelf):
    fork = multiprocessing.get_context("fork")
    ready = fork.Event()
    dying = fork.Process(target=_hold, args=(shelf, ready), daemon=True)
    dying.start()
    assert ready.wait(60)
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        shelf.bring(asked=lambda: next(asked))
    assert any("another task" in line for line in shelf.bench.said)
    os.kill(dying.pid, signal.SIGKILL)
    dying.join()
    assert is_complete(shelf.bring(), IDENTITY) and len(here(shelf)) == 1


def test_many_at_once_fetch_once(shelf):
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    many = [fork.Process(target=_others, args=(shelf, answers)) for _ in range(4)]
    for one in many:
        one.start()
    found = {answers.get(timeout=60) for _ in many}
    for one in many:
        one.join()
    assert len({folder for folder, _ in found}) == 1 and len(found) == 4
    assert len(here(shelf)) == 1


# -- in orders -------------------------------------------------------------------------------


def order_with(shelf, spec, tmp_path, **options):
    from rulekit.node.work import run_order

    before = os.getcwd()
    packs = {IDENTITY: (shelf.pack.place, shelf.pack.digest)}
    document = shelf.bench.order(spec, environments=packs)
    try:
        return run_order(
            document,
            shelf.bench.secrets(),
            str(tmp_path / "root"),
            shelf.bench.said.append,
            shared=shelf.shared,
            patience_s=10.0,
            **options,
        )
    finally:
        os.chdir(before)


def test_a_job_runs_in_its_environment(shelf, tmp_path):
    spec = make_spec(
        "tool > out; tool2 >> out", outputs=["out"], software={"conda": f"env:{IDENTITY}"}
    )
    (result,) = order_with(shelf, spec, tmp_path)
    assert result.ok, result
    folder = os.path.join(shelf.shared, IDENTITY[:16])
    line = f"tool in {folder}, colour green\n"
    assert shelf.bench.get("out").decode() == line * 2
    assert not os.path.exists(tmp_path / "root")


def test_an_environment_that_cannot_be_had_fails_the_job(bench, tmp_path):
    shelf = Shelf(bench, tmp_path, pack([], text=["missing"]))
    spec = make_spec("true", outputs=["out"], software={"conda": f"env:{IDENTITY}"})
    (result,) = order_with(shelf, spec, tmp_path)
    assert not result.ok and result.problem == "software" and "cannot be used" in result.detail


def test_orders_say_which_pack_is_whose(bench):
    from rulekit.node.orders import check_order

    spec = make_spec("true", outputs=["out"], software={"conda": f"env:{IDENTITY}"})
    place = ("main", bench.container, "p/x.tar.gz")
    good = bench.order(spec, environments={IDENTITY: (place, "sha256:00")})
    assert check_order(good).environments == {IDENTITY: (place, "sha256:00")}
    for packs in (
        {},
        {"../x": [list(place), "sha256:0"]},
        {IDENTITY: [["other", "c", "n"], "sha256:0"]},
    ):
        with pytest.raises(ValueError, match=r"environment|account"):
            check_order({**good, "environments": packs})
