"""`python -m bench.hostile` reads what is made to exhaust its reader, and shows that memory and time stay bounded.

Each input is read by a process of its own, whose peak of memory is all that it ever took. Exits with 1 where one is
past a bound.
"""

from __future__ import annotations

import argparse
import os
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.hostile_inputs import INPUTS

MEMORY = 150e6
"""Bytes that the program may take at most, whatever it reads (DESIGN.md)."""
WINDOW = 170e6
"""The same where a zstd window of 128 MiB is most of it: engines take such, so they are read, one at a time."""
CPU = 30.0
"""Seconds of CPU that one image may take."""
WALL = 240.0
"""Seconds after which a run is ended, and counts as one without an end."""
SERVED = "endless 100 Continue"
WINDOWS = "zstd windows side by side"
_COLUMNS = (("input", 34), ("bytes", 12), ("exit", 5), ("seconds", 8), ("CPU", 7), ("peak MB", 8), ("", 8))


@dataclass(frozen=True)
class Run:
    """How one input was read; `code` is None where it had to be ended."""

    name: str
    size: int
    code: int | None
    seconds: float
    cpu: float
    peak: int

    @property
    def bounded(self) -> bool:
        """Whether it kept to the bounds, and ended as it should."""
        memory = WINDOW if self.name == WINDOWS else MEMORY
        return self.code in (0, 1, 3) and self.peak <= memory and self.cpu <= CPU

    def cells(self) -> tuple[str, ...]:
        """The row as it is shown."""
        code = "none" if self.code is None else str(self.code)
        told = (f"{self.size:,}", code, f"{self.seconds:.1f}", f"{self.cpu:.1f}", f"{self.peak / 1e6:.0f}")
        return (self.name, *told, "" if self.bounded else "MISSED")


def main() -> int:
    """The command line; rows are shown as they come."""
    parser = argparse.ArgumentParser(prog="hostile", description=__doc__)
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="by a part of its name (default: all)")
    parser.add_argument("--program", default=str(Path(sys.executable).with_name("inspector")), help="what reads them")
    options = parser.parse_args()
    chosen = [name for name in (*INPUTS, SERVED) if any(part in name for part in options.inputs or [""])]
    _show(tuple(name for name, _ in _COLUMNS))
    runs = []
    for name in chosen:
        runs.append(_read(name, options.program))
        _show(runs[-1].cells())
    if not runs:
        parser.error("no input has such a name")
    peak, cpu = max(run.peak for run in runs), max(run.cpu for run in runs)
    missed = [run.name for run in runs if not run.bounded]
    _show(
        (
            "the most of all",
            "",
            "",
            "",
            f"{cpu:.1f}",
            f"{peak / 1e6:.0f}",
            f"{len(missed)} missed" if missed else "all met",
        )
    )
    return 1 if missed else 0


def _read(name: str, program: str) -> Run:
    """Make the input, by another process so that this one stays small, and have it read."""
    if name == SERVED:
        with _registry() as host:
            return _measured(name, 0, [program, "show", "--no-cache", f"registry:{host}/r:t"])
    with tempfile.TemporaryDirectory(prefix="inspector-hostile-") as folder:
        path = Path(folder, "t.tar")
        subprocess.run([sys.executable, "-m", "bench.hostile_inputs", name, str(path)], check=True)
        return _measured(name, path.stat().st_size, [program, "show", "--no-cache", str(path)])


def _measured(name: str, size: int, words: Sequence[str]) -> Run:
    """Peak memory is the larger of what the kernel says of the process at its end and of what was seen before."""
    begun, seen, ended = time.monotonic(), 0, False
    with tempfile.TemporaryFile() as nowhere:
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=nowhere, stderr=nowhere)
        while True:
            seen = max(seen, _high_water(child.pid))
            found, status, usage = os.wait4(child.pid, os.WNOHANG)
            if found:
                break
            if time.monotonic() - begun > WALL and not ended:
                child.kill()
                ended = True
            time.sleep(0.02)
    child.returncode = os.waitstatus_to_exitcode(status)
    peak = max(seen, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
    cpu = usage.ru_utime + usage.ru_stime
    return Run(name, size, None if ended else child.returncode, time.monotonic() - begun, cpu, peak)


def _high_water(process: int) -> int:
    """The most memory that a process had so far, in bytes; 0 where the system does not say."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)


@contextmanager
def _registry() -> Iterator[str]:
    """The host of a registry that never comes to its answer."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                if self.request.recv(1, 2) == b"\x16":  # TLS is not spoken here
                    return
                words = self.rfile.readline().split()
                while self.rfile.readline().strip():
                    pass
                if words[1] == b"/v2/":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                    return
                while True:
                    self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    time.sleep(1)
            except (OSError, IndexError):
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _show(cells: Sequence[str]) -> None:
    padded = [
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, (_, width)) in enumerate(zip(cells, _COLUMNS, strict=True))
    ]
    sys.stdout.write("  ".join(padded).rstrip() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
