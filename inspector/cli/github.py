"""The summary of a GitHub job, which stands beside the annotations of `--format github`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from inspector.cli.output import complain
from inspector.report.formats import Command
from inspector.report.github import MAX_SUMMARY, summary

VARIABLE = "GITHUB_STEP_SUMMARY"
_LEAST = 10_000
"""Bytes that must be left for a summary to say anything."""


def append_summary(command: Command, report: Any) -> None:
    """Append a command's report to the summary of the step, in Markdown, within what GitHub takes of all there."""
    name = os.environ.get(VARIABLE)
    if not name:
        return
    file = Path(name)
    try:
        there = file.stat().st_size if file.exists() else 0
        with file.open("a", encoding="utf-8") as summary_file:
            if MAX_SUMMARY - there >= _LEAST:
                summary_file.write(summary(command, report, MAX_SUMMARY - there))
    except OSError as error:  # the verdict stands all the same
        complain(f"{VARIABLE}={name}: can't be written: {error.strerror or error}", "warning")
