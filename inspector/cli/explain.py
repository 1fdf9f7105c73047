"""`inspector explain`: what a check proves, when it is unknown, and how to mend it."""

from __future__ import annotations

from pathlib import Path

import click

from inspector.cli.command import Command
from inspector.cli.destinations import format_option, output_option


@click.command("explain", cls=Command, follows_file=False, short_help="Explain a check, or list all checks.")
@click.argument("checks", nargs=-1, metavar="[CHECK]...")
@format_option("explain")
@output_option
def command(checks: tuple[str, ...], *, form: str, output: Path | None) -> None:
    """Explain each CHECK: what a pass proves, when it is unknown, and how to mend a failure; without CHECK, list all.

    \b
      inspector explain
      inspector explain torch-build
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.output import emit, ensure_writable, rendered
    from inspector.errors import UsageError
    from inspector.policy.explained import explained  # brings all rules
    from inspector.policy.values import did_you_mean
    from inspector.report.explain import Explanations

    ensure_writable(output)
    known = explained()
    for name in checks:
        if name not in known:
            raise UsageError(f"no check {name[:100]!r}; {did_you_mean(name, known)}")
    found = Explanations(checks=tuple(known[name] for name in checks or known))
    emit(rendered("explain", found, form, output), output)
