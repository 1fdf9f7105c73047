"""What results can do: plain objects, flat rows, a short text, a table for notebooks."""

from __future__ import annotations

import csv
import io
import json

import pytest
from msgspec.structs import replace

import inspector
from inspector.report.difference import difference
from inspector.report.document import encode
from inspector.unknown import Importable, Unknown
from inspector.values import MAX_ROWS, Row
from tests.report.samples import CASES

EVIL = "<script>alert(1)</script>\x1b[2J\u202e&\"'"
REPORTS = [make() for make in CASES.values()]
FACTS = [result.facts for report in REPORTS for result in report.results if result.facts is not None]


def is_flat(rows: list[Row]) -> bool:
    return all(isinstance(value, str | int | float | None) for row in rows for value in row.values())


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_as_plain_objects_is_its_document(report: inspector.Report) -> None:
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()
    assert encode(report.to_dict()) == encode(report)


@pytest.mark.parametrize("report", REPORTS)
def test_rows_of_a_report_are_flat_and_leave_no_image_out(report: inspector.Report) -> None:
    for rows in (report.records(), report.records("images")):
        assert is_flat(rows)
        assert {row["image"] for row in rows} == {result.image for result in report.results}
    fields = dict.fromkeys(key for row in report.records("images") for key in row)
    csv.DictWriter(io.StringIO(), list(fields)).writerows(report.records("images"))


@pytest.mark.parametrize("facts", FACTS)
def test_rows_of_an_image_are_flat(facts: inspector.ImageFacts) -> None:
    assert is_flat([facts.summary(), *facts.records("layers")])
    if isinstance(facts.distributions, Unknown):
        with pytest.raises(inspector.InspectorError, match="not known"):
            facts.records()
    else:
        assert is_flat(facts.records())
        assert len(facts.records()) == len(facts.distributions)


def test_rows_of_something_else_are_refused() -> None:
    with pytest.raises(ValueError, match="'packages' or 'layers'"):
        FACTS[0].records("files")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'findings' or 'images'"):
        REPORTS[0].records("layers")  # type: ignore[arg-type]


def test_rows_of_a_difference_have_everything_that_differs() -> None:
    for one in FACTS:
        for other in FACTS:
            found = difference(one, other)
            assert is_flat(found.records())
            assert bool(found.records()) is not found.equal


def test_a_repr_is_short_and_has_one_line() -> None:
    shown = [*FACTS, *REPORTS, difference(FACTS[0], FACTS[-1]), *(one for each in REPORTS for one in each.results)]
    for each in shown:
        assert len(repr(each)) < 400
        assert repr(each).isprintable()


def test_a_notebook_shows_nothing_that_an_image_chose_as_markup() -> None:
    facts = replace(FACTS[0], reference=EVIL)
    report = REPORTS[0]
    results = tuple(replace(result, image=EVIL, facts=facts) for result in report.results)
    for shown in (facts, replace(report, results=results), *results, difference(facts, facts)):
        page = shown._repr_html_()
        assert "<script" not in page
        assert "&lt;script&gt;" in page
        assert page.isprintable()


def test_a_table_of_a_notebook_is_bounded() -> None:
    report = REPORTS[0]
    many = replace(report, results=report.results[:1] * (MAX_ROWS + 5))
    assert many._repr_html_().count("<tr>") == MAX_ROWS + 1
    assert "and 5 more" in many._repr_html_()


@pytest.mark.parametrize("answer", list(Importable))
def test_importable_refuses_to_be_a_truth_value(answer: Importable) -> None:
    torch = inspector.Torch(installed=False, importable=answer.value)  # type: ignore[arg-type]
    assert torch.importable is answer
    assert torch.importable == answer.value
    assert json.dumps(torch.to_dict()["importable"]) == f'"{answer.value}"'
    with pytest.raises(TypeError, match=f"importable is '{answer.value}', .*importable == 'yes'"):
        bool(torch.importable)
