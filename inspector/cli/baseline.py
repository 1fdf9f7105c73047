"""`inspector baseline`: what is known to be wrong now, so that checks fail on what gets worse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.command import Command
from inspector.cli.option import option
from inspector.cli.options import import_option, policy_option, reading, reading_options, today_option
from inspector.cli.over_time import against_option

if TYPE_CHECKING:
    from inspector.policy.model import Report
    from inspector.policy.tightening import Updated

FILE = "inspector-baseline.json"


@click.command("baseline", cls=Command, short_help="Write what is known to be wrong, which `check --baseline` allows.")
@click.argument("arguments", nargs=-1, metavar="[POLICY] [REF]...")
@policy_option
@option("--role", metavar="NAME", help="Check every image against this role, regardless of its name.")
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=FILE,
    show_default=True,
    metavar="FILE",
    help="The baseline, which is tightened where it is there; - is standard output.",
)
@option("--accept", default="", metavar="REASON", help="Take what is worse into the baseline, which keeps REASON.")
@import_option
@against_option
@today_option
@reading_options
def command(
    arguments: tuple[str, ...], *, policy: Path | None, output: Path, accept: str, quiet: bool, **given: Any
) -> int:
    """Write the findings of images, by their identity, and their sizes, build and Python: the baseline.

    `check --baseline FILE` then fails on what is new or worse. An existing baseline is only tightened: findings that
    were mended are removed, sizes shrink. What is worse is not added, and the exit code is 1, unless --accept says why.

    \b
      inspector baseline
      inspector baseline roles.toml worker.tar -o worker-baseline.json
      inspector baseline --accept 'pytest until the smoke test has its own image'
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.check import policy_named, split_policy
    from inspector.cli.output import emit, ensure_writable
    from inspector.pipeline import check  # all that reads images comes with it
    from inspector.policy.baselines import load_baseline
    from inspector.policy.tightening import updated
    from inspector.report.document import render_baseline

    accept = _reason(accept)
    file = None if str(output) == "-" else output
    ensure_writable(file)
    path, references = split_policy(arguments, policy)
    roles = policy_named(path)
    old = load_baseline(file) if file is not None and file.exists() else None
    with reading(quiet=quiet, baseline=old, **given) as (options, progress):
        report = check(references, roles, options, progress)
    unread = _complain_of_unread(report)
    if len(unread) == len(report.results):
        return 3
    found = updated(old, report.results, [role.name for role in roles.roles], accept)
    emit(render_baseline(found.baseline), file)
    _tell(found, report, file, is_new=old is None, quiet=quiet)
    return 1 if found.refused else 3 if unread else 0


def _reason(text: str) -> str:
    if not text:
        return text
    from inspector.policy.waivers import reason

    try:
        return reason(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--accept'") from None


def _complain_of_unread(report: Report) -> list[str]:
    """Complain of images that were not read, or are in no role; return their names."""
    from inspector.cli.output import complain

    unread = [each for each in report.results if each.facts is None or each.role is None]
    for each in unread:
        why = each.error.message if each.error else next((finding.message for finding in each.findings), "in no role")
        complain(f"{each.image}: not in the baseline: {why.removeprefix(f'{each.image}: ')}")
    return [each.image for each in unread]


def _tell(found: Updated, report: Report, file: Path | None, *, is_new: bool, quiet: bool) -> None:
    """Say what became of the baseline."""
    from inspector.cli.output import complain, say
    from inspector.words import count

    for refused in found.refused:
        finding = refused.finding
        complain(f"{refused.image}: {finding.check}: {finding.message}: not taken; mend it, or state why with --accept")
    if quiet:
        return
    for each in found.removed:
        say(f"removed: {' '.join(filter(None, (each.check, each.subject)))} of {each.image} in {each.role}")
    known = sum(len(own) for own in found.baseline.findings.values())
    unknown = sum(each.outcome == "unknown" for result in report.results for each in result.findings)
    told = [
        f"{file or 'standard output'}: {count(known, 'known finding')} of {count(len(found.baseline.images), 'image')}"
    ]
    told += [f"{len(found.added):,} added"] if found.added and not is_new else []
    told += [f"{len(found.removed):,} removed"] if found.removed else []
    told += [f"{count(unknown, 'unknown finding')} left out, which no baseline lets pass"] if unknown else []
    say("; ".join(told))
