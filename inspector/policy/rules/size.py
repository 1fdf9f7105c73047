"""Sizes against the role's limits, as a sign of what was shipped by accident."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from inspector.policy.findings import NOT_LOOKED, Case, Shown
from inspector.policy.model import Advice, Finding, Pointer
from inspector.policy.role import Limits
from inspector.policy.rule import Explanation, Rule
from inspector.policy.setting import Key, Setting, Written, attribute
from inspector.sizes import UNITS, parse_size, show_size

USUAL = Limits(warn=10**9, most=1_500_000_000)
"""Where an image without torch betrays machine-learning packages, if its role says nothing else."""
TOO_BIG = Advice(
    "CODE_BUG",
    "{dockerfile}: see what the biggest step brings; ML dependencies may be included by accident{origin}",
)


def _any_case(unit: str) -> str:
    """Return an expression for a unit in any case, which JSON Schema has no switch for."""
    return "".join(f"[{letter.lower()}{letter.upper()}]" for letter in unit)


def _stated(written: Written, what: str) -> Limits:
    place, keys = written.location, (f"warn-{what}", f"max-{what}")
    warn, most = (place.optional(key, parse_size, written[key]) for key in keys)
    if warn is not None and most is not None and warn > most:
        raise place.error(f"larger than 'max-{what}', so it would never warn", f"warn-{what}")
    return Limits(warn=warn, most=most)


def _size(written: Written) -> Limits:
    stated = _stated(written, "size")
    if written["torch"] != "absent":
        return stated
    most = USUAL.most if stated.most is None else stated.most
    if stated.warn is not None and most is not None and stated.warn > most:
        sentence = (
            f"past the {show_size(most)} at which torch = 'absent' fails unless 'max-size' is stated: state it too"
        )
        raise written.location.error(sentence, "warn-size")
    if stated.warn is not None or most is None or USUAL.warn is None:
        return Limits(warn=stated.warn, most=most)
    return Limits(warn=USUAL.warn if USUAL.warn < most else None, most=most)


SIZE_FORM = {"pattern": rf"^\s*[0-9]{{1,15}}(\.[0-9]{{1,6}})?[ _]?({'|'.join(map(_any_case, UNITS))}|[kKmMgGtT])\s*$"}


def _setting(
    what: str, counted: str, read: Callable[[Written], Limits], warn: tuple[str, str], most: tuple[str, str]
) -> Setting[Limits]:
    """Declare both limits of a size; `warn` and `most` are an example of each, and what leaving it out means."""
    keys = tuple(
        Key(
            f"{word}-{what}",
            str | None,
            f"a text such as '{example}'",
            about=f"The size above which {follows}: {counted}.",
            unset=unset,
            form=SIZE_FORM,
        )
        for word, follows, (example, unset) in (("warn", "there is a warning", warn), ("max", "the image fails", most))
    )
    return Setting(attribute(what), keys, read, Limits())


SIZE = _setting(
    "size",
    "all files in all layers, as `docker images` counts",
    _size,
    warn=("1 GB", f"{show_size(USUAL.warn or 0)} where `torch = 'absent'`; else no size is warned of."),
    most=("1.5 GB", f"{show_size(USUAL.most or 0)} where `torch = 'absent'`; else any size."),
)
COMPRESSED_SIZE = _setting(
    "compressed-size",
    "the layers as a registry stores them; not known where an engine or an archive has them unpacked",
    lambda written: _stated(written, "compressed-size"),
    warn=("400 MB", "No size is warned of."),
    most=("500 MB", "Any size."),
)


def check_size(case: Case) -> Iterator[Finding]:
    """Check the bytes of all files in all layers, as `docker images` counts them."""
    yield from _against(case, case.facts.size.uncompressed, case.role[SIZE])


def check_compressed_size(case: Case) -> Iterator[Finding]:
    """Check the bytes of the blobs as stored; not known where any layer is stored plain."""
    yield from _against(case, case.facts.size.compressed, case.role[COMPRESSED_SIZE])


def _against(case: Case, size: int | None, limits: Limits) -> Iterator[Finding]:
    if limits.warn is None and limits.most is None:
        return
    expected = _told(limits)
    if size is None:
        yield _not_known(case, expected)
        return
    shown = Shown(expected, show_size(size))
    if limits.most is not None and size > limits.most:
        message = f"{show_size(size)}, more than {show_size(limits.most)}"
        yield case.found("fail", TOO_BIG, message, shown, _biggest(case))
    elif limits.warn is not None and size > limits.warn:
        message = f"{show_size(size)}, more than the {show_size(limits.warn)} that raise a warning"
        yield case.found("warn", TOO_BIG, message, shown, _biggest(case))
    else:
        yield case.passed(show_size(size), shown)


def _not_known(case: Case, expected: str) -> Finding:
    if case.facts.evidence.partial:
        message = "the size was not looked at: the access method files reads no layers, and the engine does not tell it"
        return case.found("unknown", NOT_LOOKED, message, Shown(expected, "not looked at"))
    message = "the compressed size is not known: the source holds uncompressed layers"
    return case.unknown(message, Shown(expected, "not known"), "a registry's copy has it")


def _told(limits: Limits) -> str:
    most = "" if limits.most is None else f"at most {show_size(limits.most)}"
    warn = "" if limits.warn is None else f"warning above {show_size(limits.warn)}"
    return ", ".join(part for part in (most, warn) if part)


def _biggest(case: Case) -> Pointer:
    """Return the layer with the most bytes of files; none where their sizes are not known."""
    known = [(size, -at) for at, size in enumerate(layer.size for layer in case.facts.layers) if size is not None]
    if not known or len(known) < len(case.facts.layers):
        return Pointer()
    size, at = max(known)
    return case.at(-at, size=size)


EXPLAINED = Explanation(
    proves="All files in all layers together, as `docker images` counts them, stay below the role's limits.",
    unknown=(
        "Sizes were not looked at: the access method `files` reads no layers, and the engine did not state the size."
    ),
    mend=(
        "See the biggest layers with `inspector show IMAGE`; remove what came by accident, or raise `max-size`. A "
        "role with `torch = 'absent'` has a limit of 1.5 GB unless it states one."
    ),
)
COMPRESSED_EXPLAINED = Explanation(
    proves="The layers as they are stored and transferred, compressed, stay below the role's limits.",
    unknown="A layer is stored uncompressed, as in an archive of `docker save` or in an engine.",
    mend="Check the registry's copy, `docker://NAME`. To make it smaller, see `size`.",
)
RULE = Rule(  # it needs no layers: the engine states the size; where not, the check says so
    check="size", explanation=EXPLAINED, test=check_size, settings=(SIZE,)
)
COMPRESSED = Rule(
    check="compressed-size",
    explanation=COMPRESSED_EXPLAINED,
    test=check_compressed_size,
    settings=(COMPRESSED_SIZE,),
    facts="manifest",
    layers="the compressed size is that of the layers as stored",
)
