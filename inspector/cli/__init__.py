"""The command line: each command parses, calls one function, renders, and says how it went by its exit code."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def main() -> None:
    """Run the program `inspector`, and end the process; a signal ends it once containers and files are removed."""
    gc.set_threshold(200_000, 20, 20)  # more than an image leaves: what is made lives as long as the program
    try:
        from inspector.cli import signals  # for the program alone, not for who imports a command

        signals.obey()
        if "_INSPECTOR_COMPLETE" in os.environ:  # a shell asks, for a person who presses a key
            from inspector.cli.completion import answer

            answer()
        from inspector.cli.libraries import import_click

        import_click()
        from inspector.cli.root import cli  # so that an interruption is quiet even while importing

        cli.main(prog_name="inspector")
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except SystemExit as ended:
        _leave(ended)


def _leave(ended: SystemExit) -> NoReturn:
    """End the process at once: taking apart an image's indexes and 500 modules takes 30 ms in which nothing is done.

    Python's own end comes where a stream fails, which it reports, and where a profiler or debugger waits for it; but
    never where threads are left behind, since it may crash what they do in C.
    """
    from inspector import work

    left = work.interrupted_by() is not None or work.threads_left()
    if left or (_flushed() and not _watched()):
        os._exit(ended.code if isinstance(ended.code, int) else 0)
    raise ended


def _watched() -> bool:
    """Tell whether a profiler or debugger looks on; those of Python 3.12 and later tell `sys.monitoring` alone."""
    monitoring = getattr(sys, "monitoring", None)
    tools = [] if monitoring is None else [monitoring.get_tool(each) for each in range(6)]  # as many as there can be
    return bool(sys.getprofile() or sys.gettrace() or any(tools))


def _flushed() -> bool:
    """Flush both streams; False where one refuses."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # it was closed when the program began
                stream.flush()
    except (OSError, ValueError):
        return False
    return True
