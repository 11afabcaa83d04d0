"""A docstring of the file."""
from __future__ import annotations

import os

configfile: "config.yaml"   # a comment
include: "rules/a.smk"
include : os.path.join("rules",
  "b.smk")
workdir: "w"
wildcard_constraints:
    # first a comment
    sample=r"\w+",  # then one behind
    unit="[0-9]+"
envvars:
    "HOME",
    "PATH",
ruleorder: a > b \
    > c
ruleorder:
    d >
    e
localrules: a,
    b, c
localrules: all,
storage s3:
    provider="s3",
storage: provider="http"
container: "docker://x"
singularity: "docker://y"
scattergather: split=8
onstart:
    print("start", log)
onerror: print(log)
pathvars: x="y"
inputflags:
report: "caption.rst"
