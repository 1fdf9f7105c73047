"""The lines of a Dockerfile that made an image's layers, found by what `history[].created_by` says of them."""

from __future__ import annotations

import re
import stat
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec.structs import replace

from inspector.policy.model import Finding
from inspector.policy.steps import LOOKED_AT, readable

MAX_FILE = 1 << 20
"""Bytes of a Dockerfile; a larger one is something else."""
MAX_FOLDERS = 8
"""Folders that may hold it: the policy's own and those above it, up to the root of the repository."""

_ESCAPE = re.compile(r"#\s*escape\s*=\s*`\s*", re.IGNORECASE)
_COMMENT = re.compile(r"\s*#")
_HERE = re.compile(r"(?<!<)<<-?(['\"]?)([A-Za-z_]\w*)\1")
_FLAGS = re.compile(r"(?:--[a-z-]+(?:=\S+)? )+")


def with_lines(findings: Sequence[Finding], dockerfile: str | None, folder: str | None) -> tuple[Finding, ...]:
    """Give each finding that did not pass the line of its build step, where the file can be read and has the step."""
    at_fault = any(each.outcome != "pass" and each.evidence.created_by for each in findings)
    path = _path(dockerfile, folder) if at_fault and dockerfile and folder is not None else None
    if path is None:
        return tuple(findings)
    lines = _read(*path)
    return tuple(_with_line(each, lines) for each in findings)


def find_line(lines: Mapping[str, int], created_by: str | None) -> int | None:
    """Find the line of a build step among those that `lines_of` gives."""
    wanted = readable(created_by, LOOKED_AT)
    if len(created_by or "") <= LOOKED_AT:
        return lines.get(wanted)
    begun = wanted.rstrip("…")  # `readable` has only the beginning
    return next((line for step, line in lines.items() if step.startswith(begun)), None)


def _with_line(finding: Finding, lines: Mapping[str, int]) -> Finding:
    line = None if finding.outcome == "pass" else find_line(lines, finding.evidence.created_by)
    return finding if line is None else replace(finding, evidence=replace(finding.evidence, line=line))


def _path(dockerfile: str, folder: str) -> tuple[Path, int, int] | None:
    """Find the file beside the policy or above it; with what tells that it changed. A pipe or a device is none."""
    start = Path(folder).absolute()
    for above in [start, *start.parents][:MAX_FOLDERS]:
        path = above / dockerfile
        with suppress(OSError, ValueError):
            found = path.stat()
            if stat.S_ISREG(found.st_mode) and found.st_size <= MAX_FILE:
                return path, found.st_mtime_ns, found.st_size
        with suppress(OSError):
            if (above / ".git").exists():
                break
    return None


@lru_cache(64)
def _read(path: Path, _changed: int, _size: int) -> Mapping[str, int]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE)
    except OSError:
        return {}
    return lines_of(content.decode("utf-8-sig", "replace"))


def lines_of(text: str) -> dict[str, int]:
    """List the lines on which instructions begin, the last of several that read the same, by the form of `readable`."""
    lines = text.splitlines()
    escape = "`" if lines and _ESCAPE.fullmatch(lines[0]) else "\\"
    places: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        places.setdefault(line.strip(), []).append(at)
    found: dict[str, int] = {}
    at = 0
    while at < len(lines):
        begun = at
        instruction, at = _joined(lines, at, escape)
        here = _HERE.search(instruction)
        ends = places.get(here[2], []) if here else []
        after = bisect_left(ends, at)
        if here and after < len(ends):
            body, at = "\n".join(lines[at : ends[after]]), ends[after] + 1
            instruction = (
                instruction.replace(here[0], body, 1) if instruction.upper().startswith("RUN") else instruction
            )
        if instruction:
            found[_normal(instruction)] = begun + 1
    return found


def _joined(lines: Sequence[str], at: int, escape: str) -> tuple[str, int]:
    """Return the instruction that begins there, its further lines joined, without comments.

    And where the next may begin.
    """
    parts: list[str] = []
    while at < len(lines):
        line = lines[at].rstrip()
        at += 1
        if not line.strip() or _COMMENT.match(line):
            if parts:
                continue  # within an instruction both are passed over
            return "", at
        parts.append(line.removesuffix(escape))
        if not line.endswith(escape):
            break
    return "".join(parts).strip(), at


def _normal(instruction: str) -> str:
    word, _, rest = " ".join(instruction.split()).partition(" ")
    rest = _FLAGS.sub("", rest, count=1) if rest.startswith("--") else rest
    if word.upper() == "RUN" and rest.startswith("["):
        with suppress(msgspec.MsgspecError, RecursionError):
            rest = " ".join(msgspec.json.decode(rest, type=list[str]))
    return f"{word.upper()} {rest}"
