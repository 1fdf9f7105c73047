"""The file system as the image's user sees it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from inspector.python.access import as_user
from inspector.python.environment import environment_of
from inspector.rootfs import Node, files_below, sums_in
from inspector.testing.tree import Dir
from tests.support import config_of, rootfs_of


@pytest.mark.parametrize(("mode", "user", "told"), [(0o700, "7", False), (0o711, "7", True), (0o700, "0", True)])
def test_files_are_told_at_once_where_no_folder_is_closed(mode: int, user: str, *, told: bool) -> None:
    fs = rootfs_of({"v/open/x": b"1", "v/closed": Dir(mode), "v/closed/y": b"22"})
    seen = as_user(fs, environment_of(fs, config_of(user=user)))
    assert (files_below(seen, "/v") is not None) == told
    assert (files_below(seen, "/v/closed") is not None) == told
    assert files_below(seen, "/v/open") is not None


def test_two_slashes_at_the_beginning_are_one() -> None:
    fs = rootfs_of({"a/b": b"1"})
    assert as_user(fs, environment_of(fs, config_of(user="7"))).lstat("//a/b") is not None


def test_the_sums_of_many_files_are_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fs = rootfs_of({"a.py": b"a", "b.py": b"b"})
    asked: list[set[str]] = []

    def sums(files: Mapping[str, Node]) -> dict[str, bytes]:
        asked.append(set(files))
        return dict.fromkeys(files, b"sum")

    monkeypatch.setattr(fs, "sums", sums)
    view = as_user(fs, environment_of(fs, config_of(user="1000")))
    assert sums_in(view, view.scandir("/")) == {"a.py": b"sum", "b.py": b"sum"}
    assert asked == [{"a.py", "b.py"}]
