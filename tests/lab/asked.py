"""The program as its user runs it, asked about the images of one of the lab's engines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.cli.program import start
from tests.lab.others import ALL, Other

_HIDE = 'for folder in $HIDDEN; do mount -t tmpfs none "$folder" || exit; done; exec "$@"'
_HIDING = ("unshare", "--mount", "sh", "-c", _HIDE, "sh")


class Said(NamedTuple):
    """How one run ended: exit code, the document on standard output, standard error."""

    code: int
    document: dict[str, Any]
    errors: str

    @property
    def facts(self) -> list[dict[str, Any]]:
        """The facts of each image, in the order asked."""
        if "images" in self.document:
            return list(self.document["images"])
        return [result["facts"] for result in self.document["results"]]


def ask(
    engine: Other, command: str, *words: str | Path, hidden: bool = False, more: Mapping[str, str] | None = None
) -> Said:
    """A command's JSON, with `engine` the only one there, and `more` in the environment.

    `hidden` runs it where no engine's own folders are seen, as most users can't: they are told of the socket alone.
    """
    environment = {**engine.environment, **(more or {})}
    if hidden:
        environment["HIDDEN"] = " ".join(other.root for other in ALL.values() if other.answers)
    done = start(command, "--format", "json", *words, before=_HIDING if hidden else (), environment=environment)
    document = json.loads(done.stdout) if done.stdout else {}
    return Said(done.returncode, document, done.stderr.decode())
