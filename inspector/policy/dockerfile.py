"""The lines of a Dockerfile that made an image's layers, found by what `history[].created_by` says of them."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from msgspec.structs import replace

from inspector.policy.model import Finding
from inspector.policy.steps import LOOKED_AT, readable

MAX_FILE = 1 << 20
"""Bytes of a Dockerfile; a larger one is something else."""
MAX_FOLDERS = 8
"""Folders that may hold it: the policy's own and those above it, up to the root of the repository."""

_ESCAPE = re.compile(r"#\s*escape\s*=\s*`\s*", re.IGNORECASE)
_COMMENT = re.compile(r"\s*#")
_HERE = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_FLAGS = re.compile(r"(?:--[a-z-]+(?:=\S+)? )+")
_EXEC = re.compile(r'\[(?: ?"[^"\\]*" ?,?)+ ?\]')


def with_lines(findings: Sequence[Finding], dockerfile: str | None, folder: str | None) -> tuple[Finding, ...]:
    """Give each finding that did not pass the line of its build step, where the file can be read and has the step."""
    at_fault = any(each.outcome != "pass" and each.evidence.created_by for each in findings)
    path = _path(dockerfile, folder) if at_fault and dockerfile and folder is not None else None
    if path is None:
        return tuple(findings)
    lines = _steps_of(*path)
    return tuple(each if each.outcome == "pass" else _with_line(each, lines) for each in findings)


def find_line(text: str, created_by: str) -> int | None:
    """Find the line of a Dockerfile's text that begins the step; the last where several read the same."""
    return _find(tuple(_steps(text)), created_by)


def _with_line(finding: Finding, steps: tuple[tuple[int, str], ...]) -> Finding:
    step = finding.evidence.created_by
    line = _find(steps, step) if step else None
    return finding if line is None else replace(finding, evidence=replace(finding.evidence, line=line))


def _find(steps: tuple[tuple[int, str], ...], created_by: str) -> int | None:
    wanted = readable(created_by, LOOKED_AT)
    cut = len(created_by) > LOOKED_AT  # where `readable` has only the beginning
    fits = [at for at, step in steps if wanted and (step.startswith(wanted.rstrip("…")) if cut else step == wanted)]
    return fits[-1] if fits else None


def _path(dockerfile: str, folder: str) -> tuple[Path, int, int] | None:
    """Find the file beside the policy or above it; with what tells that it changed. A pipe or a device is none."""
    start = Path(folder).absolute()
    for above in [start, *start.parents][:MAX_FOLDERS]:
        path = above / dockerfile
        try:
            found = path.stat()
        except (OSError, ValueError):
            found = None
        if found is not None and stat.S_ISREG(found.st_mode) and found.st_size <= MAX_FILE:
            return path, found.st_mtime_ns, found.st_size
        if (above / ".git").exists():
            break
    return None


@lru_cache(64)
def _steps_of(path: Path, _changed: int, _size: int) -> tuple[tuple[int, str], ...]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE)
    except OSError:
        return ()
    return tuple(_steps(content.decode("utf-8-sig", "replace")))


def _steps(text: str) -> Iterator[tuple[int, str]]:
    """Each instruction in the form of `readable`, with the line that it begins on."""
    lines = text.splitlines()
    escape = "`" if lines and _ESCAPE.fullmatch(lines[0]) else "\\"
    at = 0
    while at < len(lines):
        begun, parts = at, [lines[at]]
        at += 1
        if not parts[0].strip() or _COMMENT.match(parts[0]):
            continue
        while parts[-1].rstrip().endswith(escape):
            parts[-1] = parts[-1].rstrip().removesuffix(escape)
            while at < len(lines) and (not lines[at].strip() or _COMMENT.match(lines[at])):
                at += 1
            if at == len(lines):
                break
            parts.append(lines[at])
            at += 1
        instruction = "".join(parts)
        here = _HERE.search(instruction)
        if here:
            end = next((one for one in range(at, len(lines)) if lines[one].strip() == here[2]), len(lines))
            body = "\n".join(lines[at:end])
            at = end + 1
            instruction = instruction.replace(here[0], body) if instruction.split()[0].upper() == "RUN" else instruction
        yield begun + 1, _normal(instruction)


def _normal(instruction: str) -> str:
    word, _, rest = " ".join(instruction.split()).partition(" ")
    rest = _FLAGS.sub("", rest, count=1) if rest.startswith("--") else rest
    if _EXEC.fullmatch(rest) and word.upper() == "RUN":
        rest = " ".join(re.findall(r'"([^"]*)"', rest))
    return f"{word.upper()} {rest}"
