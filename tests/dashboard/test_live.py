"""Dashboards of real runs: live, from their records, from a file of events; in a browser."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from support.browser import accessibility_problems, open_browser, until, wait_until_ready
from support.program import rulekit

FILE = """
envvars: "DASH_SECRET"
rule all:
    input: expand("{i}.txt", i=range(6))
rule make:
    output: "{i}.txt"
    log: "{i}.log"
    params: secret=lambda w: os.environ["DASH_SECRET"]
    shell:
        "while [ ! -e go ]; do sleep 0.05; done; [ {wildcards.i} != 3 ] || "
        "{{ echo '<b>bad</b> {params.secret}' > {log}; exit 5; }}; touch {output}"
"""
SECRET = "verysecretvalue123"
# What is met where the process of a page ends, also in the middle of an answer.
GONE = (urllib.error.URLError, ConnectionError, http.client.HTTPException)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "Rulefile").write_text("import os\n" + FILE)
    return tmp_path


@pytest.fixture
def begin(folder):
    processes = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "rulekit", *words],
            cwd=folder,
            env={**os.environ, "XDG_CONFIG_HOME": str(folder / "config"), "DASH_SECRET": SECRET},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        for line in process.stdout:
            if "http://" in line:
                return process, line.partition("http://")[1] + line.partition("http://")[2].strip()
        raise AssertionError("no address")

    yield start
    (folder / "go").touch()  # a job that waits for ever would keep the pipes open
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)


def view(url, path="state"):
    with urllib.request.urlopen(url.replace("/?", f"/{path}?"), timeout=60) as answer:
        return json.loads(answer.read())


def wait_for(condition):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it never came")


def test_a_live_run_and_its_end(folder, begin):
    run, url = begin("-c", "2", "-k", "--dashboard")
    wait_for(lambda: view(url)["at_work"] == 2)
    now = view(url)
    assert now["total"] == 7 and now["ended"] is None
    (folder / "go").touch()
    said = run.communicate(timeout=60)[0]
    assert run.returncode == 1, said

    def gone():
        try:
            view(url)
        except GONE:
            return True
        return False

    wait_for(gone)  # its process ends by itself


def test_secrets_are_not_shown(folder, begin):
    (folder / "go").touch()
    seen = []
    run, url = begin("-c", "1", "-k", "--dashboard")
    try:
        while run.poll() is None:
            seen.append(json.dumps(view(url)))
            time.sleep(0.02)
    except GONE:
        pass
    assert SECRET not in "".join(seen)


def test_the_run_does_not_wait_for_its_page(folder, begin):
    """The process of the page is stopped, so that it reads nothing: the run ends all the same."""
    run, url = begin("-c", "2", "-k", "--dashboard")
    wait_for(lambda: view(url)["at_work"] == 2)
    children = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(run.pid)], capture_output=True, text=True
    ).stdout.splitlines()
    page = next(int(line.split()[0]) for line in children if "rulekit.dashboard" in line)
    os.kill(page, signal.SIGSTOP)
    try:
        (folder / "go").touch()
        run.communicate(timeout=60)
    finally:
        os.kill(page, signal.SIGKILL)
    assert run.returncode == 1


def test_a_port_that_is_taken(folder, begin):
    run, url = begin("-c", "1", "--dashboard")
    port = url.split(":")[2].split("/")[0]
    done = subprocess.run(
        [sys.executable, "-m", "rulekit", "-c", "1", "--watch-port", port],
        cwd=folder,
        env={**os.environ, "DASH_SECRET": SECRET},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode not in (0, 1) and "RK0171" in done.stderr
    (folder / "go").touch()
    run.communicate(timeout=60)


def test_a_run_of_another_process_and_one_that_ended(folder, begin):
    run, live = begin("-c", "2", "-k", "--dashboard")
    wait_for(lambda: view(live)["at_work"] == 2)
    looking, url = begin("dashboard")
    wait_for(lambda: view(url)["at_work"] == 2)
    (folder / "go").touch()
    run.communicate(timeout=60)
    ended = wait_for(lambda: view(url)["ended"])
    assert ended["ok"] is False
    assert view(url)["done"] == 5 and view(url)["failed"] == 1
    assert len(view(url, "works")) == 6
    looking.send_signal(signal.SIGINT)
    looking.communicate(timeout=60)
    assert looking.returncode == 0


def test_a_file_of_events_in_a_browser(folder, begin):
    (folder / "go").touch()
    os.environ["DASH_SECRET"] = SECRET
    try:
        rulekit(folder, "-c", "2", "-k", "--quiet", "--log-json", "events.jsonl", check=False)
    finally:
        del os.environ["DASH_SECRET"]
    _, url = begin("dashboard", "events.jsonl")
    with open_browser() as browser:
        for mode in ("light", "dark"):
            context = browser.new_context(bypass_csp=True, color_scheme=mode)
            page = context.new_page()
            errors = []
            page.on("pageerror", lambda error, errors=errors: errors.append(error.message))
            for section in ("now", "timeline", "failures", "notes"):
                wait_until_ready(page, f"{url}#{section}")
                until(page, "document.querySelector('#outcome').textContent.includes('failed')")
                assert accessibility_problems(page) == [], section
                if section == "failures":
                    assert "<b>bad</b>" in page.locator("#failures").inner_text()
                if section == "timeline":
                    until(page, "document.querySelectorAll('.gantt rect.job').length >= 2")
            assert not errors
            context.close()
        context = browser.new_context(viewport={"width": 390, "height": 800})
        page = context.new_page()
        wait_until_ready(page, url)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        context.close()
