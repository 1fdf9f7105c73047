"""What a container's words end in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from inspector.python.environment import Environment
from inspector.python.overlay import Laid
from inspector.python.shell.state import Run


class End(msgspec.Struct, frozen=True, kw_only=True):
    """What runs in the end, where it was found and what it finds; `why` for `unknown` and `nothing`.

    `fails` is set where it ends in failure before any Python, `certain` or not. `doubts` say what may have changed the
    environment in ways that can't be told, `changes` what was changed before of the files that a Python sees; `laid`
    are the files that surely were, if any of them matters.
    """

    kind: Literal["python", "program", "unknown", "nothing"]
    argv: tuple[str, ...]
    environment: Environment
    path: str | None = None
    why: str = ""
    doubts: tuple[str, ...] = ()
    fails: str = ""
    certain: bool = True
    changes: tuple[str, ...] = ()
    laid: Laid = msgspec.field(default_factory=dict)


def failed(run: Run) -> End:
    """Return the end of a shell that fails."""
    environment = run.environment
    return End(
        kind="nothing", argv=(), environment=environment, doubts=run.doubts, fails=run.fails, certain=run.certain
    )


def unknown(
    words: Sequence[str], environment: Environment, why: str, *, path: str | None = None, doubts: tuple[str, ...] = ()
) -> End:
    """Return the end of words that can't be followed to what runs."""
    return End(
        kind="unknown",
        argv=tuple(words),
        environment=environment,
        path=path,
        why=why,
        doubts=doubts,
        laid=environment.laid,
    )
