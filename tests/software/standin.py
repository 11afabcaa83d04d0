"""What stands in for apptainer: the same words, carried out by bubblewrap.

An image file is a tar archive of a root. `pull FILE URL` copies the archive that RULEKIT_STANDIN
names, for one URL; `exec` unpacks it and shows what is bound, as apptainer with `--contain`: own
/tmp and home, the processes and variables of this machine. Each call is noted in
RULEKIT_STANDIN.calls as JSON.
"""

import json
import os
import shutil
import sys
import tarfile

WITH_VALUE = ("--home", "--bind", "--pwd")


def main(words):
    archive = os.environ["RULEKIT_STANDIN"]
    with open(f"{archive}.calls", "a") as calls:
        calls.write(json.dumps(words) + "\n")
    words = [word for word in words if word != "--quiet"]
    if words[0] == "pull":
        target, url = words[1:]
        if "no-such" in url:
            sys.exit(f"FATAL: while pulling: manifest unknown: {url}")
        shutil.copyfile(archive, target)
        return 0
    assert words.pop(0) == "exec", words
    options = {"--bind": []}
    while words[0].startswith("--"):
        name = words.pop(0)
        if name == "--bind":
            options[name].append(words.pop(0))
        elif name in WITH_VALUE:
            options[name] = words.pop(0)
        else:
            assert name in ("--contain", "--nv"), name
    image = words.pop(0)
    root = f"{archive}.root"
    if not os.path.exists(root):
        part = f"{root}.{os.getpid()}"
        with tarfile.open(image) as tar:
            tar.extractall(part, filter="fully_trusted")
        try:
            os.rename(part, root)
        except OSError:
            shutil.rmtree(part)
    # The image's folders one by one, so that others can be made beside them.
    shown = []
    for name in os.listdir(root):
        path = os.path.join(root, name)
        if os.path.islink(path):
            shown += ["--symlink", os.readlink(path), f"/{name}"]
        elif name not in ("proc", "dev", "tmp"):
            shown += ["--ro-bind", path, f"/{name}"]
    shown += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
    for one in [f"{options['--home']}:{options['--home']}:rw", *options["--bind"]]:
        source, target, how = one.split(":")
        shown += ["--ro-bind" if how == "ro" else "--bind", source, target]
    path = os.environ.get("RULEKIT_STANDIN_PATH", "/usr/local/bin:/usr/bin:/bin")
    shown += ["--chdir", options["--pwd"], "--setenv", "PATH", path]
    os.execvp("bwrap", ["bwrap", *shown, "--setenv", "HOME", options["--home"], *words])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
