"""The header of a SIF file, and which of its objects is the root file system: the published format, version 01.

A header of 128 bytes behind the line that starts the file, and a table of descriptors of 585 bytes each
(github.com/apptainer/sif, pkg/sif).
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from inspector.errors import LimitExceeded, Malformed, NoImage, Unsupported
from inspector.layers.readers import FileReader
from inspector.sources.sif.squash import MAGIC as SQUASH

MAGIC = b"SIF_MAGIC\0"
LAUNCH = 32
"""Bytes before the magic number, for the line by which the file starts as a program."""
MAX_OBJECTS = 1000
"""Objects past which a SIF file is refused; Apptainer makes room for 48."""

_SCRIPT = b"#!/usr/bin/env run-singularity\n"
"""What Singularity 2 wrote before a squashfs."""
_HEADER = struct.Struct("<32s10s3s3s16s8q")
_DESCRIPTOR = struct.Struct("<i?III7q128s384s")
_PARTITION = struct.Struct("<ii3s")
_IS_PARTITION, _IS_OCI = 0x4004, 0x4009 + 1
_SYSTEM, _PRIMARY, _OVERLAY = 1, 2, 4
_SQUASH, _ENCRYPTED = 1, 5
_FILE_SYSTEMS = {2: "ext3", 3: "an archive", 4: "raw data", _ENCRYPTED: "an encrypted squashfs"}
_NAMES = "386 amd64 arm arm64 ppc64 ppc64le mips mipsle mips64 mips64le s390x riscv64"
_ARCHITECTURES = {f"{number:02}": name for number, name in enumerate(_NAMES.split(), 1)}
"""By the format's codes, from `01` on, Go's names."""
_SANDBOX = "unpack it where its key and tools are, as in `apptainer build --sandbox DIR {where}`, and name rootfs:DIR"


class Partition(msgspec.Struct, frozen=True):
    """Where a squashfs lies in a file, and for which architecture; empty where nothing says."""

    offset: int
    length: int
    architecture: str


class _Object(msgspec.Struct, frozen=True):
    """A descriptor of something that is there; the last three are those of a partition."""

    kind: int
    offset: int
    length: int
    file_system: int
    part: int
    architecture: str


def is_apptainer(head: bytes) -> bool:
    """Tell whether a file that begins so is one of Apptainer's or Singularity's, or a squashfs alone."""
    return is_sif(head) or _squash_at(head) is not None


def is_sif(head: bytes) -> bool:
    """Tell whether a file that begins so is a SIF."""
    return head[LAUNCH : LAUNCH + len(MAGIC)] == MAGIC


def find_partition(reader: FileReader, length: int, where: str) -> Partition:
    """Return where the root file system lies. Raises `Malformed`, `Unsupported`, `NoImage`, `LimitExceeded`."""
    head = reader.read_at(0, 512)
    at = _squash_at(head)
    if at is not None:
        return Partition(at, length - at, "")
    if not is_sif(head):
        raise Malformed(f"{where}: neither a SIF file nor a squashfs; sif: reads what Apptainer and Singularity build")
    return _primary(_objects(reader, head, length, where), where)


def _squash_at(head: bytes) -> int | None:
    """Return where a squashfs begins that is no part of a SIF; None where there is none."""
    return next((at for at in (0, len(_SCRIPT)) if head[at:].startswith(SQUASH) and head[:at] == _SCRIPT[:at]), None)


def _objects(reader: FileReader, head: bytes, length: int, where: str) -> list[_Object]:
    if len(head) < _HEADER.size:
        raise Malformed(f"{where}: is cut within its header")
    fields = _HEADER.unpack(head[: _HEADER.size])
    version, primary, (total, start) = fields[2], _architecture(fields[3]), (fields[8], fields[9])
    if version != b"01\0":
        raise Unsupported(f"{where}: a SIF file of version {version[:2].decode('latin-1')!a}; version 01 is read")
    if not 0 <= total <= MAX_OBJECTS:
        raise LimitExceeded(f"{where}: a SIF file of {total} objects; {MAX_OBJECTS} are allowed")
    table = reader.read_at(start, total * _DESCRIPTOR.size) if 0 <= start <= length else b""
    if len(table) < total * _DESCRIPTOR.size:
        raise Malformed(f"{where}: is cut: its table of {total} objects is not wholly there")
    found = [_object(each, primary) for each in _DESCRIPTOR.iter_unpack(table) if each[1]]
    for each in found:
        if not 0 <= each.offset <= each.offset + each.length <= length:
            raise Malformed(f"{where}: is cut: an object in it ends at byte {each.offset + each.length} of {length}")
    return found


def _object(fields: tuple[Any, ...], primary: str) -> _Object:
    file_system, part, architecture = _PARTITION.unpack_from(fields[-1])
    return _Object(fields[0], fields[5], fields[6], file_system, part, _architecture(architecture) or primary)


def _primary(objects: list[_Object], where: str) -> Partition:
    """Return the primary system partition, if what a container sees is that alone."""
    partitions = [each for each in objects if each.kind == _IS_PARTITION]
    primary = [each for each in partitions if each.part == _PRIMARY]
    if not primary and any(each.kind == _IS_OCI for each in objects):
        raise Unsupported(
            f"{where}: an OCI-SIF, whose layers are each a squashfs; name the image that it was made of, or build a "
            "plain one, as in `apptainer build NEW.sif docker://NAME`"
        )
    if not primary:
        systems = sum(each.part == _SYSTEM for each in partitions)
        what = f"{systems} system partitions, none of which is the primary one" if systems else "no system partition"
        raise NoImage(f"{where}: a SIF file with {what}, which Apptainer does not start")
    if len(primary) > 1:
        raise Malformed(f"{where}: a SIF file with {len(primary)} primary partitions; the format has one")
    (found,) = primary
    if found.file_system != _SQUASH:
        what = _FILE_SYSTEMS.get(found.file_system, f"of type {found.file_system}")
        raise Unsupported(
            f"{where}: its root file system is {what}, and only a squashfs is read; {_SANDBOX.format(where=where)}"
        )
    if any(each.part == _OVERLAY for each in partitions):
        raise Unsupported(
            f"{where}: has an overlay, whose changes are not read; build it again with them, as in "
            f"`apptainer build --sandbox DIR {where}`, and name rootfs:DIR"
        )
    return Partition(found.offset, found.length, found.architecture)


def _architecture(code: bytes) -> str:
    return _ARCHITECTURES.get(code[:2].decode("latin-1"), "")
