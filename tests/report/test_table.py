"""What the table tells besides the summary, and once."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from inspector.policy.findings import error_finding
from inspector.policy.model import ErrorFact, Result
from inspector.report.markdown import render_check as render_markdown
from inspector.report.table import ONE_LINE, render_check
from tests.report import samples
from tests.report.samples import facts, passed, report, result


def test_a_warning_is_told_of_an_image_that_passes_too() -> None:
    """A pass may rest on what engines do differently, or stand behind an entrypoint: nobody should miss that."""
    told = facts("api", warnings=("the image's entrypoint takes 'python' as an argument",))
    quiet = facts("worker")
    text = render_check(
        report(
            result("api:prod", "api", told, passed("torch", "torch is not installed")),
            result("worker:test", "worker", quiet, passed("torch", "torch can be imported")),
        )
    )
    assert "note: the image's entrypoint takes 'python' as an argument" in text
    assert text.count("worker:test") == 1


def unread(name: str, message: str, kind: str = "unreachable") -> Result:
    """An image that could not be read."""
    error = ErrorFact(kind, message)
    return Result(
        image=name,
        role=None,
        outcome="unknown",
        findings=(error_finding(error, None, name),),
        facts=None,
        error=error,
    )


def test_an_engine_that_is_down_is_told_once_with_its_images() -> None:
    """Four images of one policy, and one cause: five lines each are a page that nobody reads."""
    names = ("api:prod", "api:dev", "worker:test")
    down = report(*(unread(name, f"{name}: no Docker engine answers; write docker://{name}") for name in names))
    for text in (render_check(down), render_markdown(down)):
        assert text.count("no Docker engine answers") == 1
        assert text.count("Start the engine") == 1
    assert "3 images\n" in render_check(down)
    assert "write docker://NAME" in render_check(down)
    assert "images    api:prod, api:dev, worker:test" in render_check(down)


def test_errors_that_differ_are_told_each() -> None:
    text = render_check(report(unread("a:1", "a:1: not there"), unread("b:1", "b:1: denied", "denied")))
    assert "not there" in text
    assert "denied" in text


@pytest.mark.parametrize("width", [ONE_LINE, 120])
def test_every_image_has_one_line_where_there_is_room(width: int) -> None:
    """Two storeys read as one value: a build step below what is expected."""
    text = render_check(samples.four_roles(), width=width)
    assert [line.split()[0] for line in text.splitlines()[2:6]] == [each.image for each in samples.four_roles().results]
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "CODE_BUG" not in render_check(samples.mixed(), width=width)


def test_advice_repeats_nothing_of_the_lines_above_it() -> None:
    assert "it came with" not in render_check(samples.mixed())
    assert "it came with" not in render_markdown(samples.mixed())
    assert render_check(samples.mixed()).count("uv sync --frozen --no-dev --extra ml") == 2
