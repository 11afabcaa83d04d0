"""Pages of `rulekit explain` for conda environments."""

from __future__ import annotations

CONDA_PAGES: dict[str, str] = {
    "RK0518": """\
an environment file cannot be read
A rule's `conda:` names a file that is not there or not readable. A relative path is looked for
beside the rule file that has the rule. The same holds for files that its `pip:` list names.""",
    "RK0519": """\
an environment file with a mistake
An environment file is YAML like this:
    channels:
      - conda-forge
    dependencies:
      - samtools =1.20
      - pip
      - pip:
          - some-package==1.0
A version stands in the same word as the name (`- samtools =1.20`), not behind a colon.""",
    "RK0520": """\
conda's settings with a mistake
.condarc (of the home directory, of conda's own folder, or named by $CONDARC) is read for channels,
channel_alias, custom_channels, default_channels, channel_priority, mirrored_channels, pkgs_dirs,
envs_dirs, proxy_servers, ssl_verify and offline. The message says what is wrong in which file.""",
    "RK0521": """\
a lock file that cannot be used
ENV.conda-lock.yml is in conda-lock's format, version 1; ENV.<platform>.pin.txt has a line @EXPLICIT
and then the URL of one package a line. Make it anew: rulekit env lock ENV.yaml""",
    "RK0522": """\
a lock file that does not fit its environment file
The environment file was changed after its lock was made: other channels, dependencies or `pip:`
requirements. Nothing is installed by a lock that says something else. Make it anew:
    rulekit env lock ENV.yaml
or remove the lock file: then the environment is solved when it is first needed.""",
    "RK0523": """\
an environment that cannot be solved
No set of packages fulfils all that the environment file asks for. The notes say which of the
dependencies exclude each other, and where a package would be found: under a similar name, in
another channel, for another platform. What helps, in this order:
    - a name or version that is misspelt: mend it
    - two dependencies that want different versions of a third: loosen one, or split the rule
    - a channel that is missing, or stands too low (`channel_priority: flexible` in .condarc)
The page "When solving fails" of the documentation has examples.""",
    "RK0524": """\
an environment that would have to be solved
--conda-frozen allows only environments with a lock file beside them, or that were solved before in
this directory. Make the lock where solving is allowed, and keep it with the workflow:
    rulekit env lock ENV.yaml""",
    "RK0525": """\
a channel that cannot be read
The channel is not there, or not reachable: a name that is misspelt, no network, a proxy that is not
set (proxy_servers in .condarc, or $HTTPS_PROXY), or a password that is missing. Without a network
only lock files whose packages are in the cache, and environments that are there, can be used.""",
    "RK0526": """\
an environment that could not be installed
The notes have the reason: a package that could not be fetched or is damaged, a full disk, a folder
that cannot be written. What was fetched stays in the package cache; the environment itself is
removed and made anew next time. Packages of an environment that is not needed any more:
    rulekit env clean --packages unused --yes""",
    "RK0527": """\
pip could not install
The packages of the `pip:` list are installed by the environment's own pip after the conda packages.
The notes have the end of what it said. It uses pip's usual settings ($PIP_INDEX_URL, pip.conf).""",
    "RK0528": """\
a post-deploy script that failed
ENV.post-deploy.sh beside an environment file is run in the new environment, once. Without a first
line such as `#!env bash` it is run by sh. The environment counts as not made.""",
    "RK0529": """\
a conda environment that is not there
`conda: "name"` means an environment that exists already; it is looked for in the folders of
$CONDA_ENVS_PATH, envs_dirs of .condarc, below conda's own folder (--conda-base-path,
$CONDA_EXE) and in ~/.conda/environments.txt. `conda: "/a/folder"` is the folder of an environment.
To have one made, name an environment file, which ends in .yaml or .yml.""",
}
