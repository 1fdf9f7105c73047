"""The faults of a policy file for people: each with its line, which is marked."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.cli.output import complain, say
from inspector.errors import Fault, PolicyError, location_of
from inspector.escape import escape

MAX_SOURCE = 100
"""Characters of a line that are shown."""


def complain_of_faults(error: PolicyError) -> None:
    """Complain of each fault, with its line below it."""
    if not error.faults:
        complain(str(error))
    for fault in error.faults:
        complain(f"{location_of(error.origin, fault)}: {fault.message}")
        for line in marked(fault):
            say(line)


def marked(fault: Fault) -> Iterator[str]:
    """Yield the source line, and a line that marks what is at fault; nothing where the place is not known."""
    if fault.line is None or fault.column is None:
        return
    column = fault.column - 1
    begin = max(0, column - MAX_SOURCE // 2) if len(fault.source) > MAX_SOURCE else 0
    end = begin + MAX_SOURCE
    before, at_fault = (
        escape(text.replace("\t", " "))
        for text in (fault.source[begin:column], fault.source[column : min(end, column + fault.width)])
    )
    after = escape(fault.source[column + fault.width : end].replace("\t", " "))
    edge = " " * len(str(fault.line))
    yield f"{edge} |"
    yield f"{fault.line} | {before}{at_fault}{after}".rstrip()
    yield f"{edge} | {' ' * len(before)}{'^' * max(1, len(at_fault))}"
