"""The lines of a Dockerfile that made an image's layers, found by what `history[].created_by` says of them."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from msgspec.structs import replace

from inspector.policy.instructions import Instruction, instructions_of, of_json, without_flags
from inspector.policy.model import Finding
from inspector.policy.steps import LOOKED_AT, readable

MAX_FILE = 1 << 20
"""Bytes of a Dockerfile; a larger one is something else."""
MAX_FOLDERS = 8
"""Folders that may hold it: the policy's own and those above it, up to the root of the repository."""

_COPIED = r"(COPY|ADD) .*?(?:file|dir|multi):[0-9a-f]{12}\S* in (\S+)"
_BEFORE = r"(?:RUN )?(?:\|[0-9]+ .*)?"
_VARIABLE = r"\$(?:\{[^}]*\}|\w+)"
_MANY = 1000
"""Instructions that are compared one by one; exact texts are looked up, however many there are."""


class Steps:
    """The build steps that the instructions of one Dockerfile become."""

    def __init__(self, instructions: Iterable[Instruction]) -> None:
        self._lines: dict[str, set[int]] = {}
        self._all = list(instructions)
        for each in self._all:
            for text in each.texts:
                self._lines.setdefault(f"{each.word} {text}", set()).add(each.line)
        shells = (each.texts[0] for each in self._all if each.word == "SHELL")
        self._before = {"", "RUN ", *(f"{prefix}{shell} " for shell in shells for prefix in ("", "RUN "))}

    def line(self, created_by: str | None) -> int | None:
        """Return the line of the instruction that a step was made of; None where none is it, or several may be."""
        if not created_by:
            return None
        word, _, rest = readable(created_by, LOOKED_AT).partition(" ")
        step = f"{word} {of_json(without_flags(rest))}"
        if len(created_by) > LOOKED_AT:
            begun = step.rstrip("…")  # `readable` has only the beginning
            return _only({line for text, lines in self._lines.items() if text.startswith(begun) for line in lines})
        if step in self._lines:
            return _only(self._lines[step])
        return self._run(created_by) or self._copied(created_by) or self._with_variables(step)

    def _run(self, created_by: str) -> int | None:
        """Find what ran through a shell that the file names, or without one: the longest text that the step ends in."""
        whole = " ".join(created_by.split()).removesuffix("# buildkit").rstrip()
        found: dict[int, set[int]] = {}
        for each in self._of("RUN"):
            for text in each.texts:
                before = whole[: len(whole) - len(text)]
                fits = bool(text) and whole.endswith(text)
                if fits and (before in self._before or (before[-1:] == " " and re.fullmatch(_BEFORE, before))):
                    found.setdefault(len(text), set()).add(each.line)
        return _only(found[max(found)]) if found else None

    def _copied(self, created_by: str) -> int | None:
        """Find what the legacy builder and buildah wrote as the content's digest and the destination alone."""
        found = re.search(_COPIED, " ".join(created_by.split()))
        if found is None:
            return None
        told = [(each.line, each.texts[0].rpartition(" ")[2]) for each in self._of(found[1])]
        exact = {line for line, destination in told if destination == found[2]}
        return _only(exact or {line for line, wanted in told if "$" in wanted and _may_be(wanted, found[2])})

    def _with_variables(self, step: str) -> int | None:
        """Find what a builder wrote with the values of its variables, which it doesn't in `RUN`."""
        word, _, rest = step.partition(" ")
        if word == "RUN":
            return None
        return _only(
            {each.line for each in self._of(word) for text in each.texts if "$" in text and _may_be(text, rest)}
        )

    def _of(self, word: str) -> Iterator[Instruction]:
        return (each for each in self._all[:_MANY] if each.word == word)


def _only(lines: set[int]) -> int | None:
    return next(iter(lines)) if len(lines) == 1 else None


def _may_be(text: str, value: str) -> bool:
    """Tell whether `value` is the text with something in place of its variables."""
    first, *parts = re.split(_VARIABLE, text)
    if not value.startswith(first):
        return False
    at = len(first)
    for part in parts[:-1]:
        at = value.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return not parts or (len(value) - len(parts[-1]) >= at and value.endswith(parts[-1]))


def with_lines(findings: Sequence[Finding], dockerfile: str, folder: str | None) -> tuple[Finding, ...]:
    """Give each finding that did not pass the line of its build step, where the file can be read and has the step."""
    at_fault = any(each.outcome != "pass" and each.evidence.created_by for each in findings)
    path = found_in(dockerfile, folder) if at_fault and folder is not None else None
    if path is None:
        return tuple(findings)
    steps = _read(path, path.stat().st_mtime_ns, path.stat().st_size)
    return tuple(_with_line(each, steps) for each in findings)


def _with_line(finding: Finding, steps: Steps) -> Finding:
    line = None if finding.outcome == "pass" else steps.line(finding.evidence.created_by)
    return finding if line is None else replace(finding, evidence=replace(finding.evidence, line=line))


def found_in(dockerfile: str, folder: str) -> Path | None:
    """Find the file beside the policy or above it. Pipes and devices are ignored."""
    start = Path(folder).absolute()
    for above in [start, *start.parents][:MAX_FOLDERS]:
        path = above / dockerfile
        with suppress(OSError, ValueError):
            found = path.stat()
            if stat.S_ISREG(found.st_mode) and found.st_size <= MAX_FILE:
                return path
        with suppress(OSError):
            if (above / ".git").exists():
                break
    return None


def text_of(path: Path) -> str:
    """Return the text of a Dockerfile; empty where it can't be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE).decode("utf-8-sig", "replace")
    except OSError:
        return ""


@lru_cache(64)
def _read(path: Path, _changed: int, _size: int) -> Steps:
    return Steps(instructions_of(text_of(path)))
