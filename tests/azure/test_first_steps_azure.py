"""What a newcomer meets: a wrong account, a name that is not set, files that stay here, a log."""

from __future__ import annotations

import base64

import pytest
from azcommand import Cloud


@pytest.fixture
def cloud(azurite, container, tmp_path):
    made = Cloud(azurite, container, tmp_path)
    yield made
    made.close()


def test_mistakes_are_told_before_the_first_job(cloud):
    cloud.write("Snakefile", 'rule a:\n    output: "x"\n    shell: "touch x"\n')
    wrong = base64.b64encode(b"x" * 64).decode()
    done = cloud.run(AZ_BATCH_ACCOUNT_KEY=wrong)
    assert done.returncode == 6 and "RK0612" in done.stderr, done.stderr
    assert wrong not in done.stderr and "rule a:" not in done.stderr
    done = cloud.run("--envvars", "NOT_SET_AT_ALL")
    assert done.returncode == 2 and "NOT_SET_AT_ALL" in done.stderr
    cloud.write("abs.smk", 'rule a:\n    output: "/nowhere/x"\n    shell: "touch x"\n')
    done = cloud.run("-s", "abs.smk")
    assert done.returncode == 4 and "RK0624" in done.stderr, done.stderr
    assert cloud.names() == [] and cloud.left() == []


def test_the_log_of_a_failed_job_is_shown(cloud):
    cloud.write(
        "Snakefile",
        'rule a:\n    output: "x"\n    log: "a.log"\n    shell: "echo no fuel > {log}; exit 3"\n',
    )
    done = cloud.run()
    assert done.returncode == 1
    assert "end of a.log:" in done.stderr and "| no fuel" in done.stderr
    assert "unlimited" in done.stderr and "--az-batch" in done.stderr.split("run it again:")[1]
    copy = cloud.folder / ".rulekit/log/stored/a.log"
    assert copy.read_text() == "no fuel\n"
