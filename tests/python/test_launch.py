"""What the kernel would start: expectations seen on Linux 6.18, and asked of the kernel at hand where there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.bases import alpine, debian, program
from fixtures.elf import Elf
from inspector.oci import Platform
from inspector.python.environment import environment_of
from inspector.python.launch import MAX_SCRIPTS, Script, can_start, parse_script
from inspector.testing.tree import Dir, File, Link, Member, Tree
from inspector.unknown import Tri
from tests.support import config_of, rootfs_of

AMD64 = Platform("linux", "amd64")

LINES: dict[str, tuple[bytes, Script | None]] = {
    "plain": (b"#!/bin/echo\n", Script("/bin/echo")),
    "spaces": (b"#! \t/bin/echo \t a b \t\nmore", Script("/bin/echo", "a b")),
    "no newline": (b"#!/bin/echo", Script("/bin/echo")),
    "carriage return": (b"#!/bin/echo x\r\n", Script("/bin/echo", "x\r")),
    "NUL ends the argument": (b"#!/bin/echo a\0b\n", Script("/bin/echo", "a")),
    "empty": (b"#!\n", None),
    "blank": (b"#! \t \n", None),
    "no magic": (b"echo hi\n", None),
    "nothing": (b"", None),
    "name to the limit": (b"#!" + b"/" * 244 + b"/bin/echo\n", Script("/" * 244 + "/bin/echo")),
    "name past the limit": (b"#!" + b"/" * 245 + b"/bin/echo\n", None),
    "argument past the limit": (b"#!/bin/echo " + b"a" * 300 + b"\n", Script("/bin/echo", "a" * 243)),
}


@pytest.mark.parametrize("name", LINES)
def test_script_line(name: str) -> None:
    line, expected = LINES[name]
    assert parse_script(line) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
@pytest.mark.parametrize("name", LINES)
def test_script_line_as_the_kernel_reads_it(name: str, tmp_path: Path) -> None:
    line, expected = LINES[name]
    script = tmp_path / "script"
    script.write_bytes(line)
    script.chmod(0o755)
    try:
        told = subprocess.run([script, "END"], check=True, capture_output=True).stdout
    except OSError:
        assert expected is None
        return
    assert expected is not None
    assert told == f"{expected.argument} {script} END\n".lstrip(" ").encode()


def starts(tree: Tree, path: str, platform: Platform = AMD64, **env: str) -> tuple[Tri, str]:
    fs = rootfs_of(tree)
    start = can_start(fs, path, environment_of(fs, config_of(env=env)), platform)
    return start.starts, "; ".join(start.reasons)


def script(line: str) -> File:
    return File(f"#!{line}\n".encode(), 0o755)


CASES: dict[str, tuple[Tree, Platform, Tri, str]] = {
    "program": ({"x": program()}, AMD64, "yes", ""),
    "static": ({"x": File(Elf().encode(), 0o755)}, AMD64, "yes", ""),
    "of another machine": ({"x": program("aarch64")}, AMD64, "no", "aarch64"),
    "of the image's machine": ({"x": program("aarch64")}, Platform("linux", "arm64"), "no", "ld-linux-aarch64"),
    "of an unknown machine": ({"x": program()}, Platform("linux", "vax"), "unknown", "architecture"),
    "loader missing": ({"x": program(libc="musl")}, AMD64, "no", "ld-musl-x86_64"),
    "cut": ({"x": File(program().data[:40], 0o755)}, AMD64, "no", "no program"),
    "text": ({"x": File(b"echo\n", 0o755)}, AMD64, "no", "neither"),
    "empty": ({"x": File(b"", 0o755)}, AMD64, "no", "neither"),
    "script": ({"x": script("/bin/sh")}, AMD64, "yes", ""),
    "script of nothing": ({"x": script("/bin/none")}, AMD64, "no", "'/bin/none'"),
    "script of a moved venv": ({"x": script("/build/.venv/bin/python")}, AMD64, "no", "'/build/.venv/bin/python'"),
    "script of a folder": ({"x": script("/usr")}, AMD64, "no", "directory"),
    "script of a text": ({"x": script("/etc/passwd")}, AMD64, "no", "not executable"),
    "script with CRLF": ({"x": File(b"#!/bin/sh\r\n", 0o755)}, AMD64, "no", r"'/bin/sh\r'"),
    "env": ({"x": script("/usr/bin/env sh")}, AMD64, "yes", ""),
    "env of nothing": ({"x": script("/usr/bin/env python3")}, AMD64, "no", "'python3'"),
    "env with options": ({"x": script("/usr/bin/env -S sh -e")}, AMD64, "yes", ""),
    "env with a variable": ({"x": script("/usr/bin/env -S A=1 none")}, AMD64, "yes", ""),
    "env with two words": ({"x": script("/usr/bin/env sh -e")}, AMD64, "no", "'sh -e'"),
    "script of itself": ({"x": script("/x")}, AMD64, "no", "deep"),
}


@pytest.mark.parametrize("name", CASES)
def test_start(name: str) -> None:
    tree, platform, expected, clause = CASES[name]
    outcome, reasons = starts({**debian(), **tree}, "/x", platform)
    assert outcome == expected
    assert clause in reasons


@pytest.mark.parametrize("count", [MAX_SCRIPTS, MAX_SCRIPTS + 1])
def test_scripts_of_scripts(count: int) -> None:
    tree: dict[str, Member] = {"s0": script("/bin/sh")}
    tree |= {f"s{number}": script(f"/s{number - 1}") for number in range(1, count)}
    assert starts({**debian(), **tree}, f"/s{count - 1}")[0] == ("yes" if count <= MAX_SCRIPTS else "no")


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
@pytest.mark.parametrize("count", [MAX_SCRIPTS, MAX_SCRIPTS + 1])
def test_scripts_of_scripts_as_the_kernel_takes_them(count: int, tmp_path: Path) -> None:
    behind = "/bin/true"
    for number in range(count):
        path = tmp_path / f"s{number}"
        path.write_text(f"#!{behind}\n")
        path.chmod(0o755)
        behind = str(path)
    if count <= MAX_SCRIPTS:
        assert subprocess.run([behind], check=False).returncode == 0
    else:
        with pytest.raises(OSError, match=os.strerror(40)):
            subprocess.run([behind], check=False)


def test_loader_behind_links() -> None:
    assert starts(alpine(), "/bin/busybox")[0] == "yes"
    tree: Tree = {"lib": Link("usr/lib"), "usr/lib/ld-musl-x86_64.so.1": Dir(), "x": program(libc="musl")}
    assert starts(tree, "/x")[0] == "no"


def test_header_that_was_not_kept_is_unknown() -> None:
    huge = Elf(loader="/lib64/ld-linux-x86-64.so.2", text=b"").encode()
    moved = huge.replace(b"/lib64/ld-linux-x86-64.so.2", b"/none")
    assert starts({**debian(), "x": File(moved, 0o755)}, "/x")[0] == "no"
