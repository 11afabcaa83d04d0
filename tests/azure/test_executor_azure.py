"""Orders on the emulator, end to end: real SDK, real processes, real Azurite."""

from __future__ import annotations

import json

from azruns import gather, job

from rulekit.executors.local import Started


def test_one_job_from_blob_to_blob(bench, tmp_path):
    bench.put("in/a.txt", "hello\n")
    journal = tmp_path / "run-1.jsonl"
    executor = bench.executor(journal)
    executor.submit(job(1, "tr a-z A-Z < in/a.txt > out/b.txt", ["out/b.txt"], ["in/a.txt"]))
    (result,) = gather(executor, 1).values()
    assert result.ok, result
    assert bench.get("out/b.txt") == b"HELLO\n"
    assert [f.path for f in result.outputs] == ["out/b.txt"]
    executor.close()
    lines = [json.loads(line) for line in journal.read_text().splitlines() if line]
    assert [next(iter(line)) for line in lines] == ["b", "s", "r"]
    assert bench.live_pools() == [] and bench.live_jobs() == []
    assert [name for name in bench.names() if name.startswith(".rulekit")] == []


def test_many_jobs_and_one_that_fails(bench):
    executor = bench.executor()
    for number in range(20):
        command = "exit 3" if number == 7 else f"echo {number} > o{number}"
        executor.submit(job(number, command, [f"o{number}"]))
    news = []
    while sum(not isinstance(item, Started) for item in news) < 20:
        news += executor.poll(30)
    found = {item.id: item for item in news if not isinstance(item, Started)}
    assert [n for n, r in found.items() if not r.ok] == [7]
    assert found[7].exit_code == 3
    assert len(bench.names("o")) == 19
    assert {item.token for item in news if isinstance(item, Started)} <= {
        r.token for r in found.values()
    }
    executor.close()


def test_a_sas_of_the_user_is_in_no_definition(bench, azurite):
    from rulekit.storage.azblob.account import account_of
    from rulekit.storage.azblob.client import AzBlobStorage

    token = azurite.container_sas(bench.container)
    storage = AzBlobStorage({"main": account_of(azurite.url, token, key="main")})
    executor = bench.executor(storage=storage, environment={"HUSH": "planted-secret-value"})
    command = "sleep 1; echo $HUSH | rev > out"
    executor.submit(job(1, command, ["out"]))
    definitions = []
    found = {}
    while not found:
        for item in executor.poll(0.3):
            if not isinstance(item, Started):
                found[item.token] = item
        definitions.append(_all_definitions(bench))
    assert next(iter(found.values())).ok, found
    assert bench.get("out").strip() == b"eulav-terces-detnalp"
    text = "".join(definitions)
    assert "rk-" in text and "RK_ORDER" in text
    _assert_hidden(text, token, "planted-secret-value", azurite.key, bench.emulator.key)
    executor.close()
    storage.close()


def test_with_a_key_no_secret_is_in_definitions_or_blobs(bench, azurite):
    executor = bench.executor(environment={"HUSH": "planted-secret-value"})
    executor.submit(job(1, 'sleep 1; test -n "$HUSH" && touch out', ["out"]))
    found, texts = {}, []
    while not found:
        for item in executor.poll(0.3):
            if not isinstance(item, Started):
                found[item.token] = item
        texts.append(_all_definitions(bench))
        texts += [bench.get(name).decode("latin-1") for name in bench.names(".rulekit/")]
    assert next(iter(found.values())).ok, found
    _assert_hidden("".join(texts), "planted-secret-value", azurite.key, bench.emulator.key)
    executor.close()


def _assert_hidden(text: str, *secrets: str) -> None:
    from urllib.parse import parse_qs, quote

    for secret in secrets:
        parts = parse_qs(secret).get("sig", [secret]) if "sig=" in secret else [secret]
        for part in parts:
            assert part not in text
            assert quote(part, safe="") not in text


def _all_definitions(bench) -> str:
    """Everything that a reader of the account sees."""
    from azure.batch import BatchClient
    from azure.core.credentials import AzureNamedKeyCredential

    emulator = bench.emulator
    credential = AzureNamedKeyCredential(emulator.account, emulator.key)
    with BatchClient(emulator.url, credential) as client:
        seen = [json.dumps(pool.as_dict()) for pool in client.list_pools()]
        for one in client.list_jobs():
            seen.append(json.dumps(one.as_dict()))
            seen += [json.dumps(task.as_dict()) for task in client.list_tasks(one.id)]
    return "".join(seen)
