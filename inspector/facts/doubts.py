"""What an entrypoint that can't be followed does to the answer: a doubt in both directions, where it may matter."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

import msgspec

from inspector.python.model import Interpreter
from inspector.python.question import Question
from inspector.rootfs import Kind, Rootfs, resolve, walk
from inspector.torchbuild.model import Torch, TorchElsewhere
from inspector.unknown import Importable, Unknown

_ACTIONS = ("default", "always", "all", "ignore", "module", "once", "error")
_HARMLESS = frozenset({"BytesWarning", "ResourceWarning"})
"""Warnings that fail no import: those of the option -b, and those of destructors, whose errors are passed over."""
_PROGRAM = r"(?:python|pypy)[23]?(?:\.\d{1,2}t?)?"


def with_doubts(
    fs: Rootfs,
    question: Question,
    interpreter: Interpreter | Unknown,
    torch: Torch,
    elsewhere: Sequence[TorchElsewhere] | Unknown,
) -> Torch:
    """Return the torch with what the entrypoint may change about it.

    It can't matter where the image has no torch at all, or one torch and one Python.
    """
    hazards = question.may_fail
    if makes_errors(question.config.env.get("PYTHONWARNINGS", "")):
        hazards = (*hazards, "PYTHONWARNINGS makes errors of warnings, which are known at run time alone")
    if hazards and torch.importable == "yes":
        reasons = (*torch.reasons, *hazards)
        torch = msgspec.structs.replace(torch, importable=Importable.UNKNOWN, reasons=reasons)
    if not question.doubts:
        return torch
    others = None if isinstance(elsewhere, Unknown) else [other for other in elsewhere if _is_package(other)]
    if not torch.installed:
        if torch.importable == "unknown" or others == []:
            return torch
        return _doubted(torch, question)
    alone = others == [] and torch.importable == "yes" and isinstance(interpreter, Interpreter)
    if alone and len(environments(fs)) == 1:
        return torch
    builds = {torch.build, *(other.build for other in others or ())}
    certain = others is not None and len(builds) == 1
    return _doubted(torch if certain else msgspec.structs.replace(torch, build="unknown"), question)


def makes_errors(warnings: str) -> bool:
    """Tell whether a PYTHONWARNINGS makes errors of warnings; the last of its filters that fits a warning counts."""
    for each in reversed([part for part in warnings.split(",") if part]):
        action, *parts = (part.strip() for part in each.split(":"))
        named = next((name for name in _ACTIONS if name.startswith(action or "default")), "")
        if not named or len(parts) > 4:
            continue  # Python passes it over
        category = parts[1] if len(parts) > 1 else ""
        if named == "error" and category not in _HARMLESS:
            return True
        if named != "error" and not any(parts):
            return False
    return False


def _doubted(torch: Torch, question: Question) -> Torch:
    reasons = tuple(dict.fromkeys([*torch.reasons, *question.doubts]))
    return msgspec.structs.replace(torch, importable=Importable.UNKNOWN, reasons=reasons)


def _is_package(other: TorchElsewhere) -> bool:
    """Tell whether some Python could import it: it is a package, not a wheel or what is left of one."""
    return posixpath.basename(other.path) == "torch"


def environments(fs: Rootfs) -> set[str]:
    """Give the prefixes of all Pythons in the image: of programs in folders named `bin`, links among them followed."""
    found = set()
    for folder, nodes in walk(fs):
        if not folder.endswith("/bin"):
            continue
        for name, node in nodes.items():
            if re.fullmatch(_PROGRAM, name) and node.kind in (Kind.FILE, Kind.SYMLINK):
                venv = fs.lstat(f"{posixpath.dirname(folder)}/pyvenv.cfg") is not None
                reached = None if venv else resolve(fs, f"{folder}/{name}")
                found.add(posixpath.dirname(posixpath.dirname(reached or f"{folder}/{name}")))
    return found
