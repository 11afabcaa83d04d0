"""Reports and graphs as a person sees them: in a browser, with eyes, keys and bad intentions."""

from __future__ import annotations

import zipfile

import pytest
from support.browser import accessibility_problems, until, wait_until_ready
from support.program import rulekit

SECTIONS = ("overview", "results", "workflow", "rules", "timeline", "jobs", "software")


@pytest.fixture(scope="module")
def address(hostile):
    rulekit(hostile, "--report", "report.html")
    return (hostile / "report.html").as_uri()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    found = context.new_page()
    found.trouble = []
    found.asked = []
    found.on("pageerror", lambda error: found.trouble.append(error.message))
    found.on("request", lambda request: found.asked.append(request.url))
    yield found
    context.close()


def test_nothing_that_came_in_runs_and_nothing_is_loaded(page, address):
    for section in (*SECTIONS, "jobs/0", "rules/part"):
        wait_until_ready(page, f"{address}#{section}")
        assert page.evaluate("window.hacked") is None
    page.evaluate("for (const a of document.querySelectorAll('a[href^=javascript]')) a.click()")
    assert page.evaluate("window.hacked") is None
    assert not page.trouble
    assert all(url.startswith(("file:", "data:", "about:")) for url in page.asked)


def test_the_policy_alone_would_stop_a_script(page, address):
    wait_until_ready(page, address)
    page.evaluate(
        """() => {
            const a = document.createElement("div");
            a.innerHTML = '<img src="data:," onerror="window.hacked=1">';
            const b = document.createElement("script");
            b.textContent = "window.hacked = 2";
            document.body.append(a, b);
        }"""
    )
    page.wait_for_timeout(100)
    assert page.evaluate("window.hacked") is None


def test_results_are_there_to_see(page, address):
    wait_until_ready(page, f"{address}#results")
    assert page.locator("article.result").count() == 6
    assert page.evaluate("document.querySelector('figure img').naturalWidth") == 90
    assert page.locator("a[download='plot.svg']").get_attribute("href").startswith("data:image/svg")
    # The large table has all rows, of which only some are elements; it is sorted and searched.
    table = page.locator(".table[data-table]:not([data-table='']) .scroll")
    assert page.locator(".table tbody tr").count() < 200
    table.get_by_role("button", name="value").click()
    assert table.locator("tbody tr:not(.pad) td.num").first.inner_text() == "3000"
    search = page.get_by_label("Search rows of table.csv")
    search.fill("> 2999")
    until(page, "document.querySelectorAll('.table tbody tr:not(.pad)').length === 1")


def test_search_leaves_what_fits(page, address):
    wait_until_ready(page, f"{address}#results")
    page.get_by_label("Search results").fill("plot figure")
    page.get_by_label("Search results").fill("plot")
    until(page, "document.querySelectorAll('article.result:not([hidden])').length === 1")
    assert "1 of 6" in page.locator("#results-bar").inner_text()


def test_how_a_result_was_made(page, address):
    wait_until_ready(page, f"{address}#results")
    page.locator("article.result", has_text="plot.svg").get_by_text("How it was made").click()
    drawer = page.locator("dialog[open]")
    words = drawer.inner_text()
    assert "printf" in words and "parts/7.txt" in words and "plot.svg" in words
    drawer.get_by_role("link", name="part:i=3").first.click()
    until(page, "document.querySelector('dialog[open] h2').textContent === 'part:i=3'")
    words = drawer.inner_text()
    assert "sleep = 0.01" in words and "window.hacked=4" in words  # the log, as text
    assert "Threads" in words
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_everything_by_keys(page, address):
    wait_until_ready(page, address)
    page.keyboard.press("6")
    until(page, "document.querySelector('main > section.active').id === 'jobs'")
    page.keyboard.press("/")
    page.keyboard.type("part:i=5")
    until(page, "document.querySelectorAll('#jobs tbody tr:not(.pad)').length === 1")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert "go to a section" in page.locator("dialog[open]").inner_text()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    until(page, "document.querySelector('main > section.active').id === 'results'")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.className").startswith("result")
    page.keyboard.press("3")
    until(page, "document.querySelector('main > section.active').id === 'workflow'")
    page.locator("g.box[data-name=plot]").focus()
    page.keyboard.press("Enter")
    assert page.locator("dialog[open] h2").inner_text() == "rule plot"


def test_the_timeline_shows_each_attempt(page, address):
    wait_until_ready(page, f"{address}#timeline")
    assert page.locator(".gantt rect.job").count() >= 3
    assert "14 attempts" in page.locator("#timeline-box .bar").last.inner_text()
    page.get_by_role("button", name="part").click()
    assert page.locator(".gantt rect.job.c1").count() == 0


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_accessibility(browser, address, mode):
    context = browser.new_context(bypass_csp=True, color_scheme=mode)
    page = context.new_page()
    sections = (*SECTIONS, "jobs/0") if mode == "light" else ("overview", "jobs", "rules/part")
    for section in sections:
        wait_until_ready(page, f"{address}#{section}")
        assert accessibility_problems(page) == [], section
    context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_screen(browser, address, width):
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    for section in (*SECTIONS, "jobs/0"):
        wait_until_ready(page, f"{address}#{section}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, section
    context.close()


def test_without_scripts_results_can_be_read(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    words = page.locator("main").inner_text()
    assert "plot.svg" in words and "table.csv" in words and "Times are those" in words
    context.close()


def test_the_archive_shows_pages_of_their_own(page, hostile, tmp_path):
    rulekit(hostile, "--report", str(tmp_path / "r.zip"))
    with zipfile.ZipFile(tmp_path / "r.zip") as archive:
        archive.extractall(tmp_path)
    wait_until_ready(page, (tmp_path / "report/report.html").as_uri() + "#results")
    until(page, "document.querySelector('figure img').naturalWidth === 90")
    frame = page.frame_locator("iframe[title='page.html']")
    frame.locator("body").wait_for()
    assert page.evaluate("window.hacked") is None  # it is in a sandbox
    assert all(url.startswith(("file:", "data:", "about:")) for url in page.asked)


@pytest.mark.parametrize("words", [(), ("--jobs",), ("--rules",)])
def test_the_graph_page(browser, hostile, tmp_path, words):
    path = tmp_path / "graph.html"
    rulekit(hostile, "graph", "-o", str(path), *words)
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    wait_until_ready(page, path.as_uri())
    boxes = 8 if "--rules" in words else 15
    assert page.locator("g.box").count() == boxes
    page.get_by_label("Search jobs").fill("part")
    until(page, "document.querySelectorAll('g.box.faded').length > 0")
    assert accessibility_problems(page) == []
    assert page.evaluate("window.hacked") is None
    context.close()
