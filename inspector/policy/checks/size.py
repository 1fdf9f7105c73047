"""Sizes against the role's limits, as a sign of what was shipped by accident."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.policy.findings import Case, Shown
from inspector.policy.model import Finding, Pointer
from inspector.policy.role import Limits
from inspector.sizes import show_size


def check_size(case: Case) -> Iterator[Finding]:
    """All files in all layers, in bytes, as `docker images` counts them."""
    yield from _against(case, "size", case.facts.size.uncompressed, case.role.size)


def check_compressed_size(case: Case) -> Iterator[Finding]:
    """The blobs as stored, in bytes; not known where any layer is stored plain."""
    yield from _against(case, "compressed-size", case.facts.size.compressed, case.role.compressed_size)


def _against(case: Case, check: str, size: int | None, limits: Limits) -> Iterator[Finding]:
    if limits.warn is None and limits.most is None:
        return
    expected = _told(limits)
    if size is None:
        yield _not_known(case, check, expected)
        return
    shown = Shown(expected, show_size(size))
    if limits.most is not None and size > limits.most:
        message = f"{show_size(size)}, more than {show_size(limits.most)}"
        yield case.found(check, "fail", "too-big", message, shown, _biggest(case))
    elif limits.warn is not None and size > limits.warn:
        message = f"{show_size(size)}, more than the {show_size(limits.warn)} that raise a warning"
        yield case.found(check, "warn", "too-big", message, shown, _biggest(case))
    else:
        yield case.passed(check, show_size(size), shown)


def _not_known(case: Case, check: str, expected: str) -> Finding:
    if case.facts.evidence.partial:
        message = "the size was not looked at: the archive lane reads no layers, and the engine does not tell it"
        return case.found(check, "unknown", "not-looked", message, Shown(expected, "not looked at"))
    message = "the compressed size is not known: the source holds uncompressed layers"
    return case.unknown(check, message, Shown(expected, "not known"), "a registry's copy has it")


def _told(limits: Limits) -> str:
    most = "" if limits.most is None else f"at most {show_size(limits.most)}"
    warn = "" if limits.warn is None else f"warning above {show_size(limits.warn)}"
    return ", ".join(part for part in (most, warn) if part)


def _biggest(case: Case) -> Pointer:
    """The layer with the most bytes of files; none where their sizes are not known."""
    known = [(size, -at) for at, size in enumerate(layer.size for layer in case.facts.layers) if size is not None]
    if not known or len(known) < len(case.facts.layers):
        return Pointer()
    size, at = max(known)
    return case.at(-at, size=size)
