"""Checks of what version.py states, and the metadata beside it."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.completeness import compare_with_record, record_of
from inspector.torchbuild.diagnostics import Diagnostic, Severity
from inspector.torchbuild.releases import is_valid, same_public
from inspector.torchbuild.version_file import BYTECODE


def check_version(torch: Candidate) -> Iterator[Diagnostic]:
    """Check that version.py is there, states a version, and that the metadata is of the same release.

    What it says of the build, even where it contradicts itself, does not decide whether the import works.
    """
    yield from (Diagnostic("note", text) for text in torch.contradictions)
    if isinstance(torch.version, str):
        fatal = torch.version.endswith(
            ("is missing", "is empty", "SyntaxError", "TypeError", "KeyError")
        )  # torch/__init__.py needs its version
        severity: Severity = "note" if torch.version == BYTECODE else "no" if fatal else "unknown"
        yield Diagnostic(severity, torch.version, asks=" it runs code " in torch.version)
        return
    for name in torch.version.computed:
        yield Diagnostic("unknown", f"its version.py computes {name}, and whether that works is not known")
    stated = torch.version.version
    if not stated:
        yield Diagnostic("no" if torch.version.unstated else "unknown", "its version.py states no version")
        return
    if not is_valid(stated):
        yield Diagnostic("note", f"its version.py states {stated!r}, which is no valid version")
    if torch.since(1, 8) and "hip" not in {*torch.version.fields, *torch.version.odd}:
        yield Diagnostic("unknown", "its version.py has no field hip, which torch reads")
    distribution = torch.distribution
    if distribution is not None and same_public(stated, distribution.version) is False:
        versions = f"version.py says {stated!r}, the metadata {distribution.version!r}"
        if _is_edited(torch):
            yield Diagnostic("note", f"version.py was edited: {versions}")
        else:
            yield Diagnostic("unknown", f"two releases are mixed: {versions}")
    rivals = [] if distribution is None else [one for one in distribution.rivals if one.version != distribution.version]
    if rivals:
        shown = ", ".join(repr(rival.version) for rival in rivals)
        yield Diagnostic("note", f"metadata of other versions lies beside it: {shown}")


def _is_edited(torch: Candidate) -> bool:
    """Test whether all sources but version.py are as the metadata lists them, so that no other release is mixed in."""
    record = record_of(torch.folders, torch.distribution) or b""
    listed = b"torch/version.py," in record and b"torch/__init__.py," in record
    return listed and not any(compare_with_record(torch, _is_other_source))


def _is_other_source(path: str) -> bool:
    return path.endswith(".py") and path != "torch/version.py"
