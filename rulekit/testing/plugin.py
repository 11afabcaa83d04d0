"""The pytest plugin: the fixture `rulekit_workflow` and the option `--rulekit-update`.

pytest loads this in every run of every project where rulekit is installed, so it imports nothing.
"""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rulekit.testing.bench import TestedWorkflow


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("rulekit")
    group.addoption(
        "--rulekit-update",
        action="store_true",
        default=False,
        help="write what rules make into the expected files of `run.check(...)`, instead of comparing",
    )


@pytest.fixture
def rulekit_workflow(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., TestedWorkflow]:
    """Open a rule file to test its rules: `rulekit_workflow(path=None, config=..., ...)`.

    A relative path is looked for in the folder of the test and the folders above it, up to pytest's
    root; without a path the first folder that has a rule file counts. See
    `rulekit.testing.bench.open_workflow` for the other arguments.
    """
    from rulekit.testing.bench import open_workflow

    here = request.path.parent
    root = request.config.rootpath
    update = bool(request.config.getoption("--rulekit-update"))

    def opened(path: object = None, **settings: object) -> TestedWorkflow:
        return open_workflow(
            path,  # type: ignore[arg-type]
            scratch=tmp_path_factory.mktemp("rule"),
            start=here,
            stop=root,
            update=update,
            **settings,  # type: ignore[arg-type]
        )

    return opened
