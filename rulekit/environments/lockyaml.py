"""The text of a lock file in conda-lock's format (version 1). Written by hand: the same lock gives
the same bytes, whatever YAML library there is."""

from __future__ import annotations

import json
import re

from rulekit.environments.channels import without_secrets
from rulekit.environments.values import Lock, Package
from rulekit.environments.words import tidy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+@%=~:-]*\Z")
# Words that YAML takes for something else.
_OTHER = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"})

_HEAD = """\
# Made by `rulekit env lock`. Also for `conda-lock install`; do not edit.
version: 1
metadata:
  content_hash:
"""


def lock_text(lock: Lock, hashes: Mapping[str, str], source: str) -> str:
    """The file. `hashes` are the content hashes by platform, `source` is the environment file
    relative to the lock file."""
    lines = [_HEAD.rstrip("\n")]
    for platform in sorted(hashes):
        lines.append(f"    {word(platform)}: {word(hashes[platform])}")
    lines.append("  channels:" + ("" if lock.channels else " []"))
    for url in lock.channels:
        lines += [f"  - url: {word(without_secrets(url))}", "    used_env_vars: []"]
    lines.append("  platforms:")
    lines += [f"  - {word(platform)}" for platform in sorted(lock.platforms)]
    lines += ["  sources:", f"  - {word(source)}"]
    lines += ["  custom_metadata:", '    rulekit: "1"']
    lines.append("package:" + ("" if lock.packages else " []"))
    order = sorted(lock.packages, key=lambda one: (one.manager, one.name, one.platform, one.url))
    for one in order:
        lines += _package(one)
    return "\n".join(lines) + "\n"


def _package(one: Package) -> list[str]:
    lines = [
        f"- name: {word(one.name)}",
        f"  version: {word(one.version)}",
        f"  manager: {one.manager}",
        f"  platform: {word(one.platform)}",
    ]
    depends = _depends(one.depends)
    lines.append("  dependencies:" + ("" if depends else " {}"))
    lines += [f"    {word(name)}: {word(depends[name])}" for name in sorted(depends)]
    lines += [f"  url: {word(without_secrets(one.url))}", "  hash:"]
    if not (one.md5 or one.sha256):
        lines[-1] += " {}"
    if one.md5:
        lines.append(f"    md5: {word(one.md5)}")
    if one.sha256:
        lines.append(f"    sha256: {word(one.sha256)}")
    return [*lines, "  category: main", "  optional: false"]


def _depends(depends: tuple[str, ...]) -> dict[str, str]:
    """Name to the rest of the spec; two specs of one package are joined."""
    found: dict[str, str] = {}
    for text in depends:
        name, _, rest = tidy(text).partition(" ")
        before = found.get(name)
        if before and rest and before != rest:
            rest = f"{before},{rest}" if " " not in before + rest else rest
        found[name] = rest or before or ""
    return found


def word(text: str) -> str:
    """A YAML scalar that is read as this text: plain where that is safe, else in quotes."""
    if _PLAIN.match(text) and text.lower() not in _OTHER and not text.endswith(":"):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    if quoted.isprintable():
        return quoted
    return "".join([c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted])
