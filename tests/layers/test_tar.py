"""The scanner against tarfile and GNU tar, and against headers that engines refuse."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.errors import CorruptLayer, InspectorError, LimitExceeded
from inspector.layers.readers import FileReader, StreamReader
from inspector.layers.tar import BLOCK, EndMissing, Member, iter_members, normal
from inspector.rootfs import Kind

TYPES = {
    Kind.FILE: tarfile.REGTYPE,
    Kind.DIRECTORY: tarfile.DIRTYPE,
    Kind.SYMLINK: tarfile.SYMTYPE,
    Kind.HARDLINK: tarfile.LNKTYPE,
    Kind.CHAR: tarfile.CHRTYPE,
    Kind.BLOCK: tarfile.BLKTYPE,
    Kind.FIFO: tarfile.FIFOTYPE,
}
END = bytes(2 * BLOCK)


def in_memory(content: bytes) -> FileReader:
    return FileReader(io.BytesIO(content), 0, len(content))


def scan(content: bytes) -> list[Member]:
    return list(iter_members(in_memory(content)))


def header(name: str = "f", *, size: int = 0, flag: bytes = tarfile.REGTYPE, **fields: object) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, flag
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT)[-BLOCK:]


def resummed(block: bytes, at: int, field: bytes) -> bytes:
    """A header with one field overwritten and its checksum made right again."""
    block = block[:at] + field + block[at + len(field) :]
    blank = block[:148] + b" " * 8 + block[156:]
    return blank[:148] + b"%06o\0 " % sum(blank) + blank[156:]


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def pax(records: bytes, flag: bytes = b"x") -> bytes:
    return header("ext", size=len(records), flag=flag) + padded(records)


def record(key: bytes, value: bytes) -> bytes:
    """A PAX record, whose length counts its own digits."""
    body = b" %s=%s\n" % (key, value)
    length = next(n for n in range(len(body) + 1, len(body) + 8) if n == len(body) + len(str(n)))
    return b"%d%s" % (length, body)


names = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=120)
paths = st.lists(names.filter(lambda name: name not in (".", "..")), min_size=1, max_size=4).map("/".join)
members = st.tuples(paths, st.sampled_from(list(TYPES)), st.binary(max_size=1500), st.integers(0, 0o7777), paths)


@given(st.lists(members, max_size=8), st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]), st.integers(1, 2000))
@settings(max_examples=60, deadline=None)
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
@settings(max_examples=200, deadline=None)
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
    assert [m.path for m in scan(pax(record(b"path", b"no"), b"g") + header("yes") + END)] == ["yes"]


def test_a_pax_sparse_file_has_its_real_size() -> None:
    sparse = {b"major": b"1", b"minor": b"0", b"name": b"sparse", b"realsize": b"1048576"}
    records = b"".join(record(b"GNU.sparse." + key, value) for key, value in sparse.items())
    (member,) = scan(pax(records) + header("x", size=BLOCK) + bytes(BLOCK) + END)
    assert (member.path, member.size, member.stored) == ("sparse", 1 << 20, BLOCK)


def test_no_end_mark_and_missing_last_padding_are_accepted() -> None:
    """As Go's archive/tar does; truncation there shows in the digest."""
    assert len(scan(header("a"))) == 1
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
    "cut inside the padding": (header("a", size=3) + b"abc" + bytes(5), CorruptLayer),
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
@settings(max_examples=150, deadline=None)
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
    monkeypatch.setattr("inspector.layers.tar.MAX_RECORDS", 10)
    member = tarfile.TarInfo("f")
    member.pax_headers = {f"x{number}": "y" for number in range(6)}
    one = member.tobuf(tarfile.PAX_FORMAT)
    assert len(list(iter_members(StreamReader(iter((one,)))))) == 1
    with pytest.raises(LimitExceeded, match="PAX records"):
        list(iter_members(StreamReader(iter((one + one,)))))
