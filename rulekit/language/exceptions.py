"""The exceptions that rule files import, raise and catch.

They are plain exceptions, known to user code by the names that existing files use. What leaves
the compiler or the planner is a `RulekitError` with a place; the translation is done there.
"""

from __future__ import annotations

from rulekit.model.rule import CheckpointPending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class WorkflowError(Exception):
    """A mistake that a rule file reports itself; all positional arguments are its text."""

    def __init__(
        self,
        *args: object,
        lineno: int | None = None,
        snakefile: str | None = None,
        rule: Any = None,
    ) -> None:
        super().__init__("\n".join(str(arg) for arg in args if arg is not None))
        self.lineno = lineno
        self.snakefile = snakefile
        self.rule = rule


class SourceFileError(WorkflowError):
    """A source file that cannot be read."""


class WildcardError(WorkflowError):
    """A wildcard without a value."""


class RuleException(WorkflowError):
    """A mistake in one rule."""


class InputFunctionException(WorkflowError):
    """An input function failed or gave something that is no file name."""


class LookupError(WorkflowError, KeyError):  # noqa: A001  the name that files catch
    """`lookup` found nothing."""

    def __init__(
        self,
        msg: str | None = None,
        exc: BaseException | None = None,
        query: str | None = None,
        dpath: str | None = None,
    ) -> None:
        asked = f"query `{query}`" if query is not None else f"path `{dpath}`"
        cause = msg or (str(exc) if exc is not None else "nothing was found")
        super().__init__(f"lookup of {asked}: {cause}")

    __str__ = Exception.__str__


class IOException(RuleException):
    """A file that is missing or wrong."""


class MissingInputException(IOException):
    """An input file that is neither there nor made by a rule."""


class MissingOutputException(RuleException):
    """A job did not make what it promised."""


class ProtectedOutputException(IOException):
    """An output that must not be overwritten."""


class ImproperOutputException(IOException):
    """A directory where a file is declared, or the other way round."""


class ImproperShadowException(RuleException):
    """A shadow directory that cannot be made."""


class IOFileException(RuleException):
    """A file pattern that cannot be used."""


class AmbiguousRuleException(RuleException):
    """Two rules make the same file and nothing says which one is meant."""


class CyclicGraphException(RuleException):
    """Jobs that need each other."""


class PeriodicWildcardError(RuleException):
    """A wildcard that grows without end."""


class MissingRuleException(RuleException):
    """No rule makes a wanted file."""


class UnknownRuleException(RuleException):
    """A rule that does not exist."""


class NoRulesException(RuleException):
    """A rule file without rules."""


class CreateRuleException(RuleException):
    """A rule that cannot be added."""


class IncompleteFilesException(RuleException):
    """Outputs of a run that was interrupted."""


class UndefinedPathvarException(WorkflowError):
    """A ``<name>`` in a path that nobody defined."""


class ChildIOException(WorkflowError):
    """An output inside another output."""


class LockException(WorkflowError):
    """The working directory is in use by another run."""


class ResourceScopesException(Exception):
    """A resource scope that does not exist."""


class TerminatedException(Exception):
    """The run was told to stop."""


class CreateCondaEnvironmentException(WorkflowError):
    """A conda environment could not be made."""


class SpawnedJobError(Exception):
    """A job in another process failed."""


class CheckSumMismatchException(WorkflowError):
    """A file does not have the checksum that was announced."""


class ClusterJobException(RuleException):
    """A submitted job failed."""


class CacheMissException(Exception):
    """Nothing in the cache."""


class CliException(Exception):
    """A wrong command line."""


# The same event under the name that files know.
IncompleteCheckpointException = CheckpointPending

# 7.x had one for each kind of remote file; all are one thing here.
RemoteFileException = HTTPFileException = FTPFileException = S3FileException = RuleException
AzureFileException = SFTPFileException = DropboxFileException = RuleException
XRootDFileException = NCBIFileException = WebDAVFileException = ZenodoFileException = RuleException
