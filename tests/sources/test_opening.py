"""From a reference to the medium: what lies at a path, standard input, hybrids."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from fixtures.forms.docker import from_25, until_24
from fixtures.packing import gzip
from inspector.errors import DigestMismatch, InspectorError, Malformed, NoImage, NotFound, Unreachable, UsageError
from inspector.reference import Reference, parse_reference
from inspector.sources import open_images
from inspector.sources.image import Image
from inspector.sources.media import Media
from inspector.sources.registry import open as registries
from inspector.testing.engine import FakeEngine
from inspector.testing.image import sha256
from inspector.testing.registry import FakeRegistry
from inspector.testing.tree import Tree, tar_of
from tests.sources.samples import API, WORKER, archive, opened, read


@pytest.mark.parametrize("reference", ["docker:api:prod", "podman:api", "api:prod"])
def test_a_name_is_asked_of_an_engine(reference: str) -> None:
    with pytest.raises(Unreachable, match=r"unix:///nowhere/engine\.sock"):
        open_images(parse_reference(reference), media=Media(offline=True))


def test_a_bare_name_that_is_no_file_says_so() -> None:
    with pytest.raises(Unreachable, match=r"^api:prod: no such file or directory, and no Docker engine answers: "):
        open_images(parse_reference("api:prod"), media=Media(offline=True))


def test_a_bare_name_that_no_engine_has_is_asked_of_its_registry() -> None:
    with FakeRegistry() as registry:
        registry.push("team/api", "prod", API)
        (image,) = open_images(parse_reference(f"{registry.host}/team/api:prod"))
        with pytest.raises(Unreachable, match=r"no Docker engine answers.*; and no registry has it: .*'?dev"):
            open_images(parse_reference(f"{registry.host}/team/api:dev"))
    assert (image.source, image.tags) == ("registry", (f"{registry.host}/team/api:prod",))


def test_a_bare_name_without_a_host_is_asked_of_no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the name on Docker Hub must not decide a verdict; to look at an image is another thing."""
    with pytest.raises(Unreachable, match=r"no registry was asked, since the name states none: .* docker://team/api:1"):
        open_images(parse_reference("team/api:1"))
    asked: list[str] = []

    def answer(reference: Reference, *_: object) -> tuple[Image, ...]:
        asked.append(reference.name)
        return ()

    monkeypatch.setattr(registries, "open_registry_images", answer)
    assert open_images(parse_reference("team/api:1"), media=Media(guess_registry=True)) == ()
    assert asked == ["team/api:1"]


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda path: path.mkdir(), "'api' here is a directory without an image"),
        (lambda path: path.write_text("#!/bin/sh\n"), "'api' here is a file that is no archive"),
    ],
    ids=["directory", "file"],
)
def test_a_path_of_the_images_name_that_holds_none_hides_no_engines_image(
    write: Callable[[Path], object], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "api")
    with FakeEngine("graph", [API]) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        (image,) = open_images(parse_reference("api:prod"), media=Media(offline=True))
        assert image.source == "docker"
        with pytest.raises(NotFound, match=says):
            open_images(parse_reference("api:dev"), media=Media(offline=True))
    with pytest.raises(InspectorError):
        opened("./api")


def test_all_tags_of_a_registry_are_an_audit() -> None:
    """Nothing is asked of the registry, also where an engine lacks a bare name."""
    with FakeRegistry() as registry:
        registry.push("team/api", "prod", API)
        name = f"{registry.host}/team/api"
        for scheme in ("registry:", "docker://"):
            with pytest.raises(UsageError, match=f"--all-tags is for engines' .* use `inspector audit {name}`"):
                open_images(parse_reference(f"{scheme}{name}"), every_tag=True)
        with pytest.raises(Unreachable, match=f"no Docker engine answers.*; .*`inspector audit {name}`"):
            open_images(parse_reference(name), every_tag=True)
        assert registry.asked == []


@pytest.mark.parametrize("path", ["none.tar", "none.tar.gz:api:prod", "/none", "./none", "../none", "NONE.TGZ"])
def test_a_bare_path_that_is_no_file_is_no_engines_image(path: str) -> None:
    with pytest.raises(NotFound, match=r"no such file or directory$"):
        opened(path)


def test_a_misspelt_scheme_is_told() -> None:
    with pytest.raises(NotFound, match=r"no such file or directory; did you mean docker-archive:\?$"):
        opened("dokcer-archive:none.tar")


@pytest.mark.parametrize("scheme", ["docker-archive", "oci", "oci-archive", "dir"])
def test_a_path_that_is_not_there(scheme: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no such file or directory: .*none\.tar:a:b"):
        opened(f"{scheme}:{tmp_path}/none.tar:a:b")


def test_a_path_with_colons_beats_a_name(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("no colons in Windows' names")
    archive(tmp_path / "x.tar", until_24([API, WORKER]))
    archive(tmp_path / "x.tar:worker:1", until_24([API]))
    assert [image.image_id for image in opened(tmp_path / "x.tar:worker:1")] == [API.image_id]
    assert [image.image_id for image in opened(tmp_path / "x.tar:api:prod")] == [API.image_id]
    assert [image.image_id for image in opened(tmp_path / "x.tar:worker:latest")] == [WORKER.image_id]


@pytest.mark.parametrize(
    ("form", "scheme", "says"),
    [
        ("oci-gzip", "oci-archive", "is a directory; write oci:"),
        ("oci-archive", "oci", "is no directory"),
        ("docker-24", "dir", "is no directory"),
        ("docker-24", "oci-archive", "holds no 'index.json'; write .* alone: its format is detected"),
        ("oci-archive", "docker-archive", "holds no 'manifest.json'"),
        ("dir-gzip", "oci", "holds no 'index.json'"),
        ("dir-gzip", "docker-archive", "manifest.json: Expected `array`"),
        ("oci-gzip", "dir", "holds no 'manifest.json'"),
    ],
)
def test_the_scheme_must_be_the_true_one(form: str, scheme: str, says: str, tmp_path: Path) -> None:
    FORMS[form](tmp_path / "it", [API])
    with pytest.raises(InspectorError, match=says) as raised:
        opened(f"{scheme}:{tmp_path / 'it'}")
    assert raised.value.exit_code == 3


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", Malformed, "empty"),
        (b"PK\x03\x04" + bytes(600), NoImage, "a zip file"),
        (b"hello\n", Malformed, "neither a tar"),
        (bytes(10240), NotFound, "no image"),
        (tar_of({"a": b"b"}), NotFound, "neither manifest.json nor index.json"),
        (gzip(tar_of({"a": b"b"})), NotFound, "neither manifest.json nor index.json"),
        (gzip(b""), NotFound, "no image"),
        (gzip(tar_of({"a": b"b"}))[:-9], Malformed, "cut"),
        (gzip(tar_of({"a": b"b"})) + b"x", Malformed, "gzip"),
        (b"\x1f\x8b nonsense", Malformed, "gzip"),
        (gzip(b"hello\n"), Malformed, "what is in it is no tar"),
    ],
    ids=range(11),
)
def test_what_is_no_archive_of_images(content: bytes, error: type[InspectorError], says: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(content)
    with pytest.raises(error, match=says) as raised:
        opened(path)
    assert type(raised.value) is error
    assert str(raised.value).startswith(str(path))


def test_an_empty_directory_holds_no_image(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no image: .*; name archives in it one by one: .*/\*\.tar$"):
        opened(tmp_path)


@pytest.mark.parametrize("reference", ["-", "docker-archive:-", "-:api:prod", "-:prod"])
@pytest.mark.parametrize("form", ["docker-24", "docker-24-zstd", "docker-25", "containerd-gzip", "podman"])
def test_standard_input(form: str, reference: str, tmp_path: Path) -> None:
    FORMS[form](tmp_path / "it", [API])
    stream = io.BytesIO((tmp_path / "it").read_bytes())
    met: list[int] = []
    (image,) = open_images(parse_reference(reference), meter=met.append, stdin=stream)
    assert (image.image_id, image.reference) == (API.image_id, reference)
    assert len(read(image)) == 2
    assert sum(met) == (tmp_path / "it").stat().st_size
    assert stream.read() == b""  # else whoever writes the pipe would be cut off


def test_of_several_images_on_standard_input_each_has_its_name(tmp_path: Path) -> None:
    FORMS["docker-24"](tmp_path / "it", [API, WORKER])
    stream = io.BytesIO((tmp_path / "it").read_bytes())
    images = open_images(parse_reference("-"), stdin=stream)
    assert [image.reference for image in images] == ["-:api:prod", "-:worker:1"]
    with pytest.raises(Malformed, match="standard input: empty"):
        open_images(parse_reference("-"), stdin=stream)


def test_a_terminal_is_no_archive() -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    with pytest.raises(UsageError, match=r"docker save NAME \| inspector check -"):
        open_images(parse_reference("-"), stdin=Terminal())


def test_standard_input_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError, match="standard input is closed"):
        open_images(parse_reference("-"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are Unix's")
def test_a_named_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(tar_of(until_24([API])),))
    writer.start()
    (image,) = opened(tmp_path / "pipe")
    writer.join()
    assert len(read(image)) == 2


def hybrid_without(*names: str) -> Tree:
    """What Docker 25 saves, less some of it."""
    return {name: member for name, member in from_25([API]).items() if name not in names}


def test_of_a_hybrid_the_layout_counts_if_it_is_complete(tmp_path: Path) -> None:
    whole = archive(tmp_path / "whole", from_25([API]))
    (image,) = opened(whole)
    assert (image.source, image.warnings) == ("oci-archive", ())
    assert image.layers[0].digest == image.layers[0].diff_id


def test_an_incomplete_layout_gives_way_to_manifest_json_and_says_so(tmp_path: Path) -> None:
    manifests = [
        name for name, member in from_25([API]).items() if isinstance(member, bytes) and b'"layers":' in member
    ]
    (image,) = opened(archive(tmp_path / "x.tar", hybrid_without(*manifests)))
    assert (image.source, image.image_id) == ("docker-archive", API.image_id)
    assert "in place of index.json" in image.warnings[-1]


def test_a_layer_that_neither_form_has_is_missing(tmp_path: Path) -> None:
    layer = f"blobs/sha256/{API.diff_ids[0]}"
    with pytest.raises(NotFound, match=layer):
        opened(archive(tmp_path / "x.tar", hybrid_without(layer)))


def test_an_altered_layout_does_not_give_way(tmp_path: Path) -> None:
    config = f"blobs/sha256/{sha256(API.config)}"
    altered = API.config[:-1] + b" "
    with pytest.raises(DigestMismatch):
        opened(archive(tmp_path / "x.tar", {**from_25([API]), config: altered}))


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.tar", until_24([API]))
    path.chmod(0)
    with pytest.raises(NotFound, match="Permission denied"):
        opened(path)
