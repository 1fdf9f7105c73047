"""The command line: each command parses, calls one function, renders, and says how it went by its exit code."""

from __future__ import annotations

import atexit
import gc
import os
import sys


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
    except SystemExit as end:
        _leave(end.code)
        raise


def _leave(code: object) -> None:
    """End the process as Python does, but leave its memory to the system: to free it piece by piece takes 40 ms.

    Return where Python's own end has more to do: to wait for a thread, or to tell of a stream that can't be written.
    """
    import threading  # `signals` brings it

    others = (each for each in threading.enumerate() if each is not threading.main_thread())
    if not isinstance(code, int) or not all(each.daemon for each in others):
        return
    atexit._run_exitfuncs()  # noqa: SLF001 - as `os._exit` doesn't
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return
    os._exit(code)
