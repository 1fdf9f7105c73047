"""The files that a list names, as they stand, and rows against the csv module."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import LimitExceeded
from inspector.python import record
from inspector.python.folders import Folders
from inspector.python.record import Rows, absolute, owned, tree, union
from inspector.testing.tree import Hardlink, Link
from tests.effort import examples
from tests.support import few, rootfs_of

SITE = "/v/lib/python3.11/site-packages"


def size_of(files: dict[str, bytes | Link | Hardlink], *paths: str) -> int | None:
    found = owned(Folders(rootfs_of(files)), SITE, paths)
    return None if found is None else found.size


def test_files_count_as_they_stand_each_content_once() -> None:
    site = SITE.strip("/")
    files: dict[str, bytes | Link | Hardlink] = {
        f"{site}/a/x.py": b"12345",
        f"{site}/a/y.py": Hardlink(f"{site}/a/x.py"),
        f"{site}/a/z": Link("x.py"),
        "v/bin/tool": b"123",
        "etc/passwd": b"1234567",
    }
    assert size_of(files, "a/x.py", "a/y.py", "a/x.py", "a/z", "gone/x", "a") == 5
    assert size_of(files, "../../../bin/tool") == 3
    assert size_of(files, "/etc/passwd", "../../../../../../../../etc/passwd", "a/../../../../../etc/passwd") == 7
    assert size_of(files, "", "/", "..", "\0", "a/\0") == 0


def test_bytecode_counts_though_no_list_names_it() -> None:
    site = SITE.strip("/")
    files: dict[str, bytes | Link | Hardlink] = {
        f"{site}/one.py": b"1",
        f"{site}/two.py": b"22",
        f"{site}/__pycache__/one.cpython-311.pyc": b"333",
        f"{site}/__pycache__/one.cpython-311.opt-1.pyc": b"4444",
        f"{site}/__pycache__/two.cpython-311.pyc": b"55555",
    }
    assert size_of(files, "one.py") == 8
    assert size_of(files, "one.py", "__pycache__/one.cpython-311.pyc") == 8


def test_files_that_are_known_at_once_are_the_same_as_those_of_each_directory() -> None:
    site = SITE.strip("/")
    files: dict[str, bytes | Link | Hardlink] = {
        f"{site}/a/x.py": b"12345",
        f"{site}/a/y.py": Hardlink(f"{site}/a/x.py"),
        f"{site}/a/z": Link("x.py"),
        f"{site}/a/__pycache__/x.cpython-311.pyc": b"333",
        f"{site}/a/__pycache__/x.cpython-311.opt-1.pyc": b"4444",
        f"{site}/a/__pycache__/gone.cpython-311.pyc": b"55555",
        f"{site}/a/__pycache__/other.cpython-311.pyc": b"1" * 100,
        f"{site}/b__pycache__/x.pyc": b"1" * 1000,
        f"{site}/l": Link("a"),
        "v/bin/tool": b"123",
    }
    paths = ["a/x.py", "a/y.py", "a/z", "a/gone.py", "l/y.py", "../../../bin/tool", "none/x", "b.py", "", "a//x.py"]
    linked: dict[str, bytes | Link | Hardlink] = {f"{site}/__pycache__": Link("a/__pycache__")}
    for tree_ in (files, files | linked):
        folders = Folders(rootfs_of(tree_))
        below = folders.below(SITE)
        assert below is not None
        assert owned(folders, SITE, [*paths, "other.py"], below) == owned(folders, SITE, [*paths, "other.py"])
    assert size_of(files, *paths) == 5 + 3 + 4 + 5 + 3


def test_a_list_of_what_is_not_there_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MAX_GONE", 10)
    assert size_of({}, *(f"d{number}/f" for number in range(10))) == 0
    assert size_of({}, *(f"d{number}/f" for number in range(11))) is None


def test_a_list_of_too_many_rows_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MAX_ROWS", 3)
    rows = Rows(b"a,,\n" * 4)
    assert (len(list(rows)), rows.unread) == (3, 1)
    assert size_of({}, *"abc") == 0
    assert size_of({}, *"abcd") is None


def test_lists_together_are_bounded() -> None:
    folders = Folders(rootfs_of({}, budget=few(steps=150)))
    owned(folders, SITE, [])
    with pytest.raises(LimitExceeded, match="rows in lists of files"):
        owned(folders, SITE, ["a"] * 200)
    with pytest.raises(LimitExceeded, match="missing directories"):
        owned(Folders(rootfs_of({}, budget=few(steps=150))), SITE, [f"d{at}/f" for at in range(4)])


@pytest.mark.parametrize(
    ("content", "paths", "unread"),
    [
        (b'a,,1\n"' + b"x" * 140_000 + b'",,\nb,,2\n', ["a", "b"], 1),
        (b'a,,1\n"x,,\nb,,2\n', ["a"], 1),
        (b'a,,1\n"x"y,,\nb,,2\n', ["a", "b"], 1),
        (b'"a,b",,1\n\0,,\nb,,2\n', ["a,b", "\0", "b"], 0),
        (b'"a",,1\rb,,2\nc,,3\n', ["c"], 1),
        (b'"a",,1\r\nb,,2\r\n', ["a", "b"], 0),
        (b"a\x0cb,,1\n\xe9,,2", ["a\x0cb", "\udce9"], 0),
        (b"x" * 140_000 + b",,\nb,,2\n", ["x" * 140_000, "b"], 0),
        (b"a,b,,1\nc\n,,1\nd,1", ["a,b", "c", "d"], 0),
        (b"a,b,,1\nc,1\n", ["a,b", "c"], 0),
    ],
)
def test_rows_that_csv_can_t_read_are_counted_and_others_kept(content: bytes, paths: list[str], unread: int) -> None:
    rows = Rows(content)
    assert [row[0] for row in rows] == paths
    assert rows.unread == unread
    assert [path for path in Rows(content).paths() if path] == paths


def test_very_many_rows_are_taken_apart_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"".join(b"%d,,%d\n" % (at, at) for at in range(5))
    whole = list(Rows(content))
    monkeypatch.setattr(record, "MAX_HELD", 0)
    monkeypatch.setattr(record, "_AT_ONCE", 2)
    assert (list(Rows(content)), len(list(Rows(content).columns()))) == (whole, 3)


def test_an_endless_quoted_field_takes_no_other_rows_without_a_word() -> None:
    rows = Rows(b'a,,1\n"' + b"b,,\n" * 60_000 + b"c,,2\n")
    paths = [row[0] for row in rows]
    assert (paths[0], paths[-1], rows.unread) == ("a", "c", 1)


def test_trees_and_unions() -> None:
    folders = Folders(rootfs_of({"a/x": b"1", "a/b/y": b"22", "c/z": b"333"}))
    both = union([tree(folders, ["/a"]), None, tree(folders, ["/c", "/a/b", "/none"])])
    assert both.size == 6


@pytest.mark.parametrize(
    ("path", "expected"),
    [("", "/a/b"), ("x", "/a/b/x"), ("..", "/a"), ("../x", "/a/x"), ("../../../x", "/x"), ("/x", "/x"), ("../..", "/")],
)
def test_rows_are_against_the_site(path: str, expected: str) -> None:
    assert absolute("/a/b", path) == expected


_NAMES = st.text(st.sampled_from('ab/,"é '), min_size=1, max_size=8)


@examples(100)
@given(st.lists(st.tuples(_NAMES, st.sampled_from(["", "sha256=abc"]), st.sampled_from(["", "12", "0"])), max_size=6))
def test_rows_are_those_of_the_csv_reader(rows: list[tuple[str, str, str]]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    read = Rows(out.getvalue().encode())
    assert list(read) == rows
    assert [*read.paths()] == [path for path, _, _ in rows]
    assert read.unread == 0
