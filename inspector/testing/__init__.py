r"""Images, a registry and an engine to test your own policy against, without Docker and without network.

    image     `Image` and `Step`: an image from its build steps, each with the files that it adds
    tree      `File`, `Dir`, `Link` …: what `{path: bytes}` can't say
    registry  `FakeRegistry`: a registry that holds images, and misbehaves where asked to
    engine    `FakeEngine`: Docker's and Podman's API over images
    faults    ways for the engine to misbehave

A policy is tested by checking an image that has what the policy forbids:

>>> import os, tempfile, unittest.mock
>>> import inspector
>>> from inspector.testing import FakeEngine, Image, Step
>>> step = Step("COPY model", {"app/weights.bin": bytes(2000)})
>>> image = Image(steps=[step], tags=["team/api:1"], cmd=["python3"])
>>> with tempfile.TemporaryDirectory() as folder:
...     path = os.path.join(folder, "inspector.toml")
...     with open(path, "w") as file:
...         _ = file.write('[roles.api]\nmatch = ["team/api:*"]\nmax-size = "1 kB"\n')
...     policy = inspector.load_policy(path)
>>> with FakeEngine("containerd", [image]) as engine:
...     with unittest.mock.patch.dict(os.environ, DOCKER_HOST=engine.address):
...         report = inspector.check("docker:team/api:1", policy)
>>> (result,) = report.results
>>> result.role, "size" in [finding.check for finding in result.findings if finding.outcome == "fail"]
('api', True)

Nothing here needs pytest; a fixture is `with FakeRegistry() as registry: yield registry`.
"""

from __future__ import annotations

from inspector.testing import faults
from inspector.testing.blobs import gzipped, plain
from inspector.testing.engine import FakeEngine
from inspector.testing.image import Image, Step
from inspector.testing.registry import Answer, Asked, FakeRegistry, answer_json
from inspector.testing.tree import Device, Dir, File, Hardlink, Link, Tree, tar_of

__all__ = [
    "Answer",
    "Asked",
    "Device",
    "Dir",
    "FakeEngine",
    "FakeRegistry",
    "File",
    "Hardlink",
    "Image",
    "Link",
    "Step",
    "Tree",
    "answer_json",
    "faults",
    "gzipped",
    "plain",
    "tar_of",
]
