"""The command line: each command parses, calls one function, renders, and says how it went by its exit code."""

from __future__ import annotations


def main() -> None:
    """The program `inspector`; ends the process."""
    try:
        from inspector.cli.root import cli  # noqa: PLC0415 - so that an interruption is quiet even while importing

        cli.main(prog_name="inspector")
    except KeyboardInterrupt:
        raise SystemExit(130) from None
