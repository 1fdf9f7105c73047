"""What engines keep on their disks: the tree that it makes is that of the archive which the same engine saves."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from inspector.engine.client import connect
from inspector.layers.merge import merge
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.containers_storage import ContainersStore
from inspector.sources.engine.storage import open_storage
from inspector.sources.image import Image as Opened
from inspector.testing.image import Image, Step
from inspector.testing.tree import Dir
from tests.lab import ours, wrong
from tests.lab.conftest import ROLES
from tests.lab.engine import Listed
from tests.lab.others import DOCKER, Other
from tests.lab.test_layer_semantics import AGREED


def tree(image: Opened) -> dict[str, Listed]:
    """Every file that a container would see."""
    read = ours.indexer()
    return ours.listing(merge([read.index(layer.diff_id, layer.digest, layer.blob).index for layer in image.layers]))


Open = Callable[[str], Opened]
Podman = Callable[..., str]


@contextmanager
def store_of(engine: Other) -> Iterator[Open]:
    """What opens an engine's images by name, from its files; Podman's without asking it, which takes it seconds."""
    if engine.scheme == "podman":
        yield ContainersStore(Path(engine.root)).open
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", engine.environment["DOCKER_HOST"])
        asked = connect("docker")
        yield lambda name: open_storage(asked, asked.inspect(name))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, str]]:
    """One archive of a small image for each case of the layers' semantics; their names in it."""
    names = {case: f"inspector-lab-{os.getpid()}/storage:{number}" for number, case in enumerate(AGREED)}
    images = [
        Image(steps=[Step("lower", lower), Step("upper", upper)], tags=[names[case]])
        for case, (lower, upper) in AGREED.items()
    ]
    path = tmp_path_factory.mktemp("storage") / "cases.tar"
    FORMS["docker-24"](path, images)
    return path, names


@pytest.fixture(scope="module")
def stored(any_engine: Other, cases: tuple[Path, Mapping[str, str]]) -> Iterator[Open]:
    """The files of each engine in turn, which holds all cases."""
    path, names = cases
    any_engine.docker("load", "--input", str(path))
    with store_of(any_engine) as opened:
        yield opened
    any_engine.docker("rmi", "--force", *names.values())


LEFT_TO_OTHERS = {
    "below a directory named as a whiteout",
    "a directory named as a whiteout",
    "folder of AUFS",
    "whiteout of a whiteout's directory",
    "attributes of other values",
    "redirect in the lowest layer",
}
"""Layers whose names or attributes can't be told from the marks of an engine: another access method reads them."""


@pytest.mark.parametrize("case", AGREED)
def test_layers_on_disk_merge_as_their_tars_do(case: str, stored: Open, cases: tuple[Path, Mapping[str, str]]) -> None:
    path, names = cases
    try:
        on_disk = tree(stored(names[case]))
    except AccessUnusable:
        assert case in LEFT_TO_OTHERS
    else:
        assert on_disk == tree(ours.image_of(f"docker-archive:{path}:{names[case]}"))


@pytest.mark.parametrize("name", [*ROLES, *wrong.NAMES])
def test_the_role_images_on_disk_are_those_that_are_saved(name: str, saved: Path) -> None:
    archived = ours.image_of(f"docker-archive:{saved}:{name}")
    with store_of(DOCKER) as opened:
        on_disk = opened(name)
    assert tree(on_disk) == tree(archived)
    assert (on_disk.image_id, on_disk.config) == (archived.image_id, archived.config)


@pytest.fixture
def own_podman(podman: Other) -> Iterator[tuple[Podman, Path]]:
    """A Podman with a store of the test's own and no service, and that store; its paths must be short."""
    del podman
    with tempfile.TemporaryDirectory(prefix="podman-") as state:
        command = ["podman", "--root", f"{state}/root", "--runroot", f"{state}/run", "--tmpdir", f"{state}/tmp"]
        command += ["--storage-driver", "overlay", "--events-backend", "file"]

        def run(*words: str) -> str:
            return subprocess.run([*command, *words], check=True, capture_output=True, text=True).stdout.strip()

        yield run, Path(state) / "root"
        subprocess.run(["umount", f"{state}/root/overlay"], check=False, capture_output=True)


def test_a_container_that_is_committed_reads_as_it_is_saved(own_podman: tuple[Podman, Path], tmp_path: Path) -> None:
    podman, root = own_podman

    base = Image(steps=[Step("base", {"d/old": b"old", "d/sub/old": b"old", "bin/tool": b"t"})], tags=["base:1"])
    FORMS["docker-24"](tmp_path / "base.tar", [base])
    podman("load", "--input", str(tmp_path / "base.tar"))
    container = podman("create", "localhost/base:1", "nothing")
    mounted = Path(podman("mount", container))
    (mounted / "bin" / "tool").unlink()
    (mounted / "d" / "sub" / "old").unlink()
    (mounted / "d" / "sub").rmdir()
    (mounted / "d" / "sub").mkdir()  # which the kernel marks as opaque
    (mounted / "d" / "sub" / "new").write_bytes(b"new")
    os.link(mounted / "d" / "old", mounted / "d" / "second")
    podman("umount", container)
    podman("commit", "--quiet", container, "changed:1")
    podman("save", "--quiet", "--output", str(tmp_path / "saved.tar"), "localhost/changed:1")
    store = ContainersStore(root)
    found = tree(store.open("changed:1"))
    assert found == tree(ours.image_of(str(tmp_path / "saved.tar")))
    assert {path for path in found if path.startswith(("d", "bin"))} == {
        "bin",
        "d",
        "d/old",
        "d/second",
        "d/sub",
        "d/sub/new",
    }
    podman("rm", "--volumes", container)
    podman("rmi", "--force", "localhost/changed:1")
    assert [image.tags for image in store.images()] == [("localhost/base:1",), ("localhost/changed:1",)]
    assert [image.tags for image in ContainersStore(root).images()] == [("localhost/base:1",)]


def test_layers_that_a_pull_left_out_are_read_where_they_are_unpacked(
    containerd: Other, skopeo: None, tmp_path: Path
) -> None:
    """The engine has them already, packed otherwise: it fetches the manifest and config alone, and says no more."""
    del skopeo
    name = f"inspector-lab-{os.getpid()}/left-out"
    remote = f"127.0.0.1:5000/{name}:1"
    image = Image(steps=[Step("a", {"d/": Dir(), "d/old": name.encode()}), Step("b", {"d/.wh.old": b"", "new": b"n"})])
    FORMS["docker-24"](tmp_path / "here.tar", [replace(image, tags=[f"{name}:1"])])
    FORMS["docker-24"](tmp_path / "there.tar", [replace(image, tags=[f"{name}:1"], env=["A=1"])])
    containerd.docker("load", "--input", str(tmp_path / "here.tar"))
    words = ["skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false"]
    subprocess.run([*words, f"docker-archive:{tmp_path}/there.tar", f"docker://{remote}"], check=True)
    try:
        containerd.docker("pull", "--quiet", remote)
        assert containerd.inspect(remote)["RootFS"] == {}, "the engine now fetches them: so much the better"
        with store_of(containerd) as opened:
            found = opened(remote)
            assert (found.config.env, tree(found)) == ({"A": "1"}, tree(opened(f"{name}:1")))
    finally:
        containerd.docker("rmi", "--force", f"{name}:1", remote)
