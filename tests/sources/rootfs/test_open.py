"""`rootfs:PATH`: a directory as it stands, or the tar of `docker export`, however that is packed and had."""

from __future__ import annotations

import io
import os
import shutil
import socket
import stat
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.bases import debian
from fixtures.packing import bzip2, gzip, plain, xz, zstd
from fixtures.pythons import cpython
from fixtures.roots import write_root
from inspector.errors import (
    InspectorError,
    LimitExceeded,
    Malformed,
    NotFound,
    PlatformMissing,
    Unsupported,
    UsageError,
)
from inspector.facts import ImageFacts, gather
from inspector.layers.indexer import Indexer
from inspector.layers.merge import merge
from inspector.layers.scan import make_index
from inspector.oci import Platform
from inspector.python.environment import DEFAULT_PATH
from inspector.python.model import UNSTATED
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.sources.engine import walk
from inspector.sources.image import Image
from inspector.sources.media import Media
from inspector.sources.platforms import own_platform
from inspector.sources.rootfs import blob, config
from inspector.sources.rootfs import open as root_open
from inspector.sources.rootfs.walk import RootWalk
from inspector.testing.blobs import Packing
from inspector.testing.tree import Device, Dir, File, Hardlink, Link, Tree, tar_of
from tests.effort import examples
from tests.lab.ours import listing
from tests.sources.samples import flat
from tests.support import index_of

if sys.platform != "linux":
    pytest.skip("needs Linux's modes and devices", allow_module_level=True)

ROOT: Tree = {**debian(), **cpython()}
AMD64 = Platform("linux", "amd64")


def opened(path: object, *, stdin: bytes | None = None, platform: Platform | None = None) -> Image:
    stream = None if stdin is None else Typed(stdin)
    (image,) = open_images(parse_reference(f"rootfs:{path}"), platform, stdin=stream, media=Media())
    return image


class Typed(io.BytesIO):
    """Standard input that is no terminal."""

    def isatty(self) -> bool:
        """See `io.IOBase`."""
        return False


def facts(image: Image, *, verify: bool = False) -> ImageFacts:
    return gather(image, Indexer(None, verify=verify, meter=lambda _: None))


def python_of(image: Image) -> str:
    interpreter = facts(image).interpreter
    return getattr(interpreter, "version", str(interpreter))


@pytest.mark.parametrize("packing", [plain, gzip, zstd, xz, bzip2])
def test_a_tar_however_it_is_packed_and_had(packing: Packing, tmp_path: Path) -> None:
    content = packing(tar_of(ROOT))
    path = tmp_path / "root.tar"
    path.write_bytes(content)
    for image in (opened(path), opened("-", stdin=content)):
        assert (python_of(image), image.platform) == ("3.11.9", AMD64)
        assert facts(image).size.compressed == (None if packing is plain else len(content))


def test_a_tar_that_comes_from_another_process(tmp_path: Path) -> None:
    import threading

    os.mkfifo(path := tmp_path / "pipe")
    writer = threading.Thread(target=path.write_bytes, args=(tar_of(ROOT),))
    writer.start()
    image = opened(path)
    writer.join()
    assert python_of(image) == "3.11.9"
    assert image.layers[0].diff_id.startswith("sha256:")


def test_a_directory_is_taken_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be a whiteout in a layer is a plain file, a socket is nothing, and links lead nowhere outside."""
    tree: Tree = {
        **ROOT,
        "srv/.wh.gone": b"1",
        "srv/gone": b"1",
        "srv/.wh..wh..opq": b"",
        "srv/.wh.folder/x": b"1",
        "srv/out": Link("/etc/../../../../etc/hostname"),
        "srv/again": Hardlink("srv/gone"),
    }
    root = write_root(tree, tmp_path / "root")
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(root)
        listening.bind("sock")
    index = facts(image := opened(root))
    assert python_of(image) == "3.11.9"
    assert not [text for text in index.warnings if text != config.DEFAULTED]
    assert index.size.uncompressed == facts(opened_tar(tree, tmp_path)).size.uncompressed


def opened_tar(tree: Tree, folder: Path) -> Image:
    path = folder / "of-the-tree.tar"
    path.write_bytes(tar_of(tree))
    return opened(path)


def test_a_link_that_is_named_is_followed_and_none_below(tmp_path: Path) -> None:
    root = write_root(
        {**ROOT, "usr/local/bin/python3.11": Link("/usr/local/lib/python3.11-bin/python3.11")}, tmp_path / "root"
    )
    (root / "usr/local/lib/python3.11-bin").mkdir()
    (root / "usr/local/lib/python3.11-bin/python3.11").write_bytes(cast("File", ROOT["usr/local/bin/python3.11"]).data)
    (root / "usr/local/lib/python3.11-bin/python3.11").chmod(0o755)
    (tmp_path / "link").symlink_to(root)
    found = facts(opened(tmp_path / "link")).interpreter
    assert getattr(found, "resolved", found) == "/usr/local/lib/python3.11-bin/python3.11"
    assert getattr(found, "runs", "") == "yes"


def test_a_device_is_no_whiteout(tmp_path: Path) -> None:
    root = write_root(ROOT, tmp_path / "root")
    try:
        os.mknod(root / "srv-device", 0o600 | stat.S_IFCHR, os.makedev(0, 0))
    except PermissionError:
        pytest.skip("only root makes devices")
    (told,) = (text for text in facts(opened(root)).warnings if text != config.DEFAULTED)
    assert "devices 0:0 lie in it ('srv-device')" in told
    assert python_of(opened(root)) == "3.11.9"
    assert python_of(opened_tar({**ROOT, "srv/x": Device()}, tmp_path)) == "3.11.9"


def test_it_is_never_answered_from_what_it_was(tmp_path: Path) -> None:
    root = write_root(ROOT, tmp_path / "root")
    image = opened(root)
    assert image.layers[0].blob.identity is None
    assert python_of(image) == "3.11.9"
    shutil.rmtree(root / "usr/local")
    assert "no 'python' in PATH" in python_of(opened(root))


def test_a_file_that_changes_between_is_not_taken(tmp_path: Path) -> None:
    """The names were listed when it was opened; a library is read when it is asked for, if it is still the same."""
    root = write_root(ROOT, tmp_path / "root")
    image = opened(root)
    library = root / "usr/local/lib/libpython3.11.so.1.0"
    library.write_bytes(library.read_bytes())
    found = facts(image).interpreter
    assert getattr(found, "runs", "") == "unknown"
    assert "changed since its directory was read" in " ".join(getattr(found, "reasons", ()))


def test_a_tar_that_changes_between_is_refused(tmp_path: Path) -> None:
    image = opened_tar(ROOT, tmp_path)
    (tmp_path / "of-the-tree.tar").write_bytes(tar_of({**ROOT, "x": b"y"}))
    with pytest.raises(Malformed, match="changed while it was read"):
        facts(image)


NAMES = st.text(st.sampled_from("ab.w\udcff\n"), min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
MARKED = st.one_of(NAMES, NAMES.map(".wh.{}".format), st.just(".wh..wh..opq"))
MEMBERS = st.one_of(st.binary(max_size=8), st.builds(Dir, st.sampled_from([0o755, 0o700])), st.builds(Link, NAMES))
BRANCHES = st.recursive(MEMBERS, lambda below: st.dictionaries(MARKED, below, max_size=4), max_leaves=12)


@examples(40)
@given(branches=st.dictionaries(MARKED, BRANCHES, min_size=1, max_size=4))
def test_any_directory_is_what_its_tar_is(branches: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("any")
    tree = flat(branches)
    walk = RootWalk(write_root(tree, folder / "root"), lambda _: None)
    walk.run()
    try:
        of_directory = merge([make_index("", walk, verified=False)], literal=True)
        assert listing(of_directory) == listing(merge([index_of(tree)], literal=True))
    finally:
        shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_part_that_can_not_be_read_is_no_shorter_answer(tmp_path: Path) -> None:
    root = write_root(ROOT, tmp_path / "root")
    (root / "usr/local/lib").chmod(0)
    with pytest.raises(NotFound, match=r"usr/local/lib' can't be read \(Permission denied\)"):
        opened(root)


def test_what_can_not_be_read_is_named_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user without rights meets it, whoever runs this test."""
    root = write_root(ROOT, tmp_path / "root")
    real_open = os.open

    def closed(path: object, flags: int, *arguments: object, **given: object) -> int:
        if path == "passwd":
            raise PermissionError(13, "Permission denied", path)
        return real_open(path, flags, *arguments, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", closed)
    with pytest.raises(NotFound, match=r"root/etc/passwd' can't be read \(Permission denied\).*podman unshare"):
        opened(root)


def test_a_system_that_can_not_keep_to_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Windows: a link could lead out of it."""
    monkeypatch.setattr(blob, "_BY_DESCRIPTOR", False)
    with pytest.raises(Unsupported, match=r"pack it: tar -C DIRECTORY -c \. \| inspector show rootfs:-"):
        opened(write_root(ROOT, tmp_path / "root"))


def test_file_systems_that_are_mounted_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's are left out, and others belong to it, each with a note."""
    root = write_root({**ROOT, "proc/1/environ": b"x", "data/lib.txt": b"data"}, tmp_path / "root")
    real = os.DirEntry.stat

    class Mounted:
        """An entry of a directory on which another file system is mounted."""

        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name, self._entry = entry.name, entry

        def stat(self, *, follow_symlinks: bool) -> os.stat_result:
            status = real(self._entry, follow_symlinks=follow_symlinks)
            return status if self.name not in ("proc", "data") else moved(status)

    def moved(status: os.stat_result) -> os.stat_result:
        given = ("st_mode", "st_ino", "st_dev", "st_nlink", "st_uid", "st_gid", "st_size")
        more = {name: getattr(status, name) for name in dir(status) if name.startswith("st_") and name not in given}
        return os.stat_result((*tuple(status)[:2], 77, *tuple(status)[3:]), more)

    monkeypatch.setattr(walk, "islice", lambda listing, count: [Mounted(each) for each in listing][:count])
    monkeypatch.setattr(walk.Walk, "_refuse_other", lambda *_: None)
    found = facts(opened(root))
    told = [text for text in found.warnings if "mounted" in text]
    assert told == [
        "file systems of the kernel are mounted at '/proc': they were left out",
        "further file systems are mounted at '/data': they were read as part of it",
    ]


def test_more_files_than_any_image_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_HEADERS", 10)
    with pytest.raises(LimitExceeded, match="holds more than 10 files"):
        opened(write_root(ROOT, tmp_path / "root"))


def test_digests_of_a_tar_can_be_verified_and_of_a_directory_not(tmp_path: Path) -> None:
    found = facts(opened_tar(ROOT, tmp_path), verify=True)
    assert (found.evidence.digests_verified, found.layers[0].diff_id[:7]) == (True, "sha256:")
    with pytest.raises(Unsupported, match="no digest can be verified; leave out --verify"):
        facts(opened(write_root(ROOT, tmp_path / "root")), verify=True)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_of_the_platform_programs_tell_it(machine: str, tmp_path: Path) -> None:
    tree = {**debian(machine), **cpython(machine=machine)}
    expected = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}[machine]
    assert str(opened_tar(tree, tmp_path).platform) == expected
    assert str(opened_tar({"opt/x/bin/tool": tree["usr/local/bin/python3.11"]}, tmp_path).platform) == expected


def test_of_the_platform_another_one_is_refused(tmp_path: Path) -> None:
    root = write_root(ROOT, tmp_path / "root")
    assert opened(root, platform=AMD64).platform == AMD64
    with pytest.raises(PlatformMissing, match="is for linux/amd64, not for linux/arm64"):
        opened(root, platform=Platform("linux", "arm64"))


def test_of_the_platform_where_nothing_tells_it_is_this_machine_s_and_said(tmp_path: Path) -> None:
    image = opened_tar({"etc/hostname": b"x"}, tmp_path)
    assert image.platform == own_platform()
    assert any("none of its programs tells its platform" in text for text in image.warnings)
    asked = Platform("linux", "s390x")
    (image,) = open_images(parse_reference(f"rootfs:{tmp_path / 'of-the-tree.tar'}"), asked)
    assert (image.platform, image.warnings) == (asked, (config.DEFAULTED,))


def test_defaults_they_are_said(tmp_path: Path) -> None:
    image = opened_tar(ROOT, tmp_path)
    assert image.warnings == (config.DEFAULTED,)
    assert (image.config.env, image.config.run.user, image.config.working_dir) == (
        {"PATH": DEFAULT_PATH},
        None,
        "/",
    )


def test_defaults_no_command_is_asked_of_it(tmp_path: Path) -> None:
    startup = facts(opened_tar(ROOT, tmp_path)).startup
    assert (startup.argv, startup.starts, startup.reasons) == ((), "unknown", (UNSTATED,))


REFUSED: dict[str, tuple[Tree, str]] = {
    "an archive of images": ({"manifest.json": b"[]", "repositories": b"{}"}, "holds no root file system but images"),
    "a layout": ({"oci-layout": b"{}", "index.json": b"{}"}, "holds no root file system but images"),
    "an environment": ({"pyvenv.cfg": b"", "bin/python": b"", "lib/x": b""}, "but a Python environment: write venv:"),
    "a folder too far above": (
        {"image/bin/sh": b"", "image/etc/passwd": b"", "image/usr/bin/env": b"", "image/bin": Link("usr/bin")},
        "lies in the folder 'image' of it",
    ),
    "nothing": ({}, "holds no files"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_none_is_named(what: str, tmp_path: Path) -> None:
    tree, message = REFUSED[what]
    if what == "a folder too far above":
        tree = {"image/bin/sh": b"", "image/etc/passwd": b"", "image/usr/bin/env": b""}
        root = write_root(tree, tmp_path / "root")
    else:
        root = write_root(tree, tmp_path / "root")
        with pytest.raises(NotFound, match=message):
            opened_tar(tree, tmp_path)
    with pytest.raises(NotFound, match=message):
        opened(root)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "holds no files"), (b"{}", "neither a directory nor a tar"), (tar_of(ROOT)[:5000], "the tar")],
)
def test_a_file_that_is_no_tar_of_one(content: bytes, message: str, tmp_path: Path) -> None:
    (path := tmp_path / "file").write_bytes(content)
    with pytest.raises(InspectorError, match=message):
        opened(path)


def test_no_engine_and_no_registry_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nothing of theirs can change."""
    monkeypatch.setattr(Media, "engines", None)
    monkeypatch.setattr(Media, "registries", None)
    assert python_of(opened(write_root(ROOT, tmp_path / "root"))) == "3.11.9"


def test_a_pipe_that_never_ends_behind_the_tar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_open, "MAX_TRAILING", 5000)
    assert python_of(opened("-", stdin=tar_of(ROOT) + bytes(1000))) == "3.11.9"
    with pytest.raises(LimitExceeded, match="standard input: more than 5000 bytes follow the end of the tar"):
        opened("-", stdin=tar_of(ROOT) + bytes(1 << 20))


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="can't be read: No such file"):
        opened(tmp_path / "none")


def test_standard_input_that_is_a_terminal() -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    with pytest.raises(UsageError, match=r"docker export NAME \| inspector show rootfs:-"):
        open_images(parse_reference("rootfs:-"), stdin=Terminal())


def test_a_bare_name_of_a_directory(tmp_path: Path) -> None:
    root = write_root(ROOT, tmp_path / "root")
    with pytest.raises(NotFound, match=f"it is a root file system: write rootfs:{root}"):
        open_images(parse_reference(str(root)))


@pytest.mark.parametrize("packing", [plain, gzip])
def test_a_bare_name_of_a_tar(packing: Packing, tmp_path: Path) -> None:
    (path := tmp_path / "root.tar").write_bytes(packing(tar_of({**ROOT, ".dockerenv": b""})))
    with pytest.raises(NotFound, match=f"as `docker export` writes it: write rootfs:{path}"):
        open_images(parse_reference(str(path)))
    with pytest.raises(NotFound, match="write rootfs:-"):
        open_images(parse_reference("-"), stdin=Typed(path.read_bytes()))


def test_a_bare_name_of_an_environment(tmp_path: Path) -> None:
    env = write_root({"pyvenv.cfg": b"", "bin/python": File(b"", 0o755)}, tmp_path / "env")
    with pytest.raises(NotFound, match=f"it is a Python environment: write venv:{env}"):
        open_images(parse_reference(str(env)))
