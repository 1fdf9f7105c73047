"""Build steps as their Dockerfile has them, from what builders write into `history[].created_by`."""

from __future__ import annotations

import re

SHOWN = 160
"""Characters of a step that messages show; a here-document may be as long as the config allows."""

_NOP = "#(nop)"
_ARGUMENTS = r"\|[0-9]+ "
_SHELL = r"/(?:usr/)?bin/(?:ba|da|a|z|k)?sh (?:-[A-Za-z]+ |pipefail )*?-[A-Za-z]*c "
_CONTENT = r"\b(file|dir|multi):([0-9a-f]{12})[0-9a-f]{52}\b"
LOOKED_AT = 4096
"""Characters of a step that are made readable, before it is cut."""


def readable(created_by: str | None, limit: int = SHOWN) -> str:
    """Return one line as in the Dockerfile, `RUN` and `COPY` and so on, at most `limit` characters; empty if not told.

    Knows the legacy builder's `/bin/sh -c #(nop)`, BuildKit's `# buildkit`, and drops the values of
    build arguments (`|1 TOKEN=… /bin/sh -c`), which may be secrets.
    """
    text = " ".join((created_by or "")[:LOOKED_AT].split())
    text = text.removesuffix("# buildkit").rstrip()
    return shorten(re.sub(_CONTENT, r"\1:\2…", _instruction(text)), limit)


def shorten(text: str, limit: int) -> str:
    """Return `text`, cut with an ellipsis where it is longer than `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _instruction(text: str) -> str:
    body = text.removeprefix("RUN ")
    shell = re.search(_SHELL, body)
    if shell is None or not (shell.start() == 0 or body.startswith("|")):
        return "RUN …" if re.match(_ARGUMENTS, body) else text  # where values end can't be told
    command = body[shell.end() :].lstrip()
    return command.removeprefix(_NOP).lstrip() if command.startswith(_NOP) else f"RUN {command}"
