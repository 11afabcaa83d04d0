"""Environment files: what is read, what is refused and where, what counts for the identity."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulekit.environments import read_environment
from rulekit.environments.envfile import parse_environment
from rulekit.environments.words import name_of, normal
from rulekit.errors import SoftwareError


def parse(text, path="/nowhere/env.yaml"):
    return parse_environment(text.encode(), path)


def error(text):
    with pytest.raises(SoftwareError) as raised:
        parse(text)
    return raised.value.diagnostics[0]


def test_all_parts_are_read():
    spec = parse(
        "name: mine\nchannels: [conda-forge, nodefaults]\n"
        "dependencies:\n  - python  =3.10\n  - bioconda::bwa\n  - pip\n"
        "  - pip:\n    - requests >=2\n    - -e ./here\nvariables:\n  B: 1.10\n  A: yes\nprefix: /x\n"
    )
    assert spec.name == "mine"
    assert spec.channels == ("conda-forge", "nodefaults")
    assert spec.dependencies == ("python =3.10", "bioconda::bwa", "pip")
    assert spec.pip == ("requests >=2", "-e /nowhere/here")
    # As they are written: 1.10 is not 1.1, `yes` is not true.
    assert spec.variables == (("A", "yes"), ("B", "1.10"))
    assert not spec.warnings


def test_unknown_keys_and_a_missing_pip_are_told():
    spec = parse("channel: [x]\ndependencies:\n  - python\n  - pip: [x]\n")
    assert "is it `channels`?" in spec.warnings[0] and ":1:" in spec.warnings[0]
    assert "`pip` itself" in spec.warnings[1]
    assert spec.dependencies == ("python", "pip")


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("dependencies:\n  - python: 3\n", "only `pip:` may have a list", (2, 5)),
        ("dependencies: {a: b}\n", "must be a list", (1, 15)),
        ("- a\n", "must be a mapping", (1, 1)),
        ("dependencies:\n  - [a]\n", "must be a word", (2, 5)),
        ("dependencies:\n  - '=1.0'\n", "names no package", (2, 5)),
        ("dependencies: [a]\ndependencies: [b]\n", "stands twice", (2, 1)),
        ("variables: {a b: c}\ndependencies: [a]\n", "cannot be the name", (1, 13)),
        ("dependencies: [a\n", "no YAML", (2, 1)),
        ("", "is empty", None),
    ],
)
def test_mistakes_have_a_place(text, message, place):
    found = error(text)
    assert found.code == "RK0519"
    assert message in found.message
    if place is not None:
        assert (found.span.line, found.span.column) == place


def test_a_missing_file_names_one_like_it(tmp_path):
    (tmp_path / "tools.yaml").write_text("dependencies: [a]\n")
    with pytest.raises(SoftwareError) as raised:
        read_environment(str(tmp_path / "tool.yaml"))
    assert raised.value.diagnostics[0].code == "RK0518"
    assert "`tools.yaml`" in raised.value.diagnostics[0].help


def test_what_lies_beside_counts(tmp_path):
    path = tmp_path / "e.yaml"
    path.write_text("dependencies:\n  - pip\n  - pip: [-r more.txt]\n")
    (tmp_path / "more.txt").write_text("-c limits.txt\nx\n")
    (tmp_path / "limits.txt").write_text("x <2\n")
    before = read_environment(str(path))
    assert [one.rpartition("/")[2] for one in before.pip_files] == ["more.txt", "limits.txt"]
    (tmp_path / "limits.txt").write_text("x <3\n")
    assert read_environment(str(path)).key != before.key
    (tmp_path / "limits.txt").write_text("x <2\n")
    assert read_environment(str(path)).key == before.key
    (tmp_path / "e.post-deploy.sh").write_text("true\n")
    assert read_environment(str(path)).key != before.key


names = st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True)
versions = st.sampled_from(
    ["", "=1", "==1.2", ">=1,<2", "1.2.*", "~=2.1", "!=3", "=1=h1_0", ">=1|=0"]
)
specs = st.lists(st.tuples(names, versions), min_size=1, max_size=6, unique_by=lambda one: one[0])
blanks = st.sampled_from(["", " ", "  "])


@given(specs, st.randoms(use_true_random=False), blanks, blanks, st.booleans())
def test_layout_and_order_do_not_count(found, random, before, after, comment):
    def dress(name, version):
        version = re.sub(r"([,|])", lambda m: before + m[1] + after, version)
        version = re.sub(r"^([<>=!~]=?)", lambda m: m[1] + after, version)
        name = name.upper() if random.random() < 0.3 else name
        gap = before if version and not version[0].isdigit() else " "
        return f"{name}{gap}{version}".strip()

    plain = [f"{name} {version}".strip() for name, version in found]
    dressed = [dress(name, version) for name, version in found]
    for one, other in zip(plain, dressed, strict=True):
        assert normal(one) == normal(other)
        assert name_of(one) == name_of(other)
    random.shuffle(dressed)
    first = "channels: [c]\ndependencies:\n" + "".join(f"  - '{one}'\n" for one in plain)
    second = "name: other\ndependencies:\n"
    second += "".join(f'    - "{one}"{"  # why" if comment else ""}\n' for one in dressed)
    second += "channels:\n  - c\nprefix: /elsewhere\n"
    assert parse(first).key == parse(second, "/other/place.yml").key


@given(specs)
def test_another_version_counts(found):
    lines = [f"{name} {version}".strip() for name, version in found]
    one = parse("dependencies:\n" + "".join(f"  - '{line}'\n" for line in lines))
    lines[0] = f"{found[0][0]} =9.87"
    other = parse("dependencies:\n" + "".join(f"  - '{line}'\n" for line in lines))
    assert one.key != other.key
