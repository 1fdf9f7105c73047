"""Files, encodings, widths, and the display of progress."""

from __future__ import annotations

import errno
import io
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import click
import pytest

from inspector.cli import output, progress
from inspector.cli.output import emit, ensure_writable, printing, say, table_width
from inspector.cli.progress import Display, display, fitted
from inspector.errors import InspectorError, UsageError
from tests.cli.program import ROOT, clean_environment, start

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither modes nor terminals of this kind")


@POSIX
def test_a_new_file_has_the_modes_of_any_other(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        emit("text\n", tmp_path / "report.txt")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report.txt").stat().st_mode) == 0o640


@POSIX
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    emit("new", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@POSIX
def test_a_device_is_written_to_and_not_replaced() -> None:
    emit("text", Path(os.devnull))
    assert Path(os.devnull).is_char_device()


def test_the_old_text_outlives_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.txt"
    target.write_text("old")

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InspectorError, match="No space left"):
        emit("new", target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_is_mounted_by_itself_is_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.txt"
    target.write_text("old")

    def busy(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    emit("new", target)
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@POSIX
def test_a_pipe_by_its_device_and_standard_output_by_a_dash(tmp_path: Path) -> None:
    expected = start("schema").stdout
    for name in ("/dev/stdout", "-"):
        assert start("schema", "-o", name, cwd=tmp_path).stdout == expected
    assert list(tmp_path.iterdir()) == []


@POSIX
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes everywhere")
def test_a_file_that_may_not_be_written_is_refused_at_once(tmp_path: Path) -> None:
    target = tmp_path / "report.txt"
    target.touch(0o400)
    with pytest.raises(UsageError, match="permission denied"):
        ensure_writable(target)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    ensure_writable(None)
    ensure_writable(tmp_path / "new.txt")
    for wrong in (tmp_path, tmp_path / "missing" / "new.txt"):
        with pytest.raises(UsageError):
            ensure_writable(wrong)


@pytest.mark.parametrize(
    ("encoding", "shown"), [("utf-8", "✔ ── é"), ("ascii", r"+ -- \xe9"), ("cp1252", "+ -- é"), ("latin-1", "+ -- é")]
)
def test_what_a_terminal_cannot_show_has_a_stand_in(encoding: str, shown: str) -> None:
    assert output._shown("✔ ── é", encoding) == shown


@pytest.mark.parametrize(("columns", "width"), [("80", 80), ("", 120), ("0", 120), ("wide", 120)])
def test_width_without_a_terminal(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert table_width(None) == width
    assert table_width(Path("report.txt")) == 120


def test_no_terminal_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with display(quiet=False) as shown:
        assert not isinstance(shown, Display)
    with display(quiet=True) as shown:
        assert shown is None


def test_quick_work_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Display()
    shown.started("a.tar")
    shown.add(count=10)
    shown.finished("a.tar")
    shown.close()
    assert capsys.readouterr() == ("", "")


def test_counts_come_from_any_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    shown = Display()
    shown.add(names=2, opened=1, count=1_000)
    assert shown.words(time.monotonic())[:2] == ("1 of 2 opened", "")
    assert shown.part() == (1, 2)
    shown.add(images=4)

    def work(name: str) -> None:
        shown.started(name)
        for _ in range(100):
            shown.add(count=1_000)
        shown.finished(name)

    threads = [threading.Thread(target=work, args=(f"{number}.tar",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown.part() == (4, 4)
    assert shown.words(time.monotonic())[2][0] == "401 kB"
    shown.add(images=1)
    shown.started("a\x1b.tar")
    assert shown.words(time.monotonic())[:2] == ("4 of 5 images", "a\x1b.tar")
    shown.close()
    shown.add(count=1)


def test_the_bar_tells_bytes_of_few_images_and_the_number_of_many() -> None:
    few, many = Display(), Display()
    few.add(images=1, size=1_000, count=250)
    many.add(images=88, size=1_000, count=1_000)
    many.finished("a")
    assert few.part() == (250, 1_000)
    assert few.words(time.monotonic())[2][0] == "250 B of 1.00 kB"
    assert many.part() == (1, 88)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_line_fits_the_terminal(width: int) -> None:
    figures = ["38.4 MB of 1.23 GB", "12.1 MB/s", "1:02:03 left"]
    title, told = fitted("1,015 of 10,088 images", "registry.example.com/team/api:1.0", figures, width)
    assert len(f"⠋ {title} {'━' * 12} {told}") <= width
    assert title.startswith("1,015 of 10,088 images")
    assert told.endswith("left")


def test_what_is_printed_hides_the_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    shown = Display()
    shown.add(images=2)
    line, _ = shown._shown or pytest.fail("nothing is shown")
    states: list[bool] = []
    monkeypatch.setattr(click, "echo", lambda *_, **__: states.append(line.live.is_started))
    with printing(shown.hidden):
        say("plan: 3 repositories")
    assert states == [False]
    assert line.live.is_started
    shown.close()
    capsys.readouterr()


@POSIX
def test_long_work_is_seen_on_a_terminal_and_leaves_only_the_report(images: Path) -> None:
    import pty  # Windows has none

    content = (images / "backend-prod.tar").read_bytes()
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "inspector", "check", str(images / "roles.toml"), "-"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=clean_environment({"TERM": "xterm"}),
    )
    os.close(theirs)
    assert program.stdin is not None
    program.stdin.write(content[:-4096])
    program.stdin.flush()
    time.sleep(progress.PATIENCE + 0.5)
    report, _ = program.communicate(content[-4096:], timeout=60)
    seen = os.read(ours, 65536)
    os.close(ours)
    assert program.returncode == 0
    assert b"\x1b" not in report
    assert b"PASS" in report
    assert b"opening" in seen or b"reading" in seen
    assert seen.rstrip().rpartition(b"\x1b[2K")[2].startswith(b"1 image: 1 passed")
