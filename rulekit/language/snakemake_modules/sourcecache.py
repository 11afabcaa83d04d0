"""`snakemake.sourcecache`."""

from rulekit.language.sources import SourcePath, github, gitlab

GithubFile = github
GitlabFile = gitlab
LocalSourceFile = SourceFile = SourcePath


def infer_source_file(path_or_uri: str, basedir: SourcePath | None = None) -> SourcePath:
    """The path of a code file, below `basedir` if it is relative."""
    return SourcePath(path_or_uri) if basedir is None else basedir.join(path_or_uri)


__all__ = [
    "GithubFile",
    "GitlabFile",
    "LocalSourceFile",
    "SourceFile",
    "github",
    "gitlab",
    "infer_source_file",
]
