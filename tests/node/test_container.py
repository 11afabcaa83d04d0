"""Jobs in containers, by a real podman and by the docker program on its socket."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
from azurite import absent, free_port
from containers import Child

from rulekit.node.container import Engine, find_engine, limits
from rulekit.node.trouble import Trouble
from rulekit.node.work import run_order

ALONE = ["--network=none"]


def in_image(bench, containers, *specs, image=None, options=(), **more):
    image = image or containers.image
    return bench.run(
        *specs, images=[image] * len(specs), options=[[*ALONE, *options]] * len(specs), **more
    )


def test_a_command_runs_in_its_image_with_its_files(bench, spec, containers):
    bench.put("in", b"text")
    (result,) = in_image(
        bench,
        containers,
        spec(
            "cat /etc/rulekit-image in > out; echo $OMP_NUM_THREADS $WANTED >> out; pwd >&2",
            ["out"],
            ["in"],
            environment={"OMP_NUM_THREADS": "3"},
        ),
        envvars=["WANTED"],
        secrets=bench.secrets(WANTED="wanted-value"),
    )
    assert result.ok, result
    assert bench.get("out") == b"busybox\ntext3 wanted-value\n"


def test_exit_codes_and_strictness_are_as_outside(bench, spec, containers):
    (plain,) = in_image(bench, containers, spec("exit 42"))
    assert (plain.exit_code, plain.problem) == (42, None)
    (pipe,) = in_image(bench, containers, spec("false | true; touch out", ["out"]))
    assert not pipe.ok
    (killed,) = in_image(bench, containers, spec("kill -9 $$"))
    assert killed.exit_code == 137
    assert "out of memory?" in killed.detail


def test_an_image_that_is_not_there_is_told(bench, spec, containers, registry):
    image = f"{registry}/no-such:1"
    (result,) = in_image(bench, containers, spec("true"), image=image)
    assert result.problem == "image"
    assert f"cannot pull the image `{image}`" in result.detail
    assert sum("pulling" in line for line in bench.said) == 1, "it is not asked for again"


def test_options_that_cannot_be_are_the_containers_trouble(bench, spec, containers):
    (result,) = in_image(bench, containers, spec("true"), options=["--no-such-option"])
    assert result.problem == "container"


def test_an_image_comes_from_a_registry(bench, spec, containers, registry):
    image = f"{registry}/busybox:1"
    containers.podman("rmi", image)  # another test may have pulled it
    (result,) = in_image(bench, containers, spec("cp /etc/rulekit-image out", ["out"]), image=image)
    assert result.ok, result
    assert "pulling the image" in " ".join(bench.said)


def test_no_value_of_a_variable_is_on_a_command_line(bench, spec, containers):
    found = []
    job = spec("sleep 0.5")

    def look():
        until = time.monotonic() + 90
        while time.monotonic() < until and not found:
            for name in os.listdir("/proc"):
                if name.isdigit():
                    try:
                        with open(f"/proc/{name}/cmdline", "rb") as file:
                            words = file.read()
                    except OSError:
                        continue
                    # Of this job: others may start containers now.
                    if b"--entrypoint" in words and f"rk-{job.token}".encode() in words:
                        found.append(words)
                        return
            time.sleep(0.005)

    looker = threading.Thread(target=look)
    looker.start()
    (result,) = in_image(
        bench,
        containers,
        job,
        envvars=["WANTED"],
        secrets=bench.secrets(WANTED="planted-value"),
    )
    looker.join()
    assert result.ok, result
    assert found and b"WANTED" in found[0]
    assert b"planted-value" not in found[0]


def test_a_container_that_is_asked_to_stop_is_gone(bench, spec, containers):
    pid = os.getpid()

    def stop():
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if os.path.exists(f"{bench.root}/work/begun"):
                os.kill(pid, signal.SIGTERM)
                return
            time.sleep(0.05)

    threading.Thread(target=stop).start()
    began = time.monotonic()
    (result,) = in_image(bench, containers, spec("touch begun; sleep 300; true", ["out"]))
    assert result.problem == "cancelled"
    assert time.monotonic() - began < 200
    assert b"rk-run" not in containers.podman("ps", "-a").stdout


def test_a_job_that_takes_too_long_is_stopped(bench, spec, containers):
    (result,) = in_image(bench, containers, spec("sleep 100; true", timeout_s=2.0))
    assert result.problem == "timeout"
    assert b"rk-run" not in containers.podman("ps", "-a").stdout


def test_a_service_of_docker_does_as_well(bench, spec, containers, docker_socket, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", docker_socket)
    assert find_engine().name == "docker"
    (result,) = in_image(bench, containers, spec("cp /etc/rulekit-image out; exit 0", ["out"]))
    assert result.ok, result
    assert os.stat(os.path.dirname(bench.root)).st_uid == os.getuid()


def test_without_a_program_or_a_service_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Trouble, match="they are not installed"):
        find_engine()
    fake = tmp_path / "docker"
    fake.write_text("#!/bin/sh\necho no daemon here >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(Trouble, match="no daemon here"):
        find_engine()
    monkeypatch.setenv("RULEKIT_CONTAINER_ENGINE", "nerd")
    with pytest.raises(Trouble, match="no program `nerd`"):
        find_engine()


def test_a_pull_is_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr("rulekit.node.container._PULL_PAUSE_S", 0.01)
    count = tmp_path / "count"
    fake = tmp_path / "docker"
    fake.write_text(
        f"#!/bin/sh\n[ $1 = image ] && exit 1\necho x >> {count}\n"
        f"[ $(wc -l < {count}) -ge 3 ] && exit 0\necho 'i/o timeout'; exit 1\n"
    )
    fake.chmod(0o755)
    Engine(str(fake)).pull("image", lambda _text: None)
    assert count.read_text() == "x\n" * 3


def test_limits_are_options():
    assert limits(2, 500) == ["--cpus=2", "--memory=500000000b"]
    assert limits(None, None) == []


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_limits_are_what_the_machine_can_keep(tmp_path, name):
    can = {"docker": "true true", "podman": "[cpuset cpu io memory]"}[name]
    for said, kept in ((can, True), ("false true", False), ("", False)):
        fake = tmp_path / name
        fake.write_text(f"#!/bin/sh\necho '{said}'\n")
        fake.chmod(0o755)
        engine = Engine(str(fake))
        given = ["--network=none", *limits(1, 500)]
        assert engine.limited(given) == (given if kept else ["--network=none"])
        many = engine.limited(["--cpus=100000"])
        assert many == ([f"--cpus={os.cpu_count()}"] if kept else [])
    assert Engine("/no/such/program").limited(["--network=none"]) == ["--network=none"]


def test_a_job_is_held_to_its_memory(bench, spec, containers):
    command = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes > out || :"
    (result,) = in_image(
        bench, containers, spec(f"({command}) 2> /dev/null", ["out"]), options=limits(64, 96)
    )
    assert result.ok, result
    if Engine("podman").limited(limits(1, 96)):
        # In whole pages.
        assert 0 <= 96_000_000 - int(bench.get("out").split()[0]) < 4096


def test_a_packed_environment_in_a_container(bench, spec, containers, tmp_path):
    from support.packs import IDENTITY, digest, small

    bench.put("pack", small())
    place = ("main", bench.container, "p/pack")
    (result,) = in_image(
        bench,
        containers,
        spec(
            "tool > out; echo $CONDA_PREFIX >> out; cat /etc/rulekit-image >> out",
            ["out"],
            software={"conda": f"env:{IDENTITY}"},
        ),
        environments={IDENTITY: (place, digest(small()))},
    )
    assert result.ok, result
    first, prefix, image = bench.get("out").decode().splitlines()
    assert first == f"tool in {prefix}, colour green" and image == "busybox"


def test_sources_are_seen_in_the_container_and_cannot_be_changed(bench, spec, containers, tmp_path):
    sources = tmp_path / "sources"
    (sources / "scripts").mkdir(parents=True)
    (sources / "scripts" / "tool.sh").write_text("echo by tool\n")
    before = os.getcwd()
    job = spec("sh scripts/tool.sh > out; echo x >> scripts/tool.sh || echo no >> out", ["out"])
    try:
        (result,) = run_order(
            bench.order(job, images=[containers.image], options=[ALONE]),
            bench.secrets(),
            bench.root,
            sources=str(sources),
        )
    finally:
        os.chdir(before)
    assert bench.get("out") == b"by tool\nno\n", result
    assert result.usage == {}


def test_a_python_script_runs_with_the_python_of_its_image(bench, spec, containers):
    """The image has none: this machine's is put into it."""
    folders = [sys.base_prefix, "/lib", "/lib64", "/usr/lib", "/usr/local/lib"]
    options = [word for one in folders if os.path.exists(one) for word in ("-v", f"{one}:{one}:ro")]
    options += ["--env", f"PATH={sys.base_prefix}/bin:/bin"]
    source = (
        "import sys\n"
        "with open(snakemake.output[0], 'w') as file:\n"
        "    print(snakemake.params.word, open('/etc/rulekit-image').read(), file=file, end='')\n"
    )
    body = {
        "kind": "script",
        "language": "python",
        "path": "/driver/s.py",
        "source": source,
        "interpreter": [sys.executable],
    }
    empty = {"items": [], "names": {}}
    context = {
        **dict.fromkeys(("input", "wildcards", "log", "resources"), empty),
        "output": {"items": ["out"], "names": {}},
        "params": {"items": ["said"], "names": {"word": 0}},
        "threads": 1,
        "config": {},
        "rule": "a",
        "scriptdir": "/driver",
        "jobid": 1,
        "bench_iteration": None,
    }
    job = spec(body=body, context=context, outputs=["out"])
    (result,) = in_image(bench, containers, job, options=options)
    assert result.ok, result
    assert bench.get("out") == b"said busybox\n"


def test_a_registry_that_wants_a_password_gets_it(bench, spec, containers, tmp_path):
    crypt = pytest.importorskip("crypt")
    if shutil.which("docker-registry") is None:
        absent("docker-registry")
    before = set(os.listdir("/dev/shm"))
    word = crypt.crypt("planted-word", crypt.mksalt(crypt.METHOD_BLOWFISH))
    (tmp_path / "users").write_text(f"someone:{word}\n")
    port = free_port()
    address = f"127.0.0.1:{port}"
    (tmp_path / "registry.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/data}}}}\n"
        f"http: {{addr: '{address}'}}\nlog: {{level: error}}\n"
        f"auth: {{htpasswd: {{realm: test, path: {tmp_path}/users}}}}\n"
    )
    server = Child(
        ["docker-registry", "serve", str(tmp_path / "registry.yml")], {}, ("127.0.0.1", port)
    )
    try:
        containers.trust(address)
        image = f"{address}/secret:1"
        login = ["--creds", "someone:planted-word"]
        pushed = containers.podman("push", "-q", *login, containers.image, image)
        assert pushed.returncode == 0, pushed.stderr
        job = spec("cp /etc/rulekit-image out", ["out"])
        (refused,) = in_image(bench, containers, job, image=image)
        assert refused.problem == "image"
        user = {"server": address, "user": "someone", "password": "planted-word"}
        secrets = {**bench.secrets(), "registries": [user]}
        (result,) = in_image(bench, containers, job, image=image, secrets=secrets)
        assert result.ok, result
    finally:
        server.close()
    # What another test has there now is gone soon.
    until = time.monotonic() + 60
    while left := [name for name in set(os.listdir("/dev/shm")) - before if "rulekit-" in name]:
        assert time.monotonic() < until, left
        time.sleep(0.1)


KILLED = """\
import json, sys
from rulekit.node.work import run_order
order, secrets, root = json.load(sys.stdin)
run_order(order, secrets, root)
"""


def test_a_container_whose_program_was_killed_is_no_hindrance(bench, spec, containers):
    job = spec("echo x >> begun; cat begun > out; sleep 1", ["out"])
    order = bench.order(job, images=[containers.image], options=[ALONE])
    slow = json.loads(json.dumps(order).replace("sleep 1", "sleep 50"))
    process = subprocess.Popen([sys.executable, "-c", KILLED], stdin=subprocess.PIPE, text=True)
    process.stdin.write(json.dumps([slow, bench.secrets(), bench.root]))
    process.stdin.close()
    until = time.monotonic() + 60
    while not os.path.exists(f"{bench.root}/work/begun") and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.wait()
    (result,) = bench.run(job, images=[containers.image], options=[ALONE])
    assert result.ok, result
    assert bench.get("out") == b"x\n"
    assert f"rk-{job.token}".encode() not in containers.podman("ps", "-a").stdout
