"""Tars by the header, archives and layouts by the document: what no honest writer would make."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures.bases import debian
from fixtures.pythons import cpython
from fixtures.torches import torch_cpu, torch_cuda, torch_needs
from fixtures.wheels import install
from inspector.testing.blobs import OCI
from inspector.testing.image import sha256, to_json
from inspector.testing.tree import File, Tree, tar_of
from tests.cli.program import run

SITE = "usr/local/lib/python3.11/site-packages"
PATH = "PATH=/usr/local/bin:/usr/bin:/bin"
END = bytes(1024)
USTAR, GNU = b"ustar\00000", b"ustar  \0"
BASE = tar_of({**debian(), **cpython()})
"""A layer with a Python, and no torch."""


def torch_tree(site: str = SITE, *, cuda: bool = False) -> dict[str, bytes | File]:
    """The files of a whole torch, and of what it requires, by path."""
    found = install(site, torch_cuda() if cuda else torch_cpu(), *torch_needs())
    return {path: member for path, member in found.items() if isinstance(member, bytes | File)}


def header(name: bytes | str, size: int = 0, flag: bytes = b"0", /, **fields: bytes) -> bytes:
    """One header with a right sum; `fields` are written over it as they are, by the names of tar(5)."""
    block = bytearray(512)
    path = name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
    known = {
        "name": path[:100],
        "mode": b"0000755\0",
        "uid": b"0000000\0",
        "gid": b"0000000\0",
        "size": b"%011o\0" % size,
        "mtime": b"00000000000\0",
        "typeflag": flag,
        "magic": USTAR,
        "devmajor": b"0000000\0",
        "devminor": b"0000000\0",
    }
    for field, text in {**known, **fields}.items():
        block[_PLACES[field] : _PLACES[field] + len(text)] = text
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


_PLACES = {
    "name": 0,
    "mode": 100,
    "uid": 108,
    "gid": 116,
    "size": 124,
    "mtime": 136,
    "typeflag": 156,
    "linkname": 157,
    "magic": 257,
    "devmajor": 329,
    "devminor": 337,
    "prefix": 345,
    "atime": 345,  # GNU's
    "ctime": 357,
    "trailer": 508,
}


def padded(data: bytes) -> bytes:
    """Up to the next block."""
    return data + bytes(-len(data) % 512)


def file(name: bytes | str, data: bytes = b"", flag: bytes = b"0", /, **fields: bytes) -> bytes:
    """A member with its data."""
    return header(name, len(data), flag, **fields) + padded(data)


def record(key: bytes | str, value: bytes | str) -> bytes:
    """One PAX record, its length before it."""
    key, value = (text if isinstance(text, bytes) else text.encode() for text in (key, value))
    body = b" " + key + b"=" + value + b"\n"
    size = len(body) + 1
    while len(b"%d" % size) + len(body) != size:
        size = len(b"%d" % size) + len(body)
    return b"%d" % size + body


def pax(*records: tuple[bytes | str, bytes | str], flag: bytes = b"x", name: str = "extended") -> bytes:
    """An extended header, for the member behind it or (flag `g`) for all."""
    return file(name, b"".join(record(*each) for each in records), flag)


def long_name(name: str, flag: bytes = b"L") -> bytes:
    """GNU's header for a long name (or, with flag `K`, a link's target)."""
    return file("././@LongLink", name.encode() + b"\0", flag, magic=GNU)


@dataclass(frozen=True)
class Raw:
    """An image from layers as bytes; `env` and more of the configuration, or all of it as a document."""

    layers: Sequence[bytes]
    env: Sequence[str] = (PATH,)
    document: bytes = b""
    stored: Sequence[bytes] = ()

    @property
    def config(self) -> bytes:
        """The configuration."""
        diff_ids = [f"sha256:{sha256(layer)}" for layer in self.layers]
        run = {"Env": list(self.env), "Cmd": ["python"]}
        known = {"architecture": "amd64", "os": "linux", "config": run}
        return self.document or to_json({**known, "rootfs": {"type": "layers", "diff_ids": diff_ids}})


def docker_archive(path: Path, image: Raw, *, manifest: bytes = b"", more: Mapping[str, bytes] | None = None) -> Path:
    """What `docker save` would write of it, under the name t:1; `more` are further members."""
    names = [f"l{at}" for at in range(len(image.layers))]
    stored = image.stored or image.layers
    tree: Tree = dict(zip(names, stored, strict=True))
    items = to_json([{"Config": "c.json", "RepoTags": ["t:1"], "Layers": names}])
    path.write_bytes(tar_of({**(more or {}), **tree, "c.json": image.config, "manifest.json": manifest or items}))
    return path


class Layout:
    """Blobs of a layout, and the documents that name them."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def put(self, content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        """Its descriptor."""
        self.blobs[f"blobs/sha256/{sha256(content)}"] = content
        return {"mediaType": media_type, "digest": f"sha256:{sha256(content)}", "size": len(content), **more}

    def image(self, image: Raw, name: str = "t:1") -> dict[str, Any]:
        """The descriptor of an image's manifest, under a name."""
        layers = [self.put(layer, OCI.layer) for layer in image.layers]
        manifest = {"schemaVersion": 2, "config": self.put(image.config, OCI.config), "layers": layers}
        return self.named(to_json(manifest), name)

    def named(self, manifest: bytes, name: str = "t:1") -> dict[str, Any]:
        """The descriptor of a manifest, under a name."""
        return self.put(manifest, OCI.manifest, annotations={"org.opencontainers.image.ref.name": name})

    def files(self, index: bytes | Iterable[dict[str, Any]]) -> dict[str, bytes]:
        """All files, the index as it is given or listing descriptors."""
        said = index if isinstance(index, bytes) else to_json({"schemaVersion": 2, "manifests": list(index)})
        return {**self.blobs, "index.json": said, "oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def write(
        self, folder: Path, index: bytes | Iterable[dict[str, Any]], more: Mapping[str, bytes] | None = None
    ) -> Path:
        """The layout as a directory."""
        for name, content in {**self.files(index), **(more or {})}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder


def role(folder: Path, *, torch: bool = False, cuda: bool | str | None = None) -> Path:
    """A policy with one role for t:1: by default one without torch."""
    said = {"name": "t:1", "dockerfile": "x", "torch_expected": torch, "cuda_expected": cuda, "description": "it"}
    path = folder / "roles.json"
    path.write_text(json.dumps({"images": [said]}))
    return path


def judged(reference: Path | str, *, torch: bool = False, cuda: bool | str | None = None, folder: Path) -> int:
    """The exit code of `check`: 0 pass, 1 fail, 3 refused."""
    return run("check", "--no-cache", role(folder, torch=torch, cuda=cuda), reference).exit_code


def shown(reference: Path | str) -> dict[str, Any]:
    """The facts of the one image."""
    result = run("show", "--no-cache", "--format", "json", reference)
    assert result.exit_code == 0, result.output
    (facts,) = json.loads(result.stdout)["images"]
    return dict(facts)
