"""The lab's engines side by side: Docker with overlay2, a newer one with the containerd store, and Podman."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from inspector.engine.containers import Owner, this_owner
from inspector.runtime.sandbox import probe_source

NEVER = "/inspector-never-starts-this"
"""The command of a container that is made to read its files."""
_SECONDS_OF_OTHERS = 90.0
_NAME = re.compile(r"/?inspector-([0-9a-f]{12}-[0-9]+-[0-9]+)-")
"""What names a container of the program, and the process that made it."""

LAB = Path(os.environ.get("LAB") or f"{tempfile.gettempdir()}/inspector-lab")


class Other(NamedTuple):
    """An engine that the docker command can talk to, and how the program is told of it."""

    name: str
    scheme: str
    socket: str

    @property
    def environment(self) -> dict[str, str]:
        """What makes this engine the only one that is found."""
        nowhere = f"unix://{self.socket}.none"
        mine = f"unix://{self.socket}"
        docker, podman = (mine, nowhere) if self.scheme == "docker" else (nowhere, mine)
        return {"DOCKER_HOST": docker, "CONTAINER_HOST": podman}

    @property
    def root(self) -> str:
        """The folder that it keeps everything in."""
        return self.docker("info", "--format", "{{.DockerRootDir}}").strip()

    @property
    def answers(self) -> bool:
        """Whether it is there."""
        return self._run("version").returncode == 0

    def docker(self, *words: str, stdin: bytes = b"") -> str:
        """What a docker command to this engine prints. Raises `CalledProcessError`."""
        done = self._run(*words, stdin=stdin)
        done.check_returncode()
        return done.stdout.decode()

    def podman(self, *words: str) -> str:
        """What a podman command prints that works on the same store. Raises `CalledProcessError`."""
        state = Path(self.socket).parent
        own = {"CONTAINERS_CONF": f"{state}/containers.conf", "CONTAINERS_STORAGE_CONF": f"{state}/storage.conf"}
        command = ["podman", *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **own})
        return done.stdout

    def inspect(self, image: str) -> dict[str, Any]:
        """The engine's document on the image."""
        document: dict[str, Any] = json.loads(self.docker("image", "inspect", image))[0]
        return document

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Assert that no container of the program and no volume is left that wasn't there before.

        Other tests' runs of the program may come and go. Their own containers, and the volumes of these, are not ours.
        """
        before = self._held()
        yield
        until, left = time.monotonic() + _SECONDS_OF_OTHERS, self._held() - before
        while left:
            assert time.monotonic() < until, left
            time.sleep(0.2)
            left &= self._held()

    def _held(self) -> set[str]:
        """The ids of the containers that the program made, running or not, and the names of volumes without one.

        Less those whose process still runs: that is another test's.
        """
        listed = self.docker("ps", "--all", "--no-trunc", "--format", "{{json .}}").splitlines()
        made = {each["ID"] for each in map(json.loads, listed) if _is_of_the_program(each["Names"], each["Command"])}
        return made | set(self.docker("volume", "ls", "--quiet", "--filter", "dangling=true").split())

    def _run(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
        command = ["docker", "--host", f"unix://{self.socket}", *words]
        return subprocess.run(command, input=stdin, check=False, capture_output=True, env=environment, timeout=120)


def _is_of_the_program(name: str, command: str) -> bool:
    """Tell by its name or, had it none, by its command whether a container is left by the program."""
    found = _NAME.match(name)
    owner = Owner.parse(found[1]) if found else None
    if owner is None or owner == this_owner() or owner.host != this_owner().host:
        return found is not None or NEVER in command or probe_source()[:50] in command
    return owner.is_dead(0)


DOCKER = Other("docker", "docker", "/var/run/docker.sock")
CONTAINERD = Other("containerd", "docker", str(LAB / "containerd" / "engine.sock"))
PODMAN = Other("podman", "podman", str(LAB / "podman" / "engine.sock"))
ALL = {engine.name: engine for engine in (DOCKER, CONTAINERD, PODMAN)}
