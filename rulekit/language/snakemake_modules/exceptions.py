"""`snakemake.exceptions`."""

from __future__ import annotations

import sys

from rulekit.language.exceptions import (
    InputFunctionException,
    LookupError,  # noqa: A004
    RuleException,
    SourceFileError,
    UnknownRuleException,
    WildcardError,
    WorkflowError,
)
from rulekit.model.rule import CheckpointPending


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


def print_exception(ex: BaseException, linemaps: object = None) -> None:
    """Write an exception to stderr."""
    sys.stderr.write(f"{type(ex).__name__}: {ex}\n")


__all__ = [
    "InputFunctionException",
    "LookupError",
    "RuleException",
    "SourceFileError",
    "UnknownRuleException",
    "WildcardError",
    "WorkflowError",
]
