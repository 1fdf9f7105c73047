"""Docker's files on disk: from an image id to its layers, by digest and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from inspector.errors import DigestMismatch
from inspector.layers.merge import merge
from inspector.sources.access import AccessUnusable
from inspector.sources.engine import overlay2
from inspector.sources.engine.overlay2 import chain_ids, open_overlay2
from inspector.sources.image import Image
from inspector.testing.tree import Dir, Tree
from tests.lab.ours import listing
from tests.sources.engine import unpacked
from tests.sources.samples import API
from tests.support import index_of

if sys.platform != "linux":
    pytest.skip("engines keep their files on Linux alone", allow_module_level=True)

ONE, TWO = (f"sha256:{letter * 64}" for letter in "ab")


@pytest.fixture(autouse=True)
def _all_marks_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay2, "hidden_marks", lambda _: "")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return unpacked.overlay2(tmp_path / "engine", API)


def opened(root: Path) -> Image:
    return open_overlay2(root, API.image_id, [f"sha256:{digits}" for digits in API.diff_ids], tags=API.tags)


def record(root: Path, position: int) -> Path:
    """The engine's record of a layer, by its place from the base up."""
    chains = list(chain_ids([f"sha256:{digits}" for digits in API.diff_ids]))
    return root / "image" / "overlay2" / "layerdb" / chains[position].replace(":", "/")


def test_the_chain_of_digests() -> None:
    assert list(chain_ids([ONE, TWO])) == [
        ONE,
        "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c",
    ]


def test_layers_and_steps_and_config_are_found(root: Path) -> None:
    image = opened(root)
    assert (image.image_id, image.source, image.tags) == (API.image_id, "docker", ("api:prod",))
    assert [layer.created_by for layer in image.layers] == ["COPY rootfs /", "RUN pip install flask"]
    assert [(layer.digest, layer.stored_size, layer.compressed) for layer in image.layers] == [(None, 0, False)] * 2
    scans = [layer.blob.scan(layer.diff_id, None, verify=False, meter=lambda _: None).index for layer in image.layers]
    trees: list[Tree] = [step.tree for step in API.steps if step.tree is not None]
    assert listing(merge(scans)) == listing(merge([index_of(with_parents(tree)) for tree in trees]))


def with_parents(tree: Tree) -> Tree:
    """On disk, every directory is there."""
    parents = {str(parent): Dir() for path in tree for parent in reversed(Path(path).parents) if str(parent) != "."}
    return parents | dict(tree)


def test_an_altered_config_is_found_out(root: Path) -> None:
    path = root / "image" / "overlay2" / "imagedb" / "content" / API.image_id.replace(":", "/")
    path.write_bytes(path.read_bytes().replace(b"flask", b"torch"))
    with pytest.raises(DigestMismatch):
        opened(root)


def test_what_the_engine_lists_must_be_what_the_config_lists(root: Path) -> None:
    with pytest.raises(AccessUnusable, match="other layers"):
        open_overlay2(root, API.image_id, [ONE])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("diff", ONE, "another layer"),
        ("diff", "x" * 5000, None),
        ("cache-id", "../../etc", "cache-id"),
        ("cache-id", "", "cache-id"),
        ("size", "many", "size"),
    ],
)
def test_a_record_that_is_wrong_leads_nowhere(name: str, content: str, reason: str | None, root: Path) -> None:
    (record(root, 1) / name).write_text(content)
    with pytest.raises(Exception, match=reason or "larger than"):
        opened(root)


@pytest.mark.parametrize("name", ["diff", "cache-id", "size"])
def test_a_record_that_lacks_a_part_leads_nowhere(name: str, root: Path) -> None:
    (record(root, 0) / name).unlink()
    with pytest.raises(AccessUnusable, match=f"no '.*{name}'"):
        opened(root)


def test_a_record_is_no_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "size").write_text("3")
    (record(root, 0) / "size").unlink()
    (record(root, 0) / "size").symlink_to(tmp_path / "size")
    with pytest.raises(AccessUnusable, match="can't be read"):
        opened(root)


def test_a_directory_that_is_gone_is_no_empty_layer(root: Path) -> None:
    (root / "overlay2" / (record(root, 0) / "cache-id").read_text() / "diff").rename(root / "away")
    layer = opened(root).layers[0]
    with pytest.raises(AccessUnusable, match="there is no"):
        layer.blob.scan(layer.diff_id, None, verify=False, meter=lambda _: None)


def test_files_that_went_or_came_by_hand_are_found_out(root: Path) -> None:
    (root / "overlay2" / (record(root, 0) / "cache-id").read_text() / "diff" / "etc" / "os-release").unlink()
    layer = opened(root).layers[0]
    with pytest.raises(AccessUnusable, match="altered"):
        layer.blob.scan(layer.diff_id, None, verify=False, meter=lambda _: None)


def test_an_engine_of_another_machine_leads_nowhere(tmp_path: Path) -> None:
    with pytest.raises(AccessUnusable, match=r"no '.*' on this machine"):
        open_overlay2(tmp_path, API.image_id, [ONE])
