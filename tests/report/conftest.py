"""A browser for the tests of pages, and a workflow whose names and contents mean harm."""

from __future__ import annotations

import pytest
from support.browser import open_browser
from support.program import rulekit

HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=2>"
FILE = '''
report: "workflow.rst"
EVIL = "<script>window.hacked=1</script><img src=x onerror=window.hacked=2>"
rule all:
    input:
        "plot.svg", "table.csv", "notes.md", "text.txt", "page.html", "a&b'%20#q.txt",
        expand("parts/{i}.txt", i=range(8)),
rule part:
    """<script>window.hacked=3</script> makes a part."""
    output: "parts/{i}.txt"
    log: "logs/{i}.log"
    params: evil=EVIL, sleep=0.01
    threads: 2
    shell: "echo '</script><script>window.hacked=4</script>' > {log}; sleep {params.sleep}; echo {wildcards.i} > {output}"
rule plot:
    input: expand("parts/{i}.txt", i=range(8))
    output: report("plot.svg", category="Figures", caption="plot.rst", labels={"kind": EVIL})
    shell: """printf '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"><script>window.hacked=5</script><rect width="90" height="60" fill="teal"/></svg>' > {output}"""
rule table:
    output: report("table.csv", category=EVIL, subcategory="counts")
    run:
        with open(output[0], "w") as file:
            file.write("name,value\\n")
            for i in range(3000):
                file.write(f"{EVIL} {i},{i * 7 % 3001}\\n")
rule notes:
    output: report("notes.md", category="Texts")
    shell: "cp notes.src {output}"
rule text:
    output: report("text.txt", category="Texts", caption="text.md")
    shell: "echo '</pre><script>window.hacked=6</script>' > {output}"
rule page:
    output: report("page.html", category="Texts")
    shell: "echo '<title>own</title><script>parent.hacked=7</script>' > {output}"
rule odd:
    output: report("a&b'%20#q.txt", category="Texts")
    shell: "echo odd > {output:q}"
'''


@pytest.fixture(scope="module")  # not longer: while it is open, no other event loop can run
def browser():
    with open_browser() as found:
        yield found


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """A folder with a finished run; nothing in it may ever run in a page."""
    folder = tmp_path_factory.mktemp("hostile") / "x <script>window.hacked=8<"
    folder.mkdir()
    (folder / "Rulefile").write_text(FILE)
    (folder / "workflow.rst").write_text(
        "About **all**, see plot.svg_.\n\n`bad <javascript:window.hacked=9>`_\n\n"
        ".. raw:: html\n\n   <script>window.hacked=10</script>\n\n.. image:: dot.png\n"
    )
    (folder / "dot.png").write_bytes(bytes.fromhex("89504e470d0a1a0a"))
    (folder / "plot.rst").write_text("Of {{ snakemake.rule }} " + HOSTILE + "\n")
    (folder / "text.md").write_text(f"*Text* {HOSTILE} [x](javascript:window.hacked=11)\n")
    (folder / "notes.src").write_text(f"# Head\n\n{HOSTILE}\n\n|a|b|\n|-|-|\n|1|2|\n")
    rulekit(folder, "-c", "2", "--quiet")
    return folder
