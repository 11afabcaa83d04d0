"""The driver is killed at random moments: the next one takes over, no finished work is repeated."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from azcommand import Cloud

KILLS = int(os.environ.get("RULEKIT_KILLS", "50" if os.environ.get("RULEKIT_LONG") else "4"))

# Each job writes to a folder of the test that it was at its end: outside of what is stored.
WORKFLOW = """
N = 6
rule all:
    input: "all.txt"

rule first:
    output: "first/{i}.txt"
    shell: "sleep 0.$((RANDOM % 4 + 1)); echo {wildcards.i} $RANDOM > {output}; date +%N > LOG/first.{wildcards.i}.$$"

rule second:
    input: "first/{i}.txt"
    output: temp("second/{i}.txt")
    shell: "sleep 0.$((RANDOM % 4 + 1)); cat {input} {input} > {output}; date +%N > LOG/second.{wildcards.i}.$$"

rule collect:
    input: expand("second/{i}.txt", i=range(N))
    output: "all.txt"
    shell: "cat {input} > {output}; date +%N > LOG/collect.0.$$"
"""


@pytest.fixture
def cloud(azurite, container, tmp_path):
    made = Cloud(azurite, container, tmp_path / "project")
    made.folder.mkdir()
    yield made
    made.close()


def ends(folder):
    """How often each job came to its end."""
    found: dict[str, int] = {}
    for path in folder.iterdir():
        name = path.name.rpartition(".")[0]
        found[name] = found.get(name, 0) + 1
    return found


def test_temporary_outputs_of_a_killed_driver_go(cloud, tmp_path):
    """It is killed when their last reader has ended, before they are removed, many at once."""
    log = tmp_path / "log"
    log.mkdir()
    rules = WORKFLOW.replace("LOG", str(log)).replace('input: "all.txt"', 'input: "after.txt"')
    cloud.write(
        "Snakefile",
        f"{rules}\nlocalrules: after\n\nrule after:\n"
        '    input: "all.txt"\n    output: "after.txt"\n'
        f'    shell: "touch {log}/begun; for i in $(seq 600); do test -e {log}/go && break;'
        ' sleep 0.1; done; cp {input} {output}"\n',
    )
    process = cloud.start()
    try:
        end = time.monotonic() + 300
        while process.poll() is None and not (log / "begun").exists():
            assert time.monotonic() < end
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        (log / "go").touch()
        said = process.communicate()[0]
    left = [name for name in cloud.names() if name.startswith("second/")]
    out = cloud.start().communicate(timeout=400)[0]
    assert len(left) == 6, said
    assert "6 temporary outputs of the run" in out, out
    wanted = ["after.txt", "all.txt", *(f"first/{i}.txt" for i in range(6))]
    assert cloud.names() == wanted, said + out


def test_drivers_are_killed_one_after_the_other(cloud, tmp_path):
    """The second only took the job over and sent nothing itself; the third takes it over again."""
    log = tmp_path / "log"
    log.mkdir()
    cloud.write(
        "Snakefile",
        'rule slow:\n    output: "all.txt"\n'
        f'    shell: "touch {log}/begun.$$; for i in $(seq 3000); do test -e {log}/go && break;'
        ' sleep 0.1; done; echo 1 > {output}"\n',
    )
    first = cloud.start()
    try:
        end = time.monotonic() + 300
        while not list(log.iterdir()):
            assert first.poll() is None and time.monotonic() < end
            time.sleep(0.02)
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate()
    for _ in range(2):
        second = cloud.start()
        assert any("took over 1 job" in line for line in second.stdout)
        second.send_signal(signal.SIGKILL)
        second.communicate()
    (log / "go").touch()
    third = cloud.start()
    said = third.communicate(timeout=400)[0]
    assert third.returncode == 0 and "took over 1 job" in said, said
    assert len(list(log.glob("begun.*"))) == 1 and cloud.get("all.txt") == "1\n"
    assert cloud.left() == [] and cloud.ours() == []


def test_a_killed_driver_costs_nothing(cloud, tmp_path):
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    log = tmp_path / "log"
    kills = rounds = taken = 0
    while kills < KILLS:
        rounds += 1
        for path in log.iterdir() if log.exists() else ():
            path.unlink()
        log.mkdir(exist_ok=True)
        cloud.write("Snakefile", WORKFLOW.replace("LOG", str(log)) + f"# {rounds}\n")
        for name in cloud.names():
            with cloud.azurite.client() as client:
                client.get_blob_client(cloud.container, f"lab/run/{name}").delete_blob()
        said = []
        while True:
            process = cloud.start()
            if kills < KILLS:
                try:
                    out, _ = process.communicate(timeout=rng.uniform(0.5, 9.0))
                except Exception:
                    process.send_signal(signal.SIGKILL)
                    out, _ = process.communicate()
                    kills += 1
                    said.append(out)
                    continue
            else:
                out, _ = process.communicate(timeout=400)
            said.append(out)
            break
        context = f"seed {seed}, round {rounds}\n" + "\n=====\n".join(said)
        taken += sum("took over" in text for text in said)
        assert process.returncode == 0, context
        numbers = [line.split() for line in cloud.get("all.txt").splitlines()]
        assert [int(n) for n, _ in numbers] == [i for i in range(6) for _ in range(2)], context
        assert cloud.names() == ["all.txt", *(f"first/{i}.txt" for i in range(6))], context
        for i in range(6):
            assert cloud.get(f"first/{i}.txt").split() == numbers[2 * i], context
        # Every attempt that was sent was taken over, so none ran twice.
        assert ends(log) == {
            **{f"{rule}.{i}": 1 for rule in ("first", "second") for i in range(6)},
            "collect.0": 1,
        }, context
        until = time.monotonic() + 20
        while (cloud.left() or cloud.ours()) and time.monotonic() < until:
            time.sleep(0.2)
        assert cloud.left() == [], context
        assert cloud.ours() == [], context
    print(f"{kills} kills in {rounds} rounds, jobs taken over {taken} times")
