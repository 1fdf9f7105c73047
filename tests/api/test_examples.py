"""The examples in the docstrings of the public API, run as they stand there."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import pytest

import inspector
from inspector.testing.registry import FakeRegistry

FUNCTIONS = ("audit", "check", "diff", "inspect", "load_policy")


def _examples(public: Any) -> list[doctest.DocTest]:
    names = {"inspector": inspector, "Path": Path}
    found = doctest.DocTestFinder(recurse=True).find(public, globs=names)
    return [each for each in found if each.examples]


@pytest.mark.parametrize("name", [name for name in inspector.__all__ if name != "errors"])
def test_the_examples_give_what_they_say(name: str, examples: Path, registry: FakeRegistry) -> None:
    assert (examples / "worker.tar").exists()
    assert registry.host
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    told: list[str] = []
    for each in _examples(getattr(inspector, name)):
        runner.run(each, out=told.append)
    assert not told, "\n".join(told)


def test_each_function_and_each_way_to_rows_has_an_example() -> None:
    wanted = [getattr(inspector, name) for name in FUNCTIONS]
    wanted += [
        kind.records for kind in (inspector.ImageFacts, inspector.Report, inspector.Difference, inspector.Audited)
    ]
    assert [each for each in wanted if ">>>" not in (each.__doc__ or "")] == []
