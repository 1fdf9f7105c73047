"""Events for the standard `logging`, below the logger `inspector`; nothing is printed unless a program asks for it.

`logging` is not imported here: a program that listens has imported it, and one that doesn't starts faster.
An event never holds a credential, a token, or the query of a URL.
"""

from __future__ import annotations

import sys

_INFO, _DEBUG = 20, 10


def info(area: str, message: str, *values: object) -> None:
    """Tell what was chosen or read, to `inspector.AREA`; `message` takes `values` as `logging` does."""
    _send(_INFO, area, message, values)


def debug(area: str, message: str, *values: object) -> None:
    """Tell a detail, such as one request, as `info` does."""
    _send(_DEBUG, area, message, values)


def _send(level: int, area: str, message: str, values: tuple[object, ...]) -> None:
    logging = sys.modules.get("logging")
    if logging is None or not hasattr(logging, "getLogger"):  # it may just be on the way in, in another thread
        return
    top = logging.getLogger("inspector")
    if not top.handlers:
        top.addHandler(logging.NullHandler())
    logger = logging.getLogger(f"inspector.{area}")
    if logger.isEnabledFor(level):
        logger.log(level, message, *values, stacklevel=3)
