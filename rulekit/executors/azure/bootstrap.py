"""The first step of a machine that has nothing but a sealed bundle: fetch the node program.

Used where the user's only credential for the storage is a SAS: it must be in no definition, and
nothing narrower can be made of it. The script unseals the bundle (the form of `node.seal`) and
fetches the files of the run with the SAS in it. It has only the standard library.
"""

from __future__ import annotations

import base64

from rulekit.executors.azure import definitions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

BUNDLE = "RK_BUNDLE"

# Single quotes must not be in it: it stands inside of a shell's.
_SCRIPT = """\
import base64, hashlib, hmac, json, os, sys, time, urllib.request
d = os.environ["AZ_BATCH_TASK_WORKING_DIR"]
k = base64.urlsafe_b64decode(os.environ["RK_SEAL_KEY"])
b = base64.b64decode(os.environ["RK_BUNDLE"])
def m(u): return hmac.new(k, b"rulekit sealed bundle 1: " + u, hashlib.sha256).digest()
if not hmac.compare_digest(b[-32:], hmac.new(m(b"authenticate"), b[:-32], hashlib.sha256).digest()):
    sys.exit("rulekit: the sealed bundle was changed")
n, x = b[4:28], b[28:-32]
e = m(b"encrypt")
s = b"".join(hmac.new(e, n + i.to_bytes(8, "big"), hashlib.sha512).digest() for i in range(len(x) // 64 + 1))
t = bytes(p ^ q for p, q in zip(x, s))
open(os.path.join(d, sys.argv[1]), "wb").write(b)
for a in sys.argv[3:]:
    f, u = a.split("=", 1)
    for i in range(6):
        try:
            r = urllib.request.urlopen(u + "?" + json.loads(t)["sas"][sys.argv[2]], timeout=90).read()
            break
        except OSError as o:
            if i == 5: sys.exit("rulekit: %s cannot be fetched: %s" % (f, getattr(o, "code", type(o).__name__)))
            time.sleep(2 ** i)
    open(os.path.join(d, f), "wb").write(r)
"""


def command(account: str, files: Sequence[tuple[str, str]], then: str) -> str:
    """The script for a shell. `files` are (name, URL without signature) of what to fetch, `account`
    is the key of the token in the bundle; `then` is what follows."""
    words = " ".join(f'"{name}={url}"' for name, url in files)
    script = base64.b64encode(_SCRIPT.encode()).decode()
    return (
        f'python3 -I -S -c "$(echo {script} | base64 -d)" {definitions.BUNDLE} {account} {words}'
        f" && {then}"
    )


def sealed_text(sealed: bytes) -> str:
    """The sealed bundle as a value of `BUNDLE`."""
    return base64.b64encode(sealed).decode()
