"""A small engine for the crash tests: a graph of jobs, run as the real one would run them.

``python driver.py SEED``: exits with 0 when everything is done and on record. Each job appends
its token to ``begun`` when it starts and to ``ended`` as the very last thing it does, and writes
its output in two parts, so that a partial one can be told.
"""

import os
import random
import sys
import time

from rulekit.executors.local import LocalExecutor
from rulekit.model.spec import JobSpec, OutputSpec
from rulekit.provenance.facts import Finished, JobFacts
from rulekit.provenance.journal import Journal
from rulekit.provenance.recover import recover
from rulekit.provenance.store import Store


def graph(seed):
    """Job → the jobs it needs."""
    chance = random.Random(seed)
    count = chance.randint(6, 14)
    return {j: chance.sample(range(j), min(j, chance.randint(0, 2))) for j in range(count)}, chance


def content(j, needs):
    return "".join(f"from {n}\n" for n in needs[j]) + f"part of {j}\nrest of {j}\n"


def is_done(j, needs, index):
    path = f"o{j}"
    row = index.outputs.get(path)
    if row is None or path in index.incomplete:
        return False
    try:
        stat = os.lstat(path)
    except FileNotFoundError:
        return False
    if os.path.isdir(path):
        return row[2] == -1
    return (stat.st_mtime_ns, stat.st_size) == (row[1], row[2])


def main(seed):
    needs, _ = graph(seed)
    store = Store.open(".rulekit")
    recover(".rulekit", store, lambda text: print(text, file=sys.stderr))
    index = store.snapshot()
    done = {j for j in needs if is_done(j, needs, index)}
    run = f"run{time.time_ns()}"
    journal = Journal.create(".rulekit", run)
    store.begin_run(run, time.time(), "host", "driver")
    executor = LocalExecutor(".rulekit", journal.path)
    specs, facts, waiting, running = {}, {}, set(needs) - done, set()
    pending, last = [], time.monotonic()
    while waiting or running:
        ready = [j for j in sorted(waiting) if set(needs[j]) <= done][:5]
        new = [j for j in ready if j not in specs]
        for j in new:
            folder = j % 4 == 3
            out = f"o{j}/x" if folder else f"o{j}"
            command = f"echo {run}-{j}-1 >> begun; " + (f"mkdir o{j}; " if folder else "")
            command += "".join(f"echo from {n} >> {out}; " for n in needs[j])
            command += f"echo part of {j} >> {out}; sleep 0.0{(seed + j) % 4}; "
            command += f"echo rest of {j} >> {out}; echo {run}-{j}-1 >> ended"
            specs[j] = JobSpec(
                id=j,
                key=f"job:{j}",
                rule="job",
                attempt=1,
                token=f"{run}-{j}-1",
                workdir=os.getcwd(),
                body={
                    "kind": "shell",
                    "command": command,
                    "executable": "bash",
                    "prefix": "set -eu; ",
                },
                inputs=tuple(f"o{n}" for n in needs[j]),
                outputs=(OutputSpec(f"o{j}", {"directory": True} if folder else {}),),
                logs=(),
                benchmark=None,
                benchmark_repeats=1,
                environment={},
                threads=1,
                timeout_s=None,
                shadow=None,
                keep_incomplete=False,
                latency_wait_s=0.0,
                digest_limit=1000,
                context=None,
            )
            facts[specs[j].token] = JobFacts(
                specs[j].token, f"job:{j}", "job", {}, 1, (f"o{j}",), "code", command, (), "", ()
            )
        journal.intent([facts[specs[j].token] for j in new])
        for j in ready[: 2 - len(running)]:
            executor.submit(specs[j])
            waiting.discard(j)
            running.add(j)
        for result in executor.poll(5.0):
            assert result.ok, result
            running.discard(result.id)
            done.add(result.id)
            pending.append(Finished(facts[result.token], result))
        if pending and (time.monotonic() - last > 0.03 or not running):
            store.commit(pending)
            journal.committed([one.facts.token for one in pending])
            pending, last = [], time.monotonic()
    executor.close()
    store.commit(pending)
    store.end_run(run, time.time(), True)
    journal.close(remove=True)
    store.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
