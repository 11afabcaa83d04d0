"""What a test sees of a job: its files and values, and how it ended."""

from __future__ import annotations

import os
from pathlib import Path

from rulekit.frozen import frozen
from rulekit.model.namedlist import Namedlist, Params, Resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class Files(Namedlist):
    """Paths by position, by name, or by what the rule calls the file: `outputs["results/a.bam"]`."""

    _folder: Path

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str) and key not in self._names:
            wanted = self.__dict__["_folder"] / key
            for path in self:
                if path == wanted:
                    return path
            known = [*self._names, *self.paths]
            raise KeyError(f"{key}; there are: {', '.join(known) or 'no files'}")
        return super().__getitem__(key)

    @property
    def paths(self) -> list[str]:
        """The paths as the rule names them."""
        folder = self.__dict__["_folder"]
        return [os.path.relpath(path, folder) for path in self]


def files_of(told: Mapping[str, Any], folder: Path) -> Files:
    """The `Files` of what the other process has told."""
    files = Files([folder / path for path in told["items"]], _names(told))
    files.__dict__["_folder"] = folder
    return files


def _names(told: Mapping[str, Any]) -> dict[str, int | tuple[int, int]]:
    return {
        name: where if isinstance(where, int) else (where[0], where[1])
        for name, where in told["names"].items()
    }


def _params(told: Mapping[str, Any]) -> Params:
    return Params(told["items"], _names(told))


@frozen
class Job:
    """One job of a rule, as worked out and not run.

    `command` is the shell command as it would be run, None for rules without one. `params` holds
    texts in place of values that JSON cannot hold. `inputs` and the like are paths below `folder`.
    """

    rule: str
    folder: Path
    wildcards: Mapping[str, str]
    inputs: Files
    outputs: Files
    logs: Files
    benchmark: Path | None
    params: Params
    threads: int
    resources: Resources
    message: str | None
    command: str | None


@frozen
class Run:
    """One job of a rule, and what became of it.

    `ok`: it succeeded. `cause`: a sentence about a failure, "" after success. `exit_code` of the
    job. `seconds` it took. `log` is the text of its log files, `stdout` and `stderr` what it printed.
    `undeclared`: paths that were made and that the rule does not name.
    """

    job: Job
    ok: bool
    cause: str
    exit_code: int
    seconds: float
    stdout: str
    stderr: str
    undeclared: tuple[str, ...]
    start: Path  # where relative paths of expected files begin
    update: bool

    @property
    def folder(self) -> Path:
        """Where the job ran."""
        return self.job.folder

    @property
    def inputs(self) -> Files:
        return self.job.inputs

    @property
    def outputs(self) -> Files:
        return self.job.outputs

    @property
    def logs(self) -> Files:
        return self.job.logs

    @property
    def params(self) -> Params:
        return self.job.params

    @property
    def command(self) -> str | None:
        return self.job.command

    @property
    def log(self) -> str:
        """The text of all log files, in order; those that are not there give nothing."""
        return "".join(path.read_text(errors="replace") for path in self.logs if path.is_file())

    def check(
        self,
        expected: str | os.PathLike[str] | Mapping[str, object],
        *,
        ignore: str | None = None,
        rel: float | None = None,
        abs: float | None = None,  # noqa: A002  as pytest.approx calls it
        compare: Callable[[Path, Path], object] | None = None,
    ) -> None:
        """Compare outputs with what is expected; `AssertionError` with a diff if they differ.

        `expected`: a folder with the expected files at their paths (relative to the test), or a
        mapping from an output's name or path to a text, bytes, or a path of a file. `ignore`: a
        regular expression; lines in which it is found do not count. `rel`, `abs`: numbers in texts
        may differ by so much. Compressed files (`.gz`) are compared by their content.
        `compare(made, expected)`, for files, decides instead: an exception or False is a difference.

        With `--rulekit-update` the expected files are written instead, if they are files.
        """
        __tracebackhide__ = True
        from rulekit.testing.compare import Rules, check_files

        wanted = _wanted(self, expected)
        check_files(wanted, Rules(ignore, rel, abs, compare), update=self.update)


def _wanted(
    run: Run, expected: str | os.PathLike[str] | Mapping[str, object]
) -> list[tuple[Path, object]]:
    """Pairs of a file that was made and what it should be (bytes, or a path)."""
    if isinstance(expected, (str, os.PathLike)):
        folder = run.start / expected
        if run.update:
            return [(path, folder / os.path.relpath(path, run.folder)) for path in run.outputs]
        if not folder.is_dir():
            raise FileNotFoundError(
                f"there is no folder {folder} of expected files (--rulekit-update makes it)"
            )
        pairs: list[tuple[Path, object]] = []
        rest = {path for path in folder.rglob("*") if path.is_file()}
        for made in run.outputs:  # a folder as a whole: nothing more may be in it
            one = folder / os.path.relpath(made, run.folder)
            if one.exists():
                pairs.append((made, one))
                rest -= {one, *one.rglob("*")}
        return pairs + [(run.folder / path.relative_to(folder), path) for path in sorted(rest)]
    pairs = []
    for key, value in expected.items():
        wanted: object = value
        if isinstance(value, str):
            wanted = value.encode()
        elif isinstance(value, os.PathLike):
            wanted = run.start / value
        pairs.append((run.outputs[key], wanted))
    return pairs


def job_of(told: Mapping[str, Any], folder: Path) -> Job:
    """The `Job` of what the other process has told."""
    return Job(
        told["rule"],
        folder,
        told["wildcards"],
        files_of(told["inputs"], folder),
        files_of(told["outputs"], folder),
        files_of(told["logs"], folder),
        folder / told["benchmark"] if told["benchmark"] else None,
        _params(told["params"]),
        told["threads"],
        Resources(told["resources"].values(), {n: i for i, n in enumerate(told["resources"])}),
        told["message"],
        told["command"],
    )
