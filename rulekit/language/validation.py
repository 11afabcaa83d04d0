"""`validate`: data against a JSON schema, with the schema's defaults filled in."""

from __future__ import annotations

import os

from rulekit.language.configs import load_data
from rulekit.language.exceptions import WorkflowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


def validate_data(data: Any, schema_path: str, set_default: bool = True) -> None:
    """Check a dict or a data frame (row by row) with the schema in a YAML or JSON file.

    Values that are missing get the schema's defaults, in place. Raises `WorkflowError` that names
    the key, `RuleFileError` for a schema that cannot be read.
    """
    schema = load_data(schema_path, "schema")
    if not isinstance(schema, dict):
        raise WorkflowError(f"the schema `{schema_path}` holds no keys")
    check = _checker(schema, os.path.abspath(schema_path), set_default)
    if isinstance(data, dict):
        check(data, "the config", schema_path)
        return
    module = type(data).__module__.split(".")[0]
    if module == "pandas":
        _check_pandas(data, check, schema_path, set_default)
    elif module == "polars":
        _check_polars(data, check, schema_path, set_default)
    else:
        raise WorkflowError(f"`validate` checks dicts and data frames, not {type(data).__name__}")


def _import_jsonschema() -> None:
    """Without its optional checker of IRIs, which comes with Jupyter and takes 2 s to be imported;
    nothing here checks formats, and schemas are judged alike wherever they are read."""
    import sys

    name = "rfc3987_syntax"
    if "jsonschema" in sys.modules or name in sys.modules:
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        import jsonschema  # noqa: F401
    finally:
        del sys.modules[name]


def _checker(
    schema: dict[str, Any], path: str, set_default: bool
) -> Callable[[dict[str, Any], str, str], None]:
    _import_jsonschema()
    from jsonschema import validators
    from jsonschema.exceptions import SchemaError, best_match
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    base = "file://" + path
    # References are looked for beside the schema, whatever address it gives itself.
    schema = {**schema, "$id": base}

    def retrieve(uri: str) -> Any:
        from urllib.parse import unquote, urlparse

        return Resource.from_contents(
            load_data(unquote(urlparse(uri).path), "schema"), default_specification=DRAFT202012
        )

    resource = Resource.from_contents(schema, default_specification=DRAFT202012)
    registry: Any = Registry(retrieve=retrieve).with_resource(base, resource)  # type: ignore[call-arg]
    kind = validators.validator_for(schema, default=validators.validator_for({}))
    try:
        kind.check_schema(schema)
        fault = None
    except SchemaError as error:
        # Published workflows have schemas with a part that jsonschema passes over when it checks.
        from rulekit.language.logger import logger

        fault = f"the schema `{path}` is not valid: {error.message}"
        logger.warning(fault)
    plain_properties = kind.VALIDATORS["properties"]

    def with_defaults(validator: Any, properties: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if isinstance(instance, dict):
            for name, part in properties.items():
                if isinstance(part, dict) and "default" in part:
                    instance.setdefault(name, part["default"])
        yield from plain_properties(validator, properties, instance, schema)

    if set_default:
        extend: Any = validators.extend
        kind = extend(kind, {"properties": with_defaults})
    validator = kind(schema, registry=registry)

    def check(record: dict[str, Any], what: str, shown_path: str) -> None:
        try:
            error = best_match(validator.iter_errors(record))
        except Exception:
            if fault is None:
                raise
            raise WorkflowError(fault) from None
        if error is None:
            return
        where = ".".join(str(part) for part in error.absolute_path)
        place = f" at `{where}`" if where else ""
        raise WorkflowError(
            f"{what} does not fit the schema{place}: {error.message}",
            f"the schema is `{shown_path}`",
        )

    return check


def _check_pandas(data: Any, check: Callable[..., None], path: str, set_default: bool) -> None:
    import pandas

    if not isinstance(data, pandas.DataFrame):
        raise WorkflowError(f"`validate` checks data frames, not {type(data).__name__}")
    records = []
    for i, row in enumerate(data.to_dict("records")):
        record = {name: value for name, value in row.items() if not _is_missing(value, pandas)}
        check(record, f"row {i} of the data frame", path)
        records.append(record)
    if not set_default:
        return
    filled = pandas.DataFrame(records)
    for name in filled.columns:
        values = filled[name].to_numpy()
        if name not in data.columns:
            data[name] = values
            continue
        old = data[name].to_numpy(copy=True)
        gaps = pandas.isna(old)
        if gaps.any():
            old[gaps] = values[gaps]
            data[name] = old


def _is_missing(value: Any, pandas: Any) -> bool:
    found = pandas.isna(value)
    return bool(found) if isinstance(found, bool) or getattr(found, "shape", None) == () else False


def _check_polars(data: Any, check: Callable[..., None], path: str, set_default: bool) -> None:
    import polars  # type: ignore[import-not-found,unused-ignore]

    lazy = isinstance(data, polars.LazyFrame)
    frame = data.head(1000).collect() if lazy else data
    records = []
    for i, row in enumerate(frame.iter_rows(named=True)):
        record = {name: value for name, value in row.items() if value is not None}
        check(record, f"row {i} of the data frame", path)
        records.append(record)
    if not set_default or lazy:
        return
    filled = polars.DataFrame(records)
    for name in filled.columns:
        if name not in data.columns:
            data.insert_column(len(data.columns), filled[name])
        elif data[name].null_count():
            i = data.columns.index(name)
            data.replace_column(i, data[name].fill_null(filled[name]))
