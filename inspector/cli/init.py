"""`inspector init`: a policy to start with, which the images at hand pass."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.command import Command
from inspector.cli.option import option
from inspector.cli.options import reading, reading_options

if TYPE_CHECKING:
    from inspector.facts import ImageFacts
    from inspector.pipeline import Options, Progress, Seen
    from inspector.policy.starting import Looked

NEWEST = 20
"""Images of an engine that are looked at, unless told otherwise."""
_ENGINES = ("docker", "podman")
_NAMED = (*_ENGINES, "registry")
MAX_LEFT = 10
"""Images left out that are named."""


@click.command(
    "init",
    cls=Command,
    follows_file=False,
    short_help="Write a policy to start with, which the images at hand pass.",
)
@click.argument("references", nargs=-1, metavar="[REF]...")
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="inspector.toml",
    show_default=True,
    metavar="FILE",
    help="Write to FILE; - is standard output.",
)
@option("--force", is_flag=True, help="Replace FILE if it is there.")
@option(
    "--newest",
    type=click.IntRange(min=1),
    default=NEWEST,
    show_default=True,
    metavar="N",
    help="Without REF: the newest N images of the engine.",
)
@reading_options
def command(references: tuple[str, ...], *, output: Path, force: bool, newest: int, quiet: bool, **given: Any) -> int:
    """Write a policy that the images pass: a role for each repository, of what was found in it.

    Without REF, the engine's images are read. Comments say what was found; tighten or loosen the keys from there.

    \b
      inspector init
      inspector init api.tar worker.tar && inspector check
      inspector init 'docker:team/*' -o -
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.output import complain, emit, ensure_writable, say
    from inspector.errors import UsageError
    from inspector.policy.starting import starting_policy
    from inspector.words import count

    file = None if str(output) == "-" else output
    if file is not None and file.exists() and not force:
        raise UsageError(f"{file}: is there already; --force replaces it, and -o names another file")
    ensure_writable(file)
    with reading(quiet=quiet, guess_registry=True, **given) as (options, progress):
        images, left_out = _looked(references, newest, options, progress, file)
    text, roles = starting_policy(images, left_out)
    if not roles:
        for line in text.splitlines()[4:] or ["there are no images"]:
            if line != "# Left out:":
                complain(line.removeprefix("# "))
        complain("no image suits any role, so no policy was written")
        return 3
    emit(text, file)
    if not quiet:
        for line in left_out:
            complain(line, "warning")
        where, check = file or "standard output", "inspector check" if file and file.name == "inspector.toml" else ""
        following = f"; next: {check or f'inspector check {file}'}" if file else ""
        say(f"{where}: {count(roles, 'role')} of {count(len(images), 'image')}{following}")
    return 0


def _looked(
    references: Sequence[str], newest: int, options: Options, progress: Progress | None, file: Path | None
) -> tuple[list[Looked], list[str]]:
    """Look at the images; return them with what was left out."""
    from inspector.cli.dockerfiles import Dockerfiles
    from inspector.pipeline import survey  # all that reads images comes with it

    asked, left_out = (list(references), []) if references else _of_engines(newest, offline=options.offline)
    folder = (file.absolute().parent if file else Path.cwd()).resolve()
    files = Dockerfiles(Path.cwd(), folder)
    seen = survey(asked, options, progress)
    return [_one(each, files.of(each.facts), folder, listed=bool(references)) for each in seen], left_out


def _one(seen: Seen, dockerfile: str | None, folder: Path, *, listed: bool) -> Looked:
    from inspector.names import familiar
    from inspector.policy.starting import Looked

    if seen.facts is None:
        return Looked(names=(seen.name,), error=seen.error.message if seen.error else "no reason told")
    asked = listed and seen.facts.source in _ENGINES  # by its first tag: the others were not asked for
    tags = seen.facts.tags[:1] if asked else seen.facts.tags
    names = tuple(dict.fromkeys(map(familiar, tags))) or (_path_in(seen.facts),)
    reference = _from_folder(seen.facts, folder) if listed else ""
    return Looked(names=names, facts=seen.facts, reference=reference, dockerfile=dockerfile)


def _path_in(facts: ImageFacts) -> str:
    """Return the path by which the policy will meet an image without a name, however it is typed."""
    name = facts.reference.removeprefix(f"{facts.source}:")
    return os.path.normpath(name) if name != "-" else name


def _from_folder(facts: ImageFacts, folder: Path) -> str:
    """Return the reference as the policy in `folder` lists it; empty for standard input."""
    from inspector.reference import STDIN, parse_reference

    reference = parse_reference(facts.reference)
    if reference.name.partition(":")[0] == STDIN:
        return ""
    if facts.source in _NAMED or folder == Path.cwd().resolve():
        return facts.reference
    return f"{facts.source}:{Path.cwd() / reference.name}"


def _of_engines(newest: int, *, offline: bool) -> tuple[list[str], list[str]]:
    """List the newest images of the engine that answers first, and what is left out. Raises `Unreachable`."""
    from contextlib import closing

    from inspector.engine.endpoint import Kind
    from inspector.errors import Unreachable
    from inspector.sources.engine.open import Engines

    kinds: tuple[Kind, ...] = ("docker", "podman")
    told: list[str] = []
    with closing(Engines(offline=offline)) as engines:
        for kind in kinds:
            try:
                listed = engines.get(kind).images()
            except Unreachable as error:
                told.append(str(error))
                continue
            tagged = sorted((one for one in listed if one.tags), key=lambda one: (-one.created, one.tags))
            asked = [f"{kind}:{one.tags[0]}" for one in tagged[:newest]]
            return asked, list(_left([one.tags[0] for one in tagged[newest:]], len(listed) - len(tagged), kind))
    raise Unreachable(f"{'; '.join(told)}; or name images: inspector init REF")


def _left(older: Sequence[str], untagged: int, kind: str) -> Iterator[str]:
    """Say what of an engine was not looked at."""
    from inspector.words import first_few

    if older:
        yield f"not looked at, as they are older (--newest takes more): {first_few(older, MAX_LEFT)}"
    if untagged:
        yield f"not looked at, as they have no name: {untagged} of {kind}'s images"
