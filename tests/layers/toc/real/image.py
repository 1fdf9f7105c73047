"""`python -m tests.layers.toc.real.image FOLDER` writes the image whose layer is kept here, for `rebuild` to pack."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

from fixtures.forms import FORMS
from inspector.testing.image import Image, Step
from inspector.testing.tree import Device, Dir, File, Hardlink, Link, Tree

TREE: Tree = {
    "usr/": Dir(),
    "usr/bin/": Dir(0o711),
    "usr/bin/python3.11": File(b"\x7fELF" + bytes(5000) + bytes(range(256)) * 4, 0o755),
    "usr/bin/python3": Link("python3.11"),
    "usr/bin/python": Hardlink("usr/bin/python3.11"),
    "usr/bin/pip": File(b"#!/usr/bin/python3\n", 0o4755),
    "lib/site-packages/torch/version.py": b"cuda = None\n",
    "lib/site-packages/torch-2.0.dist-info/METADATA": b"Name: torch\nVersion: 2.0\n",
    "lib/site-packages/torch-2.0.dist-info/RECORD": b"torch/version.py,,\n" * 99,
    "lib/site-packages/torch/data": bytes(3000) + b"data" + bytes(3000),
    "lib/empty": b"",
    "lib/.wh.gone": b"",
    "dev/null": Device(),
    "é" * 60 + "/" + "y" * 80: b"long",
}


def unpadded(step: Step) -> Step:
    """The step with its tar as engines write one: skopeo 1.9 drops padding past the end mark."""
    with tarfile.open(fileobj=io.BytesIO(step.tar)) as tar:
        tar.getmembers()
        vars(step)["tar"] = step.tar[: tar.offset + 1024]
    return step


if __name__ == "__main__":
    FORMS["oci-plain"](Path(sys.argv[1]), [Image(steps=[unpadded(Step("COPY . /", TREE))], tags=["layer:1"])])
