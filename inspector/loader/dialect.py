"""What a C library's loader does in its own way; the process asks, and needs to know no more."""

from __future__ import annotations

from typing import Protocol

from inspector.loader.binding import Binder
from inspector.loader.model import Loaded, LoadFailure


class Dialect(Protocol):
    """The loader of glibc or musl, for one process; `starts_bound` is whether a program's start binds all functions."""

    binder: Binder
    starts_bound: bool

    def doubts(self) -> list[str]:
        """Return what the environment asks for and can't be followed. Raises `LoadStops` where it starts nothing."""

    def load(self, name: str, loader: Loaded, *, opened: bool) -> Loaded:
        """Return the object for a name, mapped if need be; `opened` where dlopen asks. Raises `LoadStops`."""

    def preload(self, name: str, program: Loaded) -> Loaded:
        """Return the object for a name that is preloaded. Raises `LoadStops`."""

    def needed(self, of: Loaded) -> tuple[str, ...]:
        """Return the names that an object needs, as they are looked for."""

    def preloaded(self) -> tuple[str, ...]:
        """Return the names that are loaded before what the program needs."""

    def check(self, objects: list[Loaded]) -> list[LoadFailure]:
        """Return what speaks against objects whose closure is mapped. Raises `LoadStops`."""

    def binds_now(self, of: Loaded) -> bool:
        """Tell whether an object's functions are bound at once even where that is not asked for."""

    def reserve_tls(self, of: Loaded, size: int) -> None:
        """Take so many bytes of static TLS for all that dlopen loaded, `of` the last. Raises `LoadStops`."""

    def at_start(self, failure: LoadFailure) -> LoadFailure:
        """Return a failure as the start of a program shows it."""
