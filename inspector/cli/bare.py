"""`inspector IMAGE`: an image told from a misspelt command."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import click

from inspector.cli.option import is_policy

_OF_PEERS = {"scan": "show", "image": "show", "inspect": "show"}
"""What other programs call our commands."""


def refuse_misspelt(context: click.Context, word: str, commands: Sequence[str]) -> None:
    """Raise `click.UsageError` where a word is much like a command, and neither a path nor an engine's image.

    A policy file, which `check` takes, is refused too. No registry is asked, as it would learn what was mistyped.
    """
    if is_policy(word) and Path(word).is_file():
        raise click.UsageError(f"{word!r} is a policy; did you mean 'inspector check {word}'?", context)
    if not word.replace("-", "").isalpha():
        return
    close = [_OF_PEERS[word]] if word in _OF_PEERS else difflib.get_close_matches(word, commands, n=1)
    if close and not Path(word).exists() and not _is_in_an_engine(word):
        raise click.UsageError(f"No such command {word!r}; did you mean {close[0]!r}?", context)


def _is_in_an_engine(name: str) -> bool:
    """Ask the engines of this machine for an image."""
    from contextlib import closing

    from inspector.pipeline.model import Asked, Options  # all that reads images comes with it
    from inspector.pipeline.reading import Reader
    from inspector.reference import Reference, Scheme

    with closing(Reader(Options(offline=True))) as reader:
        (opened,) = reader.open([Asked(name=Reference(name, Scheme.BARE, name, local=True))])
    return bool(opened.images)
