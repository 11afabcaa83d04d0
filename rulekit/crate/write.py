"""Puts a crate where it belongs: a folder or an archive, whole or not at all."""

from __future__ import annotations

import json
import os

from rulekit.crate.payload import members
from rulekit.errors.tree import UsageError
from rulekit.pages.shell import Head, asset, page, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rulekit.crate.payload import Payload


def write_crate(path: str, document: Mapping[str, Any], payload: Payload) -> None:
    """Writes the crate as a folder, or as an archive if `path` ends in ``.zip``.

    Raises `UsageError` if the folder has something in it, or cannot be written.
    """
    if not path.endswith(".zip"):
        path = path.rstrip("/")
        if os.path.lexists(path) and (not os.path.isdir(path) or os.listdir(path)):
            raise UsageError(
                f"--crate: `{path}` is there already",
                code="RK0172",
                help="name a folder that is new or empty, or a .zip",
            )
    part = f"{path}.part-{os.getpid()}"
    own = {
        "ro-crate-metadata.json": json.dumps(document, indent=1) + "\n",
        "ro-crate-preview.html": preview(document),
    }
    try:
        if path.endswith(".zip"):
            _archive(part, own, payload)
        else:
            _folder(part, own, payload)
            if os.path.isdir(path):
                os.rmdir(path)
        os.replace(part, path)
    except OSError as error:
        _remove(part)
        wrong = str(error.filename or path).replace(part, path)
        raise UsageError(f"--crate: `{wrong}`: {error.strerror or error}", code="RK0172") from error
    except BaseException:
        _remove(part)
        raise


def _archive(part: str, own: Mapping[str, str], payload: Payload) -> None:
    import zipfile

    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for name, content in own.items():
            archive.writestr(name, content.encode("utf-8", "backslashreplace"))
        for file, place in members(payload):
            archive.write(file, place)


def _folder(part: str, own: Mapping[str, str], payload: Payload) -> None:
    import shutil

    os.makedirs(part)
    for name, content in own.items():
        with open(os.path.join(part, name), "wb") as file:
            file.write(content.encode("utf-8", "backslashreplace"))
    for source, place in members(payload):
        target = os.path.join(part, place)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(source, target)


def _remove(part: str) -> None:
    import shutil

    if os.path.isdir(part):
        shutil.rmtree(part, ignore_errors=True)
    else:
        try:
            os.unlink(part)
        except OSError:
            pass


def preview(document: Mapping[str, Any]) -> str:
    """The page that people see of a crate: what it is, its actions and its files."""
    entities = {entity["@id"]: entity for entity in document["@graph"]}
    root = entities["./"]
    actions = [entities[one["@id"]] for one in _listed(root.get("mentions"))]
    rows = "".join(
        f"<tr><td>{text(one['name'])}</td><td>{text(one['actionStatus'].rpartition('/')[2])}</td>"
        f"<td>{text(one['startTime'])}</td><td>{text(one.get('endTime', ''))}</td></tr>"
        for one in actions[:500]
    )
    more = f"<p>{len(actions) - 500:,} more are in the metadata.</p>" if len(actions) > 500 else ""
    files = "".join(
        f'<li><a href="{text(one["@id"])}">{text(entities[one["@id"]]["name"])}</a></li>'
        for one in _listed(root.get("hasPart"))[:2000]
    )
    body = (
        f'<header class="top"><div class="what"><h1>{text(root["name"])}</h1>'
        f"<p>{text(root['description'])}</p></div></header><main>"
        '<p><a href="ro-crate-metadata.json">ro-crate-metadata.json</a> has all of this for '
        "programs.</p><h2>Actions</h2>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Actions"><table class="full">'
        '<thead><tr><th scope="col">Name</th><th scope="col">Outcome</th><th scope="col">Start</th>'
        f'<th scope="col">End</th></tr></thead><tbody>{rows}</tbody></table></div>{more}'
        f'<h2>Files</h2><ul class="files">{files}</ul></main>'
    )
    return page(Head(root["name"]), body, styles=[asset("palette.css"), asset("base.css")])


def _listed(value: Any) -> list[Any]:
    """JSON-LD has one value stand for itself."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
