"""Runs of ordinary headers give the same as one header after the other."""

from __future__ import annotations

import io
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import InspectorError
from inspector.layers import pax, tar
from inspector.layers.entries import Entries, Entry
from inspector.layers.pax import Budget
from inspector.layers.readers import FileReader, StreamReader
from inspector.layers.retention import may_be_program, of_use, wanted
from inspector.layers.runs import Runs
from inspector.layers.taking import may_be_object
from inspector.layers.tar import iter_members
from inspector.rootfs import Kind
from tests.effort import examples
from tests.layers.tars import END, padded, resummed, ustar


def plain(name: bytes = b"f", **fields: object) -> bytes:
    """A header as nearly all are."""
    numbers = b"0000644\0" + b"0000000\0" + b"0000007\0"
    return resummed(resummed(ustar(name, **fields), 100, numbers), 136, b"15032541057\0")  # type: ignore[arg-type]


PLAIN = [
    plain(b"a/b", size=5) + padded(b"hello"),
    plain(b"a/", flag=b"5"),
    plain(b"./a/c.so", size=4) + padded(b"text"),
]


def said(content: bytes = b"30 mtime=1700000000.123456789\n", **fields: object) -> bytes:
    """An extended header, as Docker and BuildKit write one before each member."""
    return plain(b"PaxHeaders.0/f", **{"flag": b"x", "size": len(content), **fields}) + padded(content)


TIMED = [said() + each for each in PLAIN]


def all_at_once(content: bytes) -> list[tuple[str, list[Entry]]]:
    """What runs and the scanner behind them make of a tar that can be sought, and of one that goes by."""
    sought, found = FileReader(io.BytesIO(content), 0, len(content)), Entries()
    streamed, passed = StreamReader(iter((content[:9000], content[9000:]))), Entries()
    return [
        (_into(found, sought, partial(Runs(found).take, sought, lambda *_: None)), list(found)),
        (_into(passed, streamed, partial(Runs(passed).take, streamed, lambda *_: None)), list(passed)),
    ]


def one_by_one(content: bytes) -> tuple[str, list[Entry]]:
    entries = Entries()
    return _into(entries, FileReader(io.BytesIO(content), 0, len(content)), lambda *_: 0), list(entries)


def errors(found: list[tuple[str, list[Entry]]]) -> list[str]:
    return [error for error, _ in found]


def _into(entries: Entries, reader, run) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001 - as above
    try:
        for member in iter_members(reader, run=run):
            owner = (member.uid, member.gid, member.attributes, member.device)
            entries.add(member.path, member.kind, member.mode, member.size, member.link, b"", owner)
    except InspectorError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "odd",
    [
        *(resummed(plain(), at, text) for at, text in ((100, b" 644"), (100, b"999"), (108, b"\x80"), (124, b"8"))),
        *(resummed(plain(), at, text) for at, text in ((124, b"1_0"), (136, b"x"), (136, b"\xff"), (329, b"z"))),
        *(resummed(plain(), at, text) for at, text in ((345, b"usr/lib"), (345, b"./"), (500, b"1"), (508, b"tar\0"))),
        *(plain(name) for name in (b"", b".", b"..", b"a/..", b"a//b", b"/", b"./", b"x/", b"\xff/\xfe", b"n" * 100)),
        *(plain(name, flag=b"5") for name in (b"", b".", b"..", b"./", b"/", b"a//", b"a/../b/", b"d")),
        *(plain(flag=flag) for flag in (b"\0", b"1", b"2", b"3", b"6", b"7", b"S", b"L")),
        *(
            plain(link=b"x"),
            plain(flag=b"2", link=b"x", size=5),
            plain(flag=b"2", link=b"\0x"),
            plain(flag=b"2", link=b"n" * 100) + plain(b"b", flag=b"2", link=b"n\0x"),
            plain(b"\xc3\xa9", flag=b"2", link=b"\xff"),
            plain(magic=b"ustar  \0"),
            plain(magic=bytes(8)),
            plain(size=9000),
            plain(flag=b"5", size=5),
        ),
        *(
            said(content)
            for content in (b"", b"5 a=\n", b"9 mtime=\n", b"29 mtime=1700000000.123456789\n", b"11 atime=1\n\n")
        ),
        *(said(b"11 mtime=1\n" * count) for count in (1, 2, 46, 47)),
        *(
            said(content)
            for content in (b"12 mtime=1.\n", b"12 mtime=-1\n", b"12 ctime=1x\n", b"10 path=g\n", b"10 size=0\n")
        ),
        *(said(flag=b"g"), said(size=1 << 20), said(size=29), said() + said(), said(b"10 path=g\n") + said()),
        *(
            said() + other
            for other in (plain(flag=b"2", link=b"x"), plain(flag=b"L", size=2) + padded(b"x"), bytes(1024))
        ),
        *(
            resummed(said(), at, text)
            for at, text in ((100, b" 644"), (116, b"999"), (136, b"x"), (345, b"usr"), (0, b"\0"))
        ),
        *(said()[:700], said()[:1024], said() + plain()[:300]),
        *(bytes(512), bytes(1024), plain()[:300], plain()[:148] + b"000000\0 " + plain()[156:]),
    ],
)
def test_what_is_odd_is_taken_or_refused_as_ever(odd: bytes) -> None:
    content = PLAIN[0] + TIMED[0] + odd + b"".join(PLAIN + TIMED) + END
    assert all_at_once(content) == [one_by_one(content)] * 2


@given(
    st.lists(st.sampled_from([*PLAIN, *TIMED, plain(b"a/l", flag=b"2", link=b"../c.so")]), max_size=6),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=3),
)
@examples(200)
def test_a_header_with_other_bytes(members: list[bytes], changes: list[tuple[int, int]]) -> None:
    content = bytearray(b"".join(members) + END)
    for at, value in changes:
        if at < len(content):
            content[at] = value
            block = at // 512 * 512
            content[block : block + 512] = resummed(bytes(content[block : block + 512]), 0, b"")
    assert all_at_once(bytes(content)) == [one_by_one(bytes(content))] * 2


@pytest.mark.parametrize("most", range(1, 12))
def test_headers_and_records_are_bounded_alike(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"".join(TIMED + PLAIN + TIMED) + END
    monkeypatch.setattr(tar, "MAX_HEADERS", most)
    assert errors(all_at_once(content)) == [one_by_one(content)[0]] * 2
    monkeypatch.undo()
    monkeypatch.setitem(pax.LIMITS, "PAX records", most)
    assert errors(all_at_once(content)) == [one_by_one(content)[0]] * 2


def test_members_whose_time_alone_is_said_are_taken_in_runs() -> None:
    content = b"".join(TIMED) + END
    reader, entries = FileReader(io.BytesIO(content), 0, len(content)), Entries()
    assert Runs(entries).take(reader, lambda *_: None, 100, Budget()) == 6
    assert [entry.path for entry in entries] == ["a/b", "a", "a/c.so"]
    assert reader.bytes_read == 9 * 512


NAMES = ("METADATA", "x.py", "site.py", "a.pth", "entrypoint.sh", "__editable___x_finder.py", "lib.so.1", "status", "x")
FOLDERS = ("", "usr/lib/python3/site-packages", "my-dist-packages", "x-1.dist-info", "torch", "var/lib/dpkg", "root")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_no_file_is_passed_over_that_matters(folder: str, name: str, mode: int) -> None:
    path = f"{folder}/{name}" if folder else name
    in_site = folder.endswith(("site-packages", "dist-packages"))
    matters = wanted(path) > 0 or may_be_program(path, mode) or may_be_object(path, mode)
    assert of_use([name.encode()], [mode], [in_site]) == [0] or not matters


def test_the_files_of_interest_are_told_of_with_their_places() -> None:
    content = b"".join(PLAIN) + END
    reader, entries = FileReader(io.BytesIO(content), 0, len(content)), Entries()
    found: list[tuple[int, int]] = []
    assert Runs(entries).take(reader, lambda *place: found.append(place), 100, Budget()) == 3
    assert [content[at : at + 4] for _, at in found] == [b"text"]
    assert entries[found[0][0]].path == "a/c.so"
    assert entries[1].kind is Kind.DIRECTORY
    assert reader.position == len(content) - len(END)
