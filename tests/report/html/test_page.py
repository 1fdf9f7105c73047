"""The pages: whole for every report, small, still against hostile names, and legible in both schemes."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from inspector.facts import ImageFacts, Size
from inspector.facts.account import account
from inspector.facts.sizes import Sizes, SizeTree
from inspector.facts.waste import CATEGORIES, Place, Waste, Wasted
from inspector.layers.merge import merge
from inspector.policy.audited import Left
from inspector.policy.model import Report
from inspector.python.installed import Installed
from inspector.python.record import Owned
from inspector.report.document import ShowError
from inspector.report.fleet import matrix
from inspector.report.formats import Command, View, render
from inspector.report.html.maps import COLORS, LETTERS
from inspector.report.html.page import css
from inspector.rootfs import walk
from inspector.unknown import Unknown
from tests.effort import examples
from tests.factories import NO_TORCH, distribution, layers
from tests.report import samples
from tests.report.fleets import FLEET
from tests.report.html.reading import read
from tests.report.test_all_formats import ANY
from tests.report.test_audit import audit_of, audited
from tests.support import index_of

SITE = "usr/lib/python3.11/site-packages"


def sized(facts: ImageFacts, name: str = "torch") -> ImageFacts:
    """The image with a tree and waste in which things go by this name."""
    file = SizeTree(name=name, kind="file", size=600, files=1)
    rest = SizeTree(name="", kind="rest", size=100, files=9)
    folder = SizeTree(name=name, kind="folder", size=700, files=10, children=(file, rest))
    package = SizeTree(name=name, kind="package", size=700, files=10, children=(folder,))
    gone = SizeTree(name="removed later", kind="gone", size=300, files=1, children=(file,))
    layer = SizeTree(name="layer 1", kind="layer", size=1000, files=11, children=(package, gone))
    tree = SizeTree(name="", kind="image", size=1000, files=11, children=(layer,))
    items = tuple(
        Wasted(
            category=category,
            certain=told.certain,
            bytes=10**6,
            files=3,
            layer=0,
            created_by=name,
            removed_by=at % 2 or None,
            places=(Place(f"/{name}", 600), Place("/x", 1)),
            change=told.change,
        )
        for at, (category, told) in enumerate(CATEGORIES.items())
    )
    waste = Waste(certain=10**7, possible=10**7, items=items)
    return replace(facts, sizes=Sizes(image=tree, packages=(package,)), waste=waste)


def with_sizes(report: Report, name: str = "torch") -> Report:
    """The report with sizes of each image."""
    results = tuple(replace(each, facts=sized(each.facts, name) if each.facts else None) for each in report.results)
    return replace(report, results=results)


def page(command: Command, subject: Any, **shown: Any) -> str:
    return render(command, subject, "html", View(**shown))


PAGES: dict[str, Callable[[Report], str]] = {
    "check": lambda report: page("check", report),
    "failed": lambda report: page("check", report, only_failed=True),
    "one": lambda report: page("check", replace(report, results=report.results[:1])),
    "show": lambda report: page("show", samples.facts_of(report)),
    "errors": lambda _: page("show", [], errors=(ShowError(reference="a", kind="b", message="c"),)),
    "fleet": lambda report: page("fleet", matrix(samples.facts_of(report), [FLEET])),
    "audit": lambda report: page("audit", audit_of(audited(report), Left(why="x", tags=3))),
}


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("case", samples.CASES)
def test_every_report_makes_a_sound_page(case: str, kind: str) -> None:
    for report in (samples.CASES[case](), with_sizes(samples.CASES[case]())):
        read(PAGES[kind](report))


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</style><script>alert(1)</script>",
    "</title><svg onload=alert(1)>",
    "<!--",
    "]]>",
    "&lt;script&gt;",
    "`<b>`",
    "\u202egpj.exe",
    "{{7*7}}",
)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", PAGES)
def test_no_name_becomes_markup(kind: str, name: str) -> None:
    made = PAGES[kind](with_sizes(samples.hostile(name), name))
    read(made)
    assert not re.search(r"<script|<img|href=.javascript", made, re.IGNORECASE)
    assert made.replace("\n", "").isprintable()


@examples(25)
@given(name=ANY)
def test_any_name_is_shown_and_nothing_more(name: str) -> None:
    for render_page in PAGES.values():
        read(render_page(with_sizes(samples.hostile(name), name)))


def test_the_policy_allows_the_one_style_and_nothing_else() -> None:
    found = read(page("check", samples.mixed()))
    digest = base64.b64encode(hashlib.sha256(found.style.encode()).digest()).decode()
    first, second = found.all("meta")[:2]
    assert first == {"charset": "utf-8"}
    assert second["http-equiv"] == "Content-Security-Policy"
    assert second["content"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert len(found.all("style")) == 1
    assert "url(" not in found.style
    assert "@import" not in found.style


def test_an_index_leads_to_each_image() -> None:
    found = read(page("check", samples.mixed()))
    assert [link["href"] for link in found.all("a")] == ["#image-1", "#image-2", "#image-3", "#image-4"]
    assert found.words.count("1 of 4 images fails") == 2  # in the title too


def test_findings_come_worst_first_with_what_to_do() -> None:
    words = read(page("check", samples.mixed())).words
    assert words.index("is installed") < words.index("that raise a warning")
    assert words.count("What to do: ") >= 3


def test_sizes_that_were_not_looked_at_say_why() -> None:
    why = Unknown("only single files were looked at")
    facts = replace(samples.facts("api"), sizes=why, waste=why)
    words = read(page("show", [facts])).words
    assert "Not looked at: only single files were looked at" in words
    assert "Not looked for: only single files were looked at" in words


def test_the_map_names_what_it_shows() -> None:
    found = read(page("show", [sized(samples.facts("api"))]))
    maps = [svg["aria-label"] for svg in found.all("svg") if svg.get("role") == "img"]
    assert len(maps) == 4  # of the image and of its package, each wide and narrow
    assert "layer 1" in found.words
    assert "removed later: 300 B, 1 file" in found.words


@pytest.fixture(scope="module")
def crowded() -> ImageFacts:
    """An image of 2,000 packages with 40,000 files, all of them owned."""
    tree = {
        f"{SITE}/package_{n:04}/part{f // 7}/module_number_{f:02}.py": b"x" * (1 + n // 50)
        for n in range(2000)
        for f in range(20)
    }
    index = index_of(tree)
    fs = merge([index])
    owners = [
        Installed(
            name=f"package-{n:04}",
            version="1.0",
            path=f"/{SITE}/package_{n:04}-1.0.dist-info",
            site=f"/{SITE}",
            layer=0,
            owned=Owned(
                {
                    node.inode: node.size
                    for _, nodes in walk(fs, f"/{SITE}/package_{n:04}")
                    for node in nodes.values()
                    if node.size
                }
            ),
        )
        for n in range(2000)
    ]
    sizes, waste = account(fs, [index], ["RUN uv sync"], owners, NO_TORCH)
    packages = tuple(distribution(one.name, one.version, one.owned.size if one.owned else 0, 0) for one in owners)
    shown = Size(index.size, None)
    return replace(
        samples.facts("crowded"),
        sizes=sizes,
        waste=waste,
        distributions=packages,
        size=shown,
        layers=layers([(index.size, "RUN uv sync")]),
    )


def test_a_crowded_image_makes_a_small_page(crowded: ImageFacts) -> None:
    made = page("show", [crowded])
    assert len(made.encode()) < 500_000
    found = read(made)
    assert "package-1999" in found.words
    assert len(found.all("tr")) > 2000


def test_a_long_name_makes_no_large_page() -> None:
    name = "x" * 5000
    made = page("show", [sized(samples.facts("api"), name)])
    assert len(made.encode()) < 60_000


def _palettes() -> dict[str, dict[str, str]]:
    light, dark, printed = re.findall(r":root \{(.*?)\}", css(), re.DOTALL)
    colors = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in (light, dark, printed)]
    return dict(zip(("light", "dark", "print"), colors, strict=True))


def _contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


TEXT_ON = [
    *(("ink", ground) for ground in ("bg", "card", "code", "fail-bg", "warn-bg", "unknown-bg", "pass-bg")),
    *(("muted", ground) for ground in ("bg", "card", "code", "fail-bg", "warn-bg", "unknown-bg", "pass-bg")),
    *((outcome, f"{outcome}-bg") for outcome in ("fail", "warn", "unknown", "pass")),
    ("accent", "card"),
    *(("ink", letter + frame) for letter in LETTERS.values() for frame in ("", "f") if letter + frame != "lf"),
]


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_every_text_stands_out_from_its_ground(scheme: str) -> None:
    palette = _palettes()[scheme]
    weak = {pair: _contrast(palette[pair[0]], palette[pair[1]]) for pair in TEXT_ON}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


def test_boxes_without_the_style_have_its_light_colours() -> None:
    palette = _palettes()["light"]
    for kind, (frame, leaf) in COLORS.items():
        letter = LETTERS[kind]
        assert leaf == palette[letter]
        assert frame == palette.get(f"{letter}f", palette[letter])


def test_what_was_let_pass_is_told_apart_from_what_fails() -> None:
    excused = replace(samples.torch_in_api(), outcome="waived")
    report = samples.report(samples.result("api", "api", samples.facts("api"), samples.EVIDENCE))
    (result,) = report.results
    words = read(page("check", replace(report, results=(replace(result, findings=(excused,)),)))).words
    assert "1 finding let pass" in words
    assert "What to do" not in words
