"""The lab's containerd that has no engine above it, by its own command."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.others import LAB

SOCKET = LAB / "node" / "containerd.sock"
SHARED = ("k8s.io", "team")
"""The namespaces that the lab fills, and no test changes."""

_LISTS = (
    ["images", "list"],
    ["snapshots", "list"],
    ["content", "list", "--quiet"],
    ["leases", "list"],
    ["containers", "list"],
)


class Node:
    """What `ctr` does in one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    @property
    def answers(self) -> bool:
        """Whether it is there."""
        return self._run("version").returncode == 0

    def ctr(self, *words: str) -> str:
        """What a command prints. Raises `CalledProcessError`."""
        done = self._run(*words)
        done.check_returncode()
        return done.stdout

    def load(self, archive: Path, *words: str) -> None:
        """Import all images of an archive; by `ctr` itself, as only that does for some words in later versions."""
        local = ["--local"] if words and "--local" in self.ctr("images", "import", "--help") else []
        self.ctr("images", "import", *local, *words, str(archive))

    def discard(self, digests: Iterable[str]) -> None:
        """Remove blobs from the namespace, as a pull does that discards what it has unpacked."""
        self.ctr("content", "remove", *digests)

    def remove(self) -> None:
        """Remove everything in the namespace, and it."""
        names = self.ctr("images", "list", "--quiet").split()
        if names:
            self.ctr("images", "remove", "--sync", *names)
        self._run("namespaces", "remove", self.namespace)

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Assert that all lists of this namespace and of the shared ones are equal before and after."""
        before = self._lists()
        yield
        assert self._lists() == before

    def _lists(self) -> list[str]:
        names = (*SHARED, self.namespace)
        spaces = [line for line in self.ctr("namespaces", "list").splitlines() if line.split()[0] in names]
        return spaces + [Node(name).ctr(*words) for name in names for words in _LISTS]

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["ctr", "--address", str(SOCKET), "--namespace", self.namespace, *words]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
