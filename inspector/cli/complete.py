"""What a shell is offered for the values of options and arguments: images, roles, platforms, checks, files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from inspector.engine.endpoint import Kind

ENGINE_SECONDS = 1.0
"""How long an engine is waited for; a person has pressed a key."""
_MAX_OFFERED = 200
_ENGINES: tuple[Kind, ...] = ("docker", "podman")
_PLATFORMS = ("all", "linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le", "linux/s390x")

Known = Callable[[str], Iterable[str]]


def completions(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]] | None:
    """Offer values of a parameter that begin as `incomplete` does; None where click knows them itself.

    Whatever goes wrong on the way is silent, as nobody could read it.
    """
    del context
    name = parameter.name or ""
    if name not in _KNOWN:
        return None
    known, files = _KNOWN[name]
    offered: list[str] = []
    with suppress(Exception):
        offered = [each for each in known(incomplete) if each.startswith(incomplete) and each.isprintable()]
    items: list[CompletionItem[str]] = [CompletionItem(each) for each in sorted(set(offered))[:_MAX_OFFERED]]
    return [*items, CompletionItem(incomplete, type="file")] if files else items


def _images(incomplete: str) -> Iterable[str]:
    """Return the names of images that engines have; with an engine's scheme where that is how one begins."""
    if incomplete.startswith((".", "/", "~", "-")):
        return []
    scheme, separator, _ = incomplete.partition(":")
    if separator and scheme == "containerd":
        return [f"containerd:{name}" for name in _in_containerd()]
    if separator and scheme in _ENGINES:
        return [f"{scheme}:{name}" for name in _named_by([kind for kind in _ENGINES if kind == scheme])]
    return _named_by(_ENGINES)


def _in_containerd() -> list[str]:
    from inspector.sources.containerd.names import typed_names
    from inspector.sources.containerd.places import find_places
    from inspector.sources.containerd.records import read_records

    found = (read_records(place.root) for place in find_places())
    return [name for records in found for name in typed_names(records, records.namespaces)]


def _named_by(kinds: Sequence[Kind]) -> list[str]:
    """Ask engines side by side, in threads that are left behind if an engine is slow."""
    from inspector.engine.client import connect

    found: list[str] = []

    def ask(kind: Kind) -> None:
        with suppress(Exception):
            engine = connect(kind, offline=True)
            found.extend(tag for image in engine.images() for tag in image.tags)
            engine.close()

    asking = [threading.Thread(target=ask, args=(kind,), daemon=True) for kind in kinds]
    for thread in asking:
        thread.start()
    until = time.monotonic() + ENGINE_SECONDS
    for thread in asking:
        thread.join(max(0.0, until - time.monotonic()))
    return list(found)


def _roles(_: str) -> Iterable[str]:
    """Return the roles of the nearest policy."""
    from inspector.cli.settings import nearest
    from inspector.policy.load import load_policy

    found = nearest()
    return [] if found is None else [role.name for role in load_policy(found).roles]


def _checks(_: str) -> Iterable[str]:
    from inspector.policy.explained import explained

    return explained()


_KNOWN: dict[str, tuple[Known, bool]] = {
    "references": (_images, True),
    "arguments": (_images, True),
    "before": (_images, True),
    "after": (_images, True),
    "against": (_images, True),
    "role": (_roles, False),
    "platform": (lambda _: _PLATFORMS, False),
    "checks": (_checks, False),
    "select": (_checks, False),
    "ignore": (_checks, False),
    "policy": (lambda _: (), True),
}
"""By the parameter's name: what gives the values, and whether the shell's own file names are offered too."""
