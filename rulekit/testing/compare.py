"""Made files against expected ones: texts with a diff, numbers with a tolerance, bytes otherwise."""

from __future__ import annotations

import difflib
import gzip
import math
import re
import shutil
from pathlib import Path

from rulekit.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_LINES = 40  # of a diff
_BETWEEN = re.compile(r"([\s,;:=()\[\]]+)")


@frozen
class Rules:
    """What may differ: see `Run.check`."""

    ignore: str | None = None
    rel: float | None = None
    abs: float | None = None
    compare: Callable[[Path, Path], object] | None = None


def check_files(
    pairs: Sequence[tuple[Path, object]], rules: Rules, *, update: bool = False
) -> None:
    """Each pair is a file that was made, and bytes or a path. Raises `AssertionError` with all
    differences. With `update` expected paths are written instead."""
    __tracebackhide__ = True
    found = []
    for made, expected in pairs:
        if update and isinstance(expected, Path):
            _write(made, expected)
            continue
        difference = difference_of(made, expected, rules)
        if difference is not None:
            found.append(difference)
    if found:
        raise AssertionError("\n\n".join(found))


def _write(made: Path, expected: Path) -> None:
    expected.parent.mkdir(parents=True, exist_ok=True)
    if made.is_dir():
        if expected.is_dir():
            shutil.rmtree(expected)
        shutil.copytree(made, expected)
    else:
        shutil.copyfile(made, expected)


def difference_of(made: Path, expected: object, rules: Rules) -> str | None:
    """A text about how they differ; None if they do not."""
    if not made.exists():
        return f"{made} was not made"
    if made.is_dir() or (isinstance(expected, Path) and expected.is_dir()):
        return _folders(made, expected, rules)
    if isinstance(expected, Path) and not expected.is_file():
        return f"there is no expected file {expected} (--rulekit-update makes it)"
    if rules.compare is not None and isinstance(expected, Path):
        if rules.compare(made, expected) is False:
            return f"{made} differs from {expected}"
        return None
    wanted = expected.read_bytes() if isinstance(expected, Path) else expected
    assert isinstance(wanted, bytes), "expected: a text, bytes, or a path"
    is_file = isinstance(expected, Path)
    name = str(expected) if is_file else "expected"
    return _contents(made, _unpacked(made.read_bytes()), _unpacked(wanted), name, rules)


def _unpacked(content: bytes) -> bytes:
    """The content of a gzip file (bgzip too), anything else as it is."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError):
        return content


def _folders(made: Path, expected: object, rules: Rules) -> str | None:
    if not (made.is_dir() and isinstance(expected, Path) and expected.is_dir()):
        return (
            f"{made} is a folder, and should be a file"
            if made.is_dir()
            else (f"{made} is a file, and should be a folder")
        )
    ours, theirs = (
        {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}
        - {".snakemake_timestamp"}
        for top in (made, expected)
    )
    found = [f"{made / name} should not be there" for name in sorted(ours - theirs)]
    for name in sorted(theirs):
        difference = difference_of(made / name, expected / name, rules)
        if difference is not None:
            found.append(difference)
    return "\n\n".join(found) or None


def _contents(made: Path, got: bytes, wanted: bytes, name: str, rules: Rules) -> str | None:
    if got == wanted:
        return None
    try:
        ours, theirs = got.decode().splitlines(), wanted.decode().splitlines()
    except UnicodeDecodeError:
        at = next(
            (i for i, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b),
            min(len(got), len(wanted)),
        )
        sizes = f"{len(got)} bytes against {len(wanted)}"
        return f"{made} differs from {name} at byte {at} ({sizes})"
    if rules.ignore is not None:
        pattern = re.compile(rules.ignore)
        ours, theirs = ([x for x in lines if not pattern.search(x)] for lines in (ours, theirs))
    if len(ours) == len(theirs) and all(map(_alike(rules), ours, theirs)):
        # Texts that differ only in how or whether their last line ends do differ.
        if ours == theirs and rules.ignore is None and got != wanted:
            return f"{made} differs from {name} in the ends of its lines"
        return None
    diff = list(difflib.unified_diff(theirs, ours, name, str(made), lineterm="", n=2))
    if len(diff) > _MOST_LINES:
        diff = [*diff[:_MOST_LINES], f"... {len(diff) - _MOST_LINES} more lines"]
    return f"{made} differs from {name}:\n" + "\n".join(diff)


def _alike(rules: Rules) -> Callable[[str, str], bool]:
    """Whether two lines are the same, but for numbers that are near."""
    if rules.rel is None and rules.abs is None:
        return str.__eq__
    rel, near = rules.rel or 0.0, rules.abs or 0.0

    def same(ours: str, theirs: str) -> bool:
        if ours == theirs:
            return True
        left, right = _BETWEEN.split(ours), _BETWEEN.split(theirs)
        return len(left) == len(right) and all(map(word, left, right))

    def word(ours: str, theirs: str) -> bool:
        if ours == theirs:
            return True
        try:
            return math.isclose(float(ours), float(theirs), rel_tol=rel, abs_tol=near)
        except ValueError:
            return False

    return same
