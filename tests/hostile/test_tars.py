"""Headers that say one thing to Go, which unpacks layers, and another to whoever reads them otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.testing.tree import File
from tests.hostile.raw import (
    BASE,
    END,
    GNU,
    SITE,
    Raw,
    docker_archive,
    file,
    header,
    judged,
    long_name,
    pax,
    shown,
    torch_tree,
)

Writer = Callable[[str, bytes], bytes]
"""A member that engines unpack at a path, with its data."""

OLD_GO = {"magic": GNU, "prefix": b"usr/local"}
SPLIT = len("usr/local/")


def _star(path: str, data: bytes) -> bytes:
    return file(path[SPLIT:], data, prefix=b"usr/local", trailer=b"tar\0")


UNPACKED: dict[str, Writer] = {
    "plain": file,
    "a prefix behind the magic of ustar, whatever its version": lambda path, data: file(
        path[SPLIT:], data, magic=b"ustar\0zz", prefix=b"usr/local"
    ),
    "a prefix of star": _star,
    "GNU's times that are no numbers are a prefix": lambda path, data: file(path[SPLIT:], data, **OLD_GO),
    "GNU's times that are no numbers, not ASCII": lambda path, data: file(
        path, data, magic=GNU, prefix=b"\xc3\xa9/usr"
    ),
    "GNU's times that are numbers": lambda path, data: file(
        path, data, magic=GNU, atime=b"00000000001\0", ctime=b"00000000002\0"
    ),
    "GNU's magic with another version knows no prefix": lambda path, data: file(
        path, data, magic=b"ustar 0\0", prefix=b"srv"
    ),
    "the second extended header replaces the first": lambda path, data: (
        pax(("path", "srv/x")) + pax(("comment", "c")) + file(path, data)
    ),
    "the second extended header's path": lambda path, data: (
        pax(("path", "srv/x")) + pax(("path", path)) + file("srv/y", data)
    ),
    "the last record of a name": lambda path, data: pax(("path", "srv/x"), ("path", path)) + file("srv/y", data),
    "an empty record takes back": lambda path, data: pax(("path", "srv/x"), ("path", "")) + file(path, data),
    "a global header forgets": lambda path, data: (
        pax(("path", "srv/x")) + pax(("comment", "c"), flag=b"g", name="pax_global_header") + file(path, data)
    ),
    "a global header forgets a long name": lambda path, data: (
        long_name("srv/x") + pax(("comment", "c"), flag=b"g", name="pax_global_header") + file(path, data)
    ),
    "a long name before a record": lambda path, data: long_name(path) + pax(("path", "srv/x")) + file("srv/y", data),
    "a long name behind a record": lambda path, data: pax(("path", "srv/x")) + long_name(path) + file("srv/y", data),
    "the second long name": lambda path, data: long_name("srv/x") + long_name(path) + file("srv/y", data),
    "a sparse name without a version": lambda path, data: pax(("GNU.sparse.name", "srv/x")) + file(path, data),
    "a sparse name of an unknown version": lambda path, data: (
        pax(("GNU.sparse.major", "2"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "srv/x")) + file(path, data)
    ),
    "a sparse size without a version": lambda path, data: pax(("GNU.sparse.realsize", "1")) + file(path, data),
    "a size in base 256": lambda path, data: file(path, data, size=b"\x80" + len(data).to_bytes(11, "big")),
    "a size between spaces": lambda path, data: file(path, data, size=b" %9o \0" % len(data)),
    "a size in a record": lambda path, data: pax(("size", f"{len(data)}")) + file(path, data, size=b"00000000000\0"),
}
HIDDEN_FOR_GO: dict[str, Writer] = {
    "a record's path": lambda path, data: pax(("path", f"srv/{path}")) + file(path, data),
    "a long name": lambda path, data: long_name(f"srv/{path}") + file(path, data),
    "a prefix": lambda path, data: file(path[SPLIT:], data, prefix=b"srv"),
    "a prefix of old Go": lambda path, data: file(path[SPLIT:], data, magic=GNU, prefix=b"srv/x"),
}


def layer(write: Writer) -> bytes:
    """A torch, each file by `write`: its paths are short enough for one header's name and prefix."""
    return b"".join(write(path, _data(member)) for path, member in _short_torch().items()) + END


def _data(member: bytes | File) -> bytes:
    return member.data if isinstance(member, File) else member


def _short_torch() -> dict[str, bytes | File]:
    return {path: member for path, member in torch_tree().items() if len(path) < 100 and "/torch/" in path}


@pytest.mark.parametrize("write", UNPACKED.values(), ids=UNPACKED)
def test_what_go_unpacks_as_torch_is_found(write: Writer, tmp_path: Path) -> None:
    torch = shown(docker_archive(tmp_path / "t.tar", Raw([BASE, layer(write)])))["torch"]
    assert (torch["installed"], torch["path"], torch["version"]) == (True, f"/{SITE}/torch", "2.13.0+cpu")


@pytest.mark.parametrize("write", HIDDEN_FOR_GO.values(), ids=HIDDEN_FOR_GO)
def test_what_go_unpacks_elsewhere_is_no_torch(write: Writer, tmp_path: Path) -> None:
    torch = shown(docker_archive(tmp_path / "t.tar", Raw([BASE, layer(write)])))["torch"]
    assert not torch["installed"]


REFUSED: dict[str, bytes] = {
    "zeros behind the records": file("ext", b"15 path=aaaaaa\n"[:15] + bytes(4), b"x"),
    "a record of length 0": file("ext", b"0 path=a\n", b"x"),
    "a record of negative length": file("ext", b"-10 path=aa\n", b"x"),
    "a record longer than its header": file("ext", b"99 path=a\n", b"x"),
    "a record without a line end": file("ext", b"10 path=aa", b"x"),
    "a record without an equals sign": file("ext", b"9 path a\n", b"x"),
    "a record without a key": file("ext", b"5 =a\n", b"x"),
    "a NUL in a path": pax(("path", "a\0b")),
    "a NUL in a link": pax(("linkpath", "a\0b")),
    "a NUL in a key": pax(("SCHILY.xattr.user\0x", "a")),
    "a record: a time that is no number": pax(("mtime", "abc")),
    "an access time that is no number": pax(("atime", "1.2.3")),
    "a record: an owner that is no number": pax(("uid", "root")),
    "a record: a size that is no number": pax(("size", "many")),
    "a record: a negative size": pax(("size", "-1")),
    "a record: a size past 63 bits": pax(("size", "9223372036854775808")),
    "a sparse file's size that is no number": pax(
        ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "x")
    ),
    "a sparse map with an odd count": pax(("GNU.sparse.map", "0,1,2"), ("GNU.sparse.size", "3")),
}
HEADERS: dict[str, bytes] = {
    "a contiguous file": file("c", b"hello", b"7"),
    "an old sparse file": file("c", b"", b"S", magic=GNU),
    "a volume's label": header("c", 0, b"V"),
    "a type of nobody's": header("c", 0, b"Z"),
    "a mode that is no number": header("c", mode=b"rwxr-x\0\0"),
    "an owner that is no number": header("c", uid=b"root\0\0\0\0"),
    "a group that is no number": header("c", gid=b"99\0\0\0\0\0\0"),
    "a time that is no number": header("c", mtime=b"yesterday\0\0\0"),
    "a size that is no number": header("c", size=b"8\0\0\0\0\0\0\0\0\0\0\0"),
    "a negative size": header("c", size=b"\xff" * 12),
    "a size past 63 bits": header("c", size=b"\x80" + b"\xff" * 11),
    "a device that is no number": header("c", 0, b"3", devmajor=b"x\0\0\0\0\0\0\0"),
    "a wrong sum": header("c")[:148] + b"0000000\0" + header("c")[156:],
}


@pytest.mark.parametrize("member", {**REFUSED, **HEADERS}.values(), ids=[*REFUSED, *HEADERS])
def test_what_go_refuses_is_refused(member: bytes, tmp_path: Path) -> None:
    layered = Raw([BASE, member + file("opt/a", b"x") + END])
    assert judged(docker_archive(tmp_path / "t.tar", layered), folder=tmp_path) == 3


def test_a_path_for_all_is_no_path_of_any(tmp_path: Path) -> None:
    """Go gives it to nothing but the global header itself; refused, or torch is found where its headers say."""
    ahead = pax(("path", "srv/x"), flag=b"g", name="pax_global_header")
    path = docker_archive(tmp_path / "t.tar", Raw([BASE, layer(lambda path, data: ahead + file(path, data))]))
    assert judged(path, folder=tmp_path) in (1, 3)


def test_a_tar_that_engines_take_passes(tmp_path: Path) -> None:
    odd = (
        pax(
            ("mtime", "1350244992.023960108"),
            ("atime", "-1.5"),
            ("uid", "-1"),
            ("comment", "\udc80".encode("utf-8", "surrogateescape")),
        )
        + file("opt/a", b"x", mtime=b"\xff" * 12)
        + pax(("hdrcharset", "BINARY"), ("mtime", "abc"), flag=b"g", name="pax_global_header")
        + header("opt/d/", 0, b"\0")
        + header("opt/e", 0, b"0", uid=b"\0" * 8, gid=b" " * 8)
    )
    assert judged(docker_archive(tmp_path / "t.tar", Raw([BASE, odd + END])), folder=tmp_path) == 0
