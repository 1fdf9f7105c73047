"""The program as a process: what it imports, its streams, colour, pipes, signals."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from inspector import __version__
from inspector.cli import check, root
from inspector.cli.output import wants_color
from inspector.cli.root import COMMANDS
from tests.cli.program import ROOT, clean_environment, run, start

HEAVY = {"rich", "msgspec", "sqlite3", "packaging", "elftools", "isal", "platformdirs", "tomllib", "concurrent"}


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["check", "--help"], ["cache", "--help"]])
def test_what_reads_no_image_imports_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import os, sys\n"
        "os._exit = lambda _: print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)\n"
        f"sys.argv = ['inspector', *{arguments!r}]\n"
        "import inspector.cli; inspector.cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True)
    assert done.stdout
    imported = set(done.stderr.split())
    assert "inspector" in imported
    assert HEAVY & imported == set()


def test_a_profiler_sees_the_end() -> None:
    """The program ends without Python's own end, in which a profiler prints what it saw."""
    command = [sys.executable, "-m", "cProfile", "-m", "inspector", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    assert "function calls" in done.stdout


def test_version_names_the_distribution_python_and_platform() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    told = start("--version").stdout.decode().strip().split(", ")
    assert told[0] == f"{project['name']} {__version__}"
    assert told[1] == f"{sys.implementation.name} {platform.python_version()}"
    assert told[2].startswith(sys.platform)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = run(command, "--help")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: inspector {command}")
    assert max(map(len, done.stdout.splitlines())) <= 96


def test_no_command_is_wrong_usage_and_shows_the_help() -> None:
    done = run()
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Commands:" in done.stderr


def test_the_cache_alone_is_wrong_usage_and_shows_its_help() -> None:
    done = run("cache")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Commands:" in done.stderr


def test_an_unknown_command_is_offered_the_nearest() -> None:
    done = run("chekc")
    assert done.exit_code == 2
    assert done.stderr == "inspector: error: no such command 'chekc'; did you mean 'check'? see 'inspector --help'\n"


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors are otherwise closed there")
@pytest.mark.parametrize(("closed", "code"), [(0, 0), (1, 2), (2, 0)])
def test_a_closed_stream_is_never_a_failed_check(images: Path, closed: int, code: int) -> None:
    command = [sys.executable, "-m", "inspector", "check", "roles.toml", "backend-prod.tar"]
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {closed}>&-', "sh", *command],
        cwd=images,
        capture_output=True,
        check=False,
        env=clean_environment(),
    )
    assert done.returncode == code
    assert b"Traceback" not in done.stdout + done.stderr
    if closed == 1:
        assert done.stderr.startswith(b"inspector: error: standard output is closed; ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_with_its_stream(images: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "inspector", "check", "roles.toml", "backend-prod.tar"],
            cwd=images,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            env=clean_environment(),
        )
    assert done.returncode == 3
    assert b"inspector: error: standard output: can't be written: No space left" in done.stderr


def test_exit_codes_and_streams_of_a_process(images: Path) -> None:
    good = start("check", images / "roles.toml", images / "backend-prod.tar")
    assert good.returncode == 0, good.stderr
    assert b"PASS" in good.stdout
    assert b"1 image: 1 passed" in good.stderr
    assert start("check", images / "roles.toml", images / "wrong/worker-gpu-with-cpu.tar").returncode == 1
    unread = start("show", images / "wrong/backend-cut-short.tar")
    assert (unread.returncode, unread.stdout) == (3, b"")
    assert unread.stderr.startswith(b"inspector: error: ")
    assert unread.stderr.count(b"\n") == 1


def test_colour_is_for_who_asks(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments: list[str | Path] = ["check", images / "roles.toml", images / "backend-prod.tar"]
    plain = start(*arguments)
    assert b"\x1b" not in plain.stdout + plain.stderr
    assert b"\x1b[" in start(*arguments, environment={"FORCE_COLOR": "1"}).stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in run(*arguments).stdout
    assert "\x1b" not in run(*arguments, "--format", "json").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run(*arguments).stdout


class Terminal:
    """A stream that says it is a terminal, or not."""

    def __init__(self, *, answer: bool) -> None:
        self.isatty = lambda: answer


@pytest.mark.parametrize(
    ("terminal", "environment", "wanted"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
    ],
)
def test_who_wants_colour(terminal: bool, environment: dict[str, str], wanted: bool) -> None:  # noqa: FBT001 - a table
    assert wants_color(Terminal(answer=terminal), environment) is wanted  # type: ignore[arg-type] # all it asks of a stream


def test_a_table_is_as_wide_as_columns_says(images: Path) -> None:
    done = start("check", images / "wrong.toml", environment={"COLUMNS": "80"})
    assert done.returncode == 1, done.stderr
    assert max(map(len, done.stdout.decode().splitlines())) <= 80


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGPIPE to stand for")
def test_a_reader_that_leaves_is_no_error(images: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "inspector", "check", str(images / "wrong.toml"), "--format", "json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
    )
    assert program.stdout is not None
    assert program.stderr is not None
    program.stdout.close()
    errors = program.stderr.read()
    program.stderr.close()
    assert program.wait(60) == 141
    assert errors == b""


def _writer(pipe: Path) -> int:
    """Our end of the pipe, once the program has opened its own."""
    for _ in range(200):
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.05)
    pytest.fail("the program never opened the pipe")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are otherwise there")
def test_an_interruption_is_quiet_and_130(images: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "never-written"
    os.mkfifo(pipe)
    program = subprocess.Popen(
        [sys.executable, "-m", "inspector", "check", str(images / "roles.toml"), str(pipe)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
    )
    writer = _writer(pipe)
    time.sleep(0.1)
    program.send_signal(signal.SIGINT)
    output, errors = program.communicate(timeout=60)
    os.close(writer)
    assert program.returncode == 130
    assert output == b""
    assert errors.strip() == b""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no database of users to be missing in")
def test_a_user_without_a_home_reads_images_without_a_cache(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd  # Windows has none

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME", "INSPECTOR_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    done = run("show", images / "backend-prod.tar")
    assert done.exit_code == 0
    assert "set INSPECTOR_CACHE_DIR or HOME; nothing is cached" in done.stderr
    assert run("cache", "info").exit_code == 2
    assert "Traceback" not in run("show", "nosuch:1").stderr


def test_a_fault_of_ours_is_no_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "split_policy", lambda _: 1 / 0)
    done = run("check", "x.toml")
    assert done.exit_code == root.UNSURE == 3
    assert "inspector: error: this is a fault of inspector" in done.stderr


def test_names_in_errors_act_upon_nothing() -> None:
    done = run("show", "no\x1b[31m\u202esuch.tar")
    assert done.exit_code == 3
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr
