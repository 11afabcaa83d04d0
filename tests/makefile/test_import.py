"""A Makefile and the Rulefile made from it: real `make` and rulekit make the same files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rulekit.cli.main import main
from rulekit.errors.tree import RuleFileError
from rulekit.makefile.write import translate

ENVIRONMENT = {**os.environ, "LC_ALL": "C", "FROM_ENV": "of the environment"}


@pytest.fixture(autouse=True)
def with_make():
    if shutil.which("make") is None:
        if os.environ.get("CI"):
            pytest.fail("make is not installed, and CI is set")
        pytest.skip("make is not installed")


def run(words, folder):
    done = subprocess.run(words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def tree(folder):
    """Files and their contents, without what belongs to the tools."""
    found = {}
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".rulekit", ".done")]
        for name in names:
            path = os.path.join(here, name)
            if name not in ("Rulefile", "Makefile", "part.mk"):
                with open(path) as file:
                    found[os.path.relpath(path, folder)] = file.read()
    return found


def compare(base, makefile, sources, target=None):
    """Make and rulekit on the same sources; the Rulefile, and what both made."""
    for name in ("make", "rulekit"):
        folder = base / name
        shutil.rmtree(folder, ignore_errors=True)
        for path, text in {**sources, "Makefile": makefile}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
    targets = [target] if target else []
    code, said = run(["make", "-s", *targets], base / "make")
    assert code == 0, said
    before = os.getcwd()
    os.chdir(base / "rulekit")
    try:
        made = translate("Makefile")
    finally:
        os.chdir(before)
    assert made.left_out == ()
    (base / "rulekit" / "Rulefile").write_text(made.text)
    words = [sys.executable, "-m", "rulekit", "-c", "1", "--quiet", *targets]
    code, said = run(words, base / "rulekit")
    assert code == 0, f"{said}\n{made.text}"
    found = tree(base / "rulekit")
    assert found == tree(base / "make"), made.text
    return made.text, {name: text for name, text in found.items() if name not in sources}


SOURCES = {"a.in": "A\n", "b.in": "B\n", "src/c.in": "C\n", "src/d.in": "D\n"}
CASES = {
    "variables": """\
LATE = $(X) late $(FROM_ENV) $(NOWHERE)
NOW := $(X) now
X = x
X2 ?= two
FROM_ENV ?= of the file
LIST = a
LIST += b
LIST += $(X)
CC = my cc
export SENT = sent
str = a name of Python
out.txt: a.in
\techo '$(LATE)|$(NOW)|$(X2)|$(LIST)|$(CC)|$(str)|$(FROM_ENV)|$(AR)' > $@
\techo $$SENT "$${SENT}" {} '#' \\$$ >> $@
""",
    "functions": """\
SRC := $(wildcard *.in src/*.in)
L = b.c a.c b.o
all:
\techo '$(SRC) $(SRC:.in=.o) $(L:%.c=%.x) $(patsubst src/%,%,$(SRC))' > f.txt
\techo '$(notdir $(SRC)) $(dir $(SRC)) $(basename $(SRC)) $(suffix $(SRC))' >> f.txt
\techo '$(addprefix p/,$(L)) $(addsuffix .z,$(L)) $(sort $(L)) $(words $(L))' >> f.txt
\techo '$(filter %.c,$(L)) $(filter-out %.c b.o,$(L)) $(firstword $(L)) $(lastword $(L))' >> f.txt
\techo '$(word 2,$(L)) $(subst .,-,$(L)) $(strip  $(L) ) $(join a b,1 2) $(findstring a,bab)' >> f.txt
\techo '$(foreach w,$(L),<$(w)>) $(if $(L),yes,no) $(or ,$(L)) $(shell echo hi; echo ho)' >> f.txt
""",
    "patterns": """\
.SECONDARY:
all: a.out src/c.out special.out
%.out: %.mid
\tcat $< > $@; echo $* $(@F) $(@D) $(<F) >> $@
%.mid: %.in
\ttr A-Z a-z < $< > $@
special.out: a.in b.in
\tcat $^ > $@
special.mid: a.in
\tcp $< $@
""",
    "static patterns": """\
OBJ = $(addprefix build/,a.o b.o)
.PHONY: all
all: $(OBJ) other.o
$(OBJ): build/%.o: %.in
\tmkdir -p $(@D)
\techo $* $< > $@
%.o: a.in
\techo other > $@
""",
    "several targets": """\
MORE = x.txt y.txt
all: one.txt two.txt $(MORE)
one.txt two.txt: a.in
\techo $@ $< > $@
$(MORE): b.in src/c.in
\techo $@ $^ > $@
""",
    "phony": """\
.PHONY: all part task clean
all: part task last.txt
part: p.txt
p.txt:
\techo p > $@
task: p.txt
\techo $@ >> task.log
last.txt: p.txt
\tcat $< > $@
clean:
\trm -f p.txt
""",
    "conditions": """\
MODE = fast
ifeq ($(MODE),slow)
FLAG = s
else ifeq "$(MODE)" "fast"
FLAG = f
EXTRA = more.txt
else
FLAG = none
endif
ifdef FROM_ENV
SEEN = yes
endif
ifndef NOT_THERE
SEEN += no
endif
all: out.txt $(EXTRA)
out.txt:
\techo $(FLAG) $(SEEN) > $@
ifneq ($(EXTRA),)
more.txt:
\techo more > $@
endif
""",
    "order only": """\
all: build/x.txt build/y.txt
build/%.txt: | build
\techo $@ > $@
build/y.txt: a.in b.in | build first.txt
\tcat $^ > $@; echo $< >> $@
build:
\tmkdir -p $@
first.txt:
\techo first > $@
""",
    "suffix rules": """\
.SUFFIXES: .in .up
all: a.up src/d.up
.in.up:
\ttr A-Z b-z < $< > $@
""",
    "recipes": """\
all: r.txt
r.txt: a.in
\t@cd src && cat c.in > ../$@
\tX=1; echo $$X >> $@
\techo "[$$X]" >> $@
\t-false
\t@-exit 3
\tfor i in 1 2; do \\
\t  echo "$$i" >> $@; \\
\tdone
\t# a comment
\tawk '{ print $$1 "\\t{" }' $< >> $@ # at the end
\techo 'a\\n' "\\"q\\"" '\"\"\"' >> $@
\tfalse | true
""",
    "includes": """\
include part.mk
all: $(PARTS)
%.p: %.in
\techo $(SAID) > $@
""",
    "more prerequisites": """\
all: a.sum src/c.sum
%.sum: %.in
\tcat $(sort $^) > $@; echo $< >> $@
a.sum: b.in src/d.in
a.sum src/c.sum: b.in
""",
    "intermediate": """\
.INTERMEDIATE: middle.txt
end.txt: middle.txt
\tcat $< > $@
middle.txt: a.in
\tcat $< > $@
""",
    "order of patterns": """\
.PHONY: all
all: x.lib.o y.o
%.o: a.in
\techo short $* > $@
%.lib.o: a.in
\techo long $* > $@
y.o: b.in
\techo named > $@
""",
    "functions of a target": """\
all: deep/er/file.txt
deep/er/file.txt: src/c.in src/d.in
\tmkdir -p $(dir $@)
\techo $(basename $(notdir $@)) $(patsubst src/%,%,$^) $(^F) $(@:.txt=.x) > $@
""",
    "default goal": """\
one.txt:
\techo 1 > $@
two.txt:
\techo 2 > $@
.DEFAULT_GOAL := two.txt
""",
    "names that are taken": """\
input = i
output = o
rule = r
lambda = l
all: if.txt
if.txt:
\techo $(input) $(output) $(rule) $(lambda) > $@
""",
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_both_make_the_same(tmp_path, name):
    sources = {**SOURCES, "part.mk": "PARTS = a.p b.p\nSAID = of a part\n"}
    _, made = compare(tmp_path, CASES[name], sources)
    assert made


def test_a_target_by_name(tmp_path):
    text = ".PHONY: clean all\nall: x.txt\nx.txt:\n\techo x > $@\nclean:\n\techo $@ > clean.log\n"
    _, made = compare(tmp_path, text, {}, "clean")
    assert made == {"clean.log": "clean\n"}


def test_a_changed_prerequisite_makes_it_again(tmp_path):
    compare(tmp_path, CASES["more prerequisites"], SOURCES)
    folder = tmp_path / "rulekit"
    (folder / "src" / "d.in").write_text("changed\n")
    words = [sys.executable, "-m", "rulekit", "-c", "1", "--quiet"]
    assert run(words, folder)[0] == 0
    assert "changed" in (folder / "a.sum").read_text()


LEFT_OUT = """\
define MANY
a
endef
x.txt: FLAG = 1
all: x.txt
x.txt:
\techo $(call MANY,1) > $@
\techo x > $@
a.txt:: b
\techo
$(eval A = 1)
B = $(value C)
include $(wildcard *.mk)
"""


def test_what_cannot_be_translated_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Makefile").write_text(LEFT_OUT)
    assert main(["import-makefile"]) == 1
    said = capsys.readouterr().err
    text = (tmp_path / "Rulefile").read_text()
    for line in (1, 4, 6, 9, 11, 12, 13):
        assert f"Makefile:{line}: not translated: " in said
        assert f"# not translated (line {line}): " in text
    assert main(["-n", "--quiet", "--cores", "1"]) == 0


def test_a_command_whose_variable_is_not_known_is_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Makefile").write_text(
        "define greet\necho hello\nendef\nCOPY = cp $< $@\n"
        "a.txt:\n\ttouch $@\n\t$(greet) >> $@\n"
        "b.txt: a.txt\n\techo $@\n\t$(COPY)\n"
    )
    assert main(["import-makefile"]) == 1
    said = capsys.readouterr().err
    assert "Makefile:5: not translated: `$(greet)` in a command: a.txt" in said
    assert "Makefile:8: not translated: `$(COPY)` in a command: b.txt" in said
    text = (tmp_path / "Rulefile").read_text()
    assert "{greet}" not in text and "{COPY}" not in text
    assert "touch {output}" in text and "echo {output}" in text


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["--import-makefile"]) == 2
    (tmp_path / "Makefile").write_text("a.txt:\n\techo a > $@\n")
    assert main(["import-makefile", "--output", "-"]) == 0
    assert "rule a_txt:\n" in capsys.readouterr().out
    assert main(["import-makefile"]) == 0
    assert main(["import-makefile"]) == 2
    assert "RK0109" in capsys.readouterr().err
    assert main(["import-makefile", "--force", "Makefile"]) == 0
    assert main(["fmt", "--check", "--quiet"]) == 0


@pytest.mark.parametrize(
    "text", ["ifdef X\na:\n", "ifeq (a,b)\nelse\n", "include part.mk\n", "include Makefile\n"]
)
def test_a_makefile_that_cannot_be_read(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Makefile").write_text(text)
    if text == "include Makefile\n":
        assert translate("Makefile").left_out
        return
    with pytest.raises(RuleFileError) as caught:
        translate("Makefile")
    assert caught.value.diagnostics[0].code == "RK0164"


# Makefiles made at random ---------------------------------------------------------------------

WORDS = st.lists(st.sampled_from(["a.in", "b.in", "src/c.in", "x", "y.z"]), max_size=4).map(
    " ".join
)
TEXTS = [
    "{0}",
    "$({1})",
    "$(V9) {0}",
    "$(patsubst %.in,%.q,{0})",
    "$({1}:.in=.r)",
    "$(notdir {0} $({1}))",
    "$(addprefix p-,$({1}))",
    "$(sort {0})",
    "$(filter %.in,{0} $({1}))",
    "$(if $({1}),{0},none)",
    "$(subst .,_,$({1}))",
    "$(foreach w,{0},[$(w)])",
]


@st.composite
def makefiles(draw):
    out = draw(st.sampled_from(["", "# head\n", ".SECONDARY:\n.PRECIOUS: %.m\n"]))
    out += ".SECONDARY:\n"
    count = draw(st.integers(1, 4))
    names = [f"V{i}" for i in range(count)]
    order = draw(st.permutations(names))
    for name in order:
        before = names[: names.index(name)] or ["V9"]
        text = draw(st.sampled_from(TEXTS)).format(draw(WORDS), draw(st.sampled_from(before)))
        out += f"{name} {draw(st.sampled_from(['=', '=', ':=', '?=']))} {text}\n"
    if draw(st.booleans()):
        out += f"{names[0]} += more\n"
    targets = []
    known = ["a.in", "b.in", "src/c.in"]
    rules = ""
    for number in range(draw(st.integers(1, 3))):
        target = draw(st.sampled_from([f"t{number}.txt", f"d{number}/t.txt"]))
        needs = draw(st.lists(st.sampled_from(known), unique=True, max_size=3))
        only = draw(st.sampled_from(["", "", " | b.in"]))
        rules += f"{target}: {' '.join(needs)}{only}\n\t@mkdir -p $(@D)\n"
        rules += f"\techo '$@ $({draw(st.sampled_from(names))}) $(words $^)' > $@\n"
        if needs:
            rules += "\tcat $^ >> $@\n\techo $< $(notdir $<) >> $@\n"
        targets.append(target)
        known.append(target)
    if draw(st.booleans()):
        rules += "%.up: %.m\n\ttr a-z A-Z < $< > $@\n\techo $* >> $@\n%.m: %.in\n\tcat $< > $@\n"
        targets += draw(st.sampled_from([["a.up"], ["src/c.up"], ["a.up", "src/c.up"]]))
    if draw(st.booleans()):
        rules += f"{targets[0]}: src/d.in\n"
    phony = draw(st.booleans())
    out += ".PHONY: all\n" if phony else ""
    return f"{out}all: {' '.join(targets)}\n{rules}"


@settings(
    max_examples=60 if os.environ.get("RULEKIT_LONG") else 6,
    derandomize=not os.environ.get("RULEKIT_LONG"),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=makefiles())
def test_random_makefiles(tmp_path, text):
    compare(tmp_path, text, SOURCES)
