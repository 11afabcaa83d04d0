"""Ten conda environments that share packages: all at once with one package cache, against one after
the other with an empty cache each. Rounds take turns; what counts is the ratio.

    python benchmarks/conda.py [--rounds 5] [--channel file:///...]

The channel is built here: python (the running interpreter, some 1,000 files), pip, six libraries of
2 MB that are shared, and a package of its own for each environment. micromamba and mamba are
measured too if they are in PATH (one after the other, `create`, with their shared cache).
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "environments")]

COUNT = 10
_MAKE = (
    "import sys; from rulekit.environments import EnvironmentStore\n"
    "EnvironmentStore(sys.argv[1]).make(sys.argv[2:], jobs=4)\n"
)


def build_channel(folder: Path) -> str:
    """The channel of the benchmark; its address."""
    import random

    import channel as packages

    packages.build(folder)
    make = packages.builder()
    numbers = random.Random(1)
    for index in range(6):
        files = {f"share/lib{index}/{part}": numbers.randbytes(20_000) for part in range(100)}
        make.write_package(str(folder), f"lib{index}", "1.0", files)
    for index in range(COUNT):
        files = {f"bin/own{index}": f"#!/bin/sh\necho {index} {make.PLACEHOLDER}\n"}
        make.write_package(str(folder), f"own{index}", "1.0", files)
    # Those that are not there as `.tar.bz2` are kept in the list.
    import json

    listing = folder / packages.here() / "repodata.json"
    before = json.loads(listing.read_text())["packages.conda"]
    make.write_index(str(folder))
    values = json.loads(listing.read_text())
    values["packages.conda"] = before
    listing.write_text(json.dumps(values))
    return f"file://{folder}"


def write_files(folder: Path, channel: str) -> list[str]:
    """The environment files."""
    folder.mkdir()
    found = []
    for index in range(COUNT):
        lines = ["python", "pip", *(f"lib{one}" for one in range(6)), f"own{index}"]
        text = f"channels: [{channel}]\ndependencies:\n" + "".join(f"  - {x}\n" for x in lines)
        path = folder / f"e{index}.yaml"
        path.write_text(text)
        found.append(str(path))
    return found


def run(command: list[str], cache: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command with a package cache."""
    environ = {**os.environ, "CONDA_PKGS_DIRS": str(cache)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return wall, cpu


def together(work: Path, files: list[str]) -> tuple[float, float]:
    """All at once, from an empty cache."""
    return run([sys.executable, "-c", _MAKE, str(work / "s"), *files], work / "pkgs")


def one_by_one(work: Path, files: list[str]) -> tuple[float, float]:
    """One after the other, nothing shared."""
    wall = cpu = 0.0
    for index, path in enumerate(files):
        command = [sys.executable, "-c", _MAKE, str(work / f"s{index}"), path]
        took = run(command, work / f"pkgs{index}")
        wall, cpu = wall + took[0], cpu + took[1]
    return wall, cpu


def by_tool(tool: str, work: Path, files: list[str]) -> tuple[float, float]:
    """One after the other by a conda program, with its shared cache."""
    wall = cpu = 0.0
    for index, path in enumerate(files):
        command = [tool, "create", "-y", "-q", "-p", str(work / f"t{index}"), "-f", path]
        took = run(command, work / "pkgs")
        wall, cpu = wall + took[0], cpu + took[1]
    return wall, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    ways = {"together": together, "one by one": one_by_one}
    for tool in ("micromamba", "mamba"):
        if shutil.which(tool):
            ways[tool] = lambda work, files, tool=tool: by_tool(tool, work, files)
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as top:
        channel = build_channel(Path(top, "channel"))
        files = write_files(Path(top, "envs"), channel)
        for number in range(given.rounds):
            for name, way in ways.items():
                work = Path(top, f"{name.replace(' ', '-')}{number}")
                work.mkdir()
                took[name].append(way(work, files))
                shutil.rmtree(work)
                wall, cpu = took[name][-1]
                print(f"{name}: {wall:.2f} s wall, {cpu:.2f} s CPU", flush=True)
    for name in ways:
        if name != "together":
            walls = [b[0] / a[0] for a, b in zip(took["together"], took[name], strict=True)]
            cpus = [b[1] / a[1] for a, b in zip(took["together"], took[name], strict=True)]
            print(
                f"together takes 1/{statistics.median(walls):.1f} of the time and"
                f" 1/{statistics.median(cpus):.1f} of the CPU of {name}"
            )
    for tool in ("micromamba", "mamba"):
        if tool not in ways:
            print(f"{tool} is not installed: not compared")


if __name__ == "__main__":
    main()
