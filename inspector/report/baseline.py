"""A baseline as its file has it: JSON with one entry a line, sorted, so that changes of it are read and merged."""

from __future__ import annotations

from inspector.policy.baselines import SCHEMA, Baseline
from inspector.report.document import encode_line


def render_baseline(baseline: Baseline) -> str:
    """Return the file's text."""
    entries = ",\n".join(encode_line(each).rstrip("\n") for each in baseline.entries())
    return (
        f'{{"schema":"{SCHEMA}","images":[\n{entries}\n]}}\n' if entries else f'{{"schema":"{SCHEMA}","images":[]}}\n'
    )
