"""`python -m rulekit.testing.child BASE`: reads a rule file and runs one rule, as BASE/order.json says.

The rule file is read in the project's folder, where its config files and sample sheets are; the job
is planned and run in BASE/work, where there is only what the test gave. What came of it is written to
BASE/answer.json.
"""

from __future__ import annotations

import json
import os
import sys

from rulekit.errors import RulekitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main(base: str) -> int:
    with open(os.path.join(base, "order.json")) as file:
        order: dict[str, Any] = json.load(file)
    answer: dict[str, Any]
    try:
        from rulekit.testing.isolation import carry_out

        answer = {"error": None, **carry_out(order)}
    except RulekitError as error:
        from rulekit.errors.show import written

        first = error.diagnostics[0]
        answer = {
            "error": written(error.diagnostics),
            "message": first.message,
            "code": first.code,
        }
    target = os.path.join(base, "answer.json")
    with open(target + ".new", "w") as file:
        json.dump(answer, file, default=str)
    os.replace(target + ".new", target)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
