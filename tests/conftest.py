"""What holds for every test: no cache of the user's, and one process for all that shares the lab."""

from __future__ import annotations

import gc
import os
import signal
import sys
import types
from collections.abc import Generator, Iterator
from typing import Any

import hypothesis
import pytest

from tests.effort import THOROUGH, examples
from tests.lab.groups import LAB, group_of

hypothesis.settings.register_profile("inspector", examples(100))
hypothesis.settings.load_profile("inspector")

WITH_LAB = (LAB, "tests/loader/")
"""Where the tests are that want the lab, as `make test-lab` says it too."""

LONGEST = ("tests/docs/test_walk_through.py", "tests/test_every_way.py::test_odd_images")
"""What takes ten seconds and more where all is thorough: begun first, so that no process ends alone with it."""

signal.signal(signal.SIGINT, signal.default_int_handler)
"""What runs in a shell's background ignores it, and so would the programs that tests interrupt."""


class _Grammar(types.ModuleType):
    """Builds its grammar when it is first asked for it; the module that it stands for builds it when imported.

    jsonschema imports that module, which takes 0.6 s in each process, to check one format that hardly a test has.
    """

    def is_valid_syntax(self, rule: str, text: str) -> bool:
        del sys.modules[self.__name__]
        from rfc3987_syntax import is_valid_syntax  # type: ignore[import-untyped]

        self.is_valid_syntax = is_valid_syntax  # type: ignore[method-assign]
        return bool(is_valid_syntax(rule, text))


sys.modules.setdefault("rfc3987_syntax", _Grammar("rfc3987_syntax"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no cycles while 10,000 tests are collected, nor among them later: they stay until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each group of the lab's tests to one process, in the order collected; the others wherever there is room.

    That is what xdist's own groups are for, which xdist 3.8 loses under pytest 9.2. Without the lab, `make test` has
    `--dist worksteal`, which spares a message for each test.
    """
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class LabTogether(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return f"{LAB}{group_of(nodeid)}" if nodeid.startswith(LAB) else nodeid

    config.option.loadscopereorder = False  # the group of fewest tests takes longest
    return LabTogether(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:  # noqa: ARG001 - named by xdist
    """Start half as many processes again as there are processors: a third of the tests' time is waiting."""
    count = os.cpu_count() or 1
    return count + (count + 1) // 2


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point every command and library call at a cache of the test run's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSPECTOR_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def _few_authorities() -> Iterator[None]:
    """Read no file of authorities: its 144 take 13 ms for each connection, and even plain registries are asked by TLS.

    The folder of the operating system's certificates is looked into as always, at the one that is wanted.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", os.devnull)
        yield


@pytest.fixture(autouse=True)
def _no_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test but the lab's meet an engine that happens to run here."""
    if not request.node.nodeid.startswith(LAB):
        for variable in ("DOCKER_HOST", "CONTAINER_HOST"):
            monkeypatch.setenv(variable, "unix:///nowhere/engine.sock")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out of a developer's run what takes seconds and repeats another test at length; CI runs it.

    The longest come first. Raises `UsageError` for a test of the lab where `make test-lab` doesn't look for one.
    """
    for item in items:
        if "lab" in item.keywords and not item.nodeid.startswith(WITH_LAB):
            raise pytest.UsageError(f"{item.nodeid} wants the lab: put it into one of {', '.join(WITH_LAB)}")
    if not THOROUGH:
        left = [item for item in items if "thorough" in item.keywords]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if "thorough" not in item.keywords]
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_make_parametrize_id(config: pytest.Config, val: object) -> str | None:
    """Name packed bytes by their count: gzip's hold the time, and workers must collect equal names."""
    del config
    return f"gzip-{len(val)}" if isinstance(val, bytes) and val.startswith(b"\x1f\x8b") else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """The switch that writes the expected texts in tests/golden anew."""
    parser.addoption("--update-golden", action="store_true", help="write the texts in tests/golden anew")
