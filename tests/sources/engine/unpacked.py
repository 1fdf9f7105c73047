"""Layers unpacked as engines keep them on disk, and the stores that they keep them in."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest

from inspector.sources.engine.overlay2 import chain_ids
from inspector.sources.engine.tar_split import crc64
from inspector.testing.image import Image, to_json
from inspector.testing.tree import Device, Dir, File, Hardlink, Link, Tree

OPAQUE = ".wh..wh..opq"
OPAQUE_MARK = "trusted.overlay.opaque" if os.geteuid() == 0 else "user.overlay.opaque"


def unpack(tree: Tree, folder: Path, *, opaque: str = OPAQUE_MARK) -> Path:
    """`folder` as overlay drivers make it of a layer: whiteouts as devices, opaque directories by an attribute."""
    folder.mkdir(parents=True, mode=0o755)
    for path, member in tree.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.name == OPAQUE:
            mark(target.parent, opaque, b"y")
        elif target.name.startswith(".wh."):
            whiteout(target.with_name(target.name.removeprefix(".wh.")))
        else:
            _put(target, member, folder)
    for path, member in tree.items():
        if isinstance(member, Dir):
            (folder / path).chmod(member.mode)
    return folder


def mark(path: Path, name: str, value: bytes) -> None:
    """Set an attribute; skip where the file system or the user may not."""
    try:
        os.setxattr(path, name, value, follow_symlinks=False)
    except OSError as error:
        pytest.skip(f"no attribute {name} here: {error.strerror}")


def whiteout(path: Path) -> None:
    """What overlayfs leaves of a file that a layer removes."""
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(0, 0))


def _put(target: Path, member: object, folder: Path) -> None:
    match member:
        case bytes():
            target.write_bytes(member)
            target.chmod(0o644)
        case File():
            target.write_bytes(member.data)
            target.chmod(member.mode)
        case Dir():
            target.mkdir(exist_ok=True)
        case Link():
            target.symlink_to(member.target)
        case Hardlink():
            os.link(folder / member.target, target)
        case Device(type=tarfile.FIFOTYPE):
            os.mkfifo(target, 0o644)
            target.chmod(0o644)
        case _:
            raise AssertionError(member)


def split_of(tar: bytes) -> bytes:
    """What engines keep of a layer's tar besides its files."""
    lines: list[dict[str, Any]] = []
    end = 0

    def segment(until: int) -> None:
        if until > end:
            lines.append({"type": 2, "payload": base64.b64encode(tar[end:until]).decode(), "position": len(lines)})

    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        members = opened.getmembers()
    for member in members:
        segment(member.offset_data)
        size = member.size if member.isreg() else 0
        end = member.offset_data + size
        content = tar[member.offset_data : end]
        summed = base64.b64encode(crc64(iter((content,))).to_bytes(8)).decode() if size else None
        name = (
            {"name": member.name}
            if member.name.isascii()
            else {"name_raw": base64.b64encode(os.fsencode(member.name)).decode()}
        )
        lines.append({"type": 1, **name, **({"size": size} if size else {}), "payload": summed, "position": len(lines)})
    segment(len(tar))
    return gzip.compress(b"".join(to_json(line) + b"\n" for line in lines))


def overlay2(root: Path, image: Image, *, split: bool = False) -> Path:
    """A Docker engine's root that holds one image by its overlay2 driver; if `split`, with what it keeps of tars."""
    tars = image.layers
    graph = root / "image" / "overlay2"
    _write(graph / "imagedb" / "content" / image.image_id.replace(":", "/"), image.config)
    diff_ids = [f"sha256:{digits}" for digits in image.diff_ids]
    (root / "overlay2").mkdir(parents=True)
    below = ""
    for position, (step, diff_id, chain) in enumerate(zip(_made(image), diff_ids, chain_ids(diff_ids), strict=True)):
        record = graph / "layerdb" / chain.replace(":", "/")
        cache_id = hashlib.sha256(b"cache" + chain.encode()).hexdigest()
        diff = unpack(step, root / "overlay2" / cache_id / "diff")
        if split:
            _write(record / "tar-split.json.gz", split_of(tars[position]))
        _write(record / "diff", diff_id.encode())
        _write(record / "cache-id", cache_id.encode())
        _write(record / "size", str(_bytes_in(diff)).encode())
        if below:
            _write(record / "parent", below.encode())
        below = chain
    return root


def overlay2_container(root: Path, image: Image, container: str, tree: Tree) -> Path:
    """Put a container of the image, in which `tree` was changed, into that root; its own files."""
    *_, chain = chain_ids([f"sha256:{digits}" for digits in image.diff_ids])
    record = root / "image" / "overlay2" / "layerdb" / "mounts" / container
    _write(record / "mount-id", b"a" * 64)
    _write(record / "parent", chain.encode())
    return unpack(tree, root / "overlay2" / ("a" * 64) / "diff")


def working_container(root: Path, image: Image, name: str, tree: Tree, **settings: Any) -> Path:
    """Put a container into Podman's store, in which `tree` was changed, with Buildah's settings; its own files."""
    layers = json.loads((root / "overlay-layers" / "layers.json").read_bytes())
    container, own = hashlib.sha256(name.encode()).hexdigest(), hashlib.sha256(b"own" + name.encode()).hexdigest()
    _write(root / "overlay-layers" / "layers.json", to_json([*layers, {"id": own, "parent": layers[-1]["id"]}]))
    record = {"id": container, "names": [name], "image": image.image_id[7:], "layer": own}
    _write(root / "overlay-containers" / "containers.json", to_json([record]))
    if settings:
        config = {**json.loads(image.config), "config": settings}
        _write(root / "overlay-containers" / container / "userdata" / "buildah.json", to_json({"ociv1": config}))
    return unpack(tree, root / "overlay" / own / "diff")


def containers_storage(root: Path, image: Image, **changes: Any) -> Path:
    """The store of Podman with one image; `changes` replace fields of its record."""
    digest = f"sha256:{hashlib.sha256(manifest_of(image)).hexdigest()}"
    layers = []
    parent = ""
    (root / "overlay" / "l").mkdir(parents=True)
    for number, (step, digits) in enumerate(zip(_made(image), image.diff_ids, strict=True)):
        layer = hashlib.sha256(f"{parent} {digits}".encode()).hexdigest()
        folder, link = root / "overlay" / layer, f"LINK{number}"
        unpack(step, folder / "diff")
        _write(folder / "link", link.encode())
        (root / "overlay" / "l" / link).symlink_to(f"../{layer}/diff")
        layers.append({"id": layer, "diff-digest": f"sha256:{digits}", **({"parent": parent} if parent else {})})
        parent = layer
    record = {"id": image.image_id[7:], "digest": digest, "names": list(image.tags), "layer": parent, **changes}
    _write(root / "overlay-images" / "images.json", to_json([record]))
    _write(root / "overlay-layers" / "layers.json", to_json(layers))
    big = root / "overlay-images" / image.image_id[7:]
    _write(big / "manifest", manifest_of(image))
    _write(big / f"={base64.b64encode(image.image_id.encode()).decode()}", image.config)
    return root


def edit(path: Path, **changes: Any) -> None:
    """Change the last record of a list."""
    records = json.loads(path.read_bytes())
    records[-1].update(changes)
    path.write_bytes(to_json(records))


def manifest_of(image: Image) -> bytes:
    """The manifest of an image whose layers are plain."""

    def descriptor(content: bytes, kind: str) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest, "size": len(content)}

    return to_json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor(image.config, "config.v1+json"),
            "layers": [descriptor(layer, "layer.v1.tar") for layer in image.layers],
        }
    )


def _made(image: Image) -> list[Tree]:
    return [step.tree for step in image.steps if step.tree is not None]


def _bytes_in(folder: Path) -> int:
    """As the engine counts it: files and links, each content once."""
    found = [path.lstat() for path in folder.rglob("*")]
    return sum({each.st_ino: each.st_size for each in found if not stat.S_ISDIR(each.st_mode)}.values())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
