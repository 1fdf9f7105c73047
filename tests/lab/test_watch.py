"""`audit --watch` beside a real registry that notifies it of what real tools push and pull."""

from __future__ import annotations

import json
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from tests.cli.program import ROOT, clean_environment
from tests.lab import registries as lab
from tests.lab.conftest import _not_here

RIGHT = right_images()
TOKEN = "Geheim-4711-Geheim"
SECONDS = 20.0
POLICY = """
[roles.api]
match = ["*/team/api:*"]
torch = "absent"
[roles.worker]
match = ["*/team/worker:*"]
torch = "cpu"
"""


class Watch:
    """The program while it watches."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def line(self) -> dict[str, Any]:
        """The next line that it prints."""
        found: dict[str, Any] = json.loads(self._lines.get(timeout=SECONDS))
        return found

    def end(self, number: int = signal.SIGTERM) -> tuple[int, list[dict[str, Any]]]:
        """Ask it to end: its exit code, and what else it had printed."""
        self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        self._reader.join()
        return code, [self.line() for _ in range(self._lines.qsize())]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)


@pytest.fixture
def own(skopeo: None) -> None:
    """Ask for the program of a registry."""
    del skopeo
    if shutil.which("docker-registry") is None:
        _not_here("there is no docker-registry command")


@pytest.fixture
def port() -> int:
    return lab.free_port()


@pytest.fixture
def host(own: None, port: int, tmp_path: Path) -> Iterator[str]:
    """A registry that notifies the port, and does so again soon where that fails."""
    del own
    endpoint = {
        "name": "inspector",
        "url": f"http://127.0.0.1:{port}/events",
        "headers": {"Authorization": [f"Bearer {TOKEN}"]},
        "timeout": "5s",
        "threshold": 1,
        "backoff": "200ms",
    }
    with lab.registry(tmp_path, notifications={"endpoints": [endpoint]}) as running:
        yield running


@contextmanager
def watching(host: str, port: int, folder: Path) -> Iterator[Watch]:
    (folder / "roles.toml").write_text(POLICY)
    (folder / "token").write_text(TOKEN)
    words = ["audit", "--catalog", f"{host}/team/*", f"--watch=127.0.0.1:{port}", "--watch-token-file", "token"]
    words += ["--policy", "roles.toml", "--platform", "linux/amd64", "--cache-dir", "cache"]
    process = subprocess.Popen(
        [sys.executable, "-m", "inspector", *words],
        cwd=folder,
        env=clean_environment({"PYTHONPATH": str(ROOT)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        assert b"listening for notifications" in process.stderr.readline()
        yield Watch(process)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def form(name: str, role: str, folder: Path) -> str:
    return FORMS[name](folder / f"{name}-{role}", [replace(RIGHT[role], tags=["a:1"])])


def test_images_are_checked_as_they_are_pushed_and_pulled(host: str, port: int, tmp_path: Path) -> None:
    with watching(host, port, tmp_path) as watch:
        lab.push(form("oci-gzip", "backend-prod", tmp_path), f"{host}/team/api:1.0")
        pushed = watch.line()
        assert (pushed["outcome"], pushed["role"], pushed["tags"]) == ("pass", "api", ["1.0"])
        assert (pushed["event"]["action"], pushed["event"]["host"]) == ("push", host)
        assert pushed["event"]["digest"] == pushed["digest"]
        lab.push(form("oci-gzip", "worker-gpu", tmp_path), f"{host}/other/api:1.0")
        lab.push(form("oci-platforms", "worker-gpu", tmp_path), f"{host}/team/worker:2", "--all")
        index = watch.line()
        assert (index["outcome"], index["image"].rpartition("@")[0]) == ("fail", f"{host}/team/worker:2")
        assert index["torch"]["build"] == "cuda"
        lab.push(f"docker://{host}/team/api:1.0", "", "--src-tls-verify=false", target=f"dir:{tmp_path}/pulled")
        lab.push(form("oci-gzip", "worker-cpu", tmp_path), f"{host}/team/worker:3")
        assert watch.line()["tags"] == ["3"], "what is known is not told again, nor what is not asked for"
        assert watch.end() == (0, [])


def test_what_was_pushed_while_nobody_listened_comes_later(host: str, port: int, tmp_path: Path) -> None:
    lab.push(form("oci-gzip", "backend-prod", tmp_path), f"{host}/team/api:1.0")
    with watching(host, port, tmp_path) as watch:
        assert watch.line()["event"]["tag"] == "1.0"
        assert watch.end(signal.SIGINT) == (0, [])


def test_a_pull_of_what_was_there_before(host: str, port: int, tmp_path: Path) -> None:
    lab.push(form("oci-gzip", "worker-gpu", tmp_path), f"{host}/team/api:1.0")
    with watching(host, port, tmp_path) as watch:
        watch.line()
        watch.end()
    with watching(host, port, tmp_path) as watch:
        lab.push(f"docker://{host}/team/api:1.0", "", "--src-tls-verify=false", target=f"dir:{tmp_path}/pulled")
        pulled = watch.line()
        assert (pulled["event"]["action"], pulled["outcome"]) == ("pull", "fail")
        assert watch.end() == (0, [])
