"""A relocatable archive of an environment, for machines that cannot or should not install it.

FORMAT (``rulekit-environment-1``): a tar file, compressed with gzip, with these members in order.

1. ``.rulekit/pack.json``, JSON in UTF-8::

       {"format": "rulekit-environment-1",
        "identity": "<sha256>", "platform": "linux-64",
        "prefix": "/…",                  the path that stands in the files; 200 bytes long
        "text":   ["bin/tool", …],       files with the prefix in them that hold no NUL
        "binary": ["lib/libx.so", …],    the same of files that hold NUL
        "links":  ["bin/link", …],       symbolic links whose target begins with the prefix
        "activate": ".rulekit/activate.sh"}

2. all folders, files and symbolic links of the environment, sorted by name, below no top folder
   (``bin/…``, ``lib/…``, ``conda-meta/…``); hard links are written as files. Modes are 0644, 0755
   (whatever is executable) or 0777 for links; owner and group are 0. There are no devices, no
   absolute names and no ``..``. Targets of symbolic links are relative and stay inside, except
   those of ``links``; links that lead out of the environment are left out.

TO USE IT at a folder DEST (absolute, at most 200 bytes): unpack below DEST; then for each file of

* ``text``: replace every occurrence of the prefix by DEST (the length changes);
* ``binary``: in every NUL-terminated string that holds the prefix replace all its occurrences by
  DEST, and put as many NUL bytes at the end of that string as were saved (the length of the file
  stays);
* ``links``: make the link anew with DEST in place of the prefix.

Files are replaced by new ones (write beside, rename), as they may be hard links elsewhere; modes
are kept. Nothing else holds the prefix: the maker has read every byte. ``activate.sh`` is a
``text`` file of its own list. The mark that the folder is complete is the business of who unpacks.
Whatever is compiled and holds the prefix (``.pyc`` files of pip) is left out. The same environment
gives the same members with the same bytes on every machine, whatever the path it was built at.
"""

from __future__ import annotations

import os

from rulekit.environments import layout
from rulekit.environments.archive import PREFIX, write_archive
from rulekit.environments.building import Task, fill
from rulekit.environments.locks import hold
from rulekit.environments.memory import lock_from_json, spec_from_json
from rulekit.environments.places import Places
from rulekit.environments.resolving import sessions_of
from rulekit.environments.values import Progress, here
from rulekit.environments.words import shown
from rulekit.errors import SoftwareError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


async def pack_one(
    places: Places, recipe: dict[str, Any], *, say: Callable[[Progress], None]
) -> None:
    """In the worker: make the archive of one environment. Raises SoftwareError (RK0526)."""
    identity, platform = str(recipe["identity"]), str(recipe["platform"])
    lock, spec = lock_from_json(recipe["lock"]), spec_from_json(recipe["spec"])
    if platform != here() and (lock.pip or spec.post_deploy):
        raise SoftwareError(
            f"the environment of `{shown(spec.path)}` cannot be packed for {platform} here ({here()}):"
            " its pip packages and post-deploy script have to run on that platform",
            code="RK0526",
        )
    task = Task(places.folder, identity, platform, lock, spec, places.settings)
    target = layout.side(places.folder, "packs", identity, ".tar.gz")
    held = await hold(
        layout.side(places.folder, "locks", "pack-" + identity[:11]),
        lambda: say(Progress("wait", spec.path, "another process packs it: waiting")),
    )
    try:
        if os.path.exists(target):
            return
        say(Progress("pack", spec.path, f"packing for {platform}"))
        top, prefix = _long_prefix(places.folder, identity)
        layout.discard(places.folder, top)
        try:
            await fill(task, sessions_of(places.settings, [spec]), prefix, held.file, say)
            write_archive(prefix, target, identity, platform)
        finally:
            layout.discard(places.folder, top)
    except OSError as error:
        raise SoftwareError(
            f"the environment of `{shown(spec.path)}` cannot be packed:"
            f" {(error.strerror or str(error)).lower()}",
            code="RK0526",
        ) from error
    finally:
        held.release()


def _long_prefix(folder: str, identity: str) -> tuple[str, str]:
    """A folder to build in, and the path below it that is exactly as long as PREFIX."""
    size = len(PREFIX)
    for base in (folder, "/var/tmp", "/tmp"):  # noqa: S108
        name = identity if base == folder else f"rulekit-{os.getuid()}-{identity}"
        top = os.path.join(base, ".packing" if base == folder else "", name[:40])
        room = size - len(os.fsencode(top)) - 1
        if room > 0:
            return top, os.path.join(top, "p" * room)
    raise SoftwareError(f"the path `{folder}` is too long to pack environments", code="RK0526")
