"""Events on standard error or in a file, for as long as a command runs."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inspector.errors import InspectorError, UsageError
from inspector.escape import escape

_EVENT = "%(levelname)s: %(name)s: %(message)s"


class _Escaped(logging.Formatter):
    """Formats an event as one line without anything that a terminal would act upon."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        return escape(super().format(record))


class _OnStandardError(logging.Handler):
    """Writes to whatever standard error is at the moment: a bar that is shown there moves down."""

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`; what can't be written is lost."""
        try:
            if sys.stderr is not None:
                sys.stderr.write(f"{self.format(record)}\n")
        except (OSError, ValueError):
            return


@contextmanager
def shown(verbose: int, file: Path | None, *, debug: bool = False) -> Iterator[None]:
    """Show events meanwhile: with `verbose` 1 what was chosen, with 2 or `debug` all; append all to `file`.

    With `debug`, also the tracebacks of errors that pass. Raises `UsageError` for a file that can't be written.
    """
    handlers: list[logging.Handler] = []
    if verbose or debug:
        told = _OnStandardError(logging.DEBUG if verbose > 1 or debug else logging.INFO)
        told.setFormatter(_Escaped(_EVENT))
        handlers.append(told)
    if file is not None:
        handlers.append(_opened(file))
    logger = logging.getLogger("inspector")
    before = logger.level
    logger.setLevel(min(each.level for each in handlers))
    for each in handlers:
        logger.addHandler(each)
    try:
        yield
    except (InspectorError, OSError):
        if debug and sys.stderr is not None:
            traceback.print_exc()
        raise
    finally:
        logger.setLevel(before)
        for each in handlers:
            logger.removeHandler(each)
            each.close()


def _opened(file: Path) -> logging.Handler:
    try:
        handler = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"--log {file}: can't be written: {error.strerror or error}") from error
    handler.setLevel(logging.DEBUG)
    handler.setFormatter(_Escaped(f"%(asctime)s {_EVENT}"))
    return handler
