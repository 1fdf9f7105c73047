"""A containerd without Docker: what is read of its files is the image that Docker has, and nothing of it changes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from fixtures.forms import FORMS, directory
from fixtures.forms.oci import Blobs
from fixtures.packing import gzip
from fixtures.roles import right_images
from inspector.errors import InspectorError, NotFound, PlatformMissing
from inspector.facts import ImageFacts
from inspector.oci import Platform
from inspector.pipeline import Options, inspect
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.sources.access import AccessUnusable
from inspector.sources.image import Image as Opened
from inspector.sources.media import Media
from inspector.testing.image import Image, Step
from inspector.testing.tree import Tree
from tests.comparable import without_layers
from tests.lab import node as lab_node
from tests.lab import ours, registries
from tests.lab.conftest import _not_here
from tests.lab.node import SHARED, Node
from tests.lab.others import LAB
from tests.lab.test_layer_semantics import AGREED
from tests.lab.test_storage import LEFT_TO_OTHERS, tree
from tests.ways import comparable

API = "ktrdr-backend:prod"


def _of_this_run(image: Image) -> Image:
    """The image with layers that no other run and no other image has, since namespaces share what is equal."""
    run = f"run-{os.getpid()}-{image.image_id[7:19]}"
    steps = [
        step if step.tree is None else Step(step.created_by, {**step.tree, f"{run}-{number}": b""})
        for number, step in enumerate(image.steps)
    ]
    return replace(image, steps=steps, tags=["i-containerd/gpu:1"])


SMALL = _of_this_run(right_images()["worker-gpu"])
OTHER = replace(_of_this_run(right_images()["backend-prod"]), architecture="arm64")
"""For another machine, with no layer in common."""


@pytest.fixture(autouse=True)
def _named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lab's containerd is the one that is meant."""
    monkeypatch.setenv("CONTAINERD_ADDRESS", str(lab_node.SOCKET))
    monkeypatch.delenv("CONTAINERD_NAMESPACE", raising=False)


@pytest.fixture
def node() -> Iterator[Node]:
    """A namespace of the test's own."""
    own = Node(f"i-containerd-{os.getpid()}")
    if not own.answers:
        _not_here(f"no containerd answers at {lab_node.SOCKET}")
    own.remove()
    yield own
    own.remove()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small image as `docker save` writes it."""
    path = tmp_path_factory.mktemp("containerd") / "small.tar"
    FORMS["docker-24"](path, [SMALL])
    return path


def of_one_index(images: Sequence[Image]) -> Tree:
    """A layout with one index of all images."""
    blobs = Blobs()
    return blobs.tree([blobs.index([blobs.manifest(one, [gzip], platform=one.platform) for one in images])])


def opened(name: str, namespace: str | None = None) -> Opened:
    (image,) = open_images(parse_reference(f"containerd:{name}"), media=Media(namespace=namespace))
    return image


def blobs_of(image: Opened) -> list[Path]:
    """The files of its layers in the content store."""
    folder = LAB / "node" / "root" / "io.containerd.content.v1.content" / "blobs"
    return [folder / str(layer.digest).replace(":", "/") for layer in image.layers]


def discard(node: Node, image: Opened) -> None:
    """Remove the blobs of its layers, until they are gone from the disk."""
    node.discard(dict.fromkeys(str(layer.digest) for layer in image.layers))
    until = time.monotonic() + 30
    while any(path.exists() for path in blobs_of(image)):
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("namespace", SHARED)
@pytest.mark.parametrize("verify", [False, True], ids=["walked", "verified"])
def test_the_api_image_is_the_one_that_docker_has(namespace: str, verify: bool, node: Node, roles: None) -> None:  # noqa: FBT001
    del roles
    with node.untouched():
        facts = inspect(f"containerd:{API}", Options(namespace=namespace, verify=verify))
    assert (facts.source, facts.tags) == ("containerd", (f"docker.io/library/{API}",))
    assert (facts.evidence.access, facts.evidence.digests_verified) == ("storage", verify)
    assert comparable(facts) == comparable(inspect(f"docker:{API}", Options(access="storage", verify=verify)))


def test_each_name_that_kubernetes_has_leads_to_the_image(node: Node) -> None:
    names = Node("k8s.io").ctr("images", "list", "--quiet").split()
    (image_id,) = {opened(name).image_id for name in (*names, API)}
    assert image_id in names, "containerd's part for Kubernetes is at work"
    assert opened(str(image_id)[7:20]).image_id == image_id
    assert opened(str(opened(API).manifest_digest)).image_id == image_id
    with node.untouched(), pytest.raises(NotFound, match=f"did you mean {API}"):
        opened("ktrdr-backend:prdo")


def test_as_nobody_the_ways_out_are_told(node: Node) -> None:
    program = [sys.executable, "-m", "inspector", "show", "--no-cache", f"containerd:{API}"]
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]
    with node.untouched():
        done = subprocess.run([*nobody, *program], check=False, capture_output=True, text=True)
    if "setpriv" in done.stderr or "Permission denied: '" in done.stderr:
        pytest.skip("another user can't run this interpreter")
    assert done.returncode == 3
    assert "run as root" in done.stderr
    assert "nerdctl save" in done.stderr


@pytest.mark.parametrize("words", [(), ("--no-unpack",), ("--snapshotter", "native")], ids=" ".join)
def test_an_image_however_it_was_imported(words: tuple[str, ...], node: Node, archive: Path) -> None:
    node.load(archive, *words)
    with node.untouched():
        facts = inspect("containerd:i-containerd/gpu:1", Options(namespace=node.namespace))
    assert comparable(facts) == comparable(inspect(f"docker-archive:{archive}", Options()))
    assert facts.evidence.how == ("walk" if not words else "seek")


def test_discarded_layers_are_read_where_they_are_unpacked(node: Node, archive: Path) -> None:
    node.load(archive)
    discard(node, opened("i-containerd/gpu:1", node.namespace))
    with node.untouched():
        facts = inspect("containerd:i-containerd/gpu:1", Options(namespace=node.namespace))
        with pytest.raises(AccessUnusable, match=r"proves no digest.*is not kept"):
            inspect("containerd:i-containerd/gpu:1", Options(namespace=node.namespace, verify=True))
    assert comparable(facts) == comparable(inspect(f"docker-archive:{archive}", Options()))
    assert facts.evidence.how == "walk"


def test_discarded_layers_that_the_snapshotter_native_copied_together(node: Node, archive: Path) -> None:
    node.load(archive, "--snapshotter", "native")
    discard(node, opened("i-containerd/gpu:1", node.namespace))
    with node.untouched():
        facts = inspect("containerd:i-containerd/gpu:1", Options(namespace=node.namespace))
    expected = inspect(f"docker-archive:{archive}", Options())
    assert without_layers(replace_warnings(facts)) == without_layers(expected)
    assert len(facts.layers) == 1


def test_layers_that_are_nowhere_are_refused(node: Node, archive: Path) -> None:
    node.load(archive, "--no-unpack")
    discard(node, opened("i-containerd/gpu:1", node.namespace))
    with node.untouched(), pytest.raises(NotFound, match="nor is it unpacked"):
        opened("i-containerd/gpu:1", node.namespace)


def replace_warnings(facts: ImageFacts) -> ImageFacts:
    """The facts without the warning that they are of one layer."""
    assert [each for each in facts.warnings if "which layer they are of" in each]
    return msgspec.structs.replace(facts, warnings=())


def test_what_was_unpacked_is_what_the_tars_say(node: Node, tmp_path: Path) -> None:
    names = {case: f"i-containerd/case:{number}" for number, case in enumerate(AGREED)}
    images = [
        Image(steps=[Step("lower", lower), Step("upper", upper)], tags=[names[case]])
        for case, (lower, upper) in AGREED.items()
    ]
    path = tmp_path / "cases.tar"
    FORMS["docker-24"](path, images)
    node.load(path)
    passed_over = set()
    for case, name in names.items():
        expected, image = tree(ours.image_of(f"docker-archive:{path}:{name}")), opened(name, node.namespace)
        assert image.access is not None, case
        assert tree(image.access.saved(known=lambda _: False, meter=lambda _: None)) == expected, case
        try:
            assert tree(image) == expected, case
        except AccessUnusable:
            passed_over.add(case)
    assert passed_over <= LEFT_TO_OTHERS


def test_of_an_index_the_platform_that_was_pulled(node: Node, skopeo: None, tmp_path: Path) -> None:
    del skopeo
    repository = f"{registries.LAB}/i-containerd-{os.getpid()}"
    registries.push(directory("oci", of_one_index)(tmp_path / "layout", [SMALL, OTHER]), f"{repository}:1", "--all")
    try:
        node.ctr("images", "pull", "--plain-http", "--platform", "linux/arm64", f"{repository}:1")
        with node.untouched():
            assert str(opened(f"{repository}:1").platform) == "linux/arm64"
            with pytest.raises(PlatformMissing, match="only linux/arm64 was pulled"):
                inspect(f"containerd:{repository}:1", Options(platform=Platform("linux", "amd64")))
        node.ctr("images", "pull", "--plain-http", "--platform", "linux/amd64", f"{repository}:1")
        facts = inspect(f"containerd:{repository}:1", Options(platform=Platform("linux", "amd64")))
        assert facts.image_id == SMALL.image_id
    finally:
        registries.delete(repository)


def test_while_containerd_imports(node: Node, archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.tar"
    FORMS["docker-24"](
        other, [Image(steps=[Step("RUN", {f"f{at}": bytes(at)})], tags=[f"i-o:{at}"]) for at in range(30)]
    )
    node.load(archive)
    expected = comparable(inspect(f"docker-archive:{archive}", Options()))
    ended = threading.Event()

    def churn() -> None:
        while not ended.is_set():
            node.load(other)
            node.ctr("images", "remove", *(f"docker.io/library/i-o:{at}" for at in range(30)))

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(20):
            facts = inspect("containerd:i-containerd/gpu:1", Options(namespace=node.namespace))
            assert comparable(facts) == expected
    finally:
        ended.set()
        thread.join()


def test_an_image_that_is_removed_meanwhile_is_no_shorter_answer(node: Node, archive: Path) -> None:
    node.load(archive)
    image = opened("i-containerd/gpu:1", node.namespace)
    node.remove()
    with pytest.raises(InspectorError):
        tree(image)
