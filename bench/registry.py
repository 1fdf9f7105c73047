"""Images in a registry of this machine: with gzip layers, beside the least that it can take; by tables of contents."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator

from bench.images import Named, subjects
from bench.measure import measure
from bench.table import Beside, Missing, Row, Target
from bench.tools import Tools

REGISTRY = "127.0.0.1:5000"
COLD = Target(of_syft=1 / 5, of_run=1.1)
CACHED = Target(0.25)


def registry_rows(tools: Tools, image: Named) -> Iterator[Row | Missing]:
    """Download, inflate and hash alone; syft; our check with nothing cached, and with all layers cached."""
    title = f"{image.name} registry"
    if shutil.which("skopeo") is None:
        yield Missing(title, "there is no skopeo to push with")
        return
    name = _pushed(image)
    command = [sys.executable, "-m", "bench.floor", REGISTRY, name, "1"]
    floor = Row(
        f"{title}: download, inflate and hash alone", measure(command, times=tools.times, env={}), is_ours=False
    )
    yield floor
    scanned = tools.scan_with_syft(f"{title}: syft", f"registry:{REGISTRY}/{name}:1")
    yield scanned
    beside = Beside(scanned.seconds, floor.seconds)
    target = COLD if image.large else None
    asked = (f"docker://{REGISTRY}/{name}:1", image.role)
    yield tools.check(f"{title}: check, nothing cached", *asked, "--no-cache", beside=beside, target=target)
    cached = CACHED if image.large else None
    yield tools.check(f"{title}: check, all layers cached", *asked, beside=beside, target=cached)


def _pushed(image: Named) -> str:
    """The image as gzip layers, in a repository of its own; as its layout has them, so that digests are kept."""
    name = f"bench/{image.name.replace(':', '-')}-{image.image_id.removeprefix('sha256:')[:12]}"
    layout = next(subject for subject in subjects(image) if subject.scheme == "oci")
    words = ("--dest-tls-verify=false", "--preserve-digests", f"oci:{layout.path}:latest")
    target = f"docker://{REGISTRY}/{name}:1"
    command = ("skopeo", "copy", "-q", "--insecure-policy", *words, target)
    subprocess.run(command, check=True, capture_output=True)
    return name
