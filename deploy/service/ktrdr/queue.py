"""Jobs as files in one folder, which the API and the workers share; a job is claimed by renaming its file."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(os.environ.get("KTRDR_QUEUE", "/var/lib/ktrdr"))
STATES = ("done", "taken", "waiting")
"""A job's file is named `ID.STATE`."""


class Job(NamedTuple):
    """What a worker is to do."""

    id: str
    values: list[float]


class Queue:
    """The jobs in `folder`, which must exist."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    def put(self, values: Sequence[float]) -> str:
        """Add a job; its id."""
        job = uuid.uuid4().hex
        self._write(job, "waiting", list(values))
        return job

    def claim(self) -> Job | None:
        """A job that no other worker has, the oldest first; None if none waits."""
        for path in sorted(self._folder.glob("*.waiting"), key=lambda path: path.stat().st_mtime_ns):
            taken = path.with_suffix(".taken")
            try:
                path.rename(taken)
            except FileNotFoundError:
                continue  # another worker was quicker
            return Job(path.stem, json.loads(taken.read_text()))
        return None

    def finish(self, job: str, result: dict[str, Any]) -> None:
        """Store what came of a job."""
        self._write(job, "done", result)
        self._path(job, "taken").unlink(missing_ok=True)

    def state(self, job: str) -> str | None:
        """One of `STATES`, or None for a job that was never put."""
        return next((state for state in STATES if self._path(job, state).exists()), None)

    def result(self, job: str) -> Any:
        """What came of a job that is done."""
        return json.loads(self._path(job, "done").read_text())

    def _path(self, job: str, state: str) -> Path:
        return self._folder / f"{job}.{state}"

    def _write(self, job: str, state: str, content: Any) -> None:
        part = self._path(job, "part")
        part.write_text(json.dumps(content))
        part.rename(self._path(job, state))
