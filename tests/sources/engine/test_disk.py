"""An engine's files: who may see their marks, and how small ones are read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from inspector.errors import LimitExceeded
from inspector.sources.access import AccessUnusable
from inspector.sources.engine import disk
from inspector.sources.engine.disk import read_document, refuse_hidden_marks, unusable

if sys.platform != "linux":
    pytest.skip("engines keep their files on Linux alone", allow_module_level=True)

ME = os.geteuid() or 1000


@pytest.mark.parametrize(
    ("administers", "first", "owner", "euid", "shown"),
    [
        (True, True, 0, 0, True),
        (True, True, ME, 0, True),
        (False, True, ME, ME, True),  # a store of one's own: its marks are attributes that any user has
        (True, False, 0, 0, True),  # the same, seen by `podman unshare`
        (False, True, 0, 0, False),  # root in a container without CAP_SYS_ADMIN
        (False, True, 0, ME, False),
        (True, False, 65534, 0, False),  # root's store, seen from within a user namespace
    ],
)
def test_marks_that_would_not_be_shown_are_no_answer(
    *,
    administers: bool,
    first: bool,
    owner: int,
    euid: int,
    shown: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = tmp_path.stat()
    fields = list(real)
    fields[4] = owner
    namespace = list(real)
    namespace[1] = disk._FIRST_USER_NAMESPACE + (not first)
    answers = {str(tmp_path): os.stat_result(fields), "/proc/self/ns/user": os.stat_result(namespace)}
    monkeypatch.setattr(Path, "stat", lambda path: answers[str(path)])
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    monkeypatch.setattr(disk, "_may_administer", lambda: administers)
    if shown:
        refuse_hidden_marks(tmp_path)
    else:
        with pytest.raises(AccessUnusable, match="SYS_ADMIN" if euid == 0 else "run as root"):
            refuse_hidden_marks(tmp_path)


def test_the_real_process_is_asked(tmp_path: Path) -> None:
    assert disk._may_administer() in (True, False)
    with pytest.raises(AccessUnusable, match="there is no"):
        refuse_hidden_marks(tmp_path / "none")


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_engines_live_in_a_machine_of_their_own(
    platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(AccessUnusable, match="Linux alone"):
        refuse_hidden_marks(tmp_path)


def test_documents_are_bounded_and_nothing_but_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    assert read_document(tmp_path / "file", 5) == b"12345"
    with pytest.raises(LimitExceeded, match="4 bytes"):
        read_document(tmp_path / "file", 4)
    with pytest.raises(AccessUnusable, match="no regular file"):
        read_document(tmp_path / "pipe")
    for name in ("link", "none", "."):
        with pytest.raises(AccessUnusable):
            read_document(tmp_path / name)


def test_a_refusal_says_what_opens_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = PermissionError(13, "Permission denied")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: ME)
    assert "podman unshare" in str(unusable(tmp_path / "store", refused))
    assert "run as root" in str(unusable("/var/lib/docker", refused))
