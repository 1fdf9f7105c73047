"""A fake engine whose containers act: their interpreter is ours, and it gets just what theirs would have got."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from inspector.engine.client import Engine, connect
from inspector.testing.engine import FakeEngine
from inspector.testing.image import Image, Step
from inspector.testing.tree import File

IMAGE = Image(steps=[Step("COPY . .", {"app/main.py": File(b"")})], tags=["worker:gpu"], cmd=["python"])
NVIDIA = {"Runtimes": {"nvidia": {"path": "nvidia-container-runtime"}, "runc": {"path": "runc"}}}
CDI = {"DiscoveredDevices": [{"Source": "cdi", "ID": f"nvidia.com/gpu={name}"} for name in ("0", "GPU-1", "all")]}


def act(fake: FakeEngine, path: Path | None, told: str = "") -> None:
    """From now on containers do what the probe does with the stub in `path`, told so."""
    environment = {"STUB": told, **({"PYTHONPATH": str(path)} if path else {})}

    def logs(handler: Any) -> None:
        container = next(iter(handler.fake.containers.values()))
        command = [sys.executable, *container.body["Cmd"]]
        done = subprocess.run(command, env=environment, cwd="/", capture_output=True, check=False)
        container.exit_code = done.returncode
        handler.begin(200, {})
        content = done.stdout if handler.query["stdout"] == "1" else done.stderr
        handler.chunk(b"\1\0\0\0" + len(content).to_bytes(4, "big") + content if content else b"")
        if content:
            handler.chunk(b"")

    fake.misbehave("GET", "/containers/[^/]+/logs", logs)


@contextmanager
def engine(monkeypatch: pytest.MonkeyPatch, store: Any = "graph", **given: Any) -> Iterator[tuple[FakeEngine, Engine]]:
    """A fake engine with `IMAGE`, and ours to talk to it."""
    with FakeEngine(store, [IMAGE], **given) as fake:
        name = "CONTAINER_HOST" if store == "podman" else "DOCKER_HOST"
        monkeypatch.setenv(name, fake.address)
        with connect("podman" if store == "podman" else "docker") as ours:
            yield fake, ours


def body(fake: FakeEngine) -> dict[str, Any]:
    """What the last container was asked to be."""
    asked: dict[str, Any] = fake.asked("POST", "/containers/create")[-1].body
    return asked
