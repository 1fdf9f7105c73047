"""What a file is that holds no image, told from its first bytes, and what to do with it: one sentence each.

Little is read, and nothing of it is believed: a wrong guess makes a worse sentence, never another answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from inspector.errors import InspectorError
from inspector.layers.compression import decompressed, sniff
from inspector.layers.readers import StreamReader
from inspector.layers.tar import BLOCK, iter_members
from inspector.sources.pipe import opened

HEAD = 64 << 10
"""Bytes of a file that are looked at."""
MAX_PEEKED = 1 << 20
"""Unpacked bytes of an archive whose first names are looked at."""
MAX_NAMES = 200

_SAVED = "expected is what docker save, podman save, skopeo or buildx write"
_INSTALLED = "name an image or an environment that it is installed in"
_DISK = "a virtual machine's disk; mount it, as in `guestmount -a {path} -i --ro DIR`, and name rootfs:DIR"
_BY_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xed\xab\xee\xdb", f"an RPM package; {_INSTALLED}"),
    (0, b"!<arch>\ndebian", f"a Debian package; {_INSTALLED}"),
    (0, b"SQLite format 3\0", "an SQLite database"),
    (0, b"QFI\xfb", f"a qcow2 file, {_DISK}"),
    (0, b"KDMV", f"a VMDK file, {_DISK}"),
    (0, b"# Disk DescriptorFile", f"a VMDK file, {_DISK}"),
    (0, b"vhdxfile", f"a VHDX file, {_DISK}"),
    (0, b"conectix", f"a VHD file, {_DISK}"),
    (0x40, b"\x7f\x10\xda\xbe", f"a VDI file, {_DISK}"),
    (0x200, b"EFI PART", f"a raw disk, {_DISK}"),
    (0x8001, b"CD001", "an ISO file; mount it, as in `mount -o loop,ro {path} DIR`, and name what is in it"),
    (0x438, b"\x53\xef", "an ext file system; mount it, as in `mount -o loop,ro {path} DIR`, and name rootfs:DIR"),
    (0, b"\x7fELF", "a program or library (ELF); name the image that it is in"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it, and name what is in it"),
    (0, b"%PDF", "a PDF file"),
)
_INSTRUCTION = r"(?mi)^\s*(?:FROM\s+\S+|(?:RUN|COPY|ADD|CMD|ENTRYPOINT|ENV|WORKDIR|ARG|USER|LABEL|EXPOSE)\s)"
_FROM = r"(?mi)^\s*FROM\s+\S+"
_BUILD = "a Dockerfile; build it, as in `docker build -t NAME .`, and name the image"
_CHART = "a Helm chart; name the images that it deploys, as in `helm template CHART | grep image:`"
_PACKAGE = re.compile(r"[^/]+-\d[^/]*/(?:PKG-INFO|pyproject\.toml|setup\.py)")


def named(path: Path) -> str:
    """Return what the file at `path` is, where it is none that may hold an image; empty where nothing tells.

    Raises `OSError`.
    """
    if not path.is_file():  # opening a pipe and leaving it would break its writer off
        return ""
    with opened(path) as file:
        head = _first(file, HEAD)
    found = named_by(head, str(path))
    return found.replace("{path}", str(path)) if found else ""


def named_by(head: bytes, path: str) -> str:
    """Return the same from a file's first bytes; `{path}` in it stands for the file."""
    if not head or sniff(head[:BLOCK]):  # before all else: what engines load is an archive, whatever else it may be
        return ""
    from inspector.sources.sif.header import is_apptainer  # most files are archives

    if is_apptainer(head):
        return "an Apptainer image or a squashfs; write sif:{path}"
    for at, magic, what in _BY_MAGIC:
        if head.startswith(magic, at):
            return what
    if head.startswith(b"PK\3\4"):
        return _of_zip(head, path)
    text = _text(head)
    return "" if text is None else _of_text(text, path)


def _first(file: BinaryIO, size: int) -> bytes:
    parts: list[bytes] = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _of_zip(head: bytes, path: str) -> str:
    if path.lower().endswith(".whl") or b".dist-info/" in head:
        return f"a Python wheel; {_INSTALLED}, as in venv:.venv"
    if b"/data.pkl" in head or b"archive/version" in head:
        return "a checkpoint that torch saved; name the image that loads it"
    if path.lower().endswith(".conda"):
        return f"a conda package; {_INSTALLED}"
    return "a zip file; unpack it, and name what is in it"


def _text(head: bytes) -> str | None:
    """Return the bytes as text; None where they are none."""
    if b"\0" in head[:4096]:
        return None
    try:
        return head.decode("utf-8", "strict" if len(head) < HEAD else "ignore")
    except UnicodeDecodeError:
        return None


def _of_text(text: str, path: str) -> str:
    if text.lstrip()[:1] in ("{", "["):
        return _of_json(text)
    if (re.search(_FROM, text) and len(re.findall(_INSTRUCTION, text)) > 1) or Path(path).name in (
        "Dockerfile",
        "Containerfile",
    ):
        return _BUILD
    if re.search(r"^apiVersion:\s*v[12]\s*$", text, re.MULTILINE) and re.search(r"^name:", text, re.MULTILINE):
        return _CHART if Path(path).name == "Chart.yaml" or "\nversion:" in text else ""
    if re.search(r"^services:", text, re.MULTILINE):
        return "a Compose file; name the images of its services"
    return ""


def _of_json(text: str) -> str:
    """Return what a document is: of an image, but not the image."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, list) and document and isinstance(document[0], dict):
        if {"Config", "Layers"} <= document[0].keys():
            return f"the manifest.json of an archive, without the layers; {_SAVED}"
        if "Id" in document[0]:
            return "what `docker inspect` prints, without the files; name the image"
    if isinstance(document, dict):
        if "manifests" in document:
            return f"the index of an image, without its manifests and layers; {_SAVED}"
        if "layers" in document or "fsLayers" in document:
            return f"the manifest of an image, without its layers; {_SAVED}"
        if "rootfs" in document:
            return f"the configuration of an image, without its layers; {_SAVED}"
    return "a JSON document"


def named_archive(path: Path) -> str:
    """Return what a tar on disk, packed or not, is by its first names; empty where nothing tells."""
    if not path.is_file():
        return ""
    try:
        with opened(path) as file:
            names = _names(iter(lambda: file.read(HEAD), b""))
    except OSError:
        return ""
    return next((what for is_it, what in _ARCHIVES if is_it(names)), "")


def _is_package(names: list[str]) -> bool:
    return len({name.partition("/")[0] for name in names}) == 1 and any(map(_PACKAGE.fullmatch, names))


def _is_layer(names: list[str]) -> bool:
    return any(part.startswith(".wh.") for name in names for part in name.split("/"))


_ARCHIVES: tuple[tuple[Callable[[list[str]], bool], str], ...] = (
    (lambda names: any(re.fullmatch(r"[^/]+/Chart\.yaml", name) for name in names), _CHART),
    (_is_package, f"the source of a Python package (sdist); {_INSTALLED}"),
    (lambda names: bool({"info/index.json", "info/recipe/meta.yaml"} & {*names}), f"a conda package; {_INSTALLED}"),
    (
        lambda names: "Dockerfile" in names,
        "what a Dockerfile is built from; build it, as in `docker build -t NAME .`, and name the image",
    ),
    (_is_layer, "a layer alone, which takes files of lower layers away; name the whole image"),
)
"""What a tar is by its first names."""


def _names(chunks: Iterator[bytes]) -> list[str]:
    """Return the first names in a tar, of at most so many unpacked bytes."""
    names: list[str] = []
    try:
        head = next(chunks, b"")
        packing = sniff(head[:BLOCK])
        if not packing:
            return names
        whole = chain((head,), chunks)
        reader = StreamReader(_bounded(whole if packing == "tar" else decompressed(whole, packing)))
        for member in iter_members(reader):
            names.append(member.path)
            if len(names) >= MAX_NAMES:
                break
    except InspectorError:  # cut where no more is looked at
        pass
    return names


def _bounded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    left = MAX_PEEKED
    for chunk in chunks:
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return
