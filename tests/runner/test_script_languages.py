"""Scripts in languages other than Python and bash, with the real programs where there are any."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from rulekit.model.namedlist import InputFiles, Log, OutputFiles, Params, Resources, Wildcards
from rulekit.runner import script_julia, script_rmd, script_rust
from rulekit.runner.context import encode_context

from .conftest import attempt


def needs(program, *words):
    """Skips, with the reason, where a program is missing or does not do what is asked of it."""
    found = shutil.which(program)
    reason = f"there is no `{program}`"
    if found and words:
        done = subprocess.run([program, *words], capture_output=True, check=False)
        found, reason = not done.returncode, f"`{program} {' '.join(words)}` fails"
    if not found and os.environ.get("CI") == "1" and program in ("Rscript", "rustc"):
        return pytest.mark.usefixtures()  # runs, and fails for want of it
    return pytest.mark.skipif(not found, reason=reason)


R = needs("Rscript", "--version")
MARKDOWN = needs("Rscript", "-e", "library(rmarkdown); stopifnot(pandoc_available())")
RUST = needs("rustc", "--version")


def names(**changes):
    made = {
        "input": InputFiles(["a.txt", "b.txt", "c.txt"], {"first": 0, "rest": (1, 3)}),
        "output": OutputFiles(["out.txt"], {"o": 0}),
        "params": Params(
            [5, 'it\'s "q" $x \\n', [1, 2.5], ["x", 1], {"k": {"n": [True]}}, None, 2**40, 1 - 2j],
            {"n": 0, "text": 1, "l": 2, "mixed": 3, "deep": 4, "none": 5, "big": 6, "c": 7},
        ),
        "wildcards": Wildcards.from_dict({"y": "2", "x": "1"}),
        "log": Log(["l.log"], {"e": 0}),
        "resources": Resources.from_dict({"tmpdir": "/tmp", "mem_mb": 100}),
        "threads": 3,
        "config": {"a": {"b": [1, {"c": "é"}]}, "ok": True},
    }
    made.update(changes)
    return made


@pytest.fixture
def script(here, order):
    """Runs a script as the body of a job; gives the result and what was printed."""

    def run(text, name, language, given=None, **more):
        path = here / "scripts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        context = encode_context(
            given or names(), rule="r", scriptdir=str(path.parent), foreign=True
        )
        body = {"kind": "script", "language": language, "path": str(path)}
        spec = order(body=body, context=context, capture="captured", **more)
        result = attempt(spec)
        captured = here / "captured"
        return result, captured.read_text() if captured.exists() else ""

    return run


R_SCRIPT = """
stopifnot(
    isVirtualClass(class(snakemake)) == FALSE, is(snakemake, "Snakemake"),
    snakemake@input[[1]] == "a.txt", snakemake@input[["first"]] == "a.txt",
    identical(snakemake@input[["rest"]], c("b.txt", "c.txt")), snakemake@input$first == "a.txt",
    snakemake@output[["o"]] == "out.txt",
    identical(snakemake@params[["n"]], 5L), snakemake@params$text == "it's \\"q\\" $x \\\\n",
    identical(snakemake@params$l, c(1, 2.5)), identical(snakemake@params$mixed, list("x", 1L)),
    identical(snakemake@params$deep$k$n, TRUE), is.null(snakemake@params$none),
    snakemake@params$big == 2^40, identical(snakemake@params$c, 1-2i),
    snakemake@wildcards[["x"]] == "1", snakemake@log[[1]] == "l.log",
    snakemake@resources[["mem_mb"]] == 100, snakemake@threads == 3, snakemake@rule == "r",
    snakemake@config[["a"]][["b"]][[2]][["c"]] == "\\u00e9", snakemake@config$ok,
    is.na(snakemake@bench_iteration), basename(snakemake@scriptdir) == "scripts"
)
snakemake@source("helper.R")
cat(helper(), file = snakemake@output[[1]])
"""


@R
def test_r_object(here, script):
    (here / "scripts").mkdir()
    (here / "scripts/helper.R").write_text("helper <- function() basename(getwd())\n")
    result, said = script(R_SCRIPT, "s.R", "r")
    assert result.ok, said
    assert (here / "out.txt").read_text() == here.name


@R
def test_failing_r_script_fails_the_job(script):
    result, said = script("stop('no way')\n", "s.R", "r")
    assert result.exit_code == 1 and "no way" in said


RMD = """---
title: Report
output: html_document
params:
    rmd: none
---

Value `r snakemake@params[["n"]]`, in `r basename(getwd())`, own text
`r file.exists(params$rmd)`.
"""


@MARKDOWN
def test_r_markdown(here, script):
    given = names(output=OutputFiles(["made/report.html"]))
    (here / "made").mkdir()
    result, said = script(RMD, "s.Rmd", "rmarkdown", given)
    assert result.ok, said
    text = " ".join((here / "made/report.html").read_text().split())
    assert f"<p>Value 5, in {here.name}, own text TRUE.</p>" in text
    assert "Snakemake" not in text.split("<body>")[1]


@MARKDOWN
def test_r_markdown_without_header(here, script):
    result, said = script("# Title\n\nValue `r snakemake@rule`\n", "s.Rmd", "rmarkdown")
    assert result.ok, said
    assert "Value r" in (here / "out.txt").read_text()


def test_r_markdown_makes_one_output(script):
    given = names(output=OutputFiles(["a", "b"]))
    result, _ = script(RMD, "s.Rmd", "rmarkdown", given)
    assert result.problem == "spawn" and "one output, not 2" in result.detail


def test_r_markdown_chunk_comes_after_the_header():
    text = script_rmd.document("---\ntitle: x\n---\nBody --- here\n", "CODE")
    assert text.startswith("---\ntitle: x\n---\n\n```{r, echo=FALSE")
    assert text.index("CODE") < text.index("Body --- here")
    assert "params" not in script_rmd.rendering("/a", "/b", "/c", "no header\nparams:\n  rmd: x")


RUST_SCRIPT = """
use std::io::Write;
let _guard = snakemake.redirect_stderr(&snakemake.log[0])?;
eprintln!("to the log");
assert_eq!(snakemake.input[0], "z.txt");
assert_eq!(snakemake.input.first, "a.txt");
assert_eq!(snakemake.input.rest, vec!["b.txt", "c.txt"]);
assert_eq!((&snakemake.input).into_iter().count(), 1);
assert_eq!(snakemake.output.o, "out.txt");
assert_eq!(snakemake.params.n, 5);
assert_eq!(snakemake.params.text, "it's \\"q\\" $x \\\\n");
assert_eq!(snakemake.params.l[1], 2.5);
assert_eq!(snakemake.params.mixed[0].as_str(), Some("x"));
assert_eq!(snakemake.params.deep.k.n, vec![true]);
assert!(snakemake.params.none.is_none());
assert_eq!(snakemake.params.big, 1 << 40);
assert_eq!(snakemake.wildcards.x, "1");
assert_eq!(snakemake.resources.mem_mb, 100);
assert_eq!(snakemake.threads, 3);
assert_eq!(snakemake.rule, "r");
assert_eq!(snakemake.config.a.b[1].get("c").unwrap().as_str(), Some("é"));
assert!(snakemake.config.ok);
assert!(snakemake.bench_iteration.is_none());
write!(std::fs::File::create(&snakemake.output.o)?, "made")?;
"""


def rust_names():
    known = names()["params"]
    return names(
        params=Params(list(known)[:7], {name: i for name, i in known.named().items() if i < 7}),
        input=InputFiles(["z.txt", "a.txt", "b.txt", "c.txt"], {"first": 1, "rest": (2, 4)}),
        log=Log(["l.log"]),
    )


@RUST
def test_rust_object(here, script):
    """The compiler alone is enough for a script that uses no crate."""
    result, said = script(RUST_SCRIPT, "s.rs", "rust", rust_names())
    assert result.ok, said
    assert (here / "out.txt").read_text() == "made"
    assert (here / "l.log").read_text() == "to the log\n"
    assert [name for name in os.listdir(".rulekit/scripts") if name != "lib"] == []


@RUST
def test_rust_script_with_main(here, script):
    text = "#!/usr/bin/env rust-script\nfn main() {\n    std::process::exit(7);\n}\n"
    result, said = script(text, "s.rs", "rust", rust_names())
    assert result.exit_code == 7, said


@pytest.mark.skipif(bool(shutil.which("rust-script")), reason="there is a `rust-script`")
def test_rust_script_with_crates_needs_rust_script(script):
    result, _ = script("// cargo-deps: rand\nfn main() {}\n", "s.rs", "rust", rust_names())
    assert result.problem == "spawn" and "`rust-script`" in result.detail


@pytest.mark.parametrize(
    ("source", "rest"),
    [
        ("#!/x\n// cargo-deps: a=1\nfn main() {}", "fn main() {}"),
        ("//! Text\n//! ```cargo\n//! [dependencies]\n//! ```\n\nuse x;", "\nuse x;"),
        ("/*! ```cargo\n[dependencies]\n```\n*/\nuse x;", "use x;"),
        ("/// ```cargo\n/// ```\nfn main() {}", "fn main() {}"),
        ("//! Text only\nfn main() {}", None),
        ("#![allow(unused)]\nfn main() {}", None),
    ],
)
def test_rust_manifest_stays_first(source, rest):
    made = script_rust.program(source, "HEAD")
    if rest is None:
        assert made == f"HEAD\n{source}"
    else:
        assert made.endswith(f"HEAD\n{rest}") and not made.startswith(("HEAD", "#!"))


def test_rust_crates():
    source = "// cargo-deps: serde=1\nuse anyhow::Result;\nserde_json::from_str; serde::x;\n"
    assert script_rust.crates_of(source) == ("anyhow=1", "serde_json=1.0")
    assert script_rust.is_bare("// anyhow\nfn main() {}")
    assert not script_rust.is_bare("use anyhow::Result;")


def test_rust_names_of_fields():
    given = names(params=Params([1, 2, 3], {"type": 0, "My Key": 1, "1st": 2}))
    context = encode_context(given, rule="r", scriptdir="/", foreign=True)
    text = script_rust.preamble(context)
    for field in ("type_field: i64", "my_key: i64", "n1st: i64"):
        assert f"pub {field}" in text


def test_julia_object():
    """There is no Julia here: the text it would get."""
    context = encode_context(names(), rule="r", scriptdir="/s", foreign=True)
    text = script_julia.preamble(context)
    assert (
        'Dict{Any, Any}(1 => "a.txt", 2 => "b.txt", 3 => "c.txt", "first" => "a.txt", '
        '"rest" => ["b.txt", "c.txt"])'
    ) in text
    assert '2 => "it\'s \\"q\\" \\$x \\\\n"' in text
    assert '5 => Dict{Any, Any}("k" => Dict{Any, Any}("n" => [true])), 6 => nothing' in text
    assert text.endswith(
        '    3,\n    Dict{Any, Any}("a" => Dict{Any, Any}("b" => [1, Dict{Any, Any}("c" => "é")]), '
        '"ok" => true),\n    "r",\n    nothing,\n    "/s"\n)'
    )


@needs("julia", "--version")
def test_julia_script(here, script):
    text = 'open(snakemake.output["o"], "w") do f; print(f, snakemake.input[1]); end\n'
    result, said = script(text, "s.jl", "julia")
    assert result.ok, said
    assert (here / "out.txt").read_text() == "a.txt"


@needs("hy", "--version")
def test_hy_script(here, script):
    text = '#!/usr/bin/env hy\n(import os)\n(with [f (open snakemake.output.o "w")]\n'
    text += " (.write f (+ snakemake.rule (os.path.basename __file__))))\n"
    result, said = script(text, "s.hy", "hy")
    assert result.ok, said
    assert (here / "out.txt").read_text() == "rs.hy"


@needs("xonsh", "--version")
def test_xonsh_script(here, script):
    text = "#!/usr/bin/env xonsh\necho @(snakemake.params.n) > @(snakemake.output.o)\n"
    result, said = script(text, "s.xsh", "xonsh")
    assert result.ok, said
    assert (here / "out.txt").read_text() == "5\n"
    result, _ = script("false\necho no\n", "s.xsh", "xonsh")
    assert not result.ok


def test_numpy_values_become_plain_ones():
    numpy = pytest.importorskip("numpy")
    given = names(params=Params([numpy.float64(2.5), numpy.arange(3), [numpy.int64(4)], {5}]))
    context = encode_context(given, rule="r", scriptdir="/", foreign=True)
    assert context["params"]["items"] == [2.5, [0, 1, 2], [4], [5]]
    with pytest.raises(
        TypeError, match=r"`params` item `f` .* cannot be handed to another language"
    ):
        encode_context(
            names(params=Params([object()], {"f": 0})), rule="r", scriptdir="/", foreign=True
        )


NASTY = [
    "".join(map(chr, range(1, 128))),
    'it\'s "q" `c` $(touch pwned) ${HOME} $x \\n \\ %s {a} #{b} \u00e9\u4e2d\U0001f600\n\r\t end ',
    "",
    "---\n```{r}\n",
]


def nasty():
    return names(
        params=Params(NASTY, {f"p{i}": i for i in range(len(NASTY))}),
        log=Log([]),
        config={text: text for text in NASTY if text},
    )


WRITERS = {
    "r": ("s.R", 'for (i in 1:4) cat(snakemake@params[[i]], "\\1", sep = "", file = "got", append = i > 1)'),
    "bash": ("s.sh", 'for i in 0 1 2 3; do printf "%s\\1" "${snakemake_params[p$i]}"; done > got'),
    "rust": (
        "s.rs",
        "use std::io::Write;\nlet mut f = std::fs::File::create(\"got\")?;\n"
        "let p = &snakemake.params;\n"
        "for x in [&p.p0, &p.p1, &p.p2, &p.p3] { write!(f, \"{}\\u{1}\", x)?; }\n",
    ),
    "hy": ("s.hy", '(.write (open "got" "w" :newline "") (.join "" (lfor p snakemake.params (+ p "\\x01"))))'),
}  # fmt: skip


@pytest.mark.parametrize(
    "language",
    [
        pytest.param("r", marks=R),
        "bash",
        pytest.param("rust", marks=RUST),
        pytest.param("hy", marks=needs("hy", "--version")),
    ],
)
def test_texts_arrive_as_they_are(here, script, language):
    name, text = WRITERS[language]
    result, said = script(text, name, language, nasty())
    assert result.ok, said
    got = (here / "got").read_bytes().decode().split("\x01")
    # The separator is in the first text, too.
    assert got[:-1] == "\x01".join(NASTY).split("\x01")
    assert not (here / "pwned").exists()
