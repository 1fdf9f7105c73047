"""The scanner against tarfile and GNU tar, and against headers that engines refuse."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import CorruptLayer, InspectorError, LimitExceeded
from inspector.layers.pax import LIMITS
from inspector.layers.readers import StreamReader
from inspector.layers.tar import BLOCK, EndMissing, iter_members, normal
from inspector.rootfs import Kind
from tests.effort import examples
from tests.layers.tars import END, header, in_memory, long, padded, paths, pax, record, records, resummed, scan, ustar

TYPES = {
    Kind.FILE: tarfile.REGTYPE,
    Kind.DIRECTORY: tarfile.DIRTYPE,
    Kind.SYMLINK: tarfile.SYMTYPE,
    Kind.HARDLINK: tarfile.LNKTYPE,
    Kind.CHAR: tarfile.CHRTYPE,
    Kind.BLOCK: tarfile.BLKTYPE,
    Kind.FIFO: tarfile.FIFOTYPE,
}
names = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=120)
some_paths = st.lists(names.filter(lambda name: name not in (".", "..")), min_size=1, max_size=4).map("/".join)
members = st.tuples(
    some_paths, st.sampled_from(list(TYPES)), st.binary(max_size=1500), st.integers(0, 0o7777), some_paths
)


@given(st.lists(members, max_size=8), st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]), st.integers(1, 2000))
@examples(60)
def test_members_are_those_that_tarfile_wrote(
    described: list[tuple[str, Kind, bytes, int, str]], tar_format: int, chunk: int
) -> None:
    out = io.BytesIO()
    expected = []
    with tarfile.open(fileobj=out, mode="w", format=tar_format) as tar:
        for path, kind, data, mode, target in described:
            info = tarfile.TarInfo(path)
            info.type, info.mode = TYPES[kind], mode
            info.size = len(data) if kind is Kind.FILE else 0
            info.linkname = target if kind in (Kind.SYMLINK, Kind.HARDLINK) else ""
            tar.addfile(info, io.BytesIO(data))
            expected.append((normal(path), kind, mode, info.size, info.linkname))
    content = out.getvalue()
    found = [(m.path, m.kind, m.mode, m.size, m.link) for m in scan(content)]
    assert found == expected
    assert scan(content) == list(
        iter_members(StreamReader(content[at : at + chunk] for at in range(0, len(content), chunk)))
    )
    for member, (_, _, data, _, _) in zip(scan(content), described, strict=True):
        assert content[member.offset : member.offset + member.stored] == (data if member.kind is Kind.FILE else b"")


@pytest.mark.skipif(not shutil.which("tar"), reason="no tar on this machine")
@pytest.mark.parametrize("tar_format", ["v7", "oldgnu", "gnu", "ustar", "pax"])
def test_gnu_tar_of_a_real_directory(tmp_path: Path, tar_format: str) -> None:
    if b"GNU tar" not in subprocess.run(["tar", "--version"], capture_output=True, check=True).stdout:
        pytest.skip("the tar on this machine is not GNU's")
    root = tmp_path / "root"
    deep = root / ("d" * 60) if tar_format in ("v7", "ustar") else root / ("d" * 200) / ("e" * 200)
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"x" * 1000)
    (root / "umlaut-ä\n").write_bytes(b"")
    (root / "link").symlink_to("file")
    os.link(deep / "file", root / "zhard")
    (root / "program").write_bytes(b"#!/bin/sh\n")
    (root / "program").chmod(0o4755)
    subprocess.run(["tar", f"--format={tar_format}", "--sort=name", "-cf", "../x.tar", "."], cwd=root, check=True)
    seen = {member.path: member for member in scan((tmp_path / "x.tar").read_bytes())}
    on_disk = {str(path.relative_to(root)): path for path in root.rglob("*")}
    assert seen.keys() == on_disk.keys() | {""}
    for name, path in on_disk.items():
        member, stat = seen[name], path.lstat()
        assert member.mode == stat.st_mode & 0o7777, name
        if member.kind is Kind.FILE:
            assert member.size == stat.st_size
        elif member.kind is Kind.HARDLINK:
            assert on_disk[member.link].samefile(path)
        elif member.kind is Kind.SYMLINK:
            assert member.link == os.readlink(path)  # noqa: PTH115 - the text, not the path
        else:
            assert path.is_dir()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a", "a"),
        ("./a", "a"),
        ("/a", "a"),
        ("a/", "a"),
        ("a//b", "a/b"),
        ("a/./b/.", "a/b"),
        ("a/../e", "e"),
        ("../../esc", "esc"),
        ("./", ""),
        (".", ""),
        ("..", ""),
        (".hidden/.x", ".hidden/.x"),
        ("a/..b", "a/..b"),
        ("a/b.", "a/b."),
        ("./.", ""),
    ],
)
def test_normal(written: str, read: str) -> None:
    assert normal(written) == read


@given(st.text(st.sampled_from("a./"), max_size=12))
@examples(200)
def test_normal_is_the_lexical_path_below_the_root(text: str) -> None:
    assert "/" + normal(text) == os.path.normpath("/" + text.lstrip("/"))


def test_a_name_that_is_no_utf8_keeps_its_bytes() -> None:
    block = resummed(header("x"), 0, b"caf\xe9")
    assert scan(block + END)[0].path.encode("utf-8", "surrogateescape") == b"caf\xe9"


def test_numbers_past_octal_are_base_256() -> None:
    block = header("big", size=9 << 30)
    with pytest.raises(CorruptLayer, match="cut"):
        scan(block)
    reader = in_memory(block)
    assert next(iter_members(reader)).size == 9 << 30


def test_a_directory_in_the_oldest_form_has_a_slash_and_no_type() -> None:
    assert [m.kind for m in scan(header("d/", flag=b"\0") + header("d", flag=b"\0") + header("d/") + END)] == [
        Kind.DIRECTORY,
        Kind.FILE,
        Kind.FILE,
    ]


def test_a_pax_size_beats_that_of_the_header() -> None:
    """A reader that trusts the header's would take the data for headers, and list what nobody unpacks."""
    inside = header("smuggled") + bytes(BLOCK)
    content = pax(record(b"size", b"1024")) + header("f", size=0) + inside + END
    assert [(m.path, m.size) for m in scan(content)] == [("f", 1024)]


def test_a_global_pax_path_renames_nothing() -> None:
    content = pax(record(b"path", b"pax_global_header") + record(b"size", b"5"), b"g", "pax_global_header")
    assert paths(content + header("yes") + END) == ["yes"]


def test_no_end_mark_and_missing_last_padding_are_accepted() -> None:
    """As Go's archive/tar does; truncation there shows in the digest."""
    assert len(scan(header("a"))) == 1
    assert len(scan(header("a", size=3) + b"abc" + bytes(5))) == 1
    assert scan(pax(record(b"path", b"x"))[:-5]) == []
    assert len(scan(header("a", size=3) + b"abc")) == 1
    assert scan(b"") == []


def test_an_end_mark_can_be_insisted_on() -> None:
    with pytest.raises(EndMissing):
        list(iter_members(in_memory(header("a")), needs_end=True))
    assert len(list(iter_members(in_memory(header("a") + END), needs_end=True))) == 1


def test_what_stands_behind_the_end_mark_is_not_listed() -> None:
    assert [m.path for m in scan(header("a") + END + header("b") + END)] == ["a"]


CORRUPT = {
    "cut inside a header": (header("a") + header("b")[:100], CorruptLayer),
    "cut inside the data": (header("a", size=1000) + b"x" * 600, CorruptLayer),
    "garbage for a second header": (header("a") + b"garbage!" * 64 + END, CorruptLayer),
    "one bit of a header flipped": (header("a")[:50] + b"\1" + header("a")[51:] + END, CorruptLayer),
    "entries behind a lone zero block": (header("a") + bytes(BLOCK) + header("b") + END, CorruptLayer),
    "old GNU sparse, which dockerd refuses": (header("a", flag=b"S") + END, CorruptLayer),
    "a type nobody knows": (header("a", flag=b"Z") + END, CorruptLayer),
    "a size that is no number": (resummed(header("a"), 124, b"9999999999\0"), CorruptLayer),
    "a size with a sign": (resummed(header("a"), 124, b"-0000000001\0"), CorruptLayer),
    "a negative base-256 size": (resummed(header("a"), 124, b"\xff" * 12), CorruptLayer),
    "a size of 2^90 bytes": (resummed(header("a"), 124, b"\xbf" + b"\xff" * 11) + END, CorruptLayer),
    "an extended header of 8 GiB": (header("a", size=8**11 - 1, flag=b"x"), LimitExceeded),
    "an extended header that is cut": (header("a", size=600, flag=b"x") + b"x" * 100, CorruptLayer),
    "a PAX record without a length": (pax(b"path=evil\n") + header("a") + END, CorruptLayer),
    "a PAX record longer than its header": (pax(b"99 path=evil\n") + header("a") + END, CorruptLayer),
    "a PAX record of length zero": (pax(b"0 path=evil\n") + header("a") + END, CorruptLayer),
    "a PAX name with a NUL": (pax(record(b"path", b"a\0b")) + header("a") + END, CorruptLayer),
    "a PAX size that is no number": (pax(record(b"size", b"-10")) + header("a") + END, CorruptLayer),
    "a name past PATH_MAX": (pax(record(b"path", b"a" * 5000)) + header("a") + END, CorruptLayer),
}


@pytest.mark.parametrize("case", CORRUPT)
def test_what_engines_refuse_is_refused(case: str) -> None:
    content, error = CORRUPT[case]
    with pytest.raises(error):
        scan(content)
    with pytest.raises(error):
        list(iter_members(StreamReader(iter([content]))))


def test_headers_are_counted_before_they_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.layers.tar.MAX_HEADERS", 10)
    with pytest.raises(LimitExceeded):
        scan(header("a") * 11 + END)


@given(st.binary(max_size=3000), st.integers(0, 3), st.integers(0, BLOCK * 4 - 1), st.integers(1, 255))
@examples(150)
def test_damage_is_refused_or_outside_the_headers(noise: bytes, blocks: int, at: int, flip: int) -> None:
    """Whatever the bytes: an error of ours or a listing, never another exception, and never a shorter listing."""
    content = header("a", size=5) + padded(b"hello") + header("b") * blocks + END
    damaged = bytearray(content)
    damaged[at % len(content)] ^= flip
    for candidate in (bytes(damaged), noise, content + noise):
        try:
            found = scan(candidate)
        except InspectorError:
            continue
        if candidate == bytes(damaged):
            assert len(found) == 1 + blocks or at // BLOCK >= 2 + blocks


def test_pax_records_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A header of a MiB holds 170,000 of them, and packs to a KiB."""
    monkeypatch.setitem(LIMITS, "PAX records", 10)
    member = tarfile.TarInfo("f")
    member.pax_headers = {f"x{number}": "y" for number in range(6)}
    one = member.tobuf(tarfile.PAX_FORMAT)
    assert len(list(iter_members(StreamReader(iter((one,)))))) == 1
    with pytest.raises(LimitExceeded, match="PAX records"):
        list(iter_members(StreamReader(iter((one + one,)))))


GLOBAL = pax(record(b"comment", b"c"), b"g", "pax_global_header")

NAMES = {
    "a PAX header replaces the one before it": (
        pax(record(b"path", b"no")) + pax(record(b"comment", b"c")) + header("yes"),
        ["yes"],
    ),
    "the last record of a key counts": (pax(record(b"path", b"no") + record(b"path", b"yes")) + header("no"), ["yes"]),
    "an empty record keeps the header's name": (
        pax(record(b"path", b"no") + record(b"path", b"")) + header("f"),
        ["f"],
    ),
    "a long name beats a PAX path before it": (pax(record(b"path", b"no")) + long(b"L", b"yes\0") + header(), ["yes"]),
    "a long name beats a PAX path behind it": (long(b"L", b"yes\0") + pax(record(b"path", b"no")) + header(), ["yes"]),
    "the last long name counts": (long(b"L", b"no") + long(b"L", b"yes") + header(), ["yes"]),
    "an empty long name is none": (long(b"L", b"no") + long(b"L", b"\0no") + header(), ["f"]),
    "a long name lasts for one member": (long(b"L", b"long") + header() + header("g"), ["long", "g"]),
    "a global header forgets a PAX header": (pax(record(b"path", b"no")) + GLOBAL + header("yes"), ["yes"]),
    "a global header forgets a long name": (long(b"L", b"no") + GLOBAL + header("yes"), ["yes"]),
    "a global header's bad time is passed over": (
        pax(record(b"mtime", b"x"), b"g", "pax_global_header") + header("f"),
        ["f"],
    ),
    "a prefix with an odd version": (resummed(ustar(b"n", magic=b"ustar\0x9"), 345, b"dir"), ["dir/n"]),
    "a prefix of all 155 bytes": (resummed(ustar(b"n"), 345, b"p" * 155), ["p" * 155 + "/n"]),
    "a prefix beats nothing in v7": (resummed(ustar(b"n", magic=bytes(8)), 345, b"dir"), ["n"]),
    "no prefix behind a GNU magic of another version": (resummed(ustar(b"n", magic=b"ustar \0\0"), 345, b"dir"), ["n"]),
    "star's prefix has 131 bytes": (
        resummed(resummed(ustar(b"n"), 345, b"p" * 131 + b"0" * 24), 508, b"tar\0"),
        ["p" * 131 + "/n"],
    ),
    "GNU times are no prefix": (resummed(ustar(b"n", magic=b"ustar  \0"), 345, b"00000000001\0" * 2), ["n"]),
    "a GNU access time that is none is old Go's prefix": (
        resummed(ustar(b"n", magic=b"ustar  \0"), 345, b"usr/local"),
        ["usr/local/n"],
    ),
    "a GNU change time that is none makes the times a prefix": (
        resummed(ustar(b"n", magic=b"ustar  \0"), 345, b"01234567012/more"),
        ["01234567012/more/n"],
    ),
    "GNU times past 64 bits are a prefix, which is no ASCII": (
        resummed(ustar(b"n", magic=b"ustar  \0"), 345, b"\xbf" + b"\xff" * 11),
        ["n"],
    ),
    "a GNU access time that is empty is not looked at": (
        resummed(ustar(b"n", magic=b"ustar  \0"), 345, b"\0sr/local"),
        ["n"],
    ),
    "what engines pass over: a file in place of the root": (
        ustar(b".") + ustar(b"") + ustar(b"d/..") + header(),
        ["f"],
    ),
    "a directory in the oldest form by its long name": (long(b"L", b"d/") + ustar(b"f", flag=b"\0"), ["d"]),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_name_is_where_go_finds_it(case: str) -> None:
    content, expected = NAMES[case]
    assert paths(content + END) == expected


NUMBERS = {
    b"": 0,
    b"\0\0\0\0\0\0\0\0\0\0\0\0": 0,
    b"            ": 0,
    b"\0 \0 0000001\0": 1,
    b"00000000001 ": 1,
    b"000000000012": 0o12,
    b"1 \0         ": 1,
    b"12\0junk\0\0\0\0": 0o12,
    b"\x80" + bytes(10) + b"\5": 5,
}


@pytest.mark.parametrize("field", NUMBERS)
def test_a_size_is_the_number_that_go_reads(field: bytes) -> None:
    block = resummed(ustar(), 124, field.ljust(12, b"\0"))
    assert [member.size for member in scan(block + padded(bytes(NUMBERS[field])) + END)] == [NUMBERS[field]]


MORE_CORRUPT = {
    "bytes behind the last PAX record": pax(record(b"path", b"a") + bytes(4)) + header(),
    "a PAX time that is none": pax(record(b"mtime", b"abc")) + header(),
    "a PAX time with two points": pax(record(b"atime", b"1.2.3")) + header(),
    "a PAX time without seconds": pax(record(b"ctime", b".5")) + header(),
    "a PAX time past 64 bits": pax(record(b"mtime", b"9223372036854775808")) + header(),
    "a PAX uid that is none": pax(record(b"uid", b"0x1")) + header(),
    "a PAX gid with a space": pax(record(b"gid", b" 1")) + header(),
    "a PAX size past 64 bits": pax(record(b"size", b"9" * 19)) + header(),
    "a PAX user name with a NUL": pax(record(b"uname", b"a\0")) + header(),
    "a PAX key with a NUL": pax(record(b"a\0b", b"1")) + header(),
    "a global header that is malformed": pax(b"9 =\n", b"g", "pax_global_header") + header(),
    "a mode that is none": resummed(header(), 100, b"rwxr-xr\0"),
    "a uid with a sign": resummed(header(), 108, b"-000001\0"),
    "a time that is none": resummed(header(), 136, b"yesterday...\0"),
    "a time past 64 bits": resummed(header(), 136, b"\xbf" + b"\xff" * 11),
    "a device number that is none": resummed(header(), 329, b"1x"),
    "a mode of a long name that is none": resummed(header(flag=b"L"), 100, b"x") + header(),
    "a star time that is none": resummed(resummed(ustar(), 476, b"x"), 508, b"tar\0"),
    "a negative size": resummed(header(), 124, b"\xff" * 12),
    "a negative size, though a PAX one is right": pax(record(b"size", b"0")) + resummed(header(), 124, b"\xff" * 12),
    "a checksum in base-256": header()[:148] + b"\x80" + bytes(5) + header()[154:],
    "a contiguous file, type 7": header(flag=b"7"),
    "a whiteout of a type that is none": header(".wh.a", flag=b"7"),
    "a type of a vendor": header(flag=b"V"),
    "a symlink to nothing": ustar(flag=b"2"),
    "a hardlink to nothing": ustar(flag=b"1"),
    "a hardlink to the root": ustar(flag=b"1", link=b"./"),
    "a file in place of the absolute root": ustar(b"/"),
    "a symlink in place of the absolute root": ustar(b"/..", flag=b"2", link=b"a"),
    "a part of a name past NAME_MAX": pax(record(b"path", b"a/" + b"n" * 256)) + header(),
    "a symlink to a name past PATH_MAX": long(b"K", b"n/" * 2049) + ustar(flag=b"2"),
    "a global header that hides a file": pax(record(b"comment", b"c"), b"g", "opt/.wh.a") + header(),
    "a global header in place of a file": header("a") + pax(record(b"comment", b"c"), b"g", "a"),
    "a global header with a path of its own": pax(record(b"path", b"opt/.wh.a"), b"g", "pax_global_header") + header(),
    "a global header named by chance": pax(records({b"path": b"GlobalHead.1", b"uid": b"x"}), b"g", "GlobalHead.0.0"),
}


@pytest.mark.parametrize("case", MORE_CORRUPT)
def test_what_go_or_engines_refuse_is_refused(case: str) -> None:
    with pytest.raises(CorruptLayer):
        scan(MORE_CORRUPT[case] + END)


def test_a_number_that_is_none_does_no_harm_where_go_does_not_look() -> None:
    """The device numbers of v7 headers, and records of a PAX header that another one replaces."""
    assert paths(resummed(ustar(magic=bytes(8)), 329, b"x") + END) == ["f"]
    assert paths(pax(record(b"mtime", b"x")) + pax(record(b"comment", b"c")) + header() + END) == ["f"]


def test_a_size_on_what_has_no_data_is_ignored() -> None:
    content = b"".join(ustar(b"d", size=9, flag=flag, link=b"x") for flag in (b"1", b"2", b"3", b"4", b"5", b"6"))
    assert [(m.size, m.stored) for m in scan(content + END)] == [(0, 0)] * 6
    negative = resummed(ustar(flag=b"5"), 124, b"\xff" * 12)
    assert paths(negative + pax(record(b"size", b"-1")) + ustar(b"e", flag=b"5") + END) == ["f", "e"]


def test_an_owner_is_what_a_file_gets_on_disk() -> None:
    """The kernel takes 32 bits, and -1 leaves the file with root (tried on Docker 20.10, Docker 28 and Podman 4.3)."""
    own = resummed(resummed(ustar(), 108, b"0001750\0"), 116, b"\x80" + bytes(6) + b"\7")
    said = pax(records({b"uid": b"-1", b"gid": b"4294967297"}))
    assert [(m.uid, m.gid) for m in scan(own + said + own + said + ustar(b"d", flag=b"5") + END)] == [
        (1000, 7),
        (0, 1),
        (0, 1),
    ]


def test_the_attributes_that_decide_what_a_container_sees_are_kept() -> None:
    prefix = b"SCHILY.xattr."
    said = {
        prefix + b"trusted.overlay.redirect": b"/a\0b\xff",
        prefix + b"trusted.overlay.metacopy": b"",
        prefix + b"user.overlay.opaque": b"y",
        prefix + b"user.fuseoverlayfs.opaque": b"y",
        prefix + b"security.capability": b"\1\0\0\2",
        prefix + b"security.capability.not": b"x",
        prefix + b"user.mime": b"text",
        b"LIBARCHIVE.xattr.trusted.overlay.opaque": b"eQ==",
    }
    (member,) = scan(pax(records(said)) + ustar(b"d", flag=b"5") + END)
    assert member.attributes == (
        ("security.capability", b"\1\0\0\2"),
        ("trusted.overlay.metacopy", b""),
        ("trusted.overlay.redirect", b"/a\0b\xff"),
        ("user.fuseoverlayfs.opaque", b"y"),
        ("user.overlay.opaque", b"y"),
    )
    assert scan(pax(records(said)) + ustar() + ustar(b"g") + END)[1].attributes == ()


@pytest.mark.parametrize("name", ["pax_global_header", "GlobalHead.0.0", "/tmp/GlobalHead.4711.1", "././@PaxHeader"])
def test_global_headers_as_writers_name_them_are_passed_over(name: str) -> None:
    assert paths(pax(record(b"comment", b"c"), b"g", name) + header() + END) == ["f"]
