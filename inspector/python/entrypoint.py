"""What an image's entrypoint does with the command that `docker run IMAGE COMMAND…` gives it."""

from __future__ import annotations

import posixpath
from typing import Literal

from inspector.oci import ImageConfig
from inspector.python.elf import ElfHeader
from inspector.python.environment import Environment
from inspector.python.launch import read_program
from inspector.python.which import Found, find_command
from inspector.rootfs import NotKept, Rootfs

Passes = Literal["direct", "argument", "unknown"]

_INITS = frozenset({"tini", "tini-static", "dumb-init", "catatonit", "docker-init"})
"""Programs that run their arguments, options before them aside, and change nothing that matters here."""


def entrypoint_passes(fs: Rootfs, config: ImageConfig, environment: Environment) -> Passes:
    """`direct` if the command is what runs, `argument` if another program gets it, `unknown` if a script decides."""
    words = list(config.entrypoint)
    if words and posixpath.basename(words[0]) in _INITS:
        words = _after_init(words[1:])
    if not words:
        return "direct"
    if posixpath.basename(words[0]) in ("env", "sh", "bash", "dash", "ash"):
        return "argument" if "-c" in words[1:] else "unknown"
    found = find_command(fs, words[0], environment)
    if not isinstance(found, Found):
        return "argument"
    try:
        program = read_program(fs, found.resolved)
    except NotKept:
        return "unknown"
    return "argument" if isinstance(program, ElfHeader) else "unknown"


def _after_init(words: list[str]) -> list[str]:
    """What an init is told to run before the command's own words."""
    for position, word in enumerate(words):
        if word == "--":
            return words[position + 1 :]
        if not word.startswith("-"):
            return words[position:]
    return []
