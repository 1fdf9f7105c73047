"""Patterns that fit nothing: what would fit, from the names that are there."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import islice

from inspector.pipeline.scopes import Selection
from inspector.policy.tags import in_order
from inspector.words import count

MAX_FOLDERS = 1000
"""Folders of repositories that are counted."""
MAX_COMPARED, MAX_LENGTH = 300, 128
"""Folders, or tags, that a pattern which fits nothing is compared with letter by letter, and their characters."""
_NEAR = 0.6
"""How alike a folder and a misspelt one must be, of 1."""
_FEW = 4
"""Tags that a message names one by one."""


class Fitting:
    """Counts the repositories that a pattern fits, and remembers where the others are; memory is bounded."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._folders: Counter[str] = Counter()
        self.found = self._listed = 0

    def fits(self, repository: str) -> bool:
        """Tell whether the pattern fits the repository."""
        self._listed += 1
        if fnmatchcase(repository, self._pattern):
            self.found += 1
            return True
        folder = repository.partition("/")[0] if "/" in repository else repository
        for place in {folder, repository.rpartition("/")[0] or folder}:
            if place in self._folders or len(self._folders) < MAX_FOLDERS:
                self._folders[place] += 1
        return False

    def none_fits(self) -> str:
        """Return the sentence that no repository fits, with a pattern that one would."""
        if not self._listed:
            return "the registry lists no repository"
        asked = self._pattern.rstrip("*").rstrip("/")
        folders = [folder for folder, _ in self._folders.most_common()]
        near = [asked] if asked in self._folders else _close(asked, folders)
        if not near:
            some = ", ".join(folders[:_FEW])
            there = count(self._listed, "repository", "repositories")
            return f"none of its {there} fits {self._pattern!r}; they begin with {some}"
        meant, there = f"{near[0]}/*", count(self._folders[near[0]], "repository", "repositories")
        return f"no repository fits {self._pattern!r}; did you mean {meant!r} ({there})?"


def none_selected(selection: Selection, tags: Sequence[str], number: int) -> str:
    """Return the sentence that none of a repository's `number` of tags is selected; `tags` are some of them, or all."""
    ordered = in_order(tags)
    named = ", ".join(ordered) if len(ordered) <= _FEW else f"{ordered[0]} … {ordered[-1]}"
    near = [close for pattern in selection.include[:1] for close in _close(pattern.strip("*"), tags)]
    meant = f"; did you mean {near[0]!r}?" if near else ""
    none = "its only tag does not fit" if number == 1 else f"none of its {number:,} tags fits"
    return f"{none} {selection}; it has {named}{meant}"


def _close(word: str, known: Iterable[str]) -> list[str]:
    some = islice((each for each in known if len(each) <= MAX_LENGTH), MAX_COMPARED)
    return difflib.get_close_matches(word[:MAX_LENGTH], list(some), 1, _NEAR)
