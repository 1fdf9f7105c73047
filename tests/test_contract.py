"""One contract for all sources: the same image, in whatever form it comes, gives the same facts."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from fixtures.forms import FORMS, NAMELESS, ONE_IMAGE
from fixtures.packing import gzip, plain
from fixtures.roles import right_images
from fixtures.roots import merged, write_root
from fixtures.squash import PACKINGS, Object, environment_scripts, sif, squashfs
from inspector.errors import LimitExceeded
from inspector.facts import ImageFacts, gather
from inspector.facts.from_machine import gather_of_machine
from inspector.layers.cache import IndexCache
from inspector.layers.indexer import Indexer
from inspector.names import familiar
from inspector.oci import Platform
from inspector.pipeline import Options, inspect
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.sources.containerd import contents
from inspector.sources.containerd import open as opening
from inspector.sources.containerd.places import Place
from inspector.sources.media import Media
from inspector.sources.venv.machine import Machine
from inspector.testing import FakeEngine
from inspector.testing.store import Kind
from inspector.testing.tree import File, Link, Tree, tar_of
from tests.comparable import comparable, without_layers
from tests.effort import some
from tests.sources.containerd.nodes import Node

AMD64 = Platform("linux", "amd64")
IMAGES = right_images()
GPU = IMAGES["worker-gpu"]


def gathered(reference: str, cache: IndexCache | None = None, *, verify: bool = False) -> list[ImageFacts]:
    indexer = Indexer(cache, verify=verify, meter=lambda _: None)
    return [gather(image, indexer) for image in open_images(parse_reference(reference), AMD64)]


def without_entries(facts: ImageFacts) -> ImageFacts:
    """The facts without what only a tar tells."""
    layers = tuple(msgspec.structs.replace(layer, entries=None) for layer in facts.layers)
    return msgspec.structs.replace(facts, layers=layers)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ImageFacts]:
    """The facts of the four role images by image id, as one form gives them."""
    path = tmp_path_factory.mktemp("expected") / "images.tar"
    found = gathered(FORMS["docker-24"](path, list(IMAGES.values())))
    return {str(facts.image_id): comparable(facts) for facts in found}


def test_the_layers_of_an_image_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each layer keeps to its own bounds; a thousand of them would still not fit in memory."""
    monkeypatch.setattr("inspector.layers.gate.MAX_IMAGE", 5)
    for form in ("docker-24", "oci-archive"):
        with pytest.raises(LimitExceeded, match="metadata in its layers take more than 5 bytes"):
            gathered(FORMS[form](tmp_path / form, [GPU]))


def test_the_expected_facts_are_those_described(expected: dict[str, ImageFacts]) -> None:
    """Forms that agree on nothing at all would agree too."""
    assert list(expected) == [image.image_id for image in IMAGES.values()]
    facts = expected[GPU.image_id]
    assert [layer.diff_id for layer in facts.layers] == [f"sha256:{digest}" for digest in GPU.diff_ids]
    assert [layer.created_by for layer in facts.layers] == [
        step.created_by for step in GPU.steps if step.tree is not None
    ]
    assert (facts.torch.version, facts.torch.build, facts.torch.cuda) == ("2.14.1+cu130", "cuda", "13.0")
    assert facts.torch.importable == "yes", facts.torch.reasons
    assert facts.platform == AMD64
    assert not facts.warnings


@pytest.mark.parametrize("form", FORMS)
def test_one_image(form: str, expected: dict[str, ImageFacts], tmp_path: Path) -> None:
    reference = FORMS[form](tmp_path / "image", [GPU])
    (facts,) = gathered(reference)
    assert comparable(facts) == expected[GPU.image_id]
    assert facts.source == reference.partition(":")[0]
    assert facts.evidence.bytes_read > 0


@pytest.mark.parametrize("form", some(form for form in FORMS if form not in ONE_IMAGE))
def test_several_images(form: str, expected: dict[str, ImageFacts], tmp_path: Path) -> None:
    found = gathered(FORMS[form](tmp_path / "image", list(IMAGES.values())))
    assert {str(facts.image_id): comparable(facts) for facts in found} == expected
    names = [[] if form in NAMELESS else list(image.tags) for image in IMAGES.values()]
    assert [[familiar(tag) for tag in facts.tags] for facts in found] == names


@pytest.mark.parametrize("form", some(FORMS))
def test_read_through_and_verified(form: str, expected: dict[str, ImageFacts], tmp_path: Path) -> None:
    (facts,) = gathered(FORMS[form](tmp_path / "image", [GPU]), verify=True)
    assert comparable(facts) == expected[GPU.image_id]
    assert facts.evidence.digests_verified


@pytest.mark.skipif(sys.platform != "linux", reason="containerd keeps its files on Linux alone")
@pytest.mark.parametrize("kept", ["both", "unpacked", "blobs"])
def test_a_store_of_containerd(
    kept: str, expected: dict[str, ImageFacts], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "hidden_marks", lambda _: "")
    monkeypatch.setattr(opening, "find_places", lambda: [Place(tmp_path)])
    node = Node(tmp_path)
    node.put(GPU, "docker.io/library/gpu:1", GPU.image_id)
    if kept != "blobs":
        node.unpack(GPU)
    if kept == "unpacked":
        node.discard(GPU)
    node.write()
    (facts,) = gathered("containerd:gpu:1")
    assert without_entries(comparable(facts)) == without_entries(expected[GPU.image_id])
    assert (facts.source, facts.tags) == ("containerd", ("docker.io/library/gpu:1",))
    assert facts.evidence.how == ("seek" if kept == "blobs" else "walk")


def test_a_layer_is_read_once_whatever_form_it_comes_in(expected: dict[str, ImageFacts], tmp_path: Path) -> None:
    """The cache knows layers by diff_id, so a form read before answers for every other."""
    cache = IndexCache(tmp_path / "cache.sqlite", 1 << 30)
    gathered(FORMS["containerd-zstd"](tmp_path / "first", [GPU]), cache)
    for form in some(FORMS):
        (facts,) = gathered(FORMS[form](tmp_path / form, [GPU]), cache)
        assert comparable(facts) == expected[GPU.image_id], form
        assert facts.evidence.layers_cached == len(GPU.layers), form
    cache.close()


def test_platforms_all_gives_the_sibling_too(tmp_path: Path) -> None:
    reference = parse_reference(FORMS["oci-platforms"](tmp_path / "image", [GPU]))
    found = open_images(reference, "all")
    assert {str(image.platform): image.image_id == GPU.image_id for image in found} == {
        "linux/amd64": True,
        "linux/arm64": False,
    }


ROOTED = ("rootfs-directory", "rootfs-tar", "rootfs-tar-gzip", "machine")
"""The same image where no layers are left: as a directory, a tar of it, and file by file."""


def rooted(form: str, path: Path) -> ImageFacts:
    """The facts of the worker for GPUs as a root file system, with the image's own configuration."""
    config = path / "config.json"
    path.mkdir()
    config.write_bytes(GPU.config)
    tree = merged(GPU)
    if form in ("rootfs-directory", "machine"):
        root = write_root(tree, path / "root")
    else:
        root = path / "root.tar"
        root.write_bytes((gzip if form.endswith("gzip") else plain)(tar_of(tree)))
    (image,) = open_images(parse_reference(f"rootfs:{root}"), AMD64, media=Media(config=config))
    if form == "machine":
        machine = Machine(("/",), root=str(root))
        return gather_of_machine(image, machine, python="python", verify=False)
    return gather(image, Indexer(None, verify=False, meter=lambda _: None))


@pytest.mark.parametrize("form", ROOTED)
def test_a_root_file_system(form: str, expected: dict[str, ImageFacts], tmp_path: Path) -> None:
    """It has one layer of all its files, and no digest of it but that of a tar which was read whole."""
    facts = rooted(form, tmp_path / "image")
    assert without_layers(facts) == without_layers(expected[GPU.image_id])
    (layer,) = facts.layers
    assert (facts.image_id, layer.created_by, layer.cached) == (None, None, False)
    assert layer.diff_id.startswith("sha256:") if form == "rootfs-tar-gzip" else layer.diff_id == ""
    assert facts.size.uncompressed == layer.size == sum_of_files(merged(GPU))
    assert facts.evidence.bytes_read > 0


@pytest.mark.parametrize("kind", ["graph", "containerd", "podman"])
def test_a_container(kind: Kind, expected: dict[str, ImageFacts], monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was just made has its image's files in two layers, and neither a digest nor a tag."""
    with FakeEngine(kind, [GPU.with_steps(tags=["gpu:1"])]) as engine:
        for variable, own in (("CONTAINER_HOST", "podman"), ("DOCKER_HOST", "docker")):
            monkeypatch.setenv(variable, engine.address if (kind == "podman") is (own == "podman") else "unix:///none")
        engine.contain("gpu:1", "web")
        facts = inspect("container:web", Options(cache=None))
    assert without_layers(facts) == without_layers(expected[GPU.image_id])
    assert (facts.source, facts.image_id, facts.tags, len(facts.layers)) == ("container", None, (), 2)


@pytest.mark.parametrize("packing", PACKINGS)
def test_an_apptainer_image(packing: str, expected: dict[str, ImageFacts], tmp_path: Path) -> None:
    """It starts in the caller's folder, and this one has no runscript."""
    path = tmp_path / "image.sif"
    path.write_bytes(sif([Object(squashfs({**merged(GPU), **environment_scripts(GPU.env)}, packing))]))
    (facts,) = gathered(f"sif:{path}")
    found, wanted = without_layers(facts), without_layers(expected[GPU.image_id])
    for name in ("command", "startup"):
        assert found.pop(name)["argv"] == ["/bin/sh"]
        del wanted[name]
    assert found["interpreter"]["search_path"].pop(0) == "/"
    assert wanted["interpreter"]["search_path"].pop(0) == "/app"
    assert "PYTHONPATH" in found.pop("warnings")[0]
    assert found == {key: value for key, value in wanted.items() if key != "warnings"}
    assert (facts.source, facts.image_id, facts.layers[0].diff_id) == ("sif", None, "")


def sum_of_files(tree: Tree) -> int:
    """The bytes of files and of the texts of links."""
    files = (member.data if isinstance(member, File) else member for member in tree.values())
    links = (member.target for member in tree.values() if isinstance(member, Link))
    return sum(len(data) for data in files if isinstance(data, bytes)) + sum(map(len, links))
