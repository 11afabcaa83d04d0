"""Microsoft's own tests of the Batch SDK against the emulator.

    python tests/emulator/oracle_sdk.py [-k NAME] [--keep DIRECTORY]

Fetches the source distribution of azure-batch (never kept in this repository), gives its
`tests/test_batch.py` what it needs in place of Microsoft's internal tools, and runs every case, sync
and async, each against a fresh emulator. Prints which pass; the exit code is 0 when only those fail
that `CANNOT` names. Needs the network (or pip's cache), pytest, aiohttp and six.
"""

from __future__ import annotations

import argparse
import asyncio
import glob
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import types

import pytest

VERSION = "15.1.0"

# Cases that cannot pass, with the reason.
CANNOT: dict[str, str] = {}

# The service's delays are divided by this; slow enough to catch a resize in the act.
SPEED = 25.0
# The tests wait in steps of 5 s and 10 s, as for the real service.
STEP_S = 0.05


class Resource:
    """Something that was prepared for a test; it has a name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.id = name


def _wrapping(test, wrapper):
    # The signature of the wrapper counts, so no `functools.wraps`; the marks must be kept.
    wrapper.__name__ = test.__name__
    wrapper.__dict__.update(test.__dict__)
    return wrapper


def decorator(prepare):
    """A decorator factory: `prepare(options, kwargs)` adds to the keyword arguments of a test."""

    def make(*_args, **options):
        def decorate(test):
            def wrapper(self, BatchClient, **kwargs):
                prepare(options, kwargs)
                return test(self, BatchClient, **kwargs)

            return _wrapping(test, wrapper)

        return decorate

    return make


def _account(options, kwargs):
    emulator = kwargs["emulator"]
    kwargs["batch_account"] = Resource(emulator.account)


def _client(emulator):
    from azure.batch import BatchClient
    from azure.core.credentials import AzureNamedKeyCredential

    return BatchClient(emulator.url, AzureNamedKeyCredential(emulator.account, emulator.key))


def _pool_body(name, size):
    """What ARM would be asked for, in terms of the data plane."""
    return {
        "id": name,
        "vmSize": "standard_d2_v2",
        "displayName": "test_pool",
        "targetDedicatedNodes": size,
        "userAccounts": [{"name": "task-user", "password": "x", "elevationLevel": "admin"}],
        "virtualMachineConfiguration": {
            "imageReference": {
                "publisher": "Canonical",
                "offer": "0001-com-ubuntu-server-jammy",
                "sku": "22_04-lts",
            },
            "nodeAgentSKUId": "batch.node.ubuntu 22.04",
        },
    }


def _pool(options, kwargs):
    name = options.get("pool_name") or "preparedpool"
    size = options.get("size", 0)
    with _client(kwargs["emulator"]) as client:
        client.create_pool(_pool_body(name, size))
        while client.get_pool(name).allocation_state != "steady":
            time.sleep(5)
    kwargs["batch_pool"] = Resource(name)


def _job(options, kwargs):
    from azure.batch import models

    pool = kwargs.get("batch_pool")
    if pool is not None:
        info = models.BatchPoolInfo(pool_id=pool.name)
    else:
        body = _pool_body("", 0)
        auto = {k: body[k] for k in ("vmSize", "virtualMachineConfiguration")}
        info = models.BatchPoolInfo(
            {"autoPoolSpecification": {"poolLifetimeOption": "job", "pool": auto}}
        )
    more = {k: v for k, v in options.items() if k in ("task_failure_mode",)}
    with _client(kwargs["emulator"]) as client:
        client.create_job(models.BatchJobCreateOptions(id="preparedjob", pool_info=info, **more))
    kwargs["batch_job"] = Resource("preparedjob")


def environment_loader(_prefix, **values):
    """Gives a test the named values; the real one reads them from the environment."""
    return decorator(lambda options, kwargs: kwargs.update(values))()


def client_setup(test):
    """Runs an async test with a client of the class that the case asks for."""

    def wrapper(self, BatchClient, **kwargs):
        from azure.core.credentials import AzureNamedKeyCredential

        emulator = kwargs.pop("emulator")

        async def run():
            key = AzureNamedKeyCredential(emulator.account, emulator.key)
            client = BatchClient(endpoint=emulator.url, credential=key)
            try:
                await test(self, client, **kwargs)
            finally:
                closing = client.close()
                if closing is not None:
                    await closing

        asyncio.run(run())

    return _wrapping(test, wrapper)


def with_emulator(*_args, **_options):
    """The outermost preparer: a fresh emulator for each case."""

    def decorate(test):
        def wrapper(self, BatchClient, **kwargs):
            from rulekit.emulator.server import Emulator

            if "emulator" in kwargs:
                return test(self, BatchClient, **kwargs)
            with Emulator(clock_speed=SPEED) as emulator:
                result = test(self, BatchClient, emulator=emulator, **kwargs)
                assert emulator.errors == []
            return result

        return _wrapping(test, wrapper)

    return decorate


class TestCase:
    """In place of the base class of recorded tests."""

    is_live = True


def stand_ins() -> dict[str, types.ModuleType]:
    """The modules that the tests import and nobody outside of Microsoft has."""
    same = decorator(lambda options, kwargs: None)

    def account(*args, **options):
        inner = decorator(_account)(*args, **options)
        return lambda test: with_emulator()(inner(test))

    def loader(*args, **values):
        inner = environment_loader(*args, **values)
        return lambda test: with_emulator()(inner(test))

    contents = {
        "batch_preparers": {
            "AccountPreparer": account,
            "PoolPreparer": decorator(_pool),
            "JobPreparer": decorator(_job),
        },
        "decorators": {"recorded_by_proxy_async": lambda test: test, "client_setup": client_setup},
        "devtools_testutils": {
            "AzureMgmtRecordedTestCase": TestCase,
            "AzureRecordedTestCase": TestCase,
            "recorded_by_proxy": lambda test: test,
            "EnvironmentVariableLoader": loader,
            "StorageAccountPreparer": same,
            "CachedResourceGroupPreparer": same,
            "set_custom_default_matcher": lambda **_options: None,
        },
    }
    made = {}
    for name, members in contents.items():
        made[name] = types.ModuleType(name)
        made[name].__dict__.update(members)
    return made


def fetch(directory: str) -> str:
    """The folder of the tests of the source distribution, unpacked below `directory`."""
    words = [sys.executable, "-m", "pip", "download", "-q", "--no-binary", ":all:", "--no-deps"]
    have = glob.glob(os.path.join(directory, "azure_batch-*.tar.gz"))
    if not have:
        subprocess.run([*words, f"azure-batch=={VERSION}", "-d", directory], check=True)
        have = glob.glob(os.path.join(directory, "azure_batch-*.tar.gz"))
    with tarfile.open(have[0]) as archive:
        archive.extractall(directory, filter="data")
    return os.path.join(directory, f"azure_batch-{VERSION}", "tests")


class Results:
    """A pytest plugin that notes how each case ended."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: dict[str, str] = {}

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("::")[-1]
        if report.when == "call" and report.passed:
            self.passed.append(name)
        elif report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.failed[name] = crash.message.splitlines()[0] if crash else str(report.longrepr)


def run(tests: str, pattern: str = "", verbose: bool = False) -> Results:
    """Run the cases of the folder `tests`."""
    sys.modules.update(stand_ins())
    sys.path.insert(0, tests)
    sleep, asleep = time.sleep, asyncio.sleep
    time.sleep = lambda seconds: sleep(min(seconds, STEP_S))

    async def nap(seconds, result=None):
        return await asleep(min(seconds, STEP_S), result)

    asyncio.sleep = nap
    results = Results()
    arguments = [os.path.join(tests, "test_batch.py"), "--noconftest", "-p", "no:cacheprovider"]
    arguments += ["-c", os.devnull, "--rootdir", tests, "-q", "-W", "ignore"]
    arguments += ["--tb=short" if verbose else "--tb=no"]
    if pattern:
        arguments += ["-k", pattern]
    try:
        pytest.main(arguments, plugins=[results])
    finally:
        time.sleep, asyncio.sleep = sleep, asleep
    return results


def main(argv: list[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", default="", help="only cases with this in their name")
    parser.add_argument("-v", action="store_true", help="with tracebacks")
    parser.add_argument("--keep", help="directory for the download, kept")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        results = run(fetch(options.keep or scratch), options.k, options.v)
    for name in sorted(results.passed):
        print(f"passes  {name}")
    surprise = False
    for name, message in sorted(results.failed.items()):
        reason = CANNOT.get(name.split("[")[0])
        surprise = surprise or reason is None
        print(f"{'cannot' if reason else 'FAILS '}  {name}: {reason or message}")
    print(f"{len(results.passed)} of {len(results.passed) + len(results.failed)} cases pass")
    return 1 if surprise or not results.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
