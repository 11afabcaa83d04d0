"""The commands of azure-cli, where one is installed: `RULEKIT_AZ` or `az` on the path.

It is too big for every run of the tests; `oracle_azcli.py` installs one by itself.
"""

from __future__ import annotations

import os
import shutil

import pytest
from oracle_azcli import Session, session

from rulekit.emulator import tls
from rulekit.emulator.server import Emulator


def test_the_commands_of_azure_cli(tmp_path):
    program = os.environ.get("RULEKIT_AZ") or shutil.which("az")
    if program is None:
        pytest.skip("azure-cli is not installed (RULEKIT_AZ)")
    made = tls.make(str(tmp_path / "tls"))
    with Emulator(certificate=(made.certificate, made.key)) as emulator:
        az = Session(program, emulator, made.authority, str(tmp_path))
        session(az)
        assert az.failed == [] and emulator.errors == []
