"""Resource files before a command, output files after it. Runs in worker threads."""

from __future__ import annotations

import os
import stat

from rulekit.emulator import globs, transfer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    # Gives a storage token for an identity (its resource id), or raises TransferError.
    Token = Callable[[str], str]


class StagingError(Exception):
    """A file was not staged; `info` is the failure in wire form."""

    def __init__(self, info: dict[str, Any]) -> None:
        super().__init__(info["message"])
        self.info = info


def failure(code: str, message: str, category: str = "usererror", **details: str) -> dict[str, Any]:
    """Failure information in wire form."""
    return {
        "category": category,
        "code": code,
        "message": message,
        "details": [{"name": k, "value": v} for k, v in details.items()],
    }


def _token(item: dict[str, Any], token_of: Token) -> str | None:
    identity = item.get("identityReference")
    return token_of(str(identity.get("resourceId") or "")) if identity else None


def _blob_failure(error: transfer.TransferError, where: str) -> dict[str, Any]:
    details = {"FilePath": where, "HttpStatus": str(error.status), "Reason": error.code}
    if error.status == 404:
        text = "One of the specified Azure Blob(s) is not found"
        return failure("BlobNotFound", text, **details, BlobSource=str(error))
    if error.status in (401, 403):
        text = "Access for one of the specified Azure Blob(s) is denied"
        return failure("BlobAccessDenied", text, **details, BlobSource=str(error))
    if error.code == "ResourceFileCreateFailed":
        text = "A resource file cannot be created where it was asked for"
        return failure("ResourceFileCreateFailed", text, **details)
    text = "A miscellaneous error was encountered while downloading one of the Azure Blob(s)"
    return failure("BlobDownloadMiscError", text, "servererror", **details, BlobSource=str(error))


def fetch_resources(items: object, workdir: str, token_of: Token, auto_storage: str = "") -> None:
    """Bring the resource files of a command into `workdir`. Raises StagingError."""
    root = os.path.realpath(workdir)
    for item in items if isinstance(items, list) else []:
        name = str(item.get("filePath") or "")
        path = os.path.normpath(os.path.join(root, name))
        try:
            if path != root and not path.startswith(root + os.sep):
                raise transfer.TransferError(0, "ResourceFileCreateFailed", f"{name} leaves wd")
            token = _token(item, token_of)
            if item.get("httpUrl"):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                transfer.fetch(str(item["httpUrl"]), path, token)
                mode = str(item.get("fileMode") or "0770")
                os.chmod(path, int(mode, 8) | stat.S_IRUSR)
                continue
            container = item.get("storageContainerUrl") or auto_storage.format(
                item.get("autoStorageContainerName") or ""
            )
            os.makedirs(path, exist_ok=True)
            transfer.fetch_container(str(container), str(item.get("blobPrefix") or ""), path, token)
        except transfer.TransferError as error:
            raise StagingError(_blob_failure(error, name)) from error
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path, a mode that is none
            full = getattr(error, "errno", None) == 28
            code = "DiskFull" if full else "ResourceFileWriteFailed"
            info = failure(code, str(error), "servererror", FilePath=name)
            raise StagingError(info) from error


def store_outputs(items: object, workdir: str, succeeded: bool, token_of: Token) -> None:
    """Upload the output files whose condition holds. Raises StagingError for the first failure."""
    for item in items if isinstance(items, list) else []:
        condition = str((item.get("uploadOptions") or {}).get("uploadCondition") or "").lower()
        if condition == ("taskfailure" if succeeded else "tasksuccess"):
            continue
        target = (item.get("destination") or {}).get("container") or {}
        pattern = str(item["filePattern"])
        prefix = str(target.get("path") or "")
        headers = {
            str(h["name"]): str(h.get("value") or "") for h in target.get("uploadHeaders") or []
        }
        magic = globs.has_wildcards(pattern)
        for path, below in globs.find(workdir, pattern):
            name = below if not prefix else (f"{prefix.rstrip('/')}/{below}" if magic else prefix)
            try:
                token = _token(target, token_of)
                transfer.store(str(target["containerUrl"]), name, path, token, headers)
            except transfer.TransferError as error:
                raise StagingError(_upload_failure(error, pattern, name)) from error
            except (OSError, ValueError) as error:
                info = failure("FileUploadMiscError", str(error), "servererror", FilePath=name)
                raise StagingError(info) from error


def _upload_failure(error: transfer.TransferError, pattern: str, name: str) -> dict[str, Any]:
    details = {"FilePattern": pattern, "BlobName": name, "Reason": error.code}
    if error.status == 404:
        text = "The container of an output file is not found"
        return failure("FileUploadContainerNotFound", text, **details, Message=str(error))
    if error.status in (401, 403):
        text = "Access to the container of an output file is denied"
        return failure("FileUploadAccessDenied", text, **details, Message=str(error))
    text = "A miscellaneous error was encountered while uploading an output file"
    return failure("FileUploadMiscError", text, "servererror", **details, Message=str(error))
