"""What holds no image is named for what it is, with what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import pytest

from inspector.errors import InspectorError, NoImage
from inspector.reference import parse_reference
from inspector.sources import open_images, recognise
from inspector.testing.image import to_json
from inspector.testing.tree import File, tar_of
from tests.sources.samples import API, opened

SDIST = tar_of({"thing-1.0/PKG-INFO": b"Name: thing\n", "thing-1.0/setup.py": b""})
CHART = tar_of({"chart/Chart.yaml": b"apiVersion: v2\nname: chart\nversion: 1.0.0\n", "chart/values.yaml": b""})
DOCKERFILE = b"# syntax=docker/dockerfile:1\nFROM python:3.12\nRUN pip install torch\n"
CONTEXT = tar_of({"Dockerfile": DOCKERFILE, "app.py": b""})
LAYER = tar_of({"app/.wh.old": b"", "app/new": b"1"})


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "1")
    return out.getvalue()


def at(place: int, magic: bytes) -> bytes:
    return b"\1" * place + magic + bytes(2000)


def database() -> bytes:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table t (x)")
        content = connection.serialize()
    connection.close()
    return content


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("thing-1.0-py3-none-any.whl", zipped("thing.py", "thing-1.0.dist-info/METADATA"), "a Python wheel"),
        ("wheel", zipped("thing.py", "thing-1.0.dist-info/METADATA"), "a Python wheel"),
        ("model.pt", zipped("model/data.pkl"), "a checkpoint that torch saved"),
        ("thing.conda", zipped("metadata.json"), "a conda package"),
        ("a.zip", zipped("a"), "a zip file; unpack it"),
        ("thing-1.0.tar.gz", gzip.compress(SDIST), r"an?.*Python package \(sdist\)"),
        ("chart-1.0.0.tgz", gzip.compress(CHART), "a Helm chart"),
        ("thing-1.0-0.tar.bz2", bz2.compress(tar_of({"info/index.json": b"{}"})), "a conda package"),
        ("context.tar", CONTEXT, "what a Dockerfile is built from"),
        ("layer.tar.gz", gzip.compress(LAYER), "a layer alone"),
        ("layer.tar", tar_of({"usr/bin/env": File(b"", 0o755), "etc/passwd": b""}), "root file system.*rootfs:"),
        ("./Dockerfile", DOCKERFILE, "a Dockerfile; build it"),
        ("./api.dockerfile", DOCKERFILE, "a Dockerfile; build it"),
        ("./Chart.yaml", b"apiVersion: v2\nname: chart\nversion: 1.0.0\n", "a Helm chart"),
        ("./compose.yaml", b"services:\n  api:\n    image: api\n", "a Compose file"),
        ("./index.json", to_json({"schemaVersion": 2, "manifests": []}), "the index of an image, without"),
        ("./manifest.json", to_json({"schemaVersion": 2, "layers": []}), "the manifest of an image, without"),
        ("./manifest.json", to_json([{"Config": "a", "Layers": []}]), "the manifest.json of an archive, without"),
        ("./config.json", API.config, "the configuration of an image, without"),
        ("./inspect.json", to_json([{"Id": "sha256:00"}]), "what `docker inspect` prints"),
        ("./a.json", b'{"a": ' * 5000, "a JSON document"),
        ("./a.json", to_json({"a": 1}), "a JSON document"),
        ("./a.iso", at(0x8001, b"CD001"), "an ISO file; mount it"),
        ("./a.qcow2", at(0, b"QFI\xfb"), "a qcow2 file, a virtual machine's disk"),
        ("./a.vmdk", at(0, b"KDMV"), "a VMDK file"),
        ("./a.vdi", at(0x40, b"\x7f\x10\xda\xbe"), "a VDI file"),
        ("./a.vhdx", at(0, b"vhdxfile"), "a VHDX file"),
        ("./a.img", at(0x200, b"EFI PART"), "a raw disk"),
        ("./a.ext3", at(0x438, b"\x53\xef"), "an ext file system"),
        ("./a.rpm", at(0, b"\xed\xab\xee\xdb"), "an RPM package"),
        ("./a.deb", b"!<arch>\ndebian-binary   ", "a Debian package"),
        ("./a.sqlite", database(), "an SQLite database"),
        ("./a.out", b"\x7fELF" + bytes(100), r"a program or library \(ELF\)"),
        ("./a.7z", at(0, b"7z\xbc\xaf\x27\x1c"), "a 7z archive"),
        ("./a.json.gz", gzip.compress(b'{"a": 1}'), "a JSON document"),
    ],
)
def test_it_is_named_for_what_it_is(
    name: str, content: bytes, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(content)
    with pytest.raises(InspectorError, match=f"no image.*{says}") as raised:
        opened(name if name.startswith("./") else f"./{name}")
    message = str(raised.value)
    assert message.count("\n") == 0
    assert "{" not in message
    assert len(message) < 300


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Dockerfile", "holds a Dockerfile: build it"),
        ("Chart.yaml", "a Helm chart"),
        ("pyproject.toml", "a Python project"),
    ],
)
def test_a_directory_that_images_are_made_of(name: str, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InspectorError, match=f"no image.*{says}"):
        opened(str(tmp_path))


def test_from_standard_input_too() -> None:
    with pytest.raises(NoImage, match="standard input: no image but a qcow2 file"):
        open_images(parse_reference("-"), stdin=io.BytesIO(at(0, b"QFI\xfb")))


@pytest.mark.parametrize("scheme", ["docker-archive", "oci-archive"])
def test_an_apptainer_image_under_another_scheme(scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "a.sif"
    path.write_bytes(b"hsqs" + bytes(1000))
    with pytest.raises(NoImage, match=f"write sif:{path}"):
        opened(f"{scheme}:{path}")


def test_what_engines_load_is_an_archive_whatever_else_it_begins_as(tmp_path: Path) -> None:
    """The name of its first member looks like the header of a SIF file."""
    name = "x" * 32 + "SIF_MAGIC"
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({name: b""}, tar_format=tarfile.USTAR_FORMAT))
    assert recognise.named(path) == ""


def test_a_pipe_is_left_to_who_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert recognise.named(path) == ""
    assert recognise.named_archive(path) == ""


def test_little_is_read_of_a_large_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognise, "MAX_PEEKED", 4096)
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({"large": bytes(20_000), "x/Chart.yaml": b""}))
    assert recognise.named_archive(path) == ""
    monkeypatch.setattr(recognise, "MAX_NAMES", 1)
    path.write_bytes(tar_of({"a": b"", "x/Chart.yaml": b""}))
    assert recognise.named_archive(path) == ""
