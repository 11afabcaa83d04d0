"""Rule files on disk: which there are, read so that they can be written back as they were."""

from __future__ import annotations

import os

from rulekit.errors.tree import InfrastructureError, RuleFileError
from rulekit.frozen import frozen
from rulekit.syntax.reading import decode, read_bytes

_BOM = b"\xef\xbb\xbf"
_NAMES = frozenset({"Rulefile", "rulefile", "Snakefile", "snakefile"})
_ENDINGS = (".smk", ".rules", ".snakefile", ".rulefile")


@frozen
class RuleText:
    """A rule file's text with ``\\n`` line ends, and how it is kept on disk."""

    path: str
    text: str
    data: bytes
    bom: bool
    newline: str  # "\n", "\r\n" or "\r": that of the first line

    def encoded(self, text: str) -> bytes:
        """`text` in the encoding and with the line ends of the file."""
        if self.newline != "\n":
            text = text.replace("\n", self.newline)
        return (_BOM if self.bom else b"") + text.encode("utf-8")


def read_text(path: str) -> RuleText:
    """The file at `path`. Raises `RuleFileError` if it cannot be read or is not UTF-8."""
    data = read_bytes(path)
    text = decode(data, path)
    newline = "\n"
    first = data.find(b"\n")
    carriage = data.find(b"\r")
    if carriage >= 0 and (first < 0 or carriage < first):
        newline = "\r\n" if first == carriage + 1 else "\r"
    return RuleText(path, text, data, data.startswith(_BOM), newline)


def write_text(old: RuleText, text: str) -> None:
    """Put `text` in place of the file that was read: whole or not at all, with its mode.

    Raises `InfrastructureError` (RK0162) if it cannot be written, or if it is not any more what was
    read: somebody else has changed it since.
    """
    path = os.path.realpath(old.path)  # a link stays a link
    part = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.getpid()}.part")
    try:
        with open(path, "rb") as file:
            if file.read() != old.data:
                raise InfrastructureError(
                    f"`{old.path}` was changed by somebody else meanwhile", code="RK0162"
                )
            found = os.fstat(file.fileno())
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "it is write-protected")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(handle, "wb") as file:
                file.write(old.encoded(text))
                file.flush()
                os.fsync(file.fileno())
            if (found.st_uid, found.st_gid) != (os.getuid(), os.getgid()):
                try:
                    os.chown(part, found.st_uid, found.st_gid)
                except OSError:
                    pass  # only an administrator can give files away
            os.chmod(part, found.st_mode & 0o7777)
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InfrastructureError(f"`{old.path}` cannot be written: {why}", code="RK0162") from None


def is_rule_file(name: str) -> bool:
    """Whether a file of this name (without folder) is a rule file by its name."""
    return name in _NAMES or name.endswith(_ENDINGS)


def rule_files(words: tuple[str, ...]) -> list[str]:
    """The files that `words` name: files as they are, folders with all rule files in them.

    Hidden folders are left out. Raises `RuleFileError` (RK0201) for what does not exist.
    """
    found: dict[str, None] = {}
    for word in words:
        if not os.path.isdir(word):
            if not os.path.lexists(word):
                raise RuleFileError(f"there is no file `{word}`", code="RK0201")
            found[word] = None
            continue
        for folder, folders, names in os.walk(word):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if is_rule_file(name):
                    found[os.path.normpath(os.path.join(folder, name))] = None
    return list(found)
