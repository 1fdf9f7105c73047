"""What a process has mapped, and the lists that follow from it: closures, scopes, the order of relocation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inspector import work
from inspector.errors import LimitExceeded
from inspector.loader.model import Loaded

MAX_OBJECTS = 4000
"""Objects in one process; `import torch` maps some hundred."""
MAX_NEEDED = 2000
"""Libraries that one object may need."""


class State:
    """The objects in the order of their mapping, and those whose symbols serve all (the global scope)."""

    def __init__(self) -> None:
        self.loaded: list[Loaded] = []
        self.shared: list[Loaded] = []
        self.static_tls = 0

    def add(self, found: Loaded) -> None:
        """Take in an object that was mapped."""
        if len(self.loaded) >= MAX_OBJECTS:
            raise LimitExceeded(f"a process maps more than {MAX_OBJECTS} objects")
        self.loaded.append(found)

    def with_identity(self, identity: int | str) -> Loaded | None:
        """Return the object that a file was mapped as."""
        return next((each for each in self.loaded if each.identity == identity), None)

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
