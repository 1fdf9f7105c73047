"""Our container image, given the engine's socket and folder, beside the program on the machine itself.

`python -m bench.contained` measures it alone; build the image before, as docs/how-to/in-a-container.md says.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.images import Named, named
from bench.measure import Failed, measure
from bench.table import Beside, Missing, Row, Target
from bench.tools import Tools

IMAGE = os.environ.get("INSPECTOR_IMAGE") or "inspector-deploy/inspector:test"
MORE = 0.3
"""Seconds that it may take beyond those of the program on the machine."""


def contained_rows(tools: Tools, image: Named) -> Iterator[Row | Missing]:
    """Our check by the access method storage, on the machine and in a container; nothing cached."""
    title, asked = f"{image.name} docker", (f"docker:{image.name}", image.role)
    job = f"{title}: check in our container image, given the engine's folder"
    native = tools.check(f"{title}: check on the machine", *asked, "--no-cache", "--access", "storage")
    yield native
    assert native.seconds is not None
    try:
        words = [*_run(tools.folder), IMAGE, "check", "inspector.toml", asked[0], "--role", asked[1]]
        measured = measure([*words, "--no-cache", "--access", "storage"], times=tools.times, env={})
    except (Failed, subprocess.CalledProcessError) as error:
        yield Missing(job, str(error)[-200:])
        return
    words = [*_run(tools.folder)[:3], "--network", "none", "--entrypoint", "true", IMAGE]
    yield Row(f"{title}: docker run … true, what the engine takes of that", measure(words, times=tools.times, env={}))
    yield Row(job, measured, beside=Beside(run=native.seconds), target=Target(round(native.seconds + MORE, 2)))


def _run(folder: Path) -> list[str]:
    """Return what starts our image; as root, since the engine's folder is root's."""
    command = ["docker", "info", "--format", "{{.DockerRootDir}}"]
    root = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    mounts = (f"{socket}:/var/run/docker.sock", f"{root}:{root}:ro", f"{folder}:/work:ro")
    return [
        *("docker", "run", "--rm", "--network", "none", "--user", "0"),
        *(word for mount in mounts for word in ("--volume", mount)),
    ]


def main() -> int:
    """Measure all images of the lab, five times each."""
    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        tools = Tools(str(Path(sys.executable).with_name("inspector")), None, None, Path(folder), 5)
        for image in named():
            for row in contained_rows(tools, image):
                sys.stdout.write("  ".join(row.cells()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
