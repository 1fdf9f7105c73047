"""The lab's registry, and more of Debian's `docker-registry` on ports of their own, each with its storage and rules."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LAB = "127.0.0.1:5000"
SECONDS = 20.0


def answers(host: str) -> bool:
    """Whether a registry is there, without TLS."""
    try:
        with urllib.request.urlopen(f"http://{host}/v2/", timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, ValueError):
        return False


def push(source: str, name: str, *words: str, target: str = "") -> None:
    """Copy an image, with all that an index lists, to `name`; `words` are skopeo's, such as how to pack layers."""
    command = ["skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false", *words, source]
    subprocess.run([*command, target or f"docker://{name}"], check=True, capture_output=True)


def delete(name: str) -> None:
    """Take the manifests of a repository's tags out of the lab's registry."""
    host, _, repository = name.partition("/")
    with urllib.request.urlopen(f"http://{host}/v2/{repository}/tags/list", timeout=5) as response:
        tags = json.load(response).get("tags") or []
    for tag in tags:
        words = ["skopeo", "delete", "--tls-verify=false", f"docker://{name}:{tag}"]
        subprocess.run(words, check=False, capture_output=True)


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def registry(
    folder: Path,
    *,
    http: Mapping[str, object] | None = None,
    auth: Mapping[str, object] | None = None,
    notifications: Mapping[str, object] | None = None,
) -> Iterator[str]:
    """A registry that keeps to `http` (TLS), `auth` and so on; yields its host, and its log lies in `folder`."""
    host = f"127.0.0.1:{free_port()}"
    settings = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": False}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": host, **(http or {})},
        **({"auth": auth} if auth else {}),
        **({"notifications": notifications} if notifications else {}),
    }
    config = folder / "registry.yml"
    config.write_text(json.dumps(settings))  # YAML takes JSON
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log)
        try:
            _wait(process, host, folder / "registry.log")
            yield host
        finally:
            process.terminate()
            process.wait(timeout=SECONDS)


def _wait(process: subprocess.Popen[bytes], host: str, log: Path) -> None:
    until = time.monotonic() + SECONDS
    address = host.rpartition(":")
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection((address[0], int(address[2])), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"docker-registry does not come up: {log.read_text()[-2000:]}")
