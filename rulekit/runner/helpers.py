"""Files of ours that an attempt needs: scripts, their data, commands too long for an argument."""

from __future__ import annotations

import os

from rulekit.runner.files import make_directory, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rulekit.model.spec import JobSpec


def write_helper(spec: JobSpec, folder: str, name: str, text: str) -> str:
    """Write a file of ours below the state directory; its absolute path. Raises Refused."""
    path = os.path.join(spec.workdir, spec.state_dir, folder, name)
    make_directory(os.path.dirname(path))
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            data = memoryview(text.encode("utf-8", "surrogateescape"))
            while data:
                data = data[os.write(file, data) :]
        finally:
            os.close(file)
    except OSError as error:
        raise refusal(error, f"cannot write `{path}`") from None
    return path
