"""`inspector cache`: what was found out of images, the layer indexes and the documents kept between runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inspector.cli.command import Command
from inspector.cli.options import cache_dir_option
from inspector.cli.output import complain, emit
from inspector.escape import escape

if TYPE_CHECKING:
    from inspector.layers.cache import IndexCache
    from inspector.layers.held import Removed


@click.group("cache", short_help="Inspect, prune or clear the layer cache.", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Inspect, prune or clear the cache: the facts of each image, so that one that is known is answered at once, what
    was found in each layer, so that none is read twice, and registries' manifests and configs.

    INSPECTOR_CACHE_SIZE limits its size, as in 500M or 2 GiB; what was not used for longest is removed first.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


@command.command("info", cls=Command, follows_file=False)
@cache_dir_option
def info(cache_dir: Path | None) -> None:
    """Show where the cache is and what it holds."""
    from inspector.sizes import show_size

    with _opened(cache_dir) as cache:
        held = cache.info()
    emit(
        f"path       {escape(held.path)}\n"
        f"images     {held.images}\n"
        f"layers     {held.layers}\n"
        f"documents  {held.documents}\n"
        f"size       {show_size(held.bytes)} of at most {show_size(held.max_bytes)}\n"
        f"on disk    {show_size(held.disk_bytes)}\n"
    )


@command.command("prune", cls=Command, follows_file=False)
@cache_dir_option
def prune(cache_dir: Path | None) -> None:
    """Remove what an older version wrote and what exceeds the limit."""
    from inspector.facts.rules import rules_of

    with _opened(cache_dir) as cache:
        removed = cache.prune(rules_of(cache))
    emit(_told(removed))


@command.command("clear", cls=Command, follows_file=False)
@cache_dir_option
def clear(cache_dir: Path | None) -> None:
    """Remove everything."""
    with _opened(cache_dir) as cache:
        removed = cache.clear()
    emit(_told(removed))


def _told(removed: Removed) -> str:
    from inspector.sizes import show_size
    from inspector.words import count

    facts = f"the facts of {count(removed.images, 'image')}"
    layers, documents = count(removed.layers, "layer"), count(removed.documents, "document")
    return f"removed {layers}, {documents}, {facts}, {show_size(removed.bytes)}\n"


@contextmanager
def _opened(cache_dir: Path | None) -> Iterator[IndexCache]:
    from inspector.layers.cache import default_cache  # brings the database

    cache = default_cache(cache_dir)
    try:
        yield cache
    finally:
        cache.close()
        for warning in cache.warnings:
            complain(warning, "warning")
