"""Figures of waste and of the map on real images, each within one percent of what GNU tar lists of their layers."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.facts import ImageFacts, gather
from inspector.facts.sizes import Sizes
from inspector.facts.waste import Waste
from inspector.report.formats import View, render
from tests.lab.conftest import ROLES
from tests.lab.ours import image_of, indexer
from tests.report.html.reading import read

WORKER = "ktrdr-worker-cpu:test"
DELETED = "inspector-lab/deleted-later:1"
"""Removes in later layers what earlier ones brought, and changes the owner of other files."""
DOCKERFILE = b"""FROM python:3.11-slim
RUN mkdir /wheels && head -c 50000000 /dev/urandom > /wheels/big.whl && echo 1 > /wheels/small.whl
RUN rm -rf /wheels
RUN chown -R 1000 /usr/local/lib/python3.11/site-packages
"""


@pytest.fixture
def deleted(docker: None, tmp_path: Path) -> Iterator[Path]:  # noqa: ARG001 - asked for
    """The image of that Dockerfile, saved."""
    subprocess.run(["docker", "build", "-q", "-t", DELETED, "-"], input=DOCKERFILE, check=True, capture_output=True)
    try:
        subprocess.run(["docker", "save", DELETED, "-o", str(tmp_path / "it.tar")], check=True, capture_output=True)
        yield tmp_path / "it.tar"
    finally:
        subprocess.run(["docker", "rmi", DELETED], check=True, capture_output=True)


def truth(archive: Path, name: str) -> tuple[dict[str, int], int]:
    """The size of each file of the final tree, and the bytes of those that later layers removed, by GNU tar alone."""
    final: dict[str, int] = {}
    gone = 0
    with tarfile.open(archive) as tar:
        manifests = json.loads(_content(tar, "manifest.json"))
        (manifest,) = [each for each in manifests if name in (each["RepoTags"] or ())]
        for layer in manifest["Layers"]:
            files, hidden = _listed(_content(tar, layer))
            for path in [path for path in final if any(path == each or path.startswith(f"{each}/") for each in hidden)]:
                gone += final.pop(path)
            gone += sum(final.get(path, 0) for path in files)
            final.update(files)
    return final, gone


def _content(tar: tarfile.TarFile, name: str) -> bytes:
    found = tar.extractfile(name)
    assert found is not None
    return found.read()


def _listed(layer: bytes) -> tuple[dict[str, int], list[str]]:
    done = subprocess.run(["tar", "--quoting-style=literal", "-tvf", "-"], input=layer, check=True, capture_output=True)
    files: dict[str, int] = {}
    hidden: list[str] = []
    for line in done.stdout.decode(errors="surrogateescape").splitlines():
        mode, _, size, _, _, name = line.split(None, 5)
        folder, _, last = name.removeprefix("./").rpartition("/")
        assert last != ".wh..wh..opq"
        if last.startswith(".wh."):
            hidden.append("/".join(filter(None, [folder, last.removeprefix(".wh.")])))
        elif mode.startswith("-"):
            files[name.removeprefix("./")] = int(size)
    return files, hidden


def looked(archive: Path, name: str) -> ImageFacts:
    return gather(image_of(f"docker-archive:{archive}:{name}"), indexer(), sizes=True)


def bytes_of(facts: ImageFacts) -> Counter[str]:
    """The bytes of each category."""
    assert isinstance(facts.waste, Waste)
    found: Counter[str] = Counter()
    for item in facts.waste.items:
        found[item.category] += item.bytes
    return found


TORCH = "site-packages/torch/"
CATEGORIES = {
    "bytecode": r".*\.pyc",
    "torch-tests": rf".*/{TORCH}(test/.*|bin/(test_[^/]*|[^/]*StoreTest))",
    "torch-headers": rf".*/{TORCH}include/.*",
    "apt-lists": r"var/lib/apt/lists/.*",
    "docs": r"usr/share/(doc|man|info|locale)/.*",
    "tests": r".*/site-packages/(.*/)?tests/.*",
}


def test_the_figures_of_the_cpu_worker(saved: Path) -> None:
    final, gone = truth(saved, WORKER)
    facts = looked(saved, WORKER)
    found = bytes_of(facts)
    for category, form in CATEGORIES.items():
        expected = sum(size for path, size in final.items() if re.fullmatch(form, path))
        assert found[category] == pytest.approx(expected, rel=0.01), category
    assert found["deleted"] + found["replaced"] + found["copied-again"] == pytest.approx(gone, rel=0.01)
    assert found["torch-tests"] == pytest.approx(127_300_000, rel=0.01)  # torch 2.13.0's CPU wheel


def test_what_later_layers_remove(deleted: Path) -> None:
    _, gone = truth(deleted, DELETED)
    facts = looked(deleted, DELETED)
    assert isinstance(facts.waste, Waste)
    found = bytes_of(facts)
    assert found["deleted"] == 50_000_002
    assert found["deleted"] + found["replaced"] + found["copied-again"] == pytest.approx(gone, rel=0.01)
    (item,) = [each for each in facts.waste.items if each.category == "deleted"]
    assert item.removed_by == item.layer + 1
    step = facts.layers[item.removed_by].created_by
    assert step is not None
    assert "rm -rf /wheels" in step
    assert found["copied-again"] > 5_000_000


@pytest.mark.parametrize("name", ROLES)
def test_layers_add_up_and_the_page_is_small(name: str, saved: Path) -> None:
    facts = looked(saved, name)
    assert isinstance(facts.sizes, Sizes)
    layers = facts.sizes.image.children
    assert [layer.size for layer in layers] == [layer.size for layer in facts.layers]
    for layer in layers:
        assert sum(part.size for part in layer.children) == (layer.size if layer.children else 0)
    made = render("show", [facts], "html", View())
    assert len(made.encode()) < 400_000
    read(made)
