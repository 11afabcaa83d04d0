"""`Paramspace`: the rows of a data frame as parts of file names."""

from __future__ import annotations

from rulekit.language.exceptions import WorkflowError
from rulekit.patterns import Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any


class Paramspace:
    """Each column is a part ``name~value`` of a path, one directory level each.

    filename_params: columns that stand in the last part together, joined by `filename_sep`; ``"*"``
    for all. single_wildcard: one wildcard for the whole path instead of one for each column.
    """

    def __init__(
        self,
        dataframe: Any,
        filename_params: str | Sequence[str] | None = None,
        param_sep: str = "~",
        filename_sep: str = "_",
        single_wildcard: str | None = None,
    ) -> None:
        columns = list(dataframe.columns)
        if isinstance(filename_params, str):
            last = columns if filename_params == "*" else [filename_params]
        else:
            last = list(filename_params) if filename_params is not None else []
        unknown = [name for name in last if name not in columns]
        if unknown:
            raise KeyError(f"`filename_params`: there is no column `{unknown[0]}`")
        if len(set(last)) != len(last):
            raise ValueError("`filename_params`: a column is given twice")
        self.param_sep = param_sep
        self.filename_sep = filename_sep
        self.single_wildcard = single_wildcard
        self._folders = [name for name in columns if name not in last]
        self._last = last
        self.ordered_columns = self._folders + last
        self.dataframe = dataframe[self.ordered_columns]

    def _path(self, values: Sequence[Any]) -> str:
        parts = [
            f"{name}{self.param_sep}{value}"
            for name, value in zip(self.ordered_columns, values, strict=True)
        ]
        folders, last = parts[: len(self._folders)], parts[len(self._folders) :]
        if last:
            folders.append(self.filename_sep.join(last))
        return "/".join(folders)

    @property
    def wildcard_pattern(self) -> str:
        """The pattern over all columns, or the single wildcard."""
        if self.single_wildcard:
            return "{" + self.single_wildcard + "}"
        return self._columns_pattern

    @property
    def _columns_pattern(self) -> str:
        return self._path(["{" + str(name) + "}" for name in self.ordered_columns])

    @property
    def instance_patterns(self) -> Iterator[str]:
        """The path of each row; missing values are ``NA``."""
        rows = self.dataframe.itertuples(index=False, name=None)
        return (self._path(["NA" if _missing(value) else value for value in row]) for row in rows)

    def instance(self, wildcards: Any) -> dict[str, Any]:
        """The values of one row as a dict, with the types of the columns."""
        if self.single_wildcard:
            text = wildcards.get(self.single_wildcard)
            if text is None:
                raise WorkflowError(
                    f"the wildcard `{self.single_wildcard}` of the parameter space is not in the rule"
                )
            pattern = Pattern(self._columns_pattern)
            found = pattern.match(text)
            if found is None:
                raise WorkflowError(
                    f"the value `{text}` of wildcard `{self.single_wildcard}` does not fit the "
                    f"parameter space `{pattern.text}`"
                )
            given = dict(zip(pattern.names, found, strict=True))
            return {name: self._typed(name, given[str(name)]) for name in self.ordered_columns}
        named = dict(wildcards.items())
        return {
            name: self._typed(name, named[str(name)])
            for name in self.ordered_columns
            if str(name) in named
        }

    def _typed(self, name: str, text: str) -> Any:
        kind = self.dataframe.dtypes[name]
        import pandas

        if text == "NA":
            return pandas.NA
        if kind == bool and text == "False":  # noqa: E721  numpy's own comparison
            return False
        return pandas.Series([text]).astype(kind)[0]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "dataframe":
            raise AttributeError(name)
        return self._wrapped(getattr(self.dataframe, name))

    def __getitem__(self, key: Any) -> Any:
        return self._wrapped(self.dataframe[key])

    def _wrapped(self, value: Any) -> Any:
        import pandas

        if isinstance(value, pandas.DataFrame):
            kept = [name for name in self._last if name in value.columns]
            return Paramspace(
                value, kept or None, self.param_sep, self.filename_sep, self.single_wildcard
            )
        if callable(value) and not isinstance(value, type):
            return _Following(self, value)
        return value


class _Following:
    """A method or indexer of the data frame whose results are parameter spaces again."""

    def __init__(self, space: Paramspace, target: Any) -> None:
        self._space = space
        self._target = target

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._space._wrapped(self._target(*args, **kwargs))

    def __getitem__(self, key: Any) -> Any:
        return self._space._wrapped(self._target[key])


def _missing(value: Any) -> bool:
    import pandas

    return bool(pandas.isna(value))
