"""What the table tells of images that pass."""

from __future__ import annotations

from inspector.report.table import render_check
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
