"""`inspector fleet`: images against GPU hosts, and the profile of a host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from inspector.cli.command import Command
from inspector.cli.destinations import Destination, emit_reports, output_option, report_options
from inspector.cli.option import option
from inspector.cli.options import policy_option, reading, reading_options

if TYPE_CHECKING:
    from inspector.gpu.hosts import Host
    from inspector.policy.role import Fleet

NAME = "gpu"
"""What a fleet is called, unless told otherwise."""
MODES, FLAGS = ("legacy", "cdi", "csv"), ("gpus", "runtime", "device", "none")
"""The words of `inspector.gpu.hosts`, which brings msgspec."""


@click.group(
    "fleet", short_help="Show on which GPU hosts images would work; describe a host.", invoke_without_command=True
)
@click.pass_context
def command(context: click.Context) -> None:
    """Predict on which GPU hosts images would work, and describe such a host for the policy.

    A role that names a fleet is checked against it by `inspector check`.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


@command.command("matrix", cls=Command, short_help="Show images against the hosts of fleets.")
@click.argument("arguments", nargs=-1, metavar="[POLICY] REF...")
@policy_option
@option("--fleet", "names", multiple=True, metavar="NAME", help="Only this fleet; may be repeated.")
@report_options("fleet")
@reading_options
def matrix(
    arguments: tuple[str, ...],
    *,
    policy: Path | None,
    names: tuple[str, ...],
    reports: Sequence[Destination],
    quiet: bool,
    **given: Any,
) -> int:
    """Show what each image would do on each host of the policy's fleets: works, fails or unknown, and why.

    POLICY is a .toml file with tables [fleets.NAME], which need no roles; without one, inspector.toml or the
    [tool.inspector] of pyproject.toml is taken from this directory or the nearest above it. This is no verdict:
    the exit code is 0 whenever all images could be read.

    \b
      inspector fleet matrix api:prod worker:gpu
      inspector fleet matrix gpu-hosts.toml worker-gpu.tar
      inspector fleet matrix --format html -o fleet.html worker:gpu
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.check import split_policy
    from inspector.cli.show import complain_of_failures, errors_of
    from inspector.errors import UsageError
    from inspector.pipeline import survey  # all that reads images comes with it
    from inspector.report.fleet import matrix as against

    path, references = split_policy(arguments, policy)
    if not references:
        raise UsageError("no image: name one, as in `inspector fleet matrix worker.tar`")
    fleets = _fleets(path, names)
    with reading(quiet=quiet, guess_registry=True, **given) as (options, progress):
        seen = survey(references, options, progress)
    facts = [each.facts for each in seen if each.facts is not None]
    emit_reports("fleet", against(facts, fleets, errors_of(seen)), reports)
    return complain_of_failures(seen)


def _fleets(path: Path | None, names: Sequence[str]) -> list[Fleet]:
    """Load the fleets of the file that is named, else of the nearest policy; those of these names, if any are given."""
    from inspector.errors import PolicyError, UsageError
    from inspector.policy.fleets import load_fleets
    from inspector.policy.load import find_nearest
    from inspector.policy.values import did_you_mean

    path = path or find_nearest(Path.cwd())
    if path is None:
        raise PolicyError("no policy: name a .toml file with tables [fleets.NAME] before the images")
    found = load_fleets(path)
    for name in names:
        if name not in found:
            raise UsageError(f"--fleet {name}: {path} has no such fleet; {did_you_mean(name, found)}")
    return [found[name] for name in dict.fromkeys(names or found)]


@command.command("profile", cls=Command, follows_file=False, short_help="Describe a GPU host, for the policy.")
@option(
    "--from",
    "source",
    type=click.File("rb"),
    metavar="FILE",
    help="What nvidia-smi printed elsewhere; - is standard input.",
)
@option("--name", metavar="NAME", help="What to call the host; default: its own name, or that of FILE.")
@option("--fleet", default=NAME, show_default=True, metavar="NAME", help="The fleet that the host is part of.")
@option("--injection", type=click.Choice(MODES), help="How containers get GPUs; default: what follows of the rest.")
@option("--flag", type=click.Choice(FLAGS), help="How containers ask for GPUs; default: not stated.")
@option("--kubernetes", is_flag=True, help="A device plugin of Kubernetes gives the GPUs.")
@output_option
def profile(source: BinaryIO | None, *, fleet: str, output: Path | None, **stated: Any) -> None:
    """Describe this GPU host, or another by what nvidia-smi printed there: driver, GPUs, container toolkit, Docker.

    The output is a table for the policy, or for a file that a fleet names by `file`; several hosts follow one another.
    Nothing is run but nvidia-smi; Docker is asked for its version.

    \b
      inspector fleet profile >> inspector.toml
      nvidia-smi --query-gpu=name,compute_cap,driver_version --format=csv > smi.csv    # on the host
      inspector fleet profile --from smi.csv --name edge
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.output import complain, emit
    from inspector.cli.profiling import profiled, read_again
    from inspector.gpu.profile import as_toml

    host: Host = profiled(source, **stated)
    text = as_toml(host, fleet)
    for fault in read_again(text):
        complain(fault, "warning")
    emit(text, output)
