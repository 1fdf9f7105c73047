"""The facts of images as a page, without a verdict."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.facts import ImageFacts
from inspector.policy.match import shown_name
from inspector.report.document import ShowError
from inspector.report.html.image import at_a_glance, sections
from inspector.report.html.markup import Markup, el, prose
from inspector.report.html.page import page
from inspector.report.html.parts import section, table
from inspector.report.text import size, torch_build, torch_version
from inspector.words import count


def render_show(images: Iterable[ImageFacts], *, errors: tuple[ShowError, ...] = ()) -> str:
    """Return the page: one image, or an index and one below another."""
    found = list(images)
    if len(found) == 1 and not errors:
        name = shown_name(found[0].reference, found[0].tags)
        return page(f"{name}: what it holds", _head(found[0], 1), sections(found[0], 2))
    title = count(len(found), "image") + (f", {len(errors):,} not read" if errors else "")
    index = [el("h1", title), _index(found)] if found else [el("h1", title)]
    body = [
        el("div", _head(facts, 2), sections(facts, 3), id=f"image-{at}", class_="one")
        for at, facts in enumerate(found, 1)
    ]
    return page(f"inspector: {title}", el("section", index, class_="image"), errors_section(errors), body)


def _head(facts: ImageFacts, level: int) -> Markup:
    name = el(f"h{level}", shown_name(facts.reference, facts.tags))
    return el("section", el("p", "What the image holds", class_="kicker"), name, at_a_glance(facts), class_="image")


def _index(found: list[ImageFacts]) -> Markup:
    rows = (
        [
            el("a", shown_name(facts.reference, facts.tags), href=f"#image-{at}"),
            torch_version(facts),
            torch_build(facts),
            size(facts.size.uncompressed),
        ]
        for at, facts in enumerate(found, 1)
    )
    return table("Images", ("Image", "torch", "Build", "Size"), rows, "index", Size="num")


def errors_section(errors: tuple[ShowError, ...]) -> Markup | None:
    """Return why images could not be read; None where all were."""
    if not errors:
        return None
    told = [el("li", el("code", one.reference), ": ", prose(one.message)) for one in errors]
    return section("Not read", 2, el("ul", told))
