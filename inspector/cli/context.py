"""The context of a run that reports are made with: the time, the checkout, and the lines of its files."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inspector import __version__
from inspector.cli.option import CATEGORY
from inspector.errors import Fault, UsageError
from inspector.policy.dockerfile import found_in, text_of
from inspector.policy.instructions import Instruction, instructions_of
from inspector.policy.positions import placed
from inspector.report.context import Context, DockerfileLines, Span

if TYPE_CHECKING:
    from inspector.policy.role import Policy

MAX_ABOVE = 32
"""Folders above the policy's in which the root of the checkout is looked for."""
MAX_POLICY = 1 << 20
"""Bytes of a policy whose lines are looked up."""
LONGEST = 10_000
"""The last column of a line that is stated."""


def now(environment: Mapping[str, str] = os.environ) -> dt.datetime:
    """Return the time in UTC; SOURCE_DATE_EPOCH sets it, for reports that are the same twice. Raises `UsageError`."""
    stated = environment.get("SOURCE_DATE_EPOCH")
    if not stated:
        return dt.datetime.now(dt.UTC)
    try:
        return dt.datetime.fromtimestamp(int(stated), dt.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"SOURCE_DATE_EPOCH={stated[:40]!r}: not a number of seconds since 1970") from error


def context_of(policy: Policy | None) -> Context:
    """Make the context for reports on images that were checked against the policy, if any was."""
    file = Path(policy.origin) if policy is not None else None
    content = _content(file) if file is not None else None
    command = click.get_current_context(silent=True)
    category = command.meta.get(CATEGORY) if command else None
    selected = bool(command and (command.params.get("select") or command.params.get("ignore")))
    if policy is None or file is None or content is None:
        return Context(now=now(), version=__version__, category=category, selected=selected)
    root = root_of(file.resolve().parent)
    path = within(file, root)
    return Context(
        now=now(),
        version=__version__,
        policy=path,
        policy_digest=hashlib.sha256(content).hexdigest(),
        roles=_roles(policy, content.decode("utf-8", "replace"), path) if path else {},
        dockerfiles=_dockerfiles(policy, root),
        category=category,
        selected=selected,
    )


def root_of(folder: Path) -> Path:
    """Return the root of the checkout that the folder lies in; without one, the working directory."""
    for above in [folder, *folder.parents][:MAX_ABOVE]:
        with suppress(OSError):
            if (above / ".git").exists():
                return above
    return Path.cwd().resolve()


def within(file: Path, root: Path) -> str | None:
    """Return the path of a file from the root, links followed; None for one that lies outside."""
    with suppress(OSError, ValueError):
        return file.resolve().relative_to(root).as_posix()
    return None


def _content(file: Path) -> bytes | None:
    with suppress(OSError, ValueError):
        if file.is_file() and file.stat().st_size <= MAX_POLICY:
            return file.read_bytes()
    return None


def _roles(policy: Policy, text: str, path: str) -> dict[str, Span]:
    """Find the line of each role; of one that lies in no table of its own, the line where it begins."""
    is_json = text.lstrip().startswith("{")
    prefix = ("tool", "inspector") if Path(path).name == "pyproject.toml" else ()
    found: dict[str, Span] = {}
    keys = {
        role.name: ("images", at) if is_json else (*prefix, "roles", role.name) for at, role in enumerate(policy.roles)
    }
    for fault in placed(text, [Fault(name, key, on_key=True) for name, key in keys.items()], is_json=is_json):
        if fault.line:
            found[fault.message] = Span(path, fault.line, fault.line, min(len(fault.source), LONGEST) + 1)
    return found


def _dockerfiles(policy: Policy, root: Path) -> dict[str, DockerfileLines]:
    found: dict[str, DockerfileLines] = {}
    for role in policy.roles:
        if not role.dockerfile or role.folder is None or role.dockerfile in found:
            continue
        file = found_in(role.dockerfile, role.folder)
        path = within(file, root) if file else None
        if file is not None and path is not None:
            found[role.dockerfile] = _lines(path, instructions_of(text_of(file)))
    return found


def _lines(path: str, instructions: list[Instruction]) -> DockerfileLines:
    spans = {each.line: Span(path, each.line, each.end_line, min(each.end_column, LONGEST)) for each in instructions}
    bases = [each for each in instructions if each.word == "FROM"]
    return DockerfileLines(path=path, instructions=spans, last_from=spans[bases[-1].line] if bases else None)
