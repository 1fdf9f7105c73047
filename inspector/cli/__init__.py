"""The command line: each command parses, calls one function, renders, and says how it went by its exit code."""

from __future__ import annotations


def main() -> None:
    """The program `inspector`; ends the process. A polite kill is an exception, so that containers are removed."""
    import signal  # noqa: PLC0415 - for the program alone, not for who imports a command

    signal.signal(signal.SIGTERM, _terminated)
    try:
        from inspector.cli.root import cli  # noqa: PLC0415 - so that an interruption is quiet even while importing

        cli.main(prog_name="inspector")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _terminated(signal: int, _: object) -> None:
    raise SystemExit(128 + signal)
