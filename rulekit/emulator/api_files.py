"""Requests about files of tasks and nodes."""

from __future__ import annotations

import os
import re
import shutil
import stat as statmod
import urllib.parse

from rulekit.emulator import lists, upkeep
from rulekit.emulator.api_nodes import node_of
from rulekit.emulator.api_tasks import task_of
from rulekit.emulator.formats import http_date, stamp
from rulekit.emulator.messages import Answer
from rulekit.emulator.odata_fields import FIELDS
from rulekit.emulator.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rulekit.emulator.messages import Call
    from rulekit.emulator.state import World

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def _task_root(world: World, call: Call) -> tuple[str, str]:
    with world.lock:
        return _root_of_task(world, call)


def _root_of_task(world: World, call: Call) -> tuple[str, str]:
    task = task_of(world, call, conditions=False)
    if task.directory is None:
        raise Problem("FileNotFound", "The task has not started, so it has no files.")
    if task.files_gone or upkeep.expire(task):
        raise Problem(task.files_gone, "The files of the task are no longer there.")
    return task.directory, f"{world.url}/jobs/{task.job.id}/tasks/{task.id}/files"


def _node_root(world: World, call: Call) -> tuple[str, str]:
    with world.lock:
        return _root_of_node(world, call)


def _root_of_node(world: World, call: Call) -> tuple[str, str]:
    node = node_of(world, call)
    if node.state in ("creating", "starting", "preempted", "unusable", "leavingpool"):
        raise Problem("NodeNotReady", f"The node is {node.state}: its files cannot be read.")
    return node.root, f"{world.url}/pools/{node.pool.id}/nodes/{node.id}/files"


def _path(root: str, call: Call) -> str:
    name = call.params["filePath"]
    path = os.path.normpath(os.path.join(root, name.replace("\\", "/").lstrip("/")))
    if "\0" in name or not path.startswith(root + os.sep):
        raise Problem("FileNotFound", "The specified file does not exist.")
    # A link may lead anywhere on this machine; outside of a node there is nothing.
    if not os.path.realpath(path).startswith(os.path.realpath(root)):
        raise Problem("FileNotFound", "The specified file does not exist.")
    return path


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        raise Problem("FileNotFound", "The specified file does not exist.") from None


def _headers(path: str, found: os.stat_result, url: str) -> dict[str, str]:
    directory = statmod.S_ISDIR(found.st_mode)
    headers = {
        "Last-Modified": http_date(found.st_mtime),
        "ocp-creation-time": http_date(found.st_ctime),
        "ocp-batch-file-isdirectory": str(directory),
        "ocp-batch-file-url": url,
        "ocp-batch-file-mode": f"0{statmod.S_IFMT(found.st_mode) | found.st_mode & 0o777:o}",
        "Content-Type": "application/octet-stream",
    }
    return headers


def _address(base: str, root: str, path: str) -> str:
    return f"{base}/{urllib.parse.quote(os.fsencode(os.path.relpath(path, root)))}"


def _read(call: Call, root: str, base: str) -> Answer:
    path = _path(root, call)
    found = _stat(path)
    if not statmod.S_ISREG(found.st_mode):
        raise Problem("OperationInvalidForCurrentState", "A directory has no content.")
    _conditions(call, found)
    headers = _headers(path, found, _address(base, root, path))
    size = found.st_size
    text = call.headers.get("ocp-range") or call.headers.get("range")
    match = _RANGE.fullmatch(text.strip()) if text else None
    if match is None or not (match[1] or match[2]):
        return Answer(200, (path, 0, size), headers)
    if match[1]:
        start = int(match[1])
        end = min(int(match[2]), size - 1) if match[2] else size - 1
    else:
        start, end = max(0, size - int(match[2])), size - 1
    if start >= size or end < start:
        raise Problem("InvalidRange", headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    # 200 and not 206: that is the one good answer the contract has for a file.
    return Answer(200, (path, start, end - start + 1), headers)


def _conditions(call: Call, found: os.stat_result) -> None:
    from rulekit.emulator.formats import parse_http_date

    for name, newer in (("if-modified-since", True), ("if-unmodified-since", False)):
        text = call.headers.get(name)
        if text is None:
            continue
        try:
            when = parse_http_date(text)
        except ValueError:
            raise Problem("InvalidHeaderValue", values={"HeaderName": name}) from None
        if newer and int(found.st_mtime) <= when:
            raise Problem("ConditionNotMet", status=304)
        if not newer and int(found.st_mtime) > when:
            raise Problem("ConditionNotMet")


def _properties(call: Call, root: str, base: str) -> Answer:
    path = _path(root, call)
    found = _stat(path)
    _conditions(call, found)
    headers = _headers(path, found, _address(base, root, path))
    size = 0 if statmod.S_ISDIR(found.st_mode) else found.st_size
    headers["Content-Length"] = str(size)
    return Answer(200, None, headers)


def _delete(call: Call, root: str) -> Answer:
    path = _path(root, call)
    found = _stat(path)
    try:
        if not statmod.S_ISDIR(found.st_mode):
            os.unlink(path)
        elif call.query.get("recursive", "").lower() == "true":
            shutil.rmtree(path)
        else:
            os.rmdir(path)
    except OSError:
        raise Problem("OperationInvalidForCurrentState", "The directory is not empty.") from None
    return Answer(200)


def _list(call: Call, root: str, base: str) -> Answer:
    recursive = call.query.get("recursive", "").lower() == "true"
    found: list[tuple[str, Any]] = []
    pending = [root]
    while pending:
        directory = pending.pop()
        try:
            entries = list(os.scandir(directory))
        except OSError:
            continue
        for entry in entries:
            name = os.path.relpath(entry.path, root)
            if entry.name.startswith(".new-"):
                continue
            found.append((name, entry))
            if recursive and entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)

    def view(entry: os.DirEntry[str]) -> dict[str, Any]:
        name = os.path.relpath(entry.path, root)
        directory = entry.is_dir()
        shown: dict[str, Any] = {
            "name": name,
            "url": f"{base}/{urllib.parse.quote(os.fsencode(name))}",
            "isDirectory": directory,
        }
        if directory:
            return shown
        try:
            about = entry.stat()
        except OSError:
            return shown
        shown["properties"] = {
            "creationTime": stamp(about.st_ctime),
            "lastModified": stamp(about.st_mtime),
            "contentLength": str(about.st_size),
            "contentType": "application/octet-stream",
            "fileMode": f"0{statmod.S_IFMT(about.st_mode) | about.st_mode & 0o777:o}",
        }
        return shown

    return lists.answer(call, FIELDS["files"], sorted(found), view, "files")


def task_file(world: World, call: Call) -> Answer:
    """GET /jobs/{jobId}/tasks/{taskId}/files/{filePath}."""
    return _read(call, *_task_root(world, call))


def task_file_properties(world: World, call: Call) -> Answer:
    """HEAD /jobs/{jobId}/tasks/{taskId}/files/{filePath}."""
    return _properties(call, *_task_root(world, call))


def delete_task_file(world: World, call: Call) -> Answer:
    """DELETE /jobs/{jobId}/tasks/{taskId}/files/{filePath}."""
    return _delete(call, _task_root(world, call)[0])


def task_files(world: World, call: Call) -> Answer:
    """GET /jobs/{jobId}/tasks/{taskId}/files."""
    return _list(call, *_task_root(world, call))


def node_file(world: World, call: Call) -> Answer:
    """GET /pools/{poolId}/nodes/{nodeId}/files/{filePath}."""
    return _read(call, *_node_root(world, call))


def node_file_properties(world: World, call: Call) -> Answer:
    """HEAD /pools/{poolId}/nodes/{nodeId}/files/{filePath}."""
    return _properties(call, *_node_root(world, call))


def delete_node_file(world: World, call: Call) -> Answer:
    """DELETE /pools/{poolId}/nodes/{nodeId}/files/{filePath}."""
    return _delete(call, _node_root(world, call)[0])


def node_files(world: World, call: Call) -> Answer:
    """GET /pools/{poolId}/nodes/{nodeId}/files."""
    return _list(call, *_node_root(world, call))
