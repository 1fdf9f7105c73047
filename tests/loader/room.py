"""A small root file system with a real loader in it: what is built there is run there, and given to the model.

The program `/opener` opens what its arguments name, one after the other, and prints `OK` or what dlerror says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

from inspector.layers.kept import MAX_WHOLE
from inspector.loader import LoadFailure, Process, Rights
from tests.loader.host import DirectoryRootfs, KeptRootfs

OPENER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
int main(int count, char **words) {
    for (int at = 1; at < count; at++) {
        char *path = words[at];
        int mode = RTLD_NOW;
        if (!strncmp(path, "global:", 7)) { mode |= RTLD_GLOBAL; path += 7; }
        if (!strncmp(path, "lazy:", 5)) { mode = RTLD_LAZY; path += 5; }
        void *found = dlopen(path, mode);
        puts(found ? "OK" : dlerror());
        fflush(stdout);
    }
    return 0;
}
"""
USER = 1234
"""A user without any rights of its own."""
GLIBC = "/lib64/ld-linux-x86-64.so.2"
MUSL = "/lib/ld-musl-x86_64.so.1"


def not_here(reason: str) -> NoReturn:
    """Skip; or fail, where the lab is required."""
    if os.environ.get("INSPECTOR_LAB") == "required":
        pytest.fail(f"INSPECTOR_LAB=required, but {reason}", pytrace=False)
    pytest.skip(reason)


@cache
def _libc() -> str:
    said = subprocess.run(["gcc", "-print-file-name=libc.so.6"], capture_output=True, text=True, check=True)
    return said.stdout.strip()


class Room:
    """The root at `top`. Paths are those inside of it."""

    def __init__(self, top: Path, libc: str = "glibc") -> None:
        self.top = top
        top.chmod(0o755)
        self.libc = libc
        self.compiler = "gcc" if libc == "glibc" else "musl-gcc"
        if shutil.which(self.compiler) is None:
            not_here(f"there is no {self.compiler}")
        if os.geteuid() != 0:
            not_here("only root may change the root directory")
        if libc == "glibc":
            self.put(GLIBC, Path(GLIBC).read_bytes(), 0o755)
            self.put("/lib/x86_64-linux-gnu/libc.so.6", Path(_libc()).read_bytes(), 0o755)
        else:
            self.put(MUSL, Path(MUSL).read_bytes(), 0o755)

    def host(self, path: str) -> Path:
        """The path on this machine."""
        return self.top / path.lstrip("/")

    def put(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file."""
        place = self.host(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(mode)

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        place = self.host(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    def copy(self, path: str, to: str) -> None:
        """Copy a file."""
        self.put(to, self.host(path).read_bytes(), 0o755)

    def program(self, path: str = "/opener", *flags: str, source: str = OPENER) -> str:
        """Build a program, which opens what it is given."""
        return self._build(path, source, "-ldl", *flags)

    def library(self, path: str, source: str = "", *flags: str, needs: Sequence[str] = (), soname: str = "") -> str:
        """Build a library that needs others, which are linked by their paths."""
        name = [f"-Wl,-soname,{soname}"] if soname else []
        linked = ["-Wl,--no-as-needed", *(str(self.host(need)) for need in needs)] if needs else []
        return self._build(path, source or "int none;", "-shared", "-fPIC", *name, *flags, *linked)

    def _build(self, path: str, source: str, *flags: str) -> str:
        place = self.host(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        allowed = "-Wl,--allow-shlib-undefined"
        words = [self.compiler, "-x", "c", "-", "-x", "none", "-o", str(place), "-w", allowed, *flags]
        subprocess.run(words, input=source, text=True, check=True, cwd=self.top)
        return path

    def patch(self, path: str, *options: str) -> None:
        """Change an ELF file with patchelf."""
        if shutil.which("patchelf") is None:
            not_here("there is no patchelf")
        subprocess.run(["patchelf", *options, str(self.host(path))], check=True, capture_output=True)

    def ldconfig(self, *folders: str) -> None:
        """Make the cache, with these directories before the default ones."""
        self.put("/etc/ld.so.conf", "".join(f"{folder}\n" for folder in folders).encode())
        subprocess.run(["/sbin/ldconfig", "-r", str(self.top)], check=True, capture_output=True)

    def really(
        self,
        *steps: str,
        program: str = "/opener",
        environment: Mapping[str, str] | None = None,
        user: int = 0,
        cwd: str = "/",
    ) -> list[str]:
        """Run the program there; a line for each step, what it said as it ended, and its status unless 0."""

        def enter() -> None:
            os.chroot(self.top)
            os.chdir(cwd)
            if user:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)

        ran = subprocess.run(
            [program, *steps],
            env={"LD_ORIGIN_PATH": program.rpartition("/")[0] or "/", **(environment or {})},  # there is no /proc
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=enter,
        )
        status = ran.returncode if ran.returncode >= 0 else 128 - ran.returncode
        said = [line for line in ran.stderr.splitlines() if not line.startswith("ERROR: ld.so: object")]
        return [*ran.stdout.splitlines(), *said, *([f"status {status}"] if status else [])]

    def model(
        self,
        *steps: str,
        program: str = "/opener",
        environment: Mapping[str, str] | None = None,
        user: int = 0,
        cwd: str = "/",
    ) -> list[str]:
        """What the model says that `really` returns, by symbols as they are read at first as by those that are kept."""
        top, rights = str(self.top), Rights(user, frozenset({user}))
        said, *others = (
            _modelled(Process(fs, environment or {}, rights=rights, cwd=cwd, level=level()), program, steps)
            for fs in (DirectoryRootfs(top), KeptRootfs(top, MAX_WHOLE), KeptRootfs(top, 0))
        )
        assert others == [said, said]
        return said


def _modelled(process: Process, program: str, steps: Sequence[str]) -> list[str]:
    started = process.start(program)
    if isinstance(started, LoadFailure):
        return _ended(started)
    said: list[str] = []
    for step in steps:
        path = step.removeprefix("global:").removeprefix("lazy:")
        found = process.dlopen(path, now=not step.startswith("lazy:"), shared=step.startswith("global:"))
        if isinstance(found, LoadFailure) and found.certainty != "fails":
            return [*said, *_ended(found)]
        said.append(found.text if isinstance(found, LoadFailure) else "OK")
    return [*said, *(f"doubt: {doubt}" for doubt in process.doubts)]


def _ended(failure: LoadFailure) -> list[str]:
    if failure.certainty == "unknown":
        return [f"unknown: {failure.text}"]
    silent = failure.kind in ("crash", "assertion")
    return [*([] if silent else failure.text.splitlines()), f"status {failure.status}"]


@cache
def level() -> int:
    """The x86-64 level of this machine, as its loader tells it."""
    said = subprocess.run([GLIBC, "--help"], capture_output=True, text=True, check=False).stdout
    return max([1, *(number for number in (2, 3, 4) if f"x86-64-v{number} (supported" in said)])
