"""`rulekit azure doctor`: one line for each thing that a run on Azure needs."""

from __future__ import annotations

import json
import sys

from rulekit.cli.commands import azure_words as azure


def main(name: str, argv: list[str]) -> int:
    """The exit code: 0 all well or warnings only, 1 something would stop a run."""
    from rulekit.errors.tree import RulekitError
    from rulekit.executors.azure.doctor import FAIL, Doctor, Finding

    parser = azure.parser(name)
    parser.add_argument("--json", action="store_true", help="findings as JSON")
    given = parser.parse_args(argv)
    settings = azure.settings_of(given)
    service = azure.service_of(settings)
    early: list[Finding] = []
    storage = root = None
    try:
        storage = azure.storage_of()
        root = azure.root_of(storage, given)
    except RulekitError as error:
        early = [Finding(FAIL, "storage", d.message, d.help or "") for d in error.diagnostics]
    try:
        findings = [*early, *Doctor(settings, service, storage, root).findings()]
    finally:
        service.close()
        if storage is not None:
            storage.close()
    if given.json:
        rows = [
            {"level": one.level, "what": one.what, "text": one.text, "help": one.help}
            for one in findings
        ]
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
    else:
        paint = azure.painter()
        for one in findings:
            sys.stdout.write(f"{paint(one.level, one.level):<4}  {one.what}: {one.text}\n")
            if one.help:
                sys.stdout.write(f"      next: {one.help}\n")
    return 1 if any(one.level == FAIL for one in findings) else 0
