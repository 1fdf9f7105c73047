"""What changed between two images, in words that the table and the Markdown share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inspector.policy.comparison import build_label, measures_of, signed
from inspector.report.difference import Changed, Difference, Package
from inspector.report.text import NOTHING, short
from inspector.sizes import show_size
from inspector.words import count, first_few

NOT_COMPARED = "not compared, since one side was not looked at"
_NAMED = 12
"""Packages in another layer that are named."""
_SIZES = ("size.uncompressed", "size.compressed", "torch.size", "torch.stack_size")
_OF_BUILD = ("torch.build", "torch.cuda", "torch.hip", "torch.xpu", "torch.accelerator", "torch.stack_size")
"""Fields that the line of torch's build has together."""


def fields_told(difference: Difference) -> Iterator[tuple[str, str, str, str]]:
    """Yield each field that differs, before and after in words, and how much it grew; torch's build in one line."""
    build = _build(difference)
    if build is not None:
        yield build
    for each in difference.changed:
        if build is None or each.field not in _OF_BUILD:
            growth = ""
            if each.field in _SIZES and each.before and each.after:
                growth = signed(int(each.after) - int(each.before))
            yield each.field, _shown(each, each.before), _shown(each, each.after), growth


def gpus_told(difference: Difference) -> str:
    """Return the line on GPUs that were gained and lost; empty where there are none."""
    changes = {"gained": difference.gpus_gained, "lost": difference.gpus_lost}
    told = "; ".join(f"{word} {', '.join(names)}" for word, names in changes.items() if names)
    return f"GPUs {told}" if told else ""


def _build(difference: Difference) -> tuple[str, str, str, str] | None:
    """Return the line of a build that changed, with how much torch grew with all that only it requires."""
    before, after = measures_of(difference.before), measures_of(difference.after)
    old, new = build_label(before), build_label(after)
    if old == new:
        return None
    sizes = (before.stack_size, after.stack_size)
    growth = signed(sizes[1] - sizes[0]) if sizes[0] is not None and sizes[1] is not None else ""
    return "torch.build", old, new, growth


def _shown(changed: Changed, value: str | None) -> str:
    if not value:
        return NOTHING
    if changed.field in _SIZES:
        return show_size(int(value))
    return short(value) if changed.field == "image_id" else value


def listed_packages(difference: Difference) -> list[Package]:
    """Return the packages that are told one by one, the largest change first: not those in another layer alone."""
    told = [each for each in difference.packages if each.change != "layer"]
    return sorted(told, key=lambda one: (-abs(one.growth or 0), one.name))


def moved_told(difference: Difference) -> str:
    """Return the line on packages of equal version and size in another layer; empty where there are none."""
    moved = [each.name for each in difference.packages if each.change == "layer"]
    return f"of equal version and size, in another layer: {first_few(moved, _NAMED)}" if moved else ""


def packages_tally(packages: Iterable[Package]) -> str:
    """Return `1 added, 2 in another version`."""
    words = {
        "added": "added",
        "removed": "removed",
        "version": "in another version",
        "size": "of another size",
        "layer": "in another layer",
    }
    found = [each.change for each in packages]
    return ", ".join(f"{found.count(change):,} {word}" for change, word in words.items() if change in found)


def versions_told(package: Package) -> str:
    """Return `1.2 → 1.3`, or the one version; what else differs where the version does not."""
    if package.change == "size":
        sizes = (show_size(package.size_before or 0), show_size(package.size_after or 0))
        return f"{package.after}, {sizes[0]} → {sizes[1]}"
    return " → ".join(version for version in (package.before, package.after) if version is not None)


def growth_told(package: Package) -> str:
    """Return `+731 MB`; a question mark where no size is known."""
    return "?" if package.growth is None else signed(package.growth)


def headline(difference: Difference) -> str:
    """Return in a few words how much differs."""
    if difference.equal:
        return "no difference"
    packages = [each for each in difference.packages if each.change != "layer"]
    told = [count(len(packages), "package")] if packages else []
    sizes = [side.size.uncompressed for side in (difference.before, difference.after)]
    if sizes[0] is not None and sizes[1] is not None and sizes[0] != sizes[1]:
        told.append(signed(sizes[1] - sizes[0]))
    build = _build(difference)
    return ", ".join(([f"{build[1]} → {build[2]}"] if build else []) + told) or "the same packages, build and size"
