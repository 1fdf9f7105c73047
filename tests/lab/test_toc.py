"""zstd:chunked as a real writer pushes it to a real registry: the same facts from little of the bytes."""

from __future__ import annotations

import os
import random
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from inspector.facts import gather
from inspector.layers.indexer import Indexer
from inspector.layers.scan import scan_stream
from inspector.layers.toc.scan import NOTE, has_toc
from inspector.oci import Platform
from inspector.reference import parse_reference
from inspector.registry.settings import user_settings
from inspector.sources.image import Image as Opened
from inspector.sources.registry.blob import RegistryBlob
from inspector.sources.registry.open import Registries, open_registry_images
from inspector.testing.image import Image, Step
from inspector.testing.tree import Tree
from tests.lab import registries as lab
from tests.lab.agree import differences
from tests.lab.conftest import _not_here
from tests.lab.ours import indexer
from tests.layers.toc.real.image import unpadded

AMD64 = Platform("linux", "amd64")
SITE = "app/.venv/lib/python3.11/site-packages"
SHARE = 0.02
"""Of a large layer's bytes, what may be fetched."""


def _library() -> Tree:
    """Real files, some hundred of them, as a package that is installed; and data that don't shrink."""
    root = Path(sysconfig.get_path("stdlib"))
    files = [path for path in sorted(root.glob("[a-s]*/*.py")) if not path.is_symlink()]
    tree: dict[str, bytes] = {f"{SITE}/library/{path.relative_to(root)}": path.read_bytes() for path in files}
    noise = random.Random(2)
    weights = {f"{SITE}/library/weights/{n}.bin": noise.randbytes(4 << 20) for n in range(6)}
    info = f"{SITE}/library-1.0.dist-info"
    record = "".join(f"{path.removeprefix(SITE + '/')},sha256=x,{len(data)}\n" for path, data in tree.items())
    own = {
        f"{SITE}/library/run": f"{os.getpid()} {time.time()}".encode()
    }  # of known blobs skopeo forgets the annotations
    return {
        **tree,
        **weights,
        **own,
        f"{info}/METADATA": b"Name: library\nVersion: 1.0\n",
        f"{info}/RECORD": record.encode(),
    }


@pytest.fixture(scope="module")
def image(skopeo: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A CPU worker with one large layer, its layers packed by skopeo."""
    del skopeo
    if not lab.answers(lab.LAB):
        _not_here(f"no registry answers at {lab.LAB}")
    worker: Image = right_images()["worker-cpu"]
    steps = [
        unpadded(replace(step)) if step.tree is not None else step
        for step in (*worker.steps, Step("RUN uv pip install library", _library()))
    ]
    folder = tmp_path_factory.mktemp("toc") / "worker"
    name = f"{lab.LAB}/test-{os.getpid()}/toc"
    lab.push(
        FORMS["oci-plain"](folder, [replace(worker, steps=steps)]),
        f"{name}:1",
        "--dest-compress-format",
        "zstd:chunked",
    )
    yield f"{name}:1"
    lab.delete(name)


def _opened(name: str, registries: Registries) -> Opened:
    (image,) = open_registry_images(parse_reference(f"registry:{name}"), AMD64, registries)
    return image


def test_the_same_facts_in_parts_and_whole(image: str) -> None:
    opened = _opened(image, Registries(user_settings(trust_toc="all")))
    quick = gather(opened, indexer())
    whole = gather(opened, Indexer(None, verify=True, meter=lambda _: None))
    assert differences(quick, whole) == []
    assert (quick.torch.version, quick.torch.build) == (whole.torch.version, whole.torch.build)
    assert quick.distributions == whole.distributions
    assert (quick.evidence.digests_verified, whole.evidence.digests_verified) == (False, True)
    assert any(NOTE in warning for warning in quick.warnings)
    assert not any("table of contents" in warning for warning in whole.warnings)


def test_every_entry_is_the_same_and_little_is_fetched(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    layers = _opened(image, Registries(user_settings(trust_toc="all"))).layers
    large = max(layers, key=lambda layer: layer.stored_size)
    assert isinstance(large.blob, RegistryBlob)
    assert has_toc(large.blob.descriptor.annotations)
    read = large.blob.scan(large.diff_id, large.digest, verify=False, meter=lambda _: None)
    chunks = large.blob.repository.chunks(large.blob.descriptor.digest, large.stored_size)
    assert read.index.entries == scan_stream(chunks, large.diff_id, large.digest).index.entries
    assert read.how == "toc"
    share = read.bytes_read / large.stored_size
    with capsys.disabled():
        sys.stdout.write(f"\nof {large.stored_size} bytes {read.bytes_read} are fetched: {share:.2%}\n")
    assert share <= SHARE
