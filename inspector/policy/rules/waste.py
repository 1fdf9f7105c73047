"""Bytes that certainly need not be in the image, against the role's limits."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from inspector.facts.waste import CATEGORIES, Wasted
from inspector.facts.waste import Waste as Found
from inspector.policy.findings import NOT_LOOKED, Case, Shown
from inspector.policy.model import Advice, Finding, Outcome
from inspector.policy.rule import Explanation, Rule
from inspector.policy.rules.size import SIZE_FORM
from inspector.policy.setting import Written, text
from inspector.sizes import parse_size, show_size

FLOOR = 10_000_000
"""Bytes below which no share of an image counts: of a small image, a few are soon one."""
NAMED = 3
"""Kinds of waste that a message names, the biggest."""
_SHARE = r"\s*([0-9]{1,2}(?:\.[0-9]{1,3})?) ?%\s*"
_FORM = {"pattern": f"{SIZE_FORM['pattern']}|^\\s*[0-9]{{1,2}}(\\.[0-9]{{1,3}})? ?%\\s*$"}
_ADVICE = Advice("CODE_BUG", "{dockerfile}: {change}{origin}")


class Bound(msgspec.Struct, frozen=True):
    """A limit as written: bytes, or a share of the image in percent."""

    text: str
    bytes: int | None = None
    percent: float | None = None

    def of(self, whole: int) -> int:
        """Return the bytes that an image of `whole` bytes may waste."""
        if self.percent is None:
            return self.bytes or 0
        return max(int(whole * self.percent / 100), FLOOR)

    def __str__(self) -> str:
        return self.text


def parse_bound(text: str) -> Bound:
    """Read a size or a percentage. Raises `ValueError`.

    >>> parse_bound("10 %").of(2_000_000_000)
    200000000
    """
    share = re.fullmatch(_SHARE, text)
    return Bound(text.strip(), percent=float(share[1])) if share else Bound(text.strip(), bytes=parse_size(text))


def _below_the_other(written: Written, most: Bound | None) -> None:
    stated = written["warn-waste"]
    if most is None or stated is None:
        return
    try:
        warn = parse_bound(stated)
    except ValueError:
        return  # that key tells it
    if (warn.bytes is not None and most.bytes is not None and warn.bytes > most.bytes) or (
        warn.percent is not None and most.percent is not None and warn.percent > most.percent
    ):
        raise written.location.error("larger than 'max-waste', so it would never warn", "warn-waste")


_COUNTED = "what certainly helps nobody, such as files that a later layer deletes and caches of installers"
WARN = text(
    "warn-waste",
    parse_bound,
    "a text such as '100 MB' or '10 %'",
    about=f"The waste above which there is a warning, in bytes or as a share of the image: {_COUNTED}.",
    unset="No waste is warned of.",
    form=_FORM,
)
MOST = text(
    "max-waste",
    parse_bound,
    "a text such as '200 MB' or '20 %'",
    _below_the_other,
    about=f"The waste above which the image fails, in bytes or as a share of the image: {_COUNTED}.",
    unset="Any waste.",
    form=_FORM,
)


def check_waste(case: Case) -> Iterator[Finding]:
    """Check the bytes that certainly need not be in the image; what somebody may need doesn't count."""
    warn, most = case.role[WARN], case.role[MOST]
    if warn is None and most is None:
        return
    expected = ", ".join([*([f"at most {most}"] if most else []), *([f"warning above {warn}"] if warn else [])])
    found = case.facts.waste
    if not isinstance(found, Found):
        why = f": {found.unknown}" if found is not None else ""
        yield case.found("unknown", NOT_LOOKED, f"waste was not looked for{why}", Shown(expected, "not looked at"))
        return
    whole = case.facts.size.uncompressed or 0
    shown = Shown(expected, show_size(found.certain))
    if most is not None and found.certain > most.of(whole):
        yield _over(case, "fail", found, f"more than {most}", shown)
    elif warn is not None and found.certain > warn.of(whole):
        yield _over(case, "warn", found, f"more than the {warn} that raise a warning", shown)
    else:
        yield case.passed(f"{show_size(found.certain)} of waste", shown)


def _over(case: Case, outcome: Outcome, found: Found, limit: str, shown: Shown) -> Finding:
    certain = [each for each in found.items if each.certain]
    named = "; ".join(_told(each) for each in certain[:NAMED] if each.bytes * 100 >= found.certain)
    message = f"{show_size(found.certain)} of waste, {limit}: {named}"
    biggest = certain[0]
    path = biggest.places[0].path if biggest.places else None
    at = case.at(biggest.layer, path=path, size=biggest.bytes)
    return case.found(outcome, _ADVICE, message, shown, at, change=lambda _: biggest.change)


def _told(item: Wasted) -> str:
    """Return `192 MB deleted by a later layer (layer 4, by layer 5)`."""
    by = "" if item.removed_by is None else f", by layer {item.removed_by + 1}"
    return f"{show_size(item.bytes)} {CATEGORIES[item.category].title} (layer {item.layer + 1}{by})"


EXPLAINED = Explanation(
    proves="The bytes of the image that certainly help nobody stay below the role's limits.",
    unknown="Not every layer was read, or the image has more files than can be gone through.",
    mend=(
        "`inspector show --waste IMAGE` lists the waste, with the layer, the build step and what to change. Only what "
        "is certain counts: files that later layers delete or replace, caches of installers, torch's own tests. A "
        "share of the image counts from 10 MB on."
    ),
)
RULE = Rule(
    check="waste",
    explanation=EXPLAINED,
    test=check_waste,
    settings=(WARN, MOST),
    layers="where the bytes are, only the layers tell",
    sizes=True,
)
