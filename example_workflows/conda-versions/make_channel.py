#!/usr/bin/env python3
"""Builds a small conda channel in the folder `channel`, from nothing but this file.

`tally` counts words. Its three versions print the counts in three ways, and each works with one
version of the package `tally-words` only, so no two of them can be in one environment.
Needs Python's standard library and no network. The same bytes come out each time.
"""

import bz2
import hashlib
import io
import json
import os
import sys
import tarfile

# What conda packages carry in place of the folder they will be installed in.
PLACEHOLDER = "/opt/placehold" + "_placehold" * 24


def write_package(
    channel,
    name,
    version,
    files,
    *,
    depends=(),
    constrains=(),
    build="0",
    number=0,
    subdir="noarch",
    noarch="generic",
    links=(),
    entry_points=(),
):
    """Writes one package (`.tar.bz2`) into a channel's folder and returns its path.

    `files` are names with their bytes (or text); what begins with `#!`, or lies in `bin/`, can be
    executed. A file that holds PLACEHOLDER is mended when it is installed. `links` are pairs:
    name, target. `noarch` is "generic", "python" or None.
    """
    index = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": number,
        "depends": list(depends),
        "constrains": list(constrains),
        "license": "MIT",
        "subdir": subdir,
        "arch": None if subdir == "noarch" else subdir.partition("-")[2],
        "platform": None if subdir == "noarch" else subdir.partition("-")[0],
        "timestamp": 1_700_000_000_000,
    }
    if subdir == "noarch":
        index["noarch"] = noarch
    members, paths = [], []
    for path, content in sorted(files.items()):
        data = content.encode() if isinstance(content, str) else content
        entry = {
            "_path": path,
            "path_type": "hardlink",
            "sha256": hashlib.sha256(data).hexdigest(),
            "size_in_bytes": len(data),
        }
        if PLACEHOLDER.encode() in data:
            entry["prefix_placeholder"] = PLACEHOLDER
            entry["file_mode"] = "binary" if b"\0" in data else "text"
        paths.append(entry)
        executable = path.startswith(("bin/", "python-scripts/")) or data[:2] == b"#!"
        members.append((path, data, 0o755 if executable else 0o644, None))
    for path, target in links:
        # The digest is that of the file it leads to, as conda-build writes it.
        paths.append({"_path": path, "path_type": "softlink", "size_in_bytes": 0})
        members.append((path, b"", 0o777, target))
    about = {
        "info/index.json": index,
        "info/paths.json": {"paths_version": 1, "paths": paths},
        "info/about.json": {},
    }
    if noarch == "python" and subdir == "noarch":
        about["info/link.json"] = {
            "noarch": {"type": "python", "entry_points": list(entry_points)},
            "package_metadata_version": 1,
        }
    texts = {path: json.dumps(value, indent=1).encode() for path, value in about.items()}
    texts["info/files"] = "".join(f"{entry['_path']}\n" for entry in paths).encode()
    info = [(path, data, 0o644, None) for path, data in sorted(texts.items())]
    folder = os.path.join(channel, subdir)
    os.makedirs(folder, exist_ok=True)
    target = os.path.join(folder, f"{name}-{version}-{build}.tar.bz2")
    with open(target, "wb") as file:
        file.write(_tar_bz2(info + members))
    return target


def _tar_bz2(members):
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, data, mode, target in members:
            member = tarfile.TarInfo(path)
            member.mode, member.mtime = mode, 1_700_000_000
            if target is None:
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
            else:
                member.type, member.linkname = tarfile.SYMTYPE, target
                tar.addfile(member)
    return bz2.compress(plain.getvalue())


def write_index(channel):
    """Writes the list of packages (`repodata.json`) of each folder of a channel."""
    for subdir in sorted({"noarch", *os.listdir(channel)}):
        folder = os.path.join(channel, subdir)
        os.makedirs(folder, exist_ok=True)
        packages = {}
        for name in sorted(os.listdir(folder)):
            if not name.endswith(".tar.bz2"):
                continue
            with open(os.path.join(folder, name), "rb") as file:
                data = file.read()
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                index = json.load(tar.extractfile("info/index.json"))
            index["md5"] = hashlib.md5(data).hexdigest()
            index["sha256"] = hashlib.sha256(data).hexdigest()
            index["size"] = len(data)
            packages[name] = index
        repodata = {"info": {"subdir": subdir}, "packages": packages, "packages.conda": {}}
        with open(os.path.join(folder, "repodata.json"), "w") as file:
            json.dump(repodata, file, indent=1, sort_keys=True)
            file.write("\n")


WORDS = """\
#!/bin/sh
# tally-words {version}: one word a line
{command}
"""

TALLY = """\
#!/bin/sh
# tally {version}, installed in {placeholder}
set -eu
if [ "${{1:-}}" = --version ]; then
    echo "tally {version}"
    exit 0
fi
tally-words < "$1" | LC_ALL=C sort | uniq -c | {form}
"""

VERSIONS = {
    "1.0": ("tr -cs A-Za-z '\\n' | grep .", """awk '{ print $2, $1 }'"""),
    "2.0": ("tr A-Z a-z | tr -cs a-z '\\n' | grep .", """awk '{ print $2 "\\t" $1 }'"""),
    "3.0": (
        "tr A-Z a-z | tr -cs a-z '\\n' | grep ....",
        """awk 'BEGIN { print "word,count" } { print $2 "," $1 }'""",
    ),
}


def main(channel):
    """Builds the channel of this example."""
    for version, (command, form) in VERSIONS.items():
        words = WORDS.format(version=version, command=command)
        write_package(channel, "tally-words", version, {"bin/tally-words": words})
        tally = TALLY.format(version=version, form=form, placeholder=PLACEHOLDER)
        files = {
            "bin/tally": tally,
            "etc/conda/activate.d/tally.sh": f"export TALLY_VERSION={version}\n",
            "etc/conda/deactivate.d/tally.sh": "unset TALLY_VERSION\n",
        }
        write_package(channel, "tally", version, files, depends=[f"tally-words {version}.*"])
    write_index(channel)


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "channel"))
