"""File names and wildcard values in commands: whatever they hold, bash sees them as data."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulekit.errors import PlanError
from rulekit.language.format import compile_template
from rulekit.model.namedlist import InputFiles, Params, Wildcards

# Each template prints the value, framed so that nothing can be lost; `joined` says what is
# expected for several files.
WORDS = "printf '[%s]' {input}"
CONTEXTS = [
    (WORDS, "words"),
    ("printf '[%s]' {input} # of {wildcards.w}", "words"),
    ("printf '[%s]' \"{input}\"", "text"),
    ("printf '[%s]' '{input}'", "text"),
    ("printf '[%s]' pre{input}post", "affixed"),
    ("x=\"$(printf '[%s]' {input})\"; printf '%s' \"$x\"", "words"),
    ("printf '%s' \"$(printf '[%s]' \"{input}\")\"", "text"),
    ("printf '%s' \"$(printf '[%s]' '{input}')\"", "text"),
    ("(printf '[%s]' {input})", "words"),
    ("for f in {input}; do printf '[%s]' \"$f\"; done", "words"),
    ("case x in (x) printf '[%s]' {input};; esac", "words"),
    ("printf '%s' \"$(case x in x) printf '[%s]' {input};; esac)\"", "words"),
    ("echo ${{HOME%%/}}${{#a}} >/dev/null; printf '[%s]' {input}", "words"),
    ("echo $((1 + (2))) >/dev/null; printf '[%s]' {input}", "words"),
    ("if (( 1 < 2 )); then printf '[%s]' {input}; fi", "words"),
    ("cat <<< x >/dev/null; printf '[%s]' {input}", "words"),
    ("cat >/dev/null <<EOF\n$HOME '\"\nEOF\nprintf '[%s]' {input}", "words"),
    ("printf '[%s]' {input} # it's \"open", "words"),
    ("printf '[%s]' {input} | cat", "words"),
    ("printf '[%s]' `printf x`>/dev/null; printf '[%s]' {input}", "words"),
    ("awk 'BEGIN {{ print \"'\"'\"'\" }}' >/dev/null; printf '[%s]' {input}", "words"),
    ("cat <<'EOF'\n[{input}]\nEOF", "line"),
    ("cat <<EOF\n[{input}]\nEOF", "line"),
    ("cat <<-\\EOF\n\t[{input}]\n\tEOF", "line"),
    ("printf '[%s]' $'{input}'", "text"),
    ("printf '[%s]' {input:q}", "words"),
    ("printf '%s]' \"$(printf '%s' \"$(printf '[%s.' \"{input}\")\")\"", "dot"),
    ("bash -c 'printf \"[%s]\" {input}'", "words"),
    ('/bin/sh -ec \'printf "[%s]" "{input}"; true\'', "text"),
    ("env X=1 bash -e -c 'printf \"[%s]\" {input:q}' | cat", "words"),
    ('bash -c \'for f; do printf "[%s]" "$f"; done\' _ {input}', "words"),
    ("printf '[%s]' {params.mixed}", "parts"),
    ("printf '[%s]' {params.mixed:q}", "raw"),
    ("printf '[%s]' \"{params.mixed}\"", "raw"),
]


def expected(kind, names):
    if kind == "words":
        names = ["./" + name if name[0] == "-" else name for name in names]
    elif kind in ("text", "dot") and names[0][0] == "-":
        names = ["./" + names[0], *names[1:]]
    if kind in ("words", "parts"):
        return "".join(f"[{name}]" for name in names)
    if kind == "affixed":
        first, *rest = [*names]
        parts = [first, *rest]
        parts[0] = "pre" + parts[0]
        parts[-1] += "post"
        return "".join(f"[{part}]" for part in parts)
    text = "[" + " ".join(names) + (".]" if kind == "dot" else "]")
    return text + ("\n" if kind == "line" else "")


def command(template, names, wildcard="w"):
    values = {
        "input": InputFiles(names),
        "wildcards": Wildcards([wildcard], {"w": 0}),
        "params": Params(["it's", " ".join(names)], {"text": 0, "mixed": 1}),
    }
    return compile_template(template, shell=True).render(values, {})


def run_all(commands):
    """The outputs of many commands, run by one bash each in a subshell of its own."""
    separator = "\x01\x02"
    script = "set -u\n" + "".join(
        f"bash -c {quoted(one)} </dev/null 2>&1; printf '{separator}'\n" for one in commands
    )
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        timeout=120,
        env={"HOME": "/h", "PATH": "/usr/bin:/bin"},
    )
    return done.stdout.decode("utf-8", "surrogateescape").split(separator)[:-1]


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


HOSTILE = [
    "a b", "a'b", 'a"b', "a`id`b", "$(touch INJECTED)", "${HOME}", "$HOME", "a;b", "a&b", "a|b",
    "a>b", "a<b", "*", "a?b", "[ab]", "{a,b}", "~", "#c", "a#b", "a\\b", "\\", "'", '"', "''", "\n",
    "a\nb", "\t", " ", "!x", "-n", "--", "(a)", "a)b", ";touch INJECTED;", "&&", "$'x'", "é ü",
    "a\nEOF\ntouch INJECTED\nx", "'; touch INJECTED; '", '"; touch INJECTED; "', "`touch INJECTED`",
    "\udce9 x", "%s", "a,b=c:d@e+f%g", "{input}", "$((1))", "esac;;", "a\rb",
]  # fmt: skip


@pytest.mark.parametrize(("template", "kind"), CONTEXTS)
def test_hostile_names_are_data_everywhere(template, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cases = [[name] for name in HOSTILE] + [["a b", "c'd"], ["x", "$(touch INJECTED)"]]
    commands, wanted = [], []
    for names in cases:
        if kind == "line" and "EOF" in names[0].split("\n"):
            with pytest.raises(PlanError):
                command(template, names)
            continue
        commands.append(command(template, names))
        wanted.append(expected(kind, names))
    assert run_all(commands) == wanted
    assert list(tmp_path.iterdir()) == []


TEXT = st.text(alphabet="ab '\"\\$`(){}<>|&;#*?!~\n\té-E", min_size=1, max_size=8)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(CONTEXTS), TEXT), min_size=12, max_size=12))
def test_any_name_is_data(cases):
    commands, wanted = [], []
    for (template, kind), name in cases:
        try:
            commands.append(command(template, [name], wildcard=name))
        except PlanError as error:
            assert error.diagnostics[0].code == "RK0460"
            # A comment cannot hold a value with a line break, nor `<<-` one with a tab in front.
            in_comment = "# of" in template and "\n" in name
            assert in_comment or ("<<-" in template and "\t" in name)
            continue
        wanted.append(expected(kind, [name]))
    assert run_all(commands) == wanted


@pytest.mark.parametrize(
    "template",
    [
        "echo ${{x%{input}}}",
        "echo $(({input}))",
        "if (( {input} )); then :; fi",
        "echo \\{input}",
        "echo ${input}",
        "cat <<{input}\nx\n",
        "eval cat {input}",
        "cat x && eval \"cat '{input}'\"",
        "ssh host cat {input}",
        'bash -c "cat {input}"',
        "sh -c cat' {input}'",
        "sh -c {input}",
        "timeout 5 bash -c 'echo $(( {input} ))'",
        'echo "`echo {input}`"',
        'echo ${{x:-"{input}"}}',
    ],
)
def test_places_where_nothing_can_be_quoted(template):
    assert command(template, ["plain-1.txt"]) == template.replace("{{", "{").replace(
        "}}", "}"
    ).replace("{input}", "plain-1.txt")
    with pytest.raises(PlanError) as caught:
        command(template, ["a b"])
    diagnostic = caught.value.diagnostics[0]
    assert diagnostic.code == "RK0460" and "'a b'" in diagnostic.message and diagnostic.help


def test_a_line_break_in_a_comment_and_nul_anywhere_are_refused():
    assert command("true # {input}", ["a;b"]) == "true # a;b"
    with pytest.raises(PlanError):
        command("true # {input}", ["a\nb"])
    with pytest.raises(PlanError, match="NUL"):
        command(WORDS, ["a\0b"])


def test_a_value_cannot_end_a_here_document():
    template = "cat <<EOF\n{input}\nEOF\n"
    assert command(template, ["END"]) == "cat <<EOF\nEND\nEOF\n"
    with pytest.raises(PlanError, match="here-document"):
        command(template, ["EOF"])
    with pytest.raises(PlanError, match="here-document"):
        command(template, ["a\nEOF\nb"])


def test_backquotes():
    template = "echo `printf '[%s]' {input}`"
    names = ["a b", "$HOME", "a`b", "a\\b", "it's"]
    assert run_all([command(template, [n]) for n in names]) == [f"[{n}]\n" for n in names]


def test_params_may_be_shell_code():
    values = {"params": Params(["-a | sort > x"], {"p": 0}), "input": InputFiles(["f"])}
    template = compile_template("tool {params.p} {input}", shell=True)
    assert template.render(values, {}) == "tool -a | sort > x f"


def test_quotes_in_params_count_for_what_follows():
    values = {"params": Params(['"'], {"q": 0}), "input": InputFiles(["a $b"])}
    template = compile_template("printf '[%s]' {params.q}{input}{params.q}", shell=True)
    assert run_all([template.render(values, {})]) == ["[a $b]"]


def test_unquoted_on_request():
    assert command("echo {input:u}", ["a b"]) == "echo a b"


def test_harmless_values_are_filled_in_as_they_are():
    names = ["data/a-1_b.txt", "x=1,y:2@z+%"]
    for template in ("cp {input} x", "cp '{input}' x", 'cp "{input}" x', "${{x%{input}}}"):
        plain = template.replace("{{", "{").replace("}}", "}").replace("{input}", " ".join(names))
        assert command(template, names) == plain
    assert command("{input!r:>9}", ["ab"]) == "   ['ab']"
