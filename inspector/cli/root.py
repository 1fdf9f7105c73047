"""The program: its commands, each imported when it is asked for, and what becomes of errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import click

from inspector import __version__, work
from inspector.cli import signals
from inspector.cli.option import Helped, Plain
from inspector.cli.output import complain
from inspector.errors import InspectorError, PolicyError

DISTRIBUTION = "torch-image-inspector"
"""The name on the package index; see pyproject.toml."""
UNSURE = InspectorError.exit_code
COMMANDS = (
    "check",
    "audit",
    "show",
    "diff",
    "runtime",
    "init",
    "baseline",
    "fleet",
    "explain",
    "doctor",
    "schema",
    "cache",
    "completion",
    "help",
    "version",
)
"""In the order of the help; each is the `command` of the module of its name."""
IMPLIED = "show"
"""The command where only images are named."""


class Program(Helped, click.Group):
    """A group that imports a command when it is asked for, and turns every end into the right exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """See `click.Group`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """See `click.Group`."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"inspector.cli.{cmd_name}").command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command`; an option of `show` before an image is taken for one behind `show`."""
        if not args or not self._is_of_show(ctx, args[0]):
            return super().parse_args(ctx, args)
        named = next((word for word in args if word in COMMANDS), None)
        if named is not None:
            raise click.UsageError(f"{args[0]!r} comes behind the command: 'inspector {named} {args[0]}'", ctx)
        return super().parse_args(ctx, [IMPLIED, *args])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See `click.Group`; what is no command is an image to show, unless it is one misspelt."""
        if args[0] in COMMANDS:
            return super().resolve_command(ctx, args)
        from inspector.cli.bare import refuse_misspelt

        refuse_misspelt(ctx, args[0], COMMANDS)
        return super().resolve_command(ctx, [IMPLIED, *args])

    def _is_of_show(self, ctx: click.Context, word: str) -> bool:
        if len(word) < 2 or not word.startswith("-"):
            return False
        show = self.get_command(ctx, IMPLIED)
        assert show is not None
        name = word.partition("=")[0] if word.startswith("--") else word[:2]
        own, of_show = ({opt for each in command.get_params(ctx) for opt in each.opts} for command in (self, show))
        return name in of_show - own

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """See `click.Group`; standing alone, it ends the process as the project's exit codes have it."""
        run = partial(super().main, *args, **extra, standalone_mode=False)
        if not standalone_mode:
            return run()
        try:
            code = _guarded(run)
        finally:
            work.wait_for_cleanup()  # by threads that were left behind, and end with the program
        sys.exit(code if work.interrupted_by() is None else signals.exit_code())


def _guarded(run: Callable[[], Any]) -> int:
    """Return the exit code of `run`, its errors told in one sentence. A fault of ours is never a failed check."""
    try:
        return int(run() or 0)
    except (click.exceptions.Abort, work.Stopped):
        return signals.exit_code()
    except click.ClickException as error:
        complain(_sentence(error))
        return error.exit_code
    except InspectorError as error:
        _complain_of(error)
        return error.exit_code
    except OSError as error:
        complain(str(error))
        return UNSURE
    except Exception as error:  # noqa: BLE001 - else Python's own exit code would say that a check failed
        import traceback  # what it brings takes 2 ms

        if sys.stderr is not None:  # print_exc would take standard output in its place
            traceback.print_exc()
        complain(f"this is a fault of inspector, not of the image: {type(error).__name__}: {error}")
        return UNSURE


def _complain_of(error: InspectorError) -> None:
    if not isinstance(error, PolicyError):
        complain(str(error))
        return
    from inspector.cli.faults import complain_of_faults

    complain_of_faults(error)


def _sentence(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split()).rstrip(".").replace(". (Did", " (did").replace(". Did", "; did")
    message = message[:1].lower() + message[1:]
    context = getattr(error, "ctx", None)
    joint = "" if message.endswith("?") else ";"
    return f"{message}{joint} see '{context.command_path} --help'" if context else message


def _tell_version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - click's
    """Print distribution, version, Python and platform; by hand, as the library's ways cost more than the rest."""
    if not asked or context.resilient_parsing:
        return
    python = f"{sys.implementation.name} {'.'.join(map(str, sys.version_info[:3]))}"
    machine = os.uname().machine if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", "")
    click.echo(f"{DISTRIBUTION} {__version__}, {python}, {sys.platform} {machine}".rstrip())
    context.exit()


@click.group(
    "inspector",
    cls=Program,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]... | IMAGE...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
    epilog="Exit codes: 0 all pass, 1 a check failed, 2 wrong usage, 3 could not tell and nothing failed.",
)
@click.option(
    "-V",
    "--version",
    cls=Plain,
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_tell_version,
    help="Show the version.",
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Report which PyTorch build a container image would import, and check it against a policy.

    `inspector IMAGE...` is `inspector show IMAGE...`. Images are read, never run, but for `runtime`. REF is
    one of:

    \b
      api:prod                    docker:NAME   podman:NAME     an engine's image
      api.tar                     what `docker save`, `podman save` or skopeo wrote
      docker-archive:api.tar:TAG  one image of several
      oci:DIRECTORY[:TAG]         oci-archive:PATH[:TAG]        dir:DIRECTORY
      docker://HOST/NAME:TAG      a registry's image
      container:NAME              an engine's container, with what was changed in it
      containerd:NAME             an image on a node of Kubernetes
      rootfs:PATH                 a directory, or what `docker export` wrote
      venv:DIRECTORY  sif:PATH    an environment of this machine; an image of Apptainer
      -                           docker save api:prod | inspector check -
    """  # noqa: D301 - click's mark before lines that it must not wrap
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)
