"""The command line: each command parses, calls one function, renders, and says how it went by its exit code."""

from __future__ import annotations

import gc
import os


def main() -> None:
    """Run the program `inspector`, and end the process; a signal ends it once containers and files are removed."""
    try:
        from inspector.cli import signals  # for the program alone, not for who imports a command

        signals.obey()
        if "_INSPECTOR_COMPLETE" in os.environ:  # a shell asks, for a person who presses a key
            from inspector.cli.completion import answer

            answer()
        from inspector.cli.libraries import import_click

        import_click()
        gc.set_threshold(50_000, 20, 20)  # what is made lives as long as the program: looking for cycles takes 2 %
        from inspector.cli.root import cli  # so that an interruption is quiet even while importing

        cli.main(prog_name="inspector")
    except KeyboardInterrupt:
        raise SystemExit(130) from None
