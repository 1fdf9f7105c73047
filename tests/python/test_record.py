"""The files that a list names, as they stand, and rows against the csv module."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.tree import Hardlink, Link
from inspector.python import record
from inspector.python.folders import Folders
from inspector.python.record import absolute, owned, record_paths, record_rows, tree, union
from tests.support import rootfs_of

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


def test_a_list_of_what_is_not_there_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MAX_GONE", 10)
    assert size_of({}, *(f"d{number}/f" for number in range(10))) == 0
    assert size_of({}, *(f"d{number}/f" for number in range(11))) is None
    monkeypatch.setattr(record, "MAX_ROWS", 3)
    assert record_paths("a,,\n" * 4) is None


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


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(_NAMES, st.sampled_from(["", "sha256=abc"]), st.sampled_from(["", "12", "0"])), max_size=6))
def test_rows_are_those_of_the_csv_reader(rows: list[tuple[str, str, str]]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    text = out.getvalue()
    assert list(record_rows(text)) == [(path, size) for path, _, size in rows]
    assert record_paths(text) == [path for path, _, _ in rows]
