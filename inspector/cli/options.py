"""Options that several commands share, and what they come to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

if TYPE_CHECKING:
    from datetime import date

    from inspector.oci import Platform
    from inspector.pipeline import Options, Progress

Command = TypeVar("Command", bound=Callable[..., Any])


def _platform(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> Platform | Literal["all"] | None:
    if value is None:
        return None
    if value == "all":
        return "all"
    from inspector.oci import Platform  # brings msgspec, and most runs name no platform

    try:
        return Platform.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from error


def size_of(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Read an option's size in bytes."""
    if value is None:
        return None
    from inspector.sizes import parse_size  # most runs have no bound

    try:
        return parse_size(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from error


def _python(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("an empty command; name one, as in python3.12", context, parameter)
    return value


def _namespace(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("an empty name; name one, as in k8s.io", context, parameter)
    return value


def verdict_options(command: Command) -> Command:
    """Add the options that say which checks count, and what the exit code makes of their outcomes."""
    return _with(command, _VERDICT)


def policy_option(command: Command) -> Command:
    """Add `--policy`: a file of roles."""
    return click.option(
        "-p",
        "--policy",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Roles; default: inspector.toml or pyproject.toml, here or above.",
    )(command)


def today_option(command: Command) -> Command:
    """Add `--today`: the day that the last days of waivers are compared with."""
    return click.option(
        "--today",
        callback=_today,
        metavar="DATE",
        help="The day on which waivers count, as in 2027-01-31; default: that of SOURCE_DATE_EPOCH, else today in UTC.",
    )(command)


def _today(context: click.Context, parameter: click.Parameter, value: str | None) -> date | None:
    seconds = os.environ.get("SOURCE_DATE_EPOCH", "")
    if value is None and not seconds:
        return None
    from datetime import UTC, date, datetime  # most runs have neither

    try:
        return date.fromisoformat(value) if value is not None else datetime.fromtimestamp(int(seconds), UTC).date()
    except (ValueError, OverflowError, OSError):
        named = f"{value!r}" if value is not None else f"SOURCE_DATE_EPOCH={seconds!r}"
        raise click.BadParameter(f"{named} is no date; write one as in 2027-01-31", context, parameter) from None


def config_option(command: Command) -> Command:
    """Add `--config`: the configuration of root file systems."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Environment, user and command of rootfs:PATH: an image's configuration, or what docker inspect prints.",
    )(command)


def import_option(command: Command) -> Command:
    """`--import`: a module whose import is followed."""
    return click.option(
        "--import",
        "imports",
        multiple=True,
        metavar="NAME",
        callback=_modules,
        help="Follow the import of this module too; may be repeated.",
    )(command)


def _modules(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        return ()
    from inspector.imports.model import MAX_NAMES, module_name  # most runs name no module

    if len(value) > MAX_NAMES:
        raise click.BadParameter(f"more than {MAX_NAMES} of them", context, parameter)
    try:
        return tuple(map(module_name, value))
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from error


def cache_dir_option(command: Command) -> Command:
    """Add `--cache-dir`, which the environment may give too."""
    return click.option(
        "--cache-dir",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        envvar="INSPECTOR_CACHE_DIR",
        show_envvar=True,
        help="Where the cache is kept.",
    )(command)


def _checks(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for names in value for name in names.split(",") if name.strip())


_VERDICT = (
    click.option(
        "--select",
        multiple=True,
        metavar="CHECK",
        callback=_checks,
        help="Only this check, beside that the image could be read; may be repeated.",
    ),
    click.option("--ignore", multiple=True, metavar="CHECK", callback=_checks, help="Not this check; may be repeated."),
    click.option(
        "--fail-on",
        multiple=True,
        type=click.Choice(("warn", "unknown")),
        help="Exit with 1 on warnings, or on what can't be told, as on failures.",
    ),
    click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever the verdict; wrong usage is still 2."),
)
_HOW = (
    click.option(
        "--platform",
        callback=_platform,
        metavar="OS/ARCH|all",
        help="Which image of several platforms; default: this machine's.",
    ),
    click.option(
        "--python",
        callback=_python,
        metavar="COMMAND",
        help="Interpreter to inspect; default: python.",
    ),
    click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Images read at once."),
    click.option("--verify", is_flag=True, help="Read every layer completely and verify its digests."),
    click.option(
        "--image-timeout",
        type=click.FloatRange(min=1),
        metavar="SECONDS",
        envvar="INSPECTOR_IMAGE_TIMEOUT",
        show_envvar=True,
        help="The most time for one image, beside what its bytes justify; default: 600.",
    ),
)
_ENGINES = (
    click.option(
        "--access",
        type=click.Choice(("storage", "files", "save")),
        help="Force one access method for engines' images; default: the fastest that answers.",
    ),
    click.option("--all-tags", "every_tag", is_flag=True, help="Read all tags of each REF, an engine's repository."),
    click.option(
        "--namespace",
        metavar="NAME",
        callback=_namespace,
        help="Containerd's namespace; default: k8s.io, default, then the others.",
    ),
)
_WHERE = (
    click.option("--no-cache", is_flag=True, help="Neither use nor fill the cache."),
    cache_dir_option,
    click.option("--offline", is_flag=True, help="Never leave this machine."),
    click.option(
        "--insecure-registry",
        "insecure_registries",
        multiple=True,
        metavar="HOST",
        help="Allow plain HTTP or unverified TLS for this registry.",
    ),
    click.option(
        "--trust-toc",
        is_flag=True,
        help="Read eStargz and zstd:chunked layers by their tables of contents, which nobody verified.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Nothing on standard error but errors."),
)


def reading_options(command: Command) -> Command:
    """Add the options of every command that reads images; `reading` takes what they give."""
    return _with(command, (*_HOW, *_ENGINES, *_WHERE))


def registry_options(command: Command) -> Command:
    """Add options as `reading_options` does, for a command that asks registries alone."""
    return _with(command, (*_HOW, *_WHERE))


def _with(command: Command, options: Sequence[Callable[[Any], Any]]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def reading(
    *,
    no_cache: bool,
    cache_dir: Path | None,
    jobs: int | None,
    image_timeout: float | None,
    trust_toc: bool,
    quiet: bool,
    **given: Any,
) -> Iterator[tuple[Options, Progress | None]]:
    """Make the options of the pipeline, with the cache open, and a display of its progress, if a person may see it.

    Say at the end what is wrong with the cache.
    """
    from inspector.cli.output import complain
    from inspector.cli.progress import display
    from inspector.errors import NoHome
    from inspector.layers.cache import default_cache
    from inspector.pipeline import Options  # all that reads images comes with it
    from inspector.work import DEFAULT_SECONDS

    cache = None
    try:
        cache = None if no_cache else default_cache(cache_dir)
    except NoHome as error:  # reading works without
        if not quiet:
            complain(f"{error}; nothing is cached", "warning")
    try:
        options = Options(
            cache=cache,
            jobs=jobs or 0,
            image_timeout=image_timeout or DEFAULT_SECONDS,
            trust_toc="all" if trust_toc else (),
            **given,
        )
        with display(quiet=quiet) as progress:
            yield options, progress
    finally:
        if cache is not None:
            cache.close()
            for warning in () if quiet else cache.warnings:
                complain(f"{warning}; layers are read again; name another place by --cache-dir", "warning")
