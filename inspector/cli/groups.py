"""The groups of options in a command's help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from inspector.cli.option import option_key

_OWN = "Options"
_GROUPS = {
    "Images": ("platform", "python", "import", "access", "all-tags", "namespace", "verify"),
    "Over time": ("against", "baseline", "strict", "today"),
    "Output": (
        *("format", "output", "sarif-category", "only-failed", "quiet", "verbose", "fail-on", "exit-zero"),
        *("select", "ignore"),
    ),
    "Registry": ("offline", "insecure-registry", "trust-toc", "max-bytes", "max-requests"),
    "Advanced": ("jobs", "image-timeout", "no-cache", "cache-dir", "isolated", "debug", "log", "help"),
}
"""Long names of options by group; what is in none is the command's own."""


def grouped(parameters: Iterable[click.Parameter]) -> Iterator[tuple[str, list[click.Option]]]:
    """Yield the groups, the command's own options first; those of a group in the order of declaration."""
    options = [each for each in parameters if isinstance(each, click.Option)]
    shared = {name for names in _GROUPS.values() for name in names}
    yield _OWN, [each for each in options if option_key(each) not in shared]
    for title, names in _GROUPS.items():
        yield title, [each for each in options if option_key(each) in names]
