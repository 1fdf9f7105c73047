"""The reference page of the Python API."""

from __future__ import annotations

import inspector
from inspector.api.keywords import Auditing, Checking, Inspecting, keywords_of
from inspector.api.page import FUNCTIONS, TYPES, render_page


def test_the_page_has_everything_that_is_public() -> None:
    shown = {each.__name__ for each in FUNCTIONS} | {each.__name__ for each in TYPES}
    assert shown | {"errors"} == set(inspector.__all__)


def test_the_page_has_every_keyword_and_every_example() -> None:
    page = render_page()
    for kind in (Inspecting, Checking, Auditing):
        assert [name for name in keywords_of(kind) if f"| `{name}` |" not in page] == []
    for each in FUNCTIONS:
        assert f"### `{each.__name__}(" in page
        assert page.count("```") % 2 == 0
    assert "- `PolicyError`: " in page
    assert "\nKeywords:" not in page


def test_every_line_of_a_table_has_its_columns() -> None:
    tables = [line.replace("\\|", "") for line in render_page().splitlines() if line.startswith("| ")]
    assert {line.count("|") for line in tables} == {3, 5}
