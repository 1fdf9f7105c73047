"""What a shell is offered for the values of options and arguments: images, roles, platforms, checks, files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import get_args

import click
from click.shell_completion import CompletionItem

ENGINE_SECONDS = 0.5
"""How long an engine is waited for; a person has pressed a key."""
_MAX_OFFERED = 200
_PLATFORMS = ("all", "linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le", "linux/s390x")
_SCHEMES = ("docker", "podman")

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
    """Return the names of images that an engine has; with the engine's scheme where that is how one begins."""
    scheme, separator, _ = incomplete.partition(":")
    if separator and scheme in _SCHEMES:
        return [f"{scheme}:{name}" for name in _named_by(scheme)]
    return [name for kind in _SCHEMES for name in _named_by(kind)] if _may_be_name(incomplete) else []


def _may_be_name(incomplete: str) -> bool:
    return not incomplete.startswith((".", "/", "~", "-"))


def _named_by(kind: str) -> list[str]:
    """Ask one engine, in a thread that is left behind if the engine is slow."""
    found: list[str] = []

    def ask() -> None:
        from inspector.engine.client import connect

        with suppress(Exception):
            engine = connect(next(each for each in get_args(_kinds()) if each == kind), offline=True)
            found.extend(tag for image in engine.images() for tag in image.tags)
            engine.close()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ENGINE_SECONDS / len(_SCHEMES))
    return list(found)


def _kinds() -> object:
    from inspector.engine.endpoint import Kind

    return Kind


def _roles(_: str) -> Iterable[str]:
    """Return the roles of the nearest policy."""
    from inspector.cli.check import find_nearest
    from inspector.policy.load import load_policy

    found = find_nearest(Path.cwd())
    return [] if found is None else [role.name for role in load_policy(found).roles]


def _checks(_: str) -> Iterable[str]:
    from inspector.policy.explained import explained

    return explained()


_KNOWN: dict[str, tuple[Known, bool]] = {
    "references": (_images, True),
    "arguments": (_images, True),
    "before": (_images, True),
    "after": (_images, True),
    "role": (_roles, False),
    "platform": (lambda _: _PLATFORMS, False),
    "checks": (_checks, False),
    "select": (_checks, False),
    "ignore": (_checks, False),
    "policy": (lambda _: (), True),
}
"""By the parameter's name: what gives the values, and whether the shell's own file names are offered too."""
