"""What a process has mapped, and the lists that follow from it: closures, scopes, the order of relocation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inspector import work
from inspector.errors import LimitExceeded
from inspector.loader.model import Loaded

MAX_OBJECTS = 2000
"""Objects in one process; `import torch` maps some hundred."""
MAX_NEEDED = 2000
"""Libraries that one object may need."""


class State:
    """The objects in the order of their mapping, and those whose symbols serve all (the global scope)."""

    def __init__(self) -> None:
        self.loaded: list[Loaded] = []
        self.names: dict[str, Loaded] = {}
        self.sonames: dict[str, Loaded] = {}
        self.files: dict[int | str, Loaded] = {}
        self.shared: list[Loaded] = []
        self.static_tls = 0

    def add(self, found: Loaded) -> None:
        """Take in an object that was mapped."""
        if len(self.loaded) >= MAX_OBJECTS:
            raise LimitExceeded(f"a process maps more than {MAX_OBJECTS} objects")
        found.number = len(self.loaded)
        self.loaded.append(found)
        self.files.setdefault(found.identity, found)
        self.name(found, found.path, *found.names)
        if found.skeleton.soname is not None:
            self.sonames.setdefault(found.skeleton.soname, found)

    def name(self, known: Loaded, *names: str) -> None:
        """Give an object further names that it is asked for by."""
        known.names.update(names)
        for name in names:
            self.names.setdefault(name, known)

    def answering(self, name: str) -> Loaded | None:
        """Return what glibc takes for `name`: asked for by it before, or called so by its own file; the first such."""
        asked, called = self.names.get(name), self.sonames.get(name)
        if called is None or (asked is not None and asked.number <= called.number):
            return asked
        self.name(called, name)
        return called

    def share(self, objects: Iterable[Loaded]) -> None:
        """Add objects to the global scope, as RTLD_GLOBAL does."""
        for each in objects:
            if not each.shared:
                each.shared = True
                self.shared.append(each)


class Snapshot:
    """A state that can be gone back to: what a dlopen that fails leaves behind."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._loaded = list(state.loaded)
        self._shared = list(state.shared)
        self._names = [set(each.names) for each in state.loaded]
        self._maps = (dict(state.names), dict(state.sonames), dict(state.files))
        self._closures = [each.closure for each in state.loaded]
        self._tls = state.static_tls

    def restore(self) -> None:
        """Go back."""
        for each in self._state.shared:
            each.shared = False
        for each in self._shared:
            each.shared = True
        self._state.loaded[:] = self._loaded
        self._state.shared[:] = self._shared
        self._state.static_tls = self._tls
        self._state.names, self._state.sonames, self._state.files = self._maps
        for each, names, closure in zip(self._loaded, self._names, self._closures, strict=True):
            each.names = names
            each.closure = closure


def dependencies_first(closure: list[Loaded]) -> Iterator[Loaded]:
    """Yield the objects of a closure in the order in which glibc relocates them (`elf/dl-sort-maps.c`)."""
    seen: set[Loaded] = set()
    for root in reversed(closure):
        if root in seen:
            continue
        seen.add(root)
        stack = [(root, iter(root.needed))]
        while stack:
            work.check()
            at, rest = stack[-1]
            following = next((each for each in rest if each not in seen), None)
            if following is None:
                stack.pop()
                yield at
            else:
                seen.add(following)
                stack.append((following, iter(following.needed)))
