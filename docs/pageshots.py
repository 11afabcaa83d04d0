"""Pictures of pages, for `screenshots.py`: reports, graphs, the live page, in headless Chromium.

They need playwright and a Chromium in PATH (`apt install chromium-headless-shell`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WIDE, PHONE = (1180, 720), (390, 780)

Shot = Callable[[Path], bytes]


def rulekit(folder: Path, *words: str, check: bool = True) -> None:
    """Runs the program in a folder; what it says is shown only where it must not fail, and does."""
    done = subprocess.run(
        [sys.executable, "-m", "rulekit", *words],
        cwd=folder,
        env={**os.environ, "XDG_CONFIG_HOME": str(folder / "config")},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if check and done.returncode:
        raise SystemExit(f"rulekit {' '.join(words)}: {done.returncode}\n{done.stderr}")


def example(folder: Path, name: str) -> Path:
    """A copy of one of the example workflows, in a folder of its name."""
    place = folder / name
    ignored = shutil.ignore_patterns(".rulekit", "results")
    shutil.copytree(ROOT / "example_workflows" / name, place, ignore=ignored)
    return place


@contextlib.contextmanager
def opened(address: str, size: tuple[int, int] = WIDE, dark: bool = False) -> Iterator[Any]:
    """A page of ours in a browser, ready."""
    from playwright.sync_api import sync_playwright

    names = ("chromium-headless-shell", "chromium", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
        )
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        page.wait_for_timeout(400)
        yield page
        browser.close()


def of_report(section: str, size: tuple[int, int] = WIDE, dark: bool = False) -> Shot:
    """A section of the report of an example."""

    def take(folder: Path) -> bytes:
        place = example(folder, "cells")
        rulekit(place, "-c", "2", "--quiet")
        rulekit(place, "--report", "report.html")
        address = f"{(place / 'report.html').as_uri()}#{section}"
        with opened(address, size, dark) as page:
            return bytes(page.screenshot())

    return take


def graph_page(folder: Path) -> bytes:
    """The graph while some things are done, some are to do, and one has failed."""
    place = example(folder, "cells")
    rulekit(place, "-c", "2", "--quiet", "--until", "find")
    (place / "scripts/outline.py").write_text("raise SystemExit('no picture today')\n")
    rulekit(place, "-c", "2", "--quiet", "-k", check=False)
    rulekit(place, "graph", "--rules", "-o", "graph.html")
    with opened((place / "graph.html").as_uri()) as page:
        return bytes(page.screenshot())


_LIVE = """
rule all:
    input: expand("called/{i}.txt", i=range(40))
rule align:
    output: "aligned/{i}.txt"
    resources: mem_mb=800
    shell: "sleep 0.$(({wildcards.i} % 7 + 2)); touch {output}"
rule call:
    input: "aligned/{i}.txt"
    output: "called/{i}.txt"
    log: "logs/{i}.log"
    shell:
        "if [ {wildcards.i} = 5 ]; then echo 'sample 5: no reads' > {log}; exit 1; fi; "
        "sleep 0.3; touch {output}"
"""


def dashboard(folder: Path) -> bytes:
    """The live page in the middle of a run."""
    place = folder / "study"
    place.mkdir()
    (place / "Rulefile").write_text(_LIVE)
    run = subprocess.Popen(
        [sys.executable, "-m", "rulekit", "-c", "4", "-k", "--dashboard"],
        cwd=place,
        env={**os.environ, "XDG_CONFIG_HOME": str(place / "config")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stderr is not None
    address = next(line for line in run.stderr if "http://" in line).split()[-1]
    with opened(address) as page:
        page.wait_for_timeout(2500)
        made = bytes(page.screenshot())
    run.communicate()
    return made


SHOTS: dict[str, Shot] = {
    "report-results.png": of_report("results"),
    "report-job.png": of_report("jobs/20"),
    "report-timeline.png": of_report("timeline", dark=True),
    "report-phone.png": of_report("overview", PHONE, dark=True),
    "graph-page.png": graph_page,
    "dashboard.png": dashboard,
}
