"""The verdicts on images as a page: what to act on first, then what each image holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inspector.policy.model import Report, Result
from inspector.report.html.findings import card, findings_section
from inspector.report.html.image import at_a_glance, sections
from inspector.report.html.markup import Markup, el, prose
from inspector.report.html.page import page
from inspector.report.html.parts import WORDS, badge, section, table
from inspector.report.text import (
    all_well,
    as_finding,
    expected_torch,
    headline,
    run_told,
    shown_results,
    size,
    tally,
    torch_build,
    torch_version,
)


def render_check(report: Report, *, only_failed: bool = False) -> str:
    """Return the page: of several images, an index first; `only_failed` leaves out those that pass."""
    results = shown_results(report, only_failed=only_failed)
    warnings = section("Notes on the run", 2, el("ul", [el("li", prose(each)) for each in report.warnings]))
    if len(results) == len(report.results) == 1:
        (result,) = results
        title = f"{result.image}: {WORDS[result.outcome]}"
        return page(title, _image(result, 1), warnings if report.warnings else None)
    outcomes = [result.outcome for result in report.results]
    lead = tally(outcomes) if len(set(outcomes)) > 1 else None
    index = [el("p", "Images against their roles", class_="kicker"), el("h1", headline(outcomes)), el("p", lead)]
    index.append(_index(results) if results else el("p", all_well(report)))
    ordered = list(enumerate(results, 1))
    body = [el("div", list(_image(result, 2)), id=f"image-{at}", class_="one") for at, result in ordered]
    title = f"inspector: {headline(outcomes)}"
    return page(title, el("section", index, class_="image"), warnings if report.warnings else None, body)


def _index(results: Sequence[Result]) -> Markup:
    titles = ("Image", "Verdict", "torch", "Build", "Expected", "Size")
    rows = (
        [
            [el("a", result.image, href=f"#image-{at}"), el("small", result.role or "in no role")],
            badge(result.outcome),
            torch_version(result.facts),
            torch_build(result.facts),
            expected_torch(result),
            size(result.facts.size.uncompressed) if result.facts else None,
        ]
        for at, result in enumerate(results, 1)
    )
    return table("Images", titles, rows, "index", Build="spare", Expected="spare", Size="num")


def _image(result: Result, level: int) -> Iterator[Markup]:
    """Yield the sections of one image, the first with its name."""
    facts = result.facts
    yield el(
        "section",
        el("p", _role(result), class_="kicker"),
        el("div", el(f"h{level}", result.image), badge(result.outcome), class_="top"),
        at_a_glance(facts) if facts else None,
        class_="image",
    )
    layers = len(facts.layers) if facts else None
    if result.findings:
        yield findings_section(result.findings, layers, level + 1)
    elif result.error:
        yield section("Findings", level + 1, card(as_finding(result.error), None, level + 2))
    if run_told(result):
        yield section("When it was run", level + 1, el("p", prose(run_told(result))))
    if facts:
        yield from sections(facts, level + 1)


def _role(result: Result) -> str:
    role = f"Checked as {result.role}" if result.role else "In no role"
    return f"{role}: {result.description}" if result.description else role
