"""Files that no index keeps, read again of their layer: sought, walked to, or by a second pass."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

import pytest

from inspector.layers.contents import MAX_CONTENT, Contents
from inspector.layers.file import FileRange
from inspector.rootfs import NotKept
from inspector.sources.engine.diff_directory import DiffDirectory, FileRecord
from inspector.testing.tree import Tree, tar_of

TREE: Tree = {
    "lib/a.py": b"import b\n" * 100,
    "lib/b.py": b"x = 1\n",
    "lib/data.bin": bytes(3000),
    "lib/tests/c.py": b"",
}
TAR = tar_of(TREE)
DIFF_ID = f"sha256:{hashlib.sha256(TAR).hexdigest()}"


def contents(blob: object, *, verify: bool = False) -> tuple[Contents, dict[str, int]]:
    """The contents of a layer, and where its files stand in the index."""
    index = blob.scan(DIFF_ID, None, verify=verify, meter=lambda _: None).index  # type: ignore[attr-defined]
    places = {entry.path: place for place, entry in enumerate(index.entries)}
    return Contents(index, blob, blob.identity, None, verify=verify), places  # type: ignore[attr-defined]


def plain(folder: Path, *, before: bytes = b"") -> FileRange:
    path = folder / "layer.tar"
    path.write_bytes(before + TAR)
    return FileRange(path, len(before), len(TAR))


def packed(folder: Path) -> FileRange:
    path = folder / "layer.tar.gz"
    path.write_bytes(gzip.compress(TAR))
    return FileRange(path, 0, path.stat().st_size)


def test_a_plain_tar_is_sought(tmp_path: Path) -> None:
    found, places = contents(plain(tmp_path, before=bytes(512)))
    for name in ("lib/a.py", "lib/b.py", "lib/data.bin"):
        assert found.read(places[name]) == TREE[name]
    assert found.bytes_read < len(TAR)


def test_a_packed_layer_is_read_once_more_for_its_sources(tmp_path: Path) -> None:
    found, places = contents(packed(tmp_path))
    assert found.read(places["lib/a.py"]) == TREE["lib/a.py"]
    read = found.bytes_read
    assert found.read(places["lib/b.py"]) == TREE["lib/b.py"]
    assert found.bytes_read == read
    with pytest.raises(NotKept, match="second time"):
        found.read(places["lib/data.bin"])


def test_what_is_verified_is_hashed_again(tmp_path: Path) -> None:
    blob = plain(tmp_path)
    found, places = contents(blob, verify=True)
    assert found.read(places["lib/a.py"]) == TREE["lib/a.py"]
    assert found.bytes_read == len(TAR)


def test_a_layer_on_disk_is_walked_to(tmp_path: Path) -> None:
    for name, content in TREE.items():
        path = tmp_path / "diff" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)  # type: ignore[arg-type]
    (tmp_path / "record").write_text("1")
    found, places = contents(DiffDirectory(tmp_path / "diff", FileRecord(tmp_path / "record")))
    assert found.read(places["lib/data.bin"]) == bytes(3000)
    (tmp_path / "diff/lib/b.py").unlink()
    (tmp_path / "diff/lib/b.py").symlink_to("/etc/passwd")
    with pytest.raises(NotKept):
        found.read(places["lib/b.py"])


def test_a_layer_that_changed_is_not_read(tmp_path: Path) -> None:
    blob = plain(tmp_path)
    found, places = contents(blob)
    blob.path.write_bytes(TAR)
    os.utime(blob.path, (1, 1))
    with pytest.raises(NotKept, match="changed"):
        found.read(places["lib/a.py"])


def test_another_tar_than_the_index_was_made_of_is_refused(tmp_path: Path) -> None:
    index = plain(tmp_path).scan(DIFF_ID, None, verify=False, meter=lambda _: None).index
    other = tmp_path / "other.tar"
    other.write_bytes(tar_of({"lib/a.py": b"other", **{f"x{n}": b"" for n in range(3)}}))
    blob = FileRange(other, 0, other.stat().st_size)
    found = Contents(index, blob, blob.identity, None, verify=False)
    with pytest.raises(NotKept, match="not the one"):
        found.read(next(at for at, entry in enumerate(index.entries) if entry.path == "lib/a.py"))


def test_a_second_pass_checks_the_digest(tmp_path: Path) -> None:
    index = plain(tmp_path).scan(DIFF_ID, None, verify=False, meter=lambda _: None).index
    path = tmp_path / "other.tar.gz"
    path.write_bytes(gzip.compress(TAR.replace(b"x = 1", b"x = 2")))
    found = Contents(index, FileRange(path, 0, path.stat().st_size), None, None, verify=False)
    with pytest.raises(NotKept, match="unpacked"):
        found.read(next(at for at, entry in enumerate(index.entries) if entry.path == "lib/b.py"))


def test_what_went_by_is_told_with_what_helps(tmp_path: Path) -> None:
    index = plain(tmp_path).scan(DIFF_ID, None, verify=False, meter=lambda _: None).index
    with pytest.raises(NotKept, match="--access storage"):
        Contents(index, object(), None, None, verify=False).read(1)


def test_large_files_are_not_read(tmp_path: Path) -> None:
    tree: Tree = {"big.py": bytes(MAX_CONTENT + 1)}
    path = tmp_path / "layer.tar"
    path.write_bytes(tar_of(tree))
    blob = FileRange(path, 0, path.stat().st_size)
    index = blob.scan(DIFF_ID, None, verify=False, meter=lambda _: None).index
    with pytest.raises(NotKept, match="more than"):
        Contents(index, blob, blob.identity, None, verify=False).read(len(index.entries) - 1)
