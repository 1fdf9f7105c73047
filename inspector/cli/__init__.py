"""The command line: each command parses, calls one function, renders, and says how it went by its exit code."""

from __future__ import annotations


def main() -> None:
    """Run the program `inspector`, and end the process; after a signal once containers and files are removed."""
    from inspector import work  # noqa: PLC0415 - for the program alone, not for who imports a command
    from inspector.cli import signals  # noqa: PLC0415 - as above

    try:
        signals.obey()
        from inspector.cli.root import cli  # noqa: PLC0415 - so that an interruption is quiet even while importing

        cli.main(prog_name="inspector")
    except (KeyboardInterrupt, work.Stopped):
        raise SystemExit(signals.exit_code()) from None
    finally:
        work.wait_for_cleanup()
