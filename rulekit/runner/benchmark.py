"""What a job used, measured while it runs, and the table it is written to."""

from __future__ import annotations

import os
import time

from rulekit.runner.attempt import peak_kb
from rulekit.runner.files import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.model.spec import JobSpec

COLUMNS = (
    "s",
    "h:m:s",
    "max_rss",
    "max_vms",
    "max_uss",
    "max_pss",
    "io_in",
    "io_out",
    "mean_load",
    "cpu_time",
)
EXTENDED = (
    "jobid",
    "rule_name",
    "wildcards",
    "params",
    "threads",
    "cpu_usage",
    "resources",
    "input_size_mb",
)

_MB = 1024 * 1024


class Sampler:
    """Reads `/proc` for a process and all below it: often at first, then more and more seldom.

    Peaks of the sums over all processes of the job; what is never seen is None. Memory and
    transfers are in MB (2^20 bytes).
    """

    __slots__ = ("_io", "_next", "_pid", "_samples", "_token", "pss", "rss", "uss", "vms")

    def __init__(self, pid: int, token: str | None = None) -> None:
        """`token`: the processes are those of this attempt, wherever they are, and not `pid`."""
        self._pid = pid
        self._token = token
        self._samples = 0
        self._next = 0.0
        self.rss: float | None = None
        self.vms: float | None = None
        self.uss: float | None = None
        self.pss: float | None = None
        self._io: dict[int, tuple[int, int]] = {}

    def due(self, now: float) -> float:
        """Take a sample if it is time; seconds until the next one. `now` is monotonic time."""
        if now >= self._next:
            self._sample()
            self._samples += 1
            # 5 ms, 20 ms, 80 ms, 320 ms, then each half second for 15 s, then each 10 s
            if self._samples < 4:
                step = 0.005 * 4**self._samples
            else:
                step = 0.5 if self._samples < 34 else 10.0
            if self._token is not None and self.rss is None:
                step = min(step, 0.1)  # the container is not there yet
            self._next = time.monotonic() + step
        return max(0.0, self._next - now)

    def _sample(self) -> None:
        rss = vms = uss = pss = 0.0
        seen = seen_pss = False
        for pid in _family(self._pid) if self._token is None else self._elsewhere():
            try:
                with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
                    pages = (file.readall() or b"").split()
            except OSError:
                continue
            if len(pages) < 2 or pages[0] == b"0":
                continue  # it has ended
            seen = True
            vms += int(pages[0]) * _PAGE / _MB
            rss += int(pages[1]) * _PAGE / _MB
            proportional, unique = _rollup(pid)
            if proportional is not None:
                seen_pss = True
                pss += proportional
                uss += unique
            self._read_io(pid)
        if seen:
            self.rss = max(self.rss or 0.0, rss)
            self.vms = max(self.vms or 0.0, vms)
        if seen_pss:
            self.pss = max(self.pss or 0.0, pss)
            self.uss = max(self.uss or 0.0, uss)

    def _elsewhere(self) -> list[int]:
        from rulekit.runner import orphans

        own = _family(self._pid)
        return [pid for pid in orphans.of((self._token or "",)) if pid not in own]

    def _read_io(self, pid: int) -> None:
        try:
            with open(f"/proc/{pid}/io", "rb", buffering=0) as file:
                lines = dict(line.split(b":", 1) for line in (file.readall() or b"").splitlines())
            self._io[pid] = (int(lines[b"read_bytes"]), int(lines[b"write_bytes"]))
        except (OSError, KeyError, ValueError):
            pass

    def result(self, seconds: float, rusage: Any) -> dict[str, Any]:
        """The line for one turn; `rusage` is that of `wait4`, exact where it has a figure."""
        cpu = rusage.ru_utime + rusage.ru_stime
        read = sum(pair[0] for pair in self._io.values())
        written = sum(pair[1] for pair in self._io.values())
        peak = peak_kb(rusage)
        rss = max(self.rss or 0.0, (peak or 0.0) / 1024)
        # rusage counts blocks of 512 bytes, of every process that was waited for
        return {
            "s": round(seconds, 4),
            "h:m:s": clock(seconds),
            "max_rss": rss or "NA",
            "max_vms": "NA" if self.vms is None else self.vms,
            "max_uss": "NA" if self.uss is None else self.uss,
            "max_pss": "NA" if self.pss is None else self.pss,
            "io_in": max(read, rusage.ru_inblock * 512) / _MB,
            "io_out": max(written, rusage.ru_oublock * 512) / _MB,
            "mean_load": 100 * cpu / seconds if seconds > 0 else 0.0,
            "cpu_time": cpu,
        }


_PAGE = os.sysconf("SC_PAGE_SIZE")


def _family(root: int) -> list[int]:
    """A process and all below it, and those in its process group."""
    parents: dict[int, list[int]] = {}
    members = {root}
    try:
        names = os.listdir("/proc")
    except OSError:
        return [root]
    for name in names:
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb", buffering=0) as file:
                text = file.readall() or b""
        except OSError:
            continue
        # The program's name stands in parentheses and may hold anything.
        rest = text[text.rfind(b")") + 1 :].split()
        if len(rest) < 3:
            continue
        parents.setdefault(int(rest[1]), []).append(int(name))
        if int(rest[2]) == root:
            members.add(int(name))
    waiting = list(members)
    while waiting:
        for child in parents.get(waiting.pop(), ()):
            if child not in members:
                members.add(child)
                waiting.append(child)
    return sorted(members)


def _rollup(pid: int) -> tuple[float | None, float]:
    """Proportional and unique size in MB, None where the system does not tell."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb", buffering=0) as file:
            lines = (file.readall() or b"").splitlines()
    except OSError:
        return None, 0.0
    pss = 0
    unique = 0
    for line in lines:
        name, _, value = line.partition(b":")
        if name == b"Pss":
            pss = int(value.split()[0])
        elif name in (b"Private_Clean", b"Private_Dirty", b"Private_Hugetlb"):
            unique += int(value.split()[0])
    return pss / 1024, unique / 1024


def clock(seconds: float) -> str:
    """``h:mm:ss``, with days in front if there are any."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    text = f"{hour}:{minute:02d}:{second:02d}"
    if days:
        return f"{days} day{'s' if days != 1 else ''}, {text}"
    return text


def write(spec: JobSpec, measured: list[dict[str, Any]]) -> None:
    """Write the benchmark file: tab-separated, or JSON lines if its name ends in ``.jsonl``.

    Raises Refused.
    """
    path = spec.benchmark
    if not path:
        return
    columns = COLUMNS + EXTENDED if spec.benchmark_extended else COLUMNS
    if spec.benchmark_extended:
        more = _extended(spec)
        measured = [
            {**more, **line, "cpu_usage": line["mean_load"] * line["s"]} for line in measured
        ]
    if path.endswith(".jsonl"):
        import json

        lines = [json.dumps(line, sort_keys=True, default=str) for line in measured]
    else:
        lines = ["\t".join(columns)]
        lines += ["\t".join(_cell(line[name]) for name in columns) for line in measured]
    try:
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write("\n".join(lines) + "\n")
    except OSError as error:
        raise refusal(error, f"cannot write the benchmark file `{path}`") from None


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}"
    return str(value)


def _extended(spec: JobSpec) -> dict[str, Any]:
    from rulekit.runner.context import named_values

    context = spec.context or {}
    sizes: dict[str, float] = {}
    for name in spec.inputs:
        try:
            sizes[name] = os.stat(name).st_size / _MB
        except OSError:
            continue
    return {
        "jobid": spec.id,
        "rule_name": spec.rule,
        "wildcards": named_values(context.get("wildcards")),
        "params": named_values(context.get("params")),
        "threads": spec.threads,
        "resources": named_values(context.get("resources")),
        "input_size_mb": sizes,
    }
