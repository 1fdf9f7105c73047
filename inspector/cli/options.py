"""Options that several commands share, and what they come to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from inspector.cli.option import option, together

if TYPE_CHECKING:
    from datetime import date

    from inspector.oci import Platform
    from inspector.pipeline import Options, Progress


def checked(parse: Callable[[Any], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Make a callback of a parser, whose `ValueError` is the option's error. What is not given is not parsed."""

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value in (None, ()):
            return value
        try:
            return parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from error

    return callback


def _platform(text: str) -> Platform | Literal["all"]:
    if text == "all":
        return "all"
    from inspector.oci import Platform  # brings msgspec, and most runs name no platform

    return Platform.parse(text)


def _size(text: str) -> int:
    from inspector.sizes import parse_size  # most runs have no bound

    return parse_size(text)


def _command(text: str) -> str:
    if not text.strip():
        raise ValueError("an empty command; name one, as in python3.12")
    return text


def _namespace(text: str) -> str:
    if not text.strip():
        raise ValueError("an empty name; name one, as in k8s.io")
    return text


def _modules(names: tuple[str, ...]) -> tuple[str, ...]:
    from inspector.imports.model import MAX_NAMES, module_name  # most runs name no module

    if len(names) > MAX_NAMES:
        raise ValueError(f"more than {MAX_NAMES} of them")
    return tuple(map(module_name, names))


def _today(context: click.Context, parameter: click.Parameter, value: str | None) -> date | None:
    seconds = os.environ.get("SOURCE_DATE_EPOCH", "")
    if value is None and not seconds:
        return None
    from datetime import UTC, date, datetime  # most runs have neither

    try:
        return date.fromisoformat(value) if value is not None else datetime.fromtimestamp(int(seconds), UTC).date()
    except (ValueError, OverflowError, OSError):
        named = f"{value!r}" if value is not None else f"SOURCE_DATE_EPOCH={seconds!r}"
        raise click.BadParameter(f"{named} is not a date; write one as in 2027-01-31", context, parameter) from None


def _checks(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for names in value for name in names.split(",") if name.strip())


size_of = checked(_size)
"""The callback of an option whose value is a size in bytes."""
policy_option = option(
    "-p",
    "--policy",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Roles; default: inspector.toml or pyproject.toml, here or above.",
)
today_option = option(
    "--today",
    callback=_today,
    metavar="DATE",
    help="The day on which waivers count, as in 2027-01-31; default: that of SOURCE_DATE_EPOCH, else today in UTC.",
)
config_option = option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Environment, user and command of rootfs:PATH: an image's configuration, or what docker inspect prints.",
)
import_option = option(
    "--import",
    "imports",
    multiple=True,
    metavar="NAME",
    callback=checked(_modules),
    help="Follow the import of this module too; may be repeated.",
)
cache_dir_option = option(
    "--cache-dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the cache is kept.",
)
verdict_options = together(
    option(
        "--select",
        multiple=True,
        metavar="CHECK",
        callback=_checks,
        help="Only this check, beside that the image could be read; may be repeated.",
    ),
    option("--ignore", multiple=True, metavar="CHECK", callback=_checks, help="Not this check; may be repeated."),
    option(
        "--fail-on",
        multiple=True,
        type=click.Choice(("warn", "unknown")),
        help="Exit with 1 on warnings too, or on what can't be decided.",
    ),
    option("--exit-zero", is_flag=True, help="Exit with 0 whatever the verdict; wrong usage is still 2."),
)
"""Which checks count, and what the exit code makes of their outcomes."""
_HOW = together(
    option(
        "--platform",
        callback=checked(_platform),
        metavar="OS/ARCH|all",
        help="Which image of several platforms; default: this machine's.",
    ),
    option(
        "--python",
        callback=checked(_command),
        metavar="COMMAND",
        help="Interpreter to inspect; default: python.",
    ),
    option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Images read at once."),
    option("--verify", is_flag=True, help="Read every layer completely and verify its digests."),
    option(
        "--image-timeout",
        type=click.FloatRange(min=1),
        metavar="SECONDS",
        help="Time limit for one image, beyond what its bytes justify; default: 600.",
    ),
)
_ENGINES = together(
    option(
        "--access",
        type=click.Choice(("storage", "files", "save")),
        help="Force one access method for engines' images; default: the fastest that answers.",
    ),
    option("--all-tags", "every_tag", is_flag=True, help="Read all tags of each REF, an engine's repository."),
    option(
        "--namespace",
        metavar="NAME",
        callback=checked(_namespace),
        help="Containerd's namespace; default: k8s.io, default, then the others.",
    ),
)
_WHERE = together(
    option("--no-cache", is_flag=True, help="Neither use nor fill the cache."),
    cache_dir_option,
    option("--offline", is_flag=True, help="Never leave this machine."),
    option(
        "--insecure-registry",
        "insecure_registries",
        multiple=True,
        metavar="HOST",
        help="Allow plain HTTP or unverified TLS for this registry.",
    ),
    option(
        "--trust-toc",
        is_flag=True,
        help="Read eStargz and zstd:chunked layers by their tables of contents, which nobody verified.",
    ),
    option("-q", "--quiet", is_flag=True, help="Nothing on standard error but errors."),
)
registry_options = together(_HOW, _WHERE)
"""The options of a command that asks registries alone; `reading` takes what they give."""
reading_options = together(_HOW, _ENGINES, _WHERE)
"""The options of every command that reads images; `reading` takes what they give."""


@contextmanager
def reading(
    *,
    no_cache: bool,
    cache_dir: Path | None,
    jobs: int | None,
    image_timeout: float | None,
    trust_toc: bool,
    quiet: bool,
    meanwhile: Callable[[], object] = lambda: None,
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
            meanwhile=meanwhile,
            **given,
        )
        with display(quiet=quiet) as progress:
            yield options, progress
    finally:
        if cache is not None:
            cache.close()
            for warning in () if quiet else cache.warnings:
                complain(f"{warning}; layers are read again; name another place by --cache-dir", "warning")
