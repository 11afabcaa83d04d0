"""The network and the service at their worst."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from flaky import Flaky

from rulekit.node.blob import Account, content_md5, wrong_name
from rulekit.node.entries import time_ns
from rulekit.node.orders import results_from_text
from rulekit.node.store import BLOCK, MOST_BLOCKS, SMALL, block_size
from rulekit.node.trouble import Cancelled, ServiceTrouble
from rulekit.node.web import Web, address_of, proxy_of
from rulekit.runner import orphans


@pytest.fixture
def through(bench, monkeypatch):
    """The bench's accounts lead through a proxy that fails."""
    monkeypatch.setattr("rulekit.node.web._FIRST_PAUSE_S", 0.01)

    def make(**options):
        flaky = Flaky(bench.azurite.host, **options)
        url = bench.azurite.url.replace(bench.azurite.host, flaky.host)
        accounts = {"main": {"url": url, "auth": "sas", "client_id": None}}
        monkeypatch.setattr(type(bench), "accounts", property(lambda self: accounts))
        made.append(flaky)
        return flaky

    made = []
    yield make
    for flaky in made:
        flaky.close()


@pytest.mark.parametrize("seed", range(20 if os.environ.get("RULEKIT_LONG") else 2))
def test_orders_come_through_a_bad_network(bench, spec, through, seed):
    data = os.urandom(BLOCK + 5)
    bench.put("big", data)
    for number in range(5):
        bench.put(f"d/{number}", b"x" * number)
    flaky = through(rate=0.3, seed=seed)
    job = spec(
        "cat big big > twice; cat d/* > all; mkdir e; cp d/* e/; echo said > log",
        ["twice", "all", ("e", {"directory": True})],
        ["big", "d"],
        logs=("log",),
    )
    (result,) = bench.run(job, patience_s=60)
    assert result.ok, result
    assert flaky.spoilt
    assert hashlib.sha256(bench.get("twice")).digest() == hashlib.sha256(data * 2).digest()
    assert bench.get("all") == b"x" * 10
    assert [n for n in bench.names() if n.startswith("e/")] == [
        "e/.rulekit_directory", *(f"e/{n}" for n in range(5)),
    ]  # fmt: skip


def test_a_lost_answer_of_a_commit_does_no_harm(bench, spec, through):
    seen = []

    def choose(method, path):
        if method == "PUT" and "comp=blocklist" in path and len(seen) < 2:
            seen.append(path)
            return ("lost", "500-after")[len(seen) - 1]
        return None

    through(chosen=choose)
    (result,) = bench.run(spec(f"head -c {SMALL * 3} /dev/zero > out", ["out"]))
    assert result.ok, result
    assert len(seen) == 2
    assert bench.get("out") == bytes(SMALL * 3)


def test_patience_ends_and_the_cause_is_told_without_secrets(bench, spec, through):
    through(rate=1.0, kinds=("503",))
    bench.azurite.put(bench.container, "p/in", b"")
    (result,) = bench.run(spec("true", [], ["in"]), patience_s=0.5)
    assert result.problem == "storage"
    assert "it answers 503 (ServerBusy)" in result.detail
    assert "sig=" not in result.detail
    assert f"`{bench.container}/p/in`" in result.detail


def test_the_service_says_how_long_to_wait(bench, through):
    count = []

    def choose(_method, _path):
        count.append(time.monotonic())
        return "429" if len(count) == 1 else None

    flaky = through(chosen=choose, retry_after_s=1)
    del flaky
    web = Web(20)
    account = Account(bench.accounts["main"]["url"], "sas", bench.sas, None, web)
    account.put(bench.container, "x", b"x")
    assert count[1] - count[0] > 0.9


@pytest.mark.parametrize(
    ("sas", "said"),
    [
        (lambda azurite: azurite.account_sas(hours=-3), "the SAS has expired 3.0 h ago"),
        (lambda azurite: azurite.account_sas("r"), "the SAS does not permit this"),
        (lambda azurite: "sv=2021-12-02&sig=bad", "or the SAS, do not permit it"),
    ],
)
def test_a_refusal_says_why(bench, spec, sas, said):
    secrets = {"sas": {"main": sas(bench.azurite)}}
    (result,) = bench.run(spec("echo > out", ["out"]), secrets=secrets)
    assert result.problem == "access"
    assert said in result.detail
    assert "sig" not in result.detail.replace("signed", "")


def test_a_container_that_is_not_there_is_told(bench, spec):
    bench.container = "no-such-container"
    (result,) = bench.run(spec("echo > out", ["out"]))
    assert result.problem == "access"
    assert "there is no container `no-such-container`" in result.detail


def test_blocks_that_somebody_left_are_no_hindrance(bench, spec):
    """The SDK's ids are longer than ours, and the service wants one length for a blob."""
    with bench.azurite.client() as client:
        blob = client.get_blob_client(bench.container, "p/out")
        blob.stage_block(base64.b64encode(b"b" * 48).decode(), b"left")
    (result,) = bench.run(spec(f"head -c {SMALL * 9} /dev/zero > out", ["out"]))
    assert result.ok, result
    assert bench.get("out") == bytes(SMALL * 9)


def test_another_writer_in_between_is_overcome(bench, spec, through):
    """A commit by another attempt throws our blocks away."""
    done = []

    def choose(method, path):
        if method == "PUT" and "comp=blocklist" in path and not done:
            done.append(path)
            bench.azurite.put(bench.container, "p/out", b"another's")
        return None

    through(chosen=choose)
    (result,) = bench.run(spec(f"head -c {SMALL * 3} /dev/zero > out", ["out"]))
    assert result.ok, result
    assert bench.get("out") == bytes(SMALL * 3)


def test_a_damaged_blob_is_not_taken(bench, spec):
    account = Account(bench.azurite.url, "sas", bench.sas, None, Web(20))
    block = base64.b64encode(b"1").decode()
    account.put_block(bench.container, "p/in", block, b"content")
    account.commit(bench.container, "p/in", [block], 7, content_md5(b"another"))
    (result,) = bench.run(spec("cat in", [], ["in"]))
    assert result.problem == "storage"
    assert "damaged" in result.detail


def test_a_file_that_is_still_written_to_is_refused(bench, spec):
    # It writes all the time: a pause may be as long as the storing, where a machine is busy.
    command = (
        f"head -c {SMALL * 30} /dev/zero > out;"
        " (trap '' HUP; while echo x >> out; do : > begun; done) > /dev/null 2>&1 &"
        " while [ ! -e begun ]; do sleep 0.01; done"
    )
    job = spec(command, ["out"])
    (result,) = bench.run(job)
    orphans.stop([job.token], 0.0)
    assert result.problem == "access", result
    assert "still writes to it" in result.detail
    assert bench.names() == []


def test_cancelled_while_fetching(bench, spec, through):
    bench.put("in", b"")
    asked = []

    def choose(_method, _path):
        # Only now somebody listens to the signal, which would end the tests otherwise.
        if not asked:
            threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
        asked.append(1)
        return "503"

    through(chosen=choose, retry_after_s=60)
    began = time.monotonic()
    (result,) = bench.run(spec("true", [], ["in"]), patience_s=100)
    assert result.problem == "cancelled"
    assert time.monotonic() - began < 50  # it did not wait for the storage


def test_a_time_limit_holds_for_fetching_too(bench, spec, through):
    bench.put("in", b"")
    through(rate=1.0, kinds=("503",), retry_after_s=60)
    (result,) = bench.run(spec("true", [], ["in"]), patience_s=100, limit_s=1.0)
    assert result.problem == "timeout"


def test_after_an_abort_there_are_no_requests(bench):
    web = Web(20)
    account = Account(bench.azurite.url, "sas", bench.sas, None, web)
    account.put(bench.container, "x", b"")
    web.abort()
    with pytest.raises(Cancelled):
        account.head(bench.container, "x")


def test_a_host_that_is_not_there_is_told():
    web = Web(0.5)
    account = Account("http://127.0.0.1:9/x", "none", None, None, web)
    with pytest.raises(ServiceTrouble, match=r"127\.0\.0\.1:9.*connection refused"):
        account.head("c", "n")


NAMES = [
    "a b",
    "per%20cent",
    "h#sh?q=1&x",
    "ümläut/日本",
    "{b}[r]",
    "plus+",
    "qu'ote\"s",
    "a;b,c=d@:",
]


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_are_those_that_the_sdk_sees(bench, name):
    web = Web(20)
    account = Account(bench.azurite.url, "sas", bench.sas, None, web)
    account.put(bench.container, name, b"data", {"key": "value"})
    assert bench.azurite.get(bench.container, name) == b"data"
    assert bench.azurite.names(bench.container) == [name]
    (listed,) = account.listing(bench.container, name[:1])
    assert (listed.name, listed.blob.size, listed.blob.metadata) == (name, 4, {"key": "value"})
    there = account.head(bench.container, name)
    assert there == listed.blob
    assert there.digest == "md5:" + content_md5(b"data")
    assert account.delete(bench.container, name)
    assert not account.delete(bench.container, name)
    assert account.head(bench.container, name) is None


@pytest.mark.parametrize(
    "name", ["", "a//b", "../x", "a/./b", "end.", "x" * 1025, "a\udcff", "a\\b"]
)
def test_names_that_no_blob_can_have(name):
    assert wrong_name(name)
    assert not wrong_name("fine/name.txt")


def test_long_listings_come_in_pages(bench, monkeypatch):
    web = Web(20)
    account = Account(bench.azurite.url, "sas", bench.sas, None, web)
    for number in range(7):
        account.put(bench.container, f"n{number}", b"")
    ask = account._ask

    def by_three(method, container, name, query=None, **more):
        return ask(method, container, name, query={**query, "maxresults": "3"}, **more)

    monkeypatch.setattr(account, "_ask", by_three)
    assert [one.name for one in account.listing(bench.container, "")] == [f"n{n}" for n in range(7)]


def test_blocks_are_few_enough():
    for size in (0, BLOCK, BLOCK * MOST_BLOCKS, BLOCK * MOST_BLOCKS + 1, 4 << 40):
        length = block_size(size)
        assert -(-size // length) <= MOST_BLOCKS
        assert length % (1 << 20) == 0
        assert length <= 4000 << 20


def test_times_are_read():
    assert time_ns("Sun, 22 Nov 2026 01:00:00 GMT") == 1795309200 * 10**9
    assert time_ns("nonsense") == 0


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        ("https://x.blob.core.windows.net", {"https_proxy": "http://p:3128"}, ("p", 3128)),
        ("https://x.blob.core.windows.net", {"HTTPS_PROXY": "p:3128"}, ("p", 3128)),
        ("https://x.blob.core.windows.net", {"http_proxy": "http://p:3128"}, None),
        ("https://x.core.windows.net", {"https_proxy": "http://p", "no_proxy": ".windows.net"}, None),
        ("https://x.core.windows.net", {"https_proxy": "http://p", "no_proxy": "dows.net"}, ("p", 80)),
        ("http://127.0.0.1:10000/a", {"http_proxy": "http://p:1", "all_proxy": "http://p:1"}, None),
        ("http://169.254.169.254", {"http_proxy": "http://p:1"}, None),
        ("http://x", {"http_proxy": "http://p:1", "no_proxy": "*"}, None),
    ],
)  # fmt: skip
def test_proxies_by_the_usual_variables(url, environment, expected):
    found = proxy_of(address_of(url), environment)
    assert (found.place if found else None) == expected


def test_a_proxy_is_asked_with_its_password(bench, monkeypatch):
    """For a host that is not this machine, by its name; the proxy is a real one."""
    seen = []

    def choose(method, path):
        seen.append(path)
        return None

    with Flaky(bench.azurite.host, chosen=choose) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:word@{proxy.host}")
        account = Account("http://storage.example/devstoreaccount1", "sas", bench.sas, None, Web(5))
        found = proxy_of(account.address)
        assert found.headers["Proxy-Authorization"].startswith("Basic ")
        assert "word" not in repr(found)
        try:
            account.head(bench.container, "x")
        except ServiceTrouble:
            pass  # the stand-in hands the whole address on, which a server need not understand
    assert seen[0].startswith("http://storage.example/devstoreaccount1/")


@pytest.mark.parametrize(
    "url", ["ftp://x", "x.blob", "https://x/?sig=secret", "https://u:secret@x/"]
)
def test_addresses_that_cannot_be(url):
    with pytest.raises(ValueError) as refused:
        address_of(url)
    assert "secret" not in str(refused.value)


def test_results_travel(spec):
    assert results_from_text('{"format": 1, "results": []}') == []
    for text in ("[]", '{"format": 2}', '{"format": 1}', "x", '{"format":1,"results":[{}]}'):
        with pytest.raises(ValueError):
            results_from_text(text)


KILLED = """\
import json, sys
from rulekit.node.work import run_order
order, secrets, root = json.load(sys.stdin)
results = run_order(order, secrets, root, print)
print("ended", [r.ok for r in results], flush=True)
"""


EVERY = range(1, 23)
SOME = (3, 9, 13, 16, 19, 21)


@pytest.mark.parametrize("request_number", EVERY if os.environ.get("RULEKIT_LONG") else SOME)
def test_killed_at_any_request_it_leaves_whole_blobs_and_a_rerun_mends_all(
    bench, spec, request_number
):
    size = SMALL + 1000
    for number in range(4):
        bench.put(f"in{number}", bytes([number]) * size)
    bench.put("out0", b"old")
    bench.put("e/old", b"old")
    command = "for n in 0 1 2 3; do cat in$n in$n > out$n; done; mkdir e; cp out0 out1 in2 e/"
    job = spec(
        command,
        [*(f"out{n}" for n in range(4)), ("e", {"directory": True})],
        [f"in{n}" for n in range(4)],
    )
    order = bench.order(job)
    count = []

    def choose(_method, _path):
        count.append(1)
        if len(count) == request_number:
            process.kill()
            return "drop"
        return None

    with Flaky(bench.azurite.host, chosen=choose) as flaky:
        order["accounts"]["main"]["url"] = bench.azurite.url.replace(bench.azurite.host, flaky.host)
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        said = process.communicate(json.dumps([order, bench.secrets(), bench.root]))[0]
    assert process.returncode == -signal.SIGKILL, said
    whole = {f"out{n}": bytes([n]) * size * 2 for n in range(4)}
    whole |= {"e/out0": whole["out0"], "e/out1": whole["out1"], "e/in2": bytes([2]) * size}
    for name in bench.names():
        if name in whole and not (name == "out0" and bench.get(name) == b"old"):
            assert bench.get(name) == whole[name]
    (result,) = bench.run(job)
    assert result.ok, result
    wrong = [name for name, data in whole.items() if bench.get(name) != data]
    assert not wrong
    assert "e/old" not in bench.names()


def test_a_blob_that_is_replaced_while_it_is_fetched_is_fetched_again(bench, spec, through):
    old, new = b"o" * (BLOCK * 2 + 1), b"n" * (BLOCK * 2 + 7)
    bench.put("in", old)
    asked = []

    def choose(method, path):
        if method == "GET" and path.split("?")[0].endswith("/p/in"):
            asked.append(path)
            if len(asked) == 2:
                bench.put("in", new)
        return None

    through(chosen=choose)
    (result,) = bench.run(spec("cp in out", ["out"], ["in"]), patience_s=60)
    assert result.ok, result
    assert bench.get("out") == new
    assert result.inputs[0].digest == "md5:" + content_md5(new)


def test_entries_for_folders_are_no_files(bench, spec):
    """An account with folders lists them as blobs of size 0."""
    for name in ("d", "d/sub"):
        bench.put(name, b"", metadata={"hdi_isfolder": "true"})
    bench.put("d/sub/x", b"1")
    (result,) = bench.run(spec("find d | sort > out", ["out"], ["d"]))
    assert result.ok, result
    assert bench.get("out") == b"d\nd/sub\nd/sub/x\n"


def test_a_full_disk_is_the_machines_trouble(bench, spec, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(full)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        bench.root = str(full / "root")
        for size in (SMALL * 2, BLOCK + SMALL):
            bench.put("in", bytes(size))
            (result,) = bench.run(spec("true", [], ["in"]))
            assert result.problem == "disk"
            assert "cannot write the input `in`: no space left on device" in result.detail
        (inside,) = bench.run(spec("cat /dev/zero > out", ["out"]))
        assert not inside.ok
    finally:
        subprocess.run(["umount", str(full)], check=True)


def test_a_refusal_before_the_body_was_read_is_understood():
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        plug, _ = server.accept()
        while b"\r\n\r\n" not in plug.recv(1000):
            pass
        plug.sendall(
            b"HTTP/1.1 403 Forbidden\r\nx-ms-error-code: AuthorizationPermissionMismatch\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        plug.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        account = Account(url, "sas", "sig=x", None, Web(1))
        with pytest.raises(ServiceTrouble, match="the SAS does not permit this"):
            account.put_block("c", "n", "MQ==", bytes(30 << 20))
    finally:
        thread.join()
        server.close()
